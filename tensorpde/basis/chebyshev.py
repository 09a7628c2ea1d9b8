"""Chebyshev collocation: one polynomial over the whole axis, known by its values at Gauss–Lobatto points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tensorpde.basis.base import Expansion, Line


@dataclass(frozen=True)
class Chebyshev(Expansion):
    """A polynomial (of ξ, where the axis is stretched) through values at Chebyshev–Gauss–Lobatto points.

    N + 1 points ξ_j = sin²(πj/2N), j = 0…N, walls included; those of known walls are data and no unknowns. So
    n + (number of known walls) = N + 1. The data on the axis are values.

    Raises
    ------
    ValueError
        From the Axis, if it is periodic or has fewer than three points.

    Notes
    -----
    Quadrature: the rule that is exact for the polynomial through the unknowns: Clenshaw–Curtis where both walls are
    unknowns, Fejér's second rule where both are known.
    Source: L. N. Trefethen, Spectral Methods in Matlab, SIAM 2000, chapters 6 and 12.
    """

    @property
    def nodal(self) -> bool:
        """True: the data are values."""
        return True

    def check(self, axis: Line) -> None:
        """A bounded axis of three points or more, walls counted."""
        if axis.periodic:
            raise ValueError(f"{self} has walls, but the axis is periodic")
        if axis.n + sum(axis.known) < 3:
            raise ValueError(f"n={axis.n} with {sum(axis.known)} known walls is too small: {self} needs 3 points")

    def intervals(self, axis: Line) -> int:
        """N."""
        return axis.n + sum(axis.known) - 1

    def nodes(self, axis: Line) -> np.ndarray:
        """All N + 1 points in ξ, walls too."""
        n = self.intervals(axis)
        return np.sin(np.pi / 2 * np.arange(n + 1) / n) ** 2

    def evaluate(self, axis: Line, xi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lagrange polynomials of all points at any ξ, by the barycentric formula."""
        nodes = self.nodes(axis)
        weights = (-1.0) ** np.arange(len(nodes))
        weights[[0, -1]] /= 2
        apart = np.asarray(xi, dtype=float)[:, None] - nodes
        at = apart == 0
        values = np.where(at.any(axis=1, keepdims=True), at, weights / np.where(at, 1.0, apart))
        return np.zeros(len(values), dtype=int), values / values.sum(axis=1, keepdims=True)

    def unknowns(self, axis: Line) -> slice:
        """The points that are unknowns, among all."""
        return slice(axis.known[0], self.intervals(axis) + 1 - axis.known[1])

    def integrals(self, axis: Line) -> np.ndarray:
        """Weights, shape (n,), whose sum is the length."""
        n, points = axis.n, self.reference(axis)
        series = np.polynomial.chebyshev.chebvander(2 * points - 1, n - 1)
        k = np.arange(n)
        moments = np.where(k % 2, 0.0, 1 / (1.0 - k**2 + (k == 1)))
        weights = np.linalg.solve(series.T, moments) * axis.mapping.slope(points)
        return np.asarray(weights * (axis.length / weights.sum()))
