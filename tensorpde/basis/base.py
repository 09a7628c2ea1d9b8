"""What an Axis asks of its basis, and what bases of piecewise functions have in common."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from tensorpde.basis.table import Table

ROUND_OFF = 1e-12  # of a function that is zero on a wall


class Line(Protocol):
    """What a basis asks of an axis; `tensorpde.grid.Axis` has it."""

    @property
    def n(self) -> int:
        """Number of unknowns."""

    @property
    def length(self) -> float:
        """hi − lo."""

    @property
    def periodic(self) -> bool:
        """Whether the axis closes on itself."""

    @property
    def known(self) -> tuple[int, int]:
        """1 for each wall (left, right) whose value is data."""

    @property
    def mapping(self) -> Any:
        """The stretching m: ξ → [0, 1] with its `slope`."""

    @property
    def basis(self) -> Any:
        """What the data are coefficients of."""

    def position(self, xi: np.ndarray) -> np.ndarray:
        """Coordinates x of reference coordinates ξ."""


class Basis(ABC):
    """Functions of one coordinate. A basis is a value: frozen, compared by what it holds, without an axis of its own.

    Functions live on the reference line, φ(ξ), 0 ≤ ξ ≤ 1, and are pushed forward by the axis: u(x) = Σ c φ(ξ(x)).
    """

    @abstractmethod
    def check(self, axis: Line) -> None:
        """Raise a ValueError that names both values where the axis and the basis do not fit."""

    @abstractmethod
    def intervals(self, axis: Line) -> int:
        """Number of elements (of intervals between points, for a basis without elements)."""

    @abstractmethod
    def reference(self, axis: Line) -> np.ndarray:
        """Reference coordinates ξ that stand for the unknowns, increasing, shape (n,)."""

    @abstractmethod
    def integrals(self, axis: Line) -> np.ndarray:
        """Integrals of the functions of the unknowns over the axis, shape (n,)."""


class Expansion(Basis):
    """A basis whose functions are known everywhere, so that a field can be evaluated between its points."""

    @property
    @abstractmethod
    def nodal(self) -> bool:
        """Whether a coefficient is the value of the function at its point."""

    @abstractmethod
    def nodes(self, axis: Line) -> np.ndarray:
        """Points ξ that stand for all functions, known ones too, increasing; as many as there are functions."""

    @abstractmethod
    def evaluate(self, axis: Line, xi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number (points,) of the first function that is not zero at ξ, and values (points, k) of k from there on."""

    def functions(self, axis: Line) -> int:
        """Number of all functions, those of known walls too."""
        return axis.n + sum(axis.known)

    def reference(self, axis: Line) -> np.ndarray:
        """Points of the unknowns in ξ."""
        left, right = axis.known
        return self.nodes(axis)[left : self.functions(axis) - right]


class Piecewise(Expansion):
    """A basis of functions that are smooth on each of E elements, p + 1 of them non-zero on an element.

    Attributes
    ----------
    p : degree, ≥ 1.
    """

    p: int

    @abstractmethod
    def breaks(self, axis: Line) -> np.ndarray:
        """Ends of the elements in ξ, from 0 to 1, shape (E + 1,)."""

    @abstractmethod
    def first(self, axis: Line) -> np.ndarray:
        """Number of the first function of each element, shape (E,); on a periodic axis modulo all functions."""

    @abstractmethod
    def on_elements(self, axis: Line, element: np.ndarray, xi: np.ndarray, derivative: int) -> np.ndarray:
        """d^r φ / dξ^r of the functions of given elements at points ξ, shape (points, p + 1)."""

    def intervals(self, axis: Line) -> int:
        """E."""
        return len(self.breaks(axis)) - 1

    def integrals(self, axis: Line) -> np.ndarray:
        """∫ φ dx of the unknowns, so that Σ w c is the integral of Σ c φ."""
        table = self.table(axis)
        return table.integrals[table.unknowns]

    def evaluate(self, axis: Line, xi: np.ndarray, derivative: int = 0) -> tuple[np.ndarray, np.ndarray]:
        """The functions that are non-zero at points ξ of any number, at break points those of the element on the right.

        Returns
        -------
        first : (points,) number of the first of p + 1 functions; on a periodic axis modulo all functions.
        values : (points, p + 1) of d^r φ / dξ^r.

        Raises
        ------
        ValueError
            If a point of a bounded axis lies outside [0, 1] by more than round-off.
        """
        xi, breaks = np.asarray(xi, dtype=float), self.breaks(axis)
        if axis.periodic:
            xi = xi - np.floor(xi)
        elif xi.size and not (xi.min() >= -1e-12 and xi.max() <= 1 + 1e-12):
            raise ValueError(f"points ξ from {xi.min()} to {xi.max()} leave the range from 0 to 1 of {self}")
        element = np.clip(np.searchsorted(breaks, xi, "right") - 1, 0, len(breaks) - 2)
        return self.first(axis)[element], self.on_elements(axis, element, xi, derivative)

    def table(self, axis: Line, q: int | None = None) -> Table:
        """Functions and slopes at Gauss–Legendre points of the elements.

        Parameters
        ----------
        axis
            Where the functions live.
        q
            Points per element; None for p + 1: then products of two functions are integrated exactly where the
            mapping is uniform and the functions are polynomials, and to the order of the basis where not.
        """
        q = self.p + 1 if q is None else operator.index(q)
        xi, weights = gauss(axis, self.breaks(axis), q)
        element = np.repeat(np.arange(len(xi)), q)
        shape = (*xi.shape, self.p + 1)
        values, slopes = (self.on_elements(axis, element, xi.ravel(), order).reshape(shape) for order in (0, 1))
        return Table(
            first=self.first(axis),
            values=values,
            slopes=slopes / (axis.length * axis.mapping.slope(xi))[..., None],
            points=axis.position(xi),
            weights=weights,
            functions=self.functions(axis),
            periodic=axis.periodic,
            known=axis.known,
        )

    def wall_table(self, axis: Line, side: int) -> Table:
        """The functions that are not zero on a wall as those of one element with one point, there, of weight 1.

        So a form along the axis is its value on the wall. `side` is 0 for the left wall, 1 for the right one.
        """
        first, values = self.evaluate(axis, np.array([float(side)]))
        felt = np.flatnonzero(np.abs(values[0]) > ROUND_OFF)
        values = values[None, :, felt[0] : felt[-1] + 1]
        return Table(
            first=first + felt[0],
            values=values,
            slopes=np.zeros_like(values),
            points=axis.position(np.array([[float(side)]])),
            weights=np.ones((1, 1)),
            functions=self.functions(axis),
            periodic=axis.periodic,
            known=axis.known,
        )


def degree(p: Any) -> int:
    """The degree of a basis as an integer ≥ 1."""
    p = operator.index(p)
    if p < 1:
        raise ValueError(f"a basis needs a degree p ≥ 1, not p={p}")
    return p


def gauss(axis: Line, breaks: np.ndarray, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Legendre points ξ of the intervals between breaks and their weights in x, each of shape (E, q).

    The weights of an interval add up to its length in x to round-off, under any mapping.
    """
    points, weights = np.polynomial.legendre.leggauss(q)
    xi = breaks[:-1, None] + np.diff(breaks)[:, None] * (points + 1) / 2
    weights = weights * axis.mapping.slope(xi)
    lengths = axis.length * np.diff(axis.mapping(breaks))
    return xi, weights * (lengths / weights.sum(axis=1))[:, None]
