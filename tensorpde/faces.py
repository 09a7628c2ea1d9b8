"""Walls with data: the boundary functions of a basis with the data as coefficients."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorpde.basis import Piecewise
from tensorpde.boundary import Boundary, Data, Dirichlet, Even, Neumann, Periodic, Robin
from tensorpde.grid import Axis, Grid
from tensorpde.line import Banded, BandedSolve, LineOperator, RowBand
from tensorpde.line.weak import chosen

if TYPE_CHECKING:
    from tensorpde.field import Field, Space


@dataclass(frozen=True, eq=False)
class OnWall:
    """data(the other coordinates…, t) in a `space` that has one point along `axis`."""

    space: Space
    axis: int
    data: Data

    def add_to(self, out: Field, t: float, factor: complex) -> None:
        """Out += factor · data; not collective."""
        values: Any = self.data
        if callable(values) and not out.pencil.is_empty:
            coordinates = self.space.coordinates(out.pencil)
            values = values(*(np.squeeze(x, self.axis) for k, x in enumerate(coordinates) if k != self.axis), t)
            plane = [n for k, n in enumerate(out.pencil.local_shape) if k != self.axis]
            values = np.expand_dims(np.broadcast_to(values, plane), self.axis)
        if not out.pencil.is_empty:
            out.local[...] += self.space.backend.asarray(factor * np.asarray(values), out.dtype)


@dataclass(frozen=True, eq=False)
class Face:
    """The part of a function that a wall of known values makes: Σ g_j · wall function · (functions j of other axes).

    Where two such walls meet, the functions they share belong to the wall of the lower axis.

    Attributes
    ----------
    axis : the axis that the wall ends.
    space : the points where the data are taken: one along `axis`, those that stand for functions along the others.
    data : the value on the wall.
    columns : per axis the functions that are meant, among all; of `axis` the one of the wall. None: point values.
    interpolation : line operators that make coefficients of values, for the axes that need one.
    """

    axis: int
    space: Space
    data: Data
    columns: tuple[slice | None, ...]
    interpolation: Mapping[int, LineOperator]

    @property
    def values(self) -> OnWall:
        """The data at the points."""
        return OnWall(self.space, self.axis, self.data)


def faces(space: Space) -> tuple[Face, ...]:
    """The walls of a space of coefficients where a value that is not zero is given.

    Raises
    ------
    ValueError
        If a side of an axis with a basis has no condition on a scalar.
    """
    found = []
    for axis, line in enumerate(space.axes):
        if not isinstance(line.basis, Piecewise):
            continue
        for side, condition in enumerate(scalar_sides(line)):
            if isinstance(condition, Dirichlet) and (callable(condition.value) or condition.value != 0):
                found.append(_face(space, axis, side, condition.value))
    return tuple(found)


def scalar_sides(line: Axis) -> tuple[Boundary, Boundary]:
    """The conditions (left, right) of an axis with a basis, which must be those of a scalar."""
    for condition in line.sides:
        if not isinstance(condition, (Periodic, Dirichlet, Neumann, Robin, Even)):
            raise ValueError(f"{condition} is none for functions of {line.basis}: give Dirichlet, Neumann or Robin")
    return line.sides


def wall(space: Space, axis: int, others: Mapping[int, Axis]) -> Space:
    """A space of one point along `axis` and of given axes along others: where data of a wall are functions."""
    point = Axis(1, space.axes[axis].lo, space.axes[axis].hi)
    axes = [point if k == axis else others.get(k, line) for k, line in enumerate(space.axes)]
    return space.like(grid=Grid(*axes))


def _face(space: Space, axis: int, side: int, data: Data) -> Face:
    columns: list[slice | None] = []
    places: dict[int, Axis] = {}
    interpolation: dict[int, LineOperator] = {}
    for k, line in enumerate(space.axes):
        if not isinstance(line.basis, Piecewise):
            columns.append(None)
            continue
        functions = line.basis.functions(line)
        if k == axis:
            columns.append(slice(0, 1) if side == 0 else slice(functions - 1, functions))
            continue
        left, right = line.known if k < axis else (0, 0)
        columns.append(slice(left, functions - right))
        places[k] = line if line.basis.nodal and k < axis else line.with_all()
        if not line.basis.nodal:
            operator = BandedSolve(_collocation(line.with_all()))
            keep = Banded(chosen(RowBand.identity(functions), slice(left, functions - right)))
            interpolation[k] = keep @ operator if left or right else operator
    return Face(axis, wall(space, axis, places), data, tuple(columns), interpolation)


def _collocation(line: Axis) -> RowBand:
    """Functions of a basis of elements at the points that stand for them."""
    basis: Any = line.basis
    first, values = basis.evaluate(line, line.xi)
    return RowBand(first, values, line.n, line.periodic)
