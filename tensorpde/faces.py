"""Walls with data: products of vectors and data in a field, boundary functions of a basis with data as coefficients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorpde.basis import Expansion
from tensorpde.boundary import Boundary, Data, Dirichlet, Even, Neumann, Periodic, Robin
from tensorpde.filling import numbers, on_wall
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
        values = on_wall(self.data, self.space.ndim - 1, t) if callable(self.data) else self.data
        add_outer(out, {self.axis: np.ones(1)}, values, factor)


def add_outer(out: Field, vectors: Mapping[int, np.ndarray], values: Any, factor: complex = 1.0) -> None:
    """Out += factor · (product of vectors, each along its axis) · values(the other coordinates…); not collective.

    Parameters
    ----------
    out
        Any pencil and leading dimensions.
    vectors
        By axis, of the whole length of the axis; only the rows between their first and last non-zero are touched.
    values
        A number, or a function of the coordinates of the axes without a vector.
    """
    block, space = out.pencil.slices, out.space
    part: list[Any] = [slice(None)] * space.ndim
    for axis, vector in vectors.items():
        felt = np.flatnonzero(vector[block[axis]])
        if len(felt) == 0 or out.pencil.is_empty:
            return
        part[axis] = slice(felt[0], felt[-1] + 1)
    rest = [axis for axis in range(space.ndim) if axis not in vectors]
    if callable(values):
        others = [space.axes[axis].x[block[axis]] for axis in rest]
        plane = tuple(map(len, others))
        values = np.broadcast_to(values(*np.ix_(*others)), plane)
        values = np.expand_dims(values, tuple(vectors))
    addition = factor * numbers(values, out.dtype)
    for axis, vector in vectors.items():
        line = [1] * space.ndim
        line[axis] = -1
        addition = addition * vector[block[axis]][part[axis]].reshape(line)
    out.local[(..., *part)] += space.backend.asarray(addition, out.dtype)


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

    @property
    def coefficients(self) -> Space:
        """Where the coefficients live that the interpolation makes of the data."""
        space = self.space
        for k, operator in self.interpolation.items():
            if operator.shape[0] != space.shape[k]:
                space = space.like(axis=k, n=operator.shape[0], bc=Neumann(), location="cells", basis=None)
        return space


def faces(space: Space) -> tuple[Face, ...]:
    """The walls of a space of coefficients where a value that is not zero is given.

    Raises
    ------
    ValueError
        If a side of an axis with a basis has no condition on a scalar.
    """
    found = []
    for axis, line in enumerate(space.axes):
        if not isinstance(line.basis, Expansion):
            continue
        for side, condition in enumerate(scalar_sides(line)):
            if isinstance(condition, Dirichlet) and has_data(condition):
                found.append(_face(space, axis, side, condition.value))
    return tuple(found)


def natural_walls(space: Space) -> Iterator[tuple[int, int, Neumann | Robin]]:
    """(axis, side, condition) of the walls with a Neumann or Robin condition.

    Raises
    ------
    ValueError
        If a side has no condition on a scalar.
    """
    for axis, line in enumerate(space.axes):
        for side, condition in enumerate(scalar_sides(line)):
            if isinstance(condition, (Neumann, Robin)):
                yield axis, side, condition


def has_data(condition: Dirichlet | Neumann | Robin) -> bool:
    """Whether the datum of a wall is not the number 0."""
    return callable(condition.value) or condition.value != 0


def scalar_sides(line: Axis) -> tuple[Boundary, Boundary]:
    """The conditions (left, right) of an axis with a basis, which must be those of a scalar."""
    for condition in line.sides:
        if not isinstance(condition, (Periodic, Dirichlet, Neumann, Robin, Even)):
            raise ValueError(f"{condition} is none for functions of {line.basis}: give Dirichlet, Neumann or Robin")
    return line.sides


def wall(space: Space, axis: int, place: float, others: Mapping[int, Axis]) -> Space:
    """One point at `place` along `axis` and given axes along others: where data of a wall are functions."""
    point = Axis(1, place, place + space.axes[axis].length)
    axes = [point if k == axis else others.get(k, line) for k, line in enumerate(space.axes)]
    return space.like(grid=Grid(*axes))


def _face(space: Space, axis: int, side: int, data: Data) -> Face:
    columns: list[slice | None] = []
    places: dict[int, Axis] = {}
    interpolation: dict[int, LineOperator] = {}
    for k, line in enumerate(space.axes):
        if not isinstance(line.basis, Expansion):
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
    place = (space.axes[axis].lo, space.axes[axis].hi)[side]
    return Face(axis, wall(space, axis, place, places), data, tuple(columns), interpolation)


def _collocation(line: Axis) -> RowBand:
    """Functions of a basis of elements at the points that stand for them."""
    basis: Any = line.basis
    first, values = basis.evaluate(line, line.xi)
    return RowBand(first, values, line.n, line.periodic)
