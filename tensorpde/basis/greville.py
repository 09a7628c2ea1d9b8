"""Splines known by their values: collocation at Greville points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde.basis.base import Basis
from tensorpde.basis.bspline import BSpline
from tensorpde.boundary import Even, Neumann, Robin
from tensorpde.mapping import Uniform


@dataclass(frozen=True)
class Greville(Basis):
    """A spline of degree p through values at its Greville points. The data on the axis are values.

    The spline has as many functions as there are data: n values, the values of known walls, the slopes (or Robin data)
    of others. The points are the Greville abscissae of those functions; beside a wall with a slope the second one
    carries no value, its place is the slope's. With p = 3 and equal spacing the points between two such walls are
    equidistant: the complete cubic spline.

    Parameters
    ----------
    p
        Degree, ≥ 2 for two derivatives.
    knots
        As of `BSpline`; they may crowd together where the points shall. None: equal spacing.

    Raises
    ------
    ValueError
        From the Axis, if n does not fit the knots or the axis has a mapping (put the stretching into the knots).

    Notes
    -----
    Quadrature: the integral of the spline, its wall data extrapolated from the p + 1 nearest values, exact for
    polynomials of degree p.
    Source: C. de Boor, A Practical Guide to Splines, Springer 2001, chapters XIII and XV.
    """

    p: int
    knots: Sequence[float] | np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "knots", self.spline.knots)
        if self.p < 2:
            raise ValueError(f"collocation needs splines with a second derivative, p ≥ 2, not p={self.p}")

    @property
    def nodal(self) -> bool:
        """True: the data are values."""
        return True

    @property
    def spline(self) -> BSpline:
        """The functions."""
        return BSpline(self.p, self.knots)

    def check(self, axis: Any) -> None:
        """As for `BSpline`, with slopes counted; enough points to extrapolate from; no mapping."""
        if not isinstance(axis.mapping, Uniform):
            raise ValueError(f"{self} takes its stretching from the knots, but the axis has {axis.mapping}")
        if axis.n < self.p + 1:
            raise ValueError(f"n={axis.n} is too small for {self}: needs n ≥ {self.p + 1}")
        self.spline.check(self.whole(axis))

    def slopes(self, axis: Any) -> tuple[int, int]:
        """1 for each wall (left, right) whose slope is a datum."""
        left, right = (int(isinstance(side, (Neumann, Robin, Even))) for side in axis.sides)
        return left, right

    def whole(self, axis: Any) -> Whole:
        """The axis as the spline sees it, all data counted as functions."""
        return Whole(axis, axis.n + sum(axis.known) + sum(self.slopes(axis)))

    def intervals(self, axis: Any) -> int:
        """Number of intervals between knots."""
        return self.spline.intervals(self.whole(axis))

    def reference(self, axis: Any) -> np.ndarray:
        """Greville points of the unknowns in ξ."""
        nodes = self.spline.nodes(self.whole(axis))
        slopes = self.slopes(axis)
        dropped = [place for place, slope in zip((1, len(nodes) - 2), slopes) if slope]
        dropped += [place for place, known in zip((0, len(nodes) - 1), axis.known) if known]
        return np.delete(nodes, dropped)

    def interpolation(self, axis: Any) -> tuple[np.ndarray, np.ndarray]:
        """(xi, derivative) of each row of the interpolation problem, ascending: values and slopes."""
        xi, order = self.reference(axis), np.zeros(axis.n, dtype=int)
        if axis.periodic:
            return xi, order
        for side, (known, slope) in enumerate(zip(axis.known, self.slopes(axis))):
            place = len(xi) - 1 if side else 1
            if known:
                xi, order = np.insert(xi, side * len(xi), side), np.insert(order, side * len(order), 0)
            elif slope:
                xi, order = np.insert(xi, place, side), np.insert(order, place, 1)
        return xi, order

    def matrix(self, axis: Any, xi: np.ndarray, derivative: np.ndarray) -> np.ndarray:
        """Derivatives (with respect to ξ, one order per row) of all functions at points ξ, dense."""
        whole = self.whole(axis)
        matrix = np.zeros((len(xi), whole.n))
        for order in np.unique(derivative):
            rows = np.flatnonzero(derivative == order)
            first, values = self.spline.evaluate(whole, xi[rows], int(order))
            for k in range(values.shape[1]):
                np.add.at(matrix, (rows, (first + k) % whole.n), values[:, k])
        return matrix

    def integrals(self, axis: Any) -> np.ndarray:
        """Weights, shape (n,), whose sum is the length."""
        xi, order = self.interpolation(axis)
        table = self.spline.table(self.whole(axis))
        weights = np.linalg.solve(self.matrix(axis, xi, order).T, table.integrals)
        if axis.periodic:
            return weights
        points, p = self.reference(axis), self.p
        ends = np.isin(xi, (0.0, 1.0)) & ((order == 1) | ~np.isin(xi, points))
        own = weights[~ends].copy()
        for row in np.flatnonzero(ends):
            near = slice(0, p + 1) if xi[row] == 0 else slice(len(points) - p - 1, None)
            powers = (points[near] - xi[row])[None] ** np.arange(p + 1)[:, None]
            own[near] += weights[row] * np.linalg.solve(powers, np.eye(p + 1)[order[row]])
        return own


class Whole:
    """An axis of which all functions of the spline are unknowns: what `BSpline` asks of an axis."""

    known = (0, 0)
    basis: Any = None
    mapping = Uniform()

    def __init__(self, axis: Any, n: int) -> None:
        self.n, self.length, self.periodic = n, axis.length, axis.periodic

    def position(self, xi: np.ndarray) -> np.ndarray:
        """Any coordinate will do."""
        return xi
