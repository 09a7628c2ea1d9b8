"""Geometry: where the points of a box lie when it is mapped, and the derivatives of the map."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde.basis import Piecewise
from tensorpde.field import Space
from tensorpde.grid import Axis

SAMPLES, WINDOW = 12, 0.05

Box = Sequence[tuple[float, float]]


class Geometry(ABC):
    """A map x(ξ) from the box of a grid, with coordinates ξ, to space, with as many coordinates x."""

    @abstractmethod
    def at(self, points: Sequence[np.ndarray], box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Where points lie, and ∂x_i/∂ξ_a there.

        Parameters
        ----------
        points
            Coordinates along each axis: the points are their tensor product.
        box
            Ends (lo, hi) of the axes.

        Returns
        -------
        x : (d, n₀, n₁, …); jacobian : (d, d, n₀, n₁, …).
        """

    def density(self, space: Space, f: Callable) -> Callable:
        """ξ ↦ f(x(ξ)) det ∂x/∂ξ: `load(space, geometry.density(space, f))` is ∫ f φ_i over the mapped box."""
        box = [(axis.lo, axis.hi) for axis in space.axes]

        def pulled(*xi: np.ndarray) -> np.ndarray:
            x, jacobian = self.at([np.ravel(line) for line in xi], box)
            return np.asarray(f(*x)) * np.linalg.det(np.moveaxis(jacobian, (0, 1), (-2, -1)))

        return pulled


