"""Nodal finite elements: Lagrange polynomials on Gauss–Lobatto points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.polynomial import legendre

from tensorpde.basis.base import Line, Piecewise, degree


@dataclass(frozen=True)
class Lagrange(Piecewise):
    """Continuous finite elements of degree p; the coefficients are values at Gauss–Lobatto points.

    E elements of equal size in ξ have E p + 1 functions, on a periodic axis E p; those of known walls are no
    unknowns. So n + (number of known walls) − 1, or n on a periodic axis, must be a multiple of p.

    Parameters
    ----------
    p
        Degree, ≥ 1.

    Raises
    ------
    ValueError
        If p < 1; from the Axis, if its n does not fit.
    """

    p: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", degree(self.p))

    @property
    def nodal(self) -> bool:
        """True: coefficients are values."""
        return True

    def check(self, axis: Line) -> None:
        """n must make whole elements; a periodic axis needs two at least."""
        spare = 0 if axis.periodic else 1 - sum(axis.known)
        least = 2 if axis.periodic else 1
        elements, rest = divmod(axis.n - spare, self.p)
        if rest or elements < least:
            low = max(elements, least)
            high = low + 1 if elements >= least else low
            fits = sorted({low * self.p + spare, high * self.p + spare} - {0})
            where = "a periodic axis" if axis.periodic else f"an axis with {sum(axis.known)} known walls"
            raise ValueError(
                f"n={axis.n} does not fit {self}: elements of degree {self.p} on {where} have n = {self.p}·E"
                f"{('', ' + 1', ' − 1')[spare]} unknowns, as n={' or '.join(map(str, fits))}"
            )

    def breaks(self, axis: Line) -> np.ndarray:
        """Elements of equal size."""
        elements = (self.functions(axis) - (not axis.periodic)) // self.p
        return np.linspace(0.0, 1.0, elements + 1)

    def nodes(self, axis: Line) -> np.ndarray:
        """Gauss–Lobatto points of all elements, shared ends once."""
        breaks = self.breaks(axis)
        inside = breaks[:-1, None] + np.diff(breaks)[:, None] * (lobatto(self.p)[:-1] + 1) / 2
        return inside.ravel() if axis.periodic else np.append(inside, 1.0)

    def first(self, axis: Line) -> np.ndarray:
        """An element begins where the one before ends."""
        return self.p * np.arange(self.intervals(axis))

    def on_elements(self, axis: Line, element: np.ndarray, xi: np.ndarray, derivative: int) -> np.ndarray:
        """Derivatives by the differentiation matrix of the nodes, which is exact for polynomials of degree p."""
        breaks = self.breaks(axis)
        scale = 2 / (breaks[element + 1] - breaks[element])
        points = (xi - breaks[element]) * scale - 1
        matrix = np.linalg.matrix_power(differentiation(self.p), derivative)
        return (polynomials(self.p, points) @ matrix) * scale[:, None] ** derivative


def lobatto(p: int) -> np.ndarray:
    """The p + 1 Gauss–Lobatto points in [−1, 1]: the ends and the zeros of P_p'."""
    slope = legendre.legder(np.eye(p + 1)[p])
    inner = np.sort(legendre.legroots(slope))
    inner -= legendre.legval(inner, slope) / legendre.legval(inner, legendre.legder(slope))
    return np.concatenate([[-1.0], (inner - inner[::-1]) / 2, [1.0]])


def polynomials(p: int, points: np.ndarray) -> np.ndarray:
    """Lagrange polynomials of the Gauss–Lobatto points at any points, shape (points, p + 1)."""
    nodes = lobatto(p)
    apart = nodes[:, None] - nodes + np.eye(p + 1)
    factors = np.broadcast_to((points[:, None] - nodes)[:, None, :], (len(points), p + 1, p + 1)) / apart
    factors[:, np.arange(p + 1), np.arange(p + 1)] = 1.0
    return factors.prod(axis=2)


def differentiation(p: int) -> np.ndarray:
    """D[k, j] = φ_j'(node k)."""
    nodes = lobatto(p)
    apart = nodes[:, None] - nodes + np.eye(p + 1)
    scale = apart.prod(axis=1)
    matrix = scale[:, None] / (scale * apart)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix
