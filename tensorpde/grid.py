"""Axis and Grid: where the unknowns are. One-dimensional host arrays only."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np

from tensorpde import quadrature
from tensorpde.basis import Basis, Expansion, Gauss, Piecewise
from tensorpde.boundary import Boundary, Neumann, Periodic
from tensorpde.given import number, whole
from tensorpde.mapping import Mapping, Uniform


@dataclass(frozen=True)
class Axis:
    """One coordinate direction with n unknowns between lo and hi.

    The coordinates are x = lo + (hi − lo) m(ξ) with reference points ξ, for j = 0…n−1:
    periodic nodes j/n; nodes between two known walls (j+1)/(n+1); known left wall only (j+1)/n; known right wall
    only j/n; no known wall j/(n−1); cells (j+½)/n. A wall is known where its value is data (Dirichlet, NoSlip).

    Parameters
    ----------
    n
        Number of unknowns.
    lo, hi
        Ends of the interval, lo < hi.
    bc
        One condition for both sides (Periodic only so), or a pair (left, right).
    mapping
        Stretching m: [0, 1] → [0, 1]. On a periodic axis its slope must be periodic.
    location
        "nodes" or "cells".
    basis
        None for point values; otherwise the basis whose coefficients the data are: n counts the functions that are
        unknowns, those of known walls being data, and must fit the basis; location must be "nodes". Then ξ and x are
        points that stand for the functions (nodes of elements, Greville abscissae of splines), and `weights` are the
        integrals of the functions.

    Raises
    ------
    ValueError
        For a combination that cannot be, naming both values.
    """

    n: int
    lo: float
    hi: float
    bc: Boundary | tuple[Boundary, Boundary] = Periodic()
    mapping: Mapping = Uniform()
    location: str = "nodes"
    basis: Basis | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n", whole(self.n, "the number n of unknowns"))
        object.__setattr__(self, "lo", float(number(self.lo, "lo")))
        object.__setattr__(self, "hi", float(number(self.hi, "hi")))
        object.__setattr__(self, "bc", _pair(self.bc))
        if self.location not in ("nodes", "cells"):
            raise ValueError(f'location {self.location!r} is neither "nodes" nor "cells"')
        if not self.lo < self.hi:
            raise ValueError(f"an axis needs lo < hi, not lo={self.lo}, hi={self.hi}")
        if self.basis is not None:
            self._check_basis(self.basis)
        least = 2 if self.location == "nodes" and not self.periodic and self.known == (0, 0) else 1
        if self.n < least:
            raise ValueError(f"n={self.n} is too small: this axis (location {self.location}) needs n ≥ {least}")
        self._check_mapping()

    def _check_basis(self, basis: Basis) -> None:
        if not isinstance(basis, Basis):
            raise ValueError(f"a basis is an object such as BSpline(3), not {basis!r}")
        if self.location != "nodes":
            raise ValueError(f'{basis} has its own points: location must be "nodes", not {self.location!r}')
        basis.check(self)

    def _check_mapping(self) -> None:
        if not isinstance(self.mapping, Mapping):
            raise ValueError(f"a mapping is an object such as Tanh(2.0) or UserMapping(function), not {self.mapping!r}")
        if self.periodic and not self.mapping.periodic:
            raise ValueError(f"{self.mapping} has no periodic slope, but the axis is Periodic()")
        ends = self.mapping(np.array([0.0, 1.0]))
        if not np.allclose(ends, [0, 1], rtol=0, atol=1e-12):
            raise ValueError(f"a mapping takes 0 to 0 and 1 to 1, but {self.mapping} gives {ends[0]} and {ends[1]}")
        slope = self.mapping.slope(np.append(self.xi, [0.0, 1.0]))
        if not np.all(slope > 0):
            raise ValueError(f"a mapping must increase, but {self.mapping} has slope {slope.min()} (n={self.n})")

    @property
    def known(self) -> tuple[int, int]:
        """1 for each wall whose value is data."""
        return int(self.sides[0].wall_is_known), int(self.sides[1].wall_is_known)

    @property
    def sides(self) -> tuple[Boundary, Boundary]:
        """The conditions (left, right): bc, which is kept as a pair however it was given."""
        return cast(tuple[Boundary, Boundary], self.bc)

    @property
    def periodic(self) -> bool:
        """Whether the axis closes on itself."""
        return isinstance(self.sides[0], Periodic)

    @property
    def length(self) -> float:
        """hi − lo."""
        return self.hi - self.lo

    @property
    def intervals(self) -> int:
        """Number of reference spacings (with a basis: elements) between lo and hi: dξ = 1 / intervals."""
        if self.basis is not None:
            return self.basis.intervals(self)
        if self.periodic or self.location == "cells":
            return self.n
        return self.n - 1 + sum(self.known)

    @property
    def spacing(self) -> float:
        """Length × dξ: the spacing h of the uniform axis with as many points."""
        return self.length / self.intervals

    @property
    def offsets(self) -> tuple[float, float] | None:
        """Distances of the first and last unknown from their walls in units of dξ; None if periodic.

        1 for nodes beside a known wall, 0 for nodes on the wall, ½ for cells.
        """
        if self.periodic:
            return None
        if self.location == "cells":
            return 0.5, 0.5
        return float(self.known[0]), float(self.known[1])

    @cached_property
    def xi(self) -> np.ndarray:
        """Reference coordinates ξ of the unknowns, shape (n,)."""
        if self.basis is not None:
            return _frozen(self.basis.reference(self))
        first = 0.5 if self.location == "cells" else 0.0 if self.periodic else float(self.known[0])
        return _frozen((np.arange(self.n) + first) / self.intervals)

    @cached_property
    def x(self) -> np.ndarray:
        """Coordinates of the unknowns, shape (n,)."""
        return _frozen(self.position(self.xi))

    @cached_property
    def metric(self) -> np.ndarray:
        """Slope m'(ξ) = (dx/dξ) / length at the unknowns, shape (n,); 1 on a uniform axis."""
        return _frozen(self.mapping.slope(self.xi))

    @cached_property
    def dx(self) -> np.ndarray:
        """Local spacing (dx/dξ) dξ = spacing × metric at the unknowns, shape (n,)."""
        return _frozen(self.spacing * self.metric)

    @cached_property
    def weights(self) -> np.ndarray:
        """Quadrature weights w, shape (n,), Σ w = length: Σ w u ≈ ∫ u dx for the smooth function that u samples.

        Periodic nodes: the trapezoid rule (spectral). Cells: the cell widths (midpoint rule, order 2). Nodes of a
        bounded axis: end-corrected trapezoid weights of order 4, all positive for n ≥ 6. Beside a known wall the rule
        is an open one: it needs no wall value, so boundary data, whatever they are, count through their neighbours.
        With a basis: the integrals of the functions of the unknowns, without those of known walls.
        """
        if self.basis is not None:
            return _frozen(self.basis.integrals(self))
        if self.location == "cells":
            return _frozen(self.length * np.diff(self.mapping(np.arange(self.n + 1) / self.intervals)))
        uniform = quadrature.bounded(self.n, self.offsets) if self.offsets else np.ones(self.n)
        weights = uniform * self.metric
        return _frozen(weights * (self.length / weights.sum()))

    def position(self, xi: np.ndarray) -> np.ndarray:
        """Coordinates x of any reference coordinates ξ; on a periodic axis ξ may lie outside [0, 1]."""
        turns = np.floor(xi) if self.periodic else 0.0
        return self.lo + self.length * (self.mapping(xi - turns) + turns)

    def reference(self, x: np.ndarray) -> np.ndarray:
        """Reference coordinates ξ of any coordinates x: the inverse of `position`."""
        part = (np.asarray(x, dtype=float) - self.lo) / self.length
        turns = np.floor(part) if self.periodic else 0.0
        return self.mapping.inverse(part - turns) + turns

    def like(self, **changes: Any) -> Axis:
        """A copy with some of n, lo, hi, bc, mapping, location, basis changed."""
        return replace(self, **changes)

    def with_all(self) -> Axis:
        """The axis of all functions of a basis, those of known walls too; itself if none are known."""
        if sum(self.known) == 0:
            return self
        if not isinstance(self.basis, Expansion):
            raise ValueError(f"functions are needed, as Lagrange or BSpline have, but the basis is {self.basis}")
        return self.like(n=self.basis.functions(self), bc=Neumann())

    def quadrature(self, q: int | None = None, elements: tuple[int, int] | None = None) -> Axis:
        """The Gauss points of the elements of the basis as an axis, whose data are values there.

        Parameters
        ----------
        q
            Points per element; None for p + 1.
        elements
            The range (first, last + 1) of elements; None for all.

        Raises
        ------
        ValueError
            If the axis has no basis of elements.
        """
        basis = self._elements()
        q = basis.p + 1 if q is None else operator.index(q)
        first, stop = elements or (0, self.intervals)
        bc = Periodic() if self.periodic else Neumann()
        return self.like(n=(stop - first) * q, bc=bc, basis=Gauss(self, q, (first, stop)))

    def _elements(self) -> Piecewise:
        if not isinstance(self.basis, Piecewise):
            raise ValueError(f"elements are needed, as Lagrange or BSpline have, but the basis is {self.basis}")
        return self.basis

    def staggered(self) -> Axis:
        """The axis half a spacing away, with the same walls and conditions: nodes → cells, cells → nodes.

        Raises
        ------
        ValueError
            If the axis has a basis: its data are no point values.
        """
        if self.basis is not None:
            raise ValueError(f"an axis with {self.basis} has no staggered points")
        if self.location == "nodes":
            return self.like(n=self.intervals, location="cells")
        n = self.n if self.periodic else self.n + 1 - sum(self.known)
        return self.like(n=n, location="nodes")