def inverted(jacobian: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Determinant and inverse of matrices in the first two dimensions.

    Raises
    ------
    ValueError
        If a determinant is not positive.
    """
    matrices = np.moveaxis(jacobian, (0, 1), (-2, -1))
    determinant = np.linalg.det(matrices)
    least = determinant.min(initial=np.inf)  # a rank may have no points
    if not least > 0:
        raise ValueError(f"the geometry folds: its Jacobian determinant is {least:.6g} somewhere, not > 0")
    return determinant, np.moveaxis(np.linalg.inv(matrices), (-2, -1), (0, 1))


class SmoothMap(Geometry):
    """A map given as a function.

    Parameters
    ----------
    function
        x = function(ξ₀, ξ₁, …): d arrays that broadcast together to d arrays.
    jacobian
        The rows ∂x_i/∂ξ_a as nested sequences, a function of the same arguments. None: the derivative of the
        polynomial through 12 Chebyshev points in a window of 1/20 of the box along each axis, inside it: about twelve
        digits for maps that are smooth on that length.
    """

    def __init__(self, function: Callable, jacobian: Callable | None = None) -> None:
        self.function, self.jacobian = function, jacobian

    def at(self, points: Sequence[np.ndarray], box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Where points lie, and the Jacobian there."""
        shape = tuple(map(len, points))
        x = self._call(self.function(*np.ix_(*points)), shape)
        if self.jacobian is not None:
            rows = self.jacobian(*np.ix_(*points))
            return x, np.stack([self._call(row, shape) for row in rows])
        return x, np.stack([self._slope(points, axis, *box[axis]) for axis in range(len(points))], axis=1)

    def _slope(self, points: Sequence[np.ndarray], axis: int, lo: float, hi: float) -> np.ndarray:
        """∂x/∂ξ_axis by a local polynomial, shape (d, n₀, n₁, …)."""
        width = WINDOW * (hi - lo)
        left = np.clip(points[axis] - width / 2, lo, hi - width)
        cosines = np.cos(np.pi * (np.arange(SAMPLES) + 0.5) / SAMPLES)
        places = left[:, None] + width * (1 + cosines) / 2
        lines = [places.ravel() if k == axis else line for k, line in enumerate(points)]
        values = self._call(self.function(*np.ix_(*lines)), tuple(map(len, lines)))
        values = values.reshape(*values.shape[: axis + 1], len(left), SAMPLES, *values.shape[axis + 2 :])
        local = 2 * (points[axis] - left) / width - 1
        inverse = np.linalg.inv(np.polynomial.chebyshev.chebvander(cosines, SAMPLES - 1))
        slopes = [_chebyshev_slope(local, degree) for degree in range(SAMPLES)]
        # Sums are spelled out: those of BLAS would depend on how many points a rank has.
        weights = [sum(slope * row[j] for slope, row in zip(slopes, inverse)) * (2 / width) for j in range(SAMPLES)]
        mean = sum(weights) / SAMPLES  # 0 but for rounding: a constant has no slope
        line = [-1 if k == axis else 1 for k in range(len(points))]
        parts = (np.take(values, j, axis + 2) * (w - mean).reshape(line) for j, w in enumerate(weights))
        return functools.reduce(np.add, parts)

    def _call(self, values: Any, shape: tuple[int, ...]) -> np.ndarray:
        if len(values) != len(shape):
            raise ValueError(f"a map of {len(shape)} coordinates gave {len(values)}")
        return np.stack([np.broadcast_to(np.asarray(value, dtype=float), shape) for value in values])


def _chebyshev_slope(x: np.ndarray, degree: int) -> np.ndarray:
    return np.polynomial.chebyshev.chebval(x, np.polynomial.chebyshev.chebder(np.eye(degree + 1)[degree]))


class Nurbs(Geometry):
    """A map of isogeometric analysis: x = Σ w P φ / Σ w φ with tensor products φ of splines.

    Parameters
    ----------
    axes
        The axes whose bases φ are: BSpline (any elements will do), the same box as that of the Space.
    points
        Control points P of all functions, those of known walls too: (d, N₀, N₁, …).
    weights
        Positive weights (N₀, N₁, …); None for ones.

    Raises
    ------
    ValueError
        If shapes do not fit, naming both.
    """

    def __init__(self, axes: Sequence[Axis], points: Any, weights: Any = None) -> None:
        self.axes = tuple(axes)
        shape = tuple(_basis(axis).functions(axis) for axis in self.axes)
        points = np.asarray(points, dtype=float)
        weights = np.ones(shape) if weights is None else np.asarray(weights, dtype=float)
        for what, array, wanted in (("points", points, (len(shape), *shape)), ("weights", weights, shape)):
            if array.shape != wanted:
                raise ValueError(f"{what} of shape {array.shape} do not fit the {wanted} of the functions")
        self._coefficients = np.concatenate([points * weights, weights[None]])

    def at(self, points: Sequence[np.ndarray], box: Box) -> tuple[np.ndarray, np.ndarray]:
        """Where points lie, and the Jacobian there, by the quotient rule."""
        own = [(axis.lo, axis.hi) for axis in self.axes]
        if list(map(tuple, box)) != own:
            raise ValueError(f"the geometry maps the box {own}, the Space has {list(map(tuple, box))}")
        functions = [_functions(axis, line) for axis, line in zip(self.axes, points, strict=True)]
        whole = self._sum(functions, None)
        x = whole[:-1] / whole[-1]
        columns = []
        for axis in range(len(points)):
            slope = self._sum(functions, axis)
            columns.append((slope[:-1] - x * slope[-1]) / whole[-1])
        return x, np.stack(columns, axis=1)

    def _sum(self, functions: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], derived: int | None) -> np.ndarray:
        """Σ w P φ and Σ w φ, or their slopes along an axis: sums spelled out, so that no bit depends on the ranks."""
        result = self._coefficients
        for axis, (columns, values, slopes) in enumerate(functions):
            factors = slopes if axis == derived else values
            line = [-1 if k == axis else 1 for k in range(len(functions))]
            parts = (
                np.take(result, columns[:, j], axis + 1) * factors[:, j].reshape(line) for j in range(values.shape[1])
            )
            result = functools.reduce(np.add, parts)
        return result


def _basis(axis: Axis) -> Piecewise:
    if not isinstance(axis.basis, Piecewise):
        raise ValueError(f"control points need a basis of elements, not {axis.basis}")
    return axis.basis


def _functions(axis: Axis, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers, values and slopes of the functions that are not zero at points, each (points, p + 1)."""
    basis, xi = _basis(axis), axis.reference(points)
    first, values = basis.evaluate(axis, xi)
    slopes = basis.evaluate(axis, xi, 1)[1] / (axis.length * axis.mapping.slope(xi))[:, None]
    return (first[:, None] + np.arange(values.shape[1])) % basis.functions(axis), values, slopes
