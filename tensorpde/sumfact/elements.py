"""The elements that a rank works on: every one that touches an unknown of its block, and where their unknowns are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tensorpde.basis import Table
from tensorpde.field import Space
from tensorpde.galerkin import piecewise_tables, wall_tables
from tensorpde.parallel.halo import Halo

EXACT = 1e-9


class Elements:
    """Elements of a Space on this rank, with a halo of what they read and no rank writing for another.

    An element whose unknowns belong to several ranks is computed by each of them, so that nothing is sent back and the
    order in which a value is summed is the same on any number of ranks. Per cut axis this costs every rank the
    elements across the ends of its block: one or two more than its share with Lagrange elements, p with splines of
    full continuity.

    Parameters
    ----------
    space
        Where results live; all its axes have a basis of elements.
    q
        Quadrature points per element and axis; None for p + 1 on each axis.
    source
        Where arguments live, if elsewhere, on the same process grid.
    columns
        Per axis the functions that the argument's values are coefficients of; None for the unknowns.
    wall
        (axis, side) for the elements of a wall, one point thick; None for those of the box.

    Attributes
    ----------
    q, wall : as given.
    tables : per axis the Table.
    chosen : per axis the numbers of the elements of this rank.
    rates : per axis (E, q): dφ/dx is rate × the derivative that `slopes` takes from values at points.
    """

    def __init__(
        self, space: Space, q: int | None = None, source: Space | None = None, columns: Sequence[slice] | None = None,
        wall: tuple[int, int] | None = None,
    ) -> None:  # fmt: skip
        self.space = space
        self.q, self.wall = q, wall
        tables = piecewise_tables(space, q) if wall is None else wall_tables(space, *wall, q)
        self.tables = tuple(tables.values())
        self.chosen = self.touching(space.comm.rank)
        self._columns = columns or [table.unknowns for table in self.tables]
        pencil = space.pencil if source is None else source.pencil
        spread = any(not pencil.is_whole(axis) for axis in range(pencil.ndim))
        self.halo = Halo(pencil, self._wanted) if spread else None
        self.source = pencil
        self._slopes = [_derivative(table) for table in self.tables]
        self.rates = [rate for _, rate in self._slopes]
        self._lines: dict[Any, tuple] = {}

    @staticmethod
    def of(space: Space, q: int | None, wall: tuple[int, int] | None = None) -> Elements:
        """The elements kept on the process grid for this Space."""
        key = Elements, space.axes, q, wall, space.pencil
        if key not in space.process_grid.plans:
            space.process_grid.plans[key] = Elements(space, q, wall=wall)
        return space.process_grid.plans[key]

    @property
    def counts(self) -> tuple[int, ...]:
        """Quadrature points per element along each axis."""
        return tuple(table.values.shape[1] for table in self.tables)

    def touching(self, rank: int) -> list[np.ndarray]:
        """Per axis the elements of a rank, increasing: it works on their tensor product."""
        found = []
        for table, own in zip(self.tables, self.space.pencil.slices_of(rank), strict=True):
            place = _places(table, table.unknowns, own)
            found.append(np.flatnonzero((place >= 0).any(axis=1)))
        return found if all(map(len, found)) else [np.arange(0)] * len(found)

    def points(self, axis: int) -> np.ndarray:
        """Coordinates of the quadrature points of this rank along an axis."""
        return self.tables[axis].points[self.chosen[axis]].ravel()

    def point_numbers(self, rank: int) -> list[np.ndarray]:
        """Per axis the numbers of a rank's quadrature points among all."""
        elements = self.touching(rank)
        return [(e[:, None] * q + np.arange(q)).ravel() for e, q in zip(elements, self.counts, strict=True)]

    def lines(self, dtype: Any, squared: bool) -> tuple[Any, Any, Any]:
        """Three Lines for the kernels and data of a type; `squared`: fluxes are multiplied with rate²."""
        key = np.dtype(dtype).char, squared
        if key not in self._lines:
            self._lines[key] = self._made(np.dtype(dtype), squared)
        return self._lines[key]

    def _wanted(self, rank: int) -> list[np.ndarray]:
        """Per axis the values that a rank reads."""
        found = []
        for table, columns, elements in zip(self.tables, self._columns, self.touching(rank), strict=True):
            place = _places(table, columns, slice(0, columns.stop - columns.start))[elements]
            found.append(np.unique(place[place >= 0]))
        return found if all(map(len, found)) else [np.arange(0)] * len(found)

    def _made(self, dtype: np.dtype, squared: bool) -> tuple[Any, Any, Any]:
        kernels = self.space.backend.weak_forms
        parts = 2 if dtype.kind == "c" else 1
        real = np.empty(0, dtype).real.dtype
        numbers = [np.arange(n) for n in self.source.shape] if self.halo is None else self.halo.numbers
        shapes = [len(line) for line in numbers], self.space.pencil.local_shape
        one, zero = np.ones((1, 1, 1)), np.zeros((1, 1), np.int64)
        missing = kernels.line(
            (zero, zero), (0, 0), 1, one, 0 * one, one[0] if squared else None, np.arange(1), real
        )  # fmt: skip
        lines = [missing] * (3 - len(self.tables))
        for axis, (table, elements) in enumerate(zip(self.tables, self.chosen, strict=True)):
            load = _found(_places(table, self._columns[axis], None)[elements], numbers[axis])
            store = _places(table, table.unknowns, self.space.pencil.slices[axis])[elements]
            strides = [parts * prod(shape[axis + 1 :]) for shape in shapes]
            rates = self.rates[axis] ** 2 if squared else None
            made = (table.values, self._slopes[axis][0], rates, elements, real)
            lines.append(kernels.line((load, store), strides, shapes[1][axis], *made))
        return lines[0], lines[1], lines[2]


def _places(table: Table, columns: slice, own: slice | None) -> np.ndarray:
    """(E, k) numbers of the functions of all elements among those in `columns`, in a block of these; −1 outside."""
    place = table.columns - columns.start
    place = np.where((place >= 0) & (place < columns.stop - columns.start), place, -1)
    return place if own is None else np.where((place >= own.start) & (place < own.stop), place - own.start, -1)


def _found(place: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Where numbers are among those at hand; −1 stays."""
    return np.where(place < 0, -1, np.searchsorted(numbers, place))


def _derivative(table: Table) -> tuple[np.ndarray, np.ndarray]:
    """Matrices (E, q, q) and rates (E, q): slopes at quadrature points = rate × (matrix · values there).

    For polynomials it is the differentiation matrix of the Gauss points of every element; for other functions, such as
    rational splines, one for each element.
    """
    elements, q, _ = table.values.shape
    points, weights = np.polynomial.legendre.leggauss(q)
    powers = np.polynomial.legendre.legvander(points, q - 1)
    slopes = np.stack([np.polynomial.legendre.legval(points, np.polynomial.legendre.legder(row)) for row in np.eye(q)])
    matrix = np.linalg.solve(powers.T, slopes).T
    rates = weights / table.weights
    made = rates[..., None] * (matrix @ table.values)
    if np.abs(made - table.slopes).max() <= EXACT * np.abs(table.slopes).max():
        return np.broadcast_to((matrix - matrix[::-1, ::-1]) / 2, (elements, q, q)), rates
    return table.slopes @ np.linalg.pinv(table.values), np.ones_like(rates)