@dataclass(frozen=True, init=False)
class Grid:
    """A Cartesian grid: a tuple of axes, any number of them ≥ 1."""

    axes: tuple[Axis, ...]

    def __init__(self, *axes: Axis) -> None:
        if not axes or not all(isinstance(axis, Axis) for axis in axes):
            raise ValueError(f"a Grid needs one or more Axis objects, not {axes}")
        object.__setattr__(self, "axes", tuple(axes))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of unknowns along each axis."""
        return tuple(axis.n for axis in self.axes)

    def coordinates(self, slices: Sequence[slice] | None = None) -> tuple[np.ndarray, ...]:
        """Coordinates of the unknowns (of the block `slices`, one per axis) as arrays that broadcast together.

        Raises
        ------
        ValueError
            If the number of slices is not the number of axes.
        """
        chosen = [slice(None)] * self.ndim if slices is None else list(slices)
        if len(chosen) != self.ndim:
            raise ValueError(f"{len(chosen)} slices for a grid of {self.ndim} axes")
        return np.ix_(*(axis.x[part] for axis, part in zip(self.axes, chosen)))


def _pair(bc: Boundary | Sequence[Boundary]) -> tuple[Boundary, Boundary]:
    """(left, right) from one condition or a pair."""
    pair = (bc, bc) if isinstance(bc, Boundary) else tuple(bc) if isinstance(bc, Sequence) else ()
    if len(pair) != 2 or not all(isinstance(side, Boundary) for side in pair):
        raise ValueError(f"bc must be a condition such as Dirichlet(0.0) or a pair (left, right) of them, not {bc!r}")
    if isinstance(pair[0], Periodic) != isinstance(pair[1], Periodic):
        raise ValueError(f"Periodic() on one side only: left is {pair[0]}, right is {pair[1]}")
    return pair


def _frozen(array: np.ndarray) -> np.ndarray:
    array = np.array(array, dtype=float)
    array.flags.writeable = False
    return array
