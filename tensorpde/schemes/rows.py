"""The rows of a scheme on a bounded or periodic line."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tensorpde.grid import Axis
from tensorpde.mapping import Uniform
from tensorpde.schemes.closure import Datum, match
from tensorpde.schemes.scheme import Scheme
from tensorpde.schemes.walls import LEFT, RIGHT, Points, Source, Wall, locate


class TooShort(Exception):
    """The line has too few points for the scheme."""


@dataclass
class Entries:
    """A finished row in physical units: columns and coefficients of both sides, factors of the two data."""

    lhs: dict[int, float] = field(default_factory=dict)
    rhs: dict[int, float] = field(default_factory=dict)
    data: list[float] = field(default_factory=lambda: [0.0, 0.0])

    def shifted(self) -> Entries:
        """The row one point further on."""
        lhs, rhs = ({column + 1: c for column, c in side.items()} for side in (self.lhs, self.rhs))
        return Entries(lhs, rhs, list(self.data))

    def add(self, side: dict[int, float], source: Source, coefficient: float) -> None:
        """Add coefficient × source to the left- or right-hand side."""
        if source.column is not None:
            side[source.column] = side.get(source.column, 0.0) + coefficient * source.factor
        for wall in (LEFT, RIGHT):
            self.data[wall] += coefficient * source.data[wall]


class RowMaker:
    """Makes the rows of one scheme from the points of `axis` to those of `target`.

    Rows stand in one of two coordinates, both in units of a spacing. Reference: s = ξ/dξ; a first derivative is scaled
    by the metric of its target points. Physical: distances x over the local spacing; used on stretched axes for second
    derivatives, for which the metric is not enough, and for reflections, which are smooth in x only.
    """

    def __init__(self, scheme: Scheme, axis: Axis, target: Axis, walls: tuple[Wall, Wall] | None) -> None:
        self.scheme, self.axis, self.target = scheme, axis, target
        self.stretched = not isinstance(axis.mapping, Uniform)
        self.from_points, self.to_points = _points(axis), _points(target)
        self.periodic = walls is None
        self.walls = walls or (Wall(0.0), Wall(float(axis.intervals)))
        flip = -1 if scheme.derivative % 2 else 1
        value = [wall.parity for wall in self.walls]
        self.lhs_parities = (flip * value[LEFT], flip * value[RIGHT])
        if scheme.closure.reflect:
            value = [-1 if wall.known else wall.parity for wall in self.walls]
            self.lhs_parities = (0, 0)
        self.parities = (value[LEFT], value[RIGHT])

    def rows(self) -> list[Entries]:
        """All rows, first to last target point; on a uniform axis the interior rows are one row, shifted."""
        rows: list[Entries] = []
        margin = max(len(self.scheme.lhs), len(self.scheme.rhs)) + 1
        for i in range(self.target.n):
            if margin < i < self.target.n - margin and not self.stretched:
                rows.append(rows[-1].shifted())
            else:
                rows.append(self._row(i))
        return rows

    def _row(self, i: int) -> Entries:
        position = self.to_points.position(i)
        exact = self._exact(i, position)
        if exact is not None:
            return exact
        if not self.scheme.narrower:
            return self._standard(self.scheme, i, position) or self._closure(i, position)
        row, width = self._standard(self.scheme, i, position), len(self.scheme.narrower)
        while row is None:
            width -= 1
            row = self._standard(self.scheme.narrower[width], i, position)
        return row

    def _exact(self, i: int, position: float) -> Entries | None:
        """The row of a target on a wall whose data are the result themselves (with the wall value, for Robin)."""
        for side, wall in enumerate(self.walls):
            if self.periodic or wall.parity or position != wall.position:
                continue
            sign = -1.0 if side == LEFT else 1.0
            column = self.from_points.column(position)
            data = [0.0, 0.0]
            if self.scheme.derivative == 0 and wall.known:
                data[side] = 1.0
                return Entries({i: 1.0}, {}, data)
            if self.scheme.derivative == 1 and wall.slope and (wall.value == 0 or column is not None):
                data[side] = sign / wall.slope
                return Entries({i: 1.0}, {column: -sign * wall.value / wall.slope} if column is not None else {}, data)
        return None

    def _standard(self, scheme: Scheme, i: int, position: float) -> Entries | None:
        """The interior formula with ghosts by reflection or periodicity; None if values are missing."""
        offsets, rhs = scheme.stencil()
        reach = np.arange(1 - len(scheme.lhs), len(scheme.lhs))
        lhs = np.array([scheme.lhs[abs(k)] for k in reach])
        values = [source for p in offsets if (source := self._value(position + p))]
        results = [source for k in reach if (source := self._result(position + k))]
        if len(values) < len(offsets) or len(results) < len(reach):
            return None
        mirrored = any(source.reflected for source in values + results)
        physical = self.stretched and (scheme.derivative == 2 or (mirrored and not self.scheme.narrower))
        if physical:
            lhs, rhs = self._rematched(scheme, i, reach, lhs, offsets, rhs)
        entries, flip = Entries(), -1 if self.scheme.derivative % 2 else 1
        for p, source, coefficient in zip(offsets, values, rhs):
            entries.add(entries.rhs, source, coefficient * (not (p and self._vanishes(position + p, 1))))
        for k, source, coefficient in zip(reach, results, lhs):
            entries.add(entries.lhs, source, coefficient * (not (k and self._vanishes(position + k, flip))))
        return self._in_units(entries, i, physical)

    def _vanishes(self, position: float, sign: int) -> bool:
        """Whether a function of the walls' parities times `sign` is zero here, being odd about a wall.

        Other rows must not read the point on it: a value there is no part of the function, and coupled to the others
        it can leave the operator without a full set of eigenvectors.
        """
        return any(wall.parity * sign < 0 and position == wall.position for wall in self.walls)

    def _rematched(
        self, scheme: Scheme, i: int, reach: np.ndarray, lhs: np.ndarray, offsets: np.ndarray, rhs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """The interior formula matched again in physical coordinates, left-hand side included.

        Where neighbouring spacings differ too much for the full order, the left-hand side would lose its diagonal
        dominance; then conditions are given up one by one.
        """
        position = self.to_points.position(i)
        points, lhs_points = self._physical(i, position + offsets), self._physical(i, position + reach)
        full = min(scheme.order + scheme.derivative, len(offsets) + len(reach) - 1)
        for conditions in range(full, scheme.derivative, -1):
            row = match(scheme.derivative, 0.0, points, lhs_points, lhs, conditions, nominal=rhs)
            if np.abs(row.lhs).sum() - 1 < max(1.0, 1.2 * (lhs.sum() - 1)):
                break
        return row.lhs, row.rhs

    def _closure(self, i: int, position: float) -> Entries:
        """The one-sided row of a target near one wall."""
        scheme, closure = self.scheme, self.scheme.closure
        side = LEFT if position <= self.axis.intervals / 2 else RIGHT
        conditions = closure.order_at(self.axis.location, self.walls[side].known) + scheme.derivative
        columns, informed = self._window(position, side, conditions)
        factor = closure.data if informed else closure.free
        widest = range(1 - len(scheme.lhs), len(scheme.lhs))
        reach = [k for k in widest if self.to_points.column(position + k) is not None]
        lhs = np.array([scheme.lhs[abs(k)] * (factor if k else 1.0) for k in reach])
        physical = self.stretched and scheme.derivative == 2
        points = np.array([self.from_points.position(j) for j in columns])
        everything = np.array([*points, *(position + np.array(reach)), self.walls[side].position])
        places = self._physical(i, everything) if physical else everything - position
        datum, unit = self._datum(side, places[-1], i, physical) if informed else (None, 0.0)
        row = match(scheme.derivative, 0.0, places[: len(points)], places[len(points) : -1], lhs, conditions, datum)
        entries = Entries({i + k: c for k, c in zip(reach, row.lhs)}, dict(zip(columns, row.rhs)))
        entries.data[side] = row.datum * unit
        return self._in_units(entries, i, physical)

    def _window(self, position: float, side: int, count: int) -> tuple[range, bool]:
        """The columns of the `count` values nearest to a target, and whether the datum of the wall is one of them."""
        n, wall = self.from_points.count, self.walls[side]
        first = self.from_points.first if side == LEFT else wall.position - self.from_points.position(n - 1)
        centred = abs(position - wall.position) - (count - 1) / 2 - first
        start = max(int(np.ceil(centred - 0.5)), 0)
        occupied = wall.known and self.from_points.column(wall.position) is not None
        informed = centred <= 0 and wall.informs and not occupied
        columns = range(start, start + count - informed)
        if columns.stop > n:
            raise TooShort
        return (columns if side == LEFT else range(n - columns.stop, n - columns.start)), informed

    def _datum(self, side: int, place: float, i: int, physical: bool) -> tuple[Datum, float]:
        """The datum in the coordinate of row i, scaled to size 1, and the factor that goes with its coefficient."""
        wall = self.walls[side]
        metric = self.target.metric[i] if physical else self.axis.mapping.slope(np.array([float(side)]))[0]
        slope = wall.slope * (-1 if side == LEFT else 1) / (self.axis.spacing * metric)
        size = max(abs(wall.value), abs(slope))
        return Datum(place, wall.value / size, slope / size), 1 / size

    def _physical(self, i: int, positions: np.ndarray) -> np.ndarray:
        """Distances from target i in local spacings; beyond a wall, those of the mirror images."""
        end = float(self.axis.intervals)
        if self.periodic:
            x = self.axis.position(positions / end)
        else:
            mirror = np.where(positions < 0, 0.0, end)
            beyond = (positions < 0) | (positions > end)
            x = self.axis.position(np.where(beyond, 2 * mirror - positions, positions) / end)
            x = np.where(beyond, 2 * np.where(mirror, self.axis.hi, self.axis.lo) - x, x)
        return (x - self.target.x[i]) / self.target.dx[i]

    def _in_units(self, entries: Entries, i: int, physical: bool) -> Entries:
        """Bring a row from spacings to physical units."""
        d, metric = self.scheme.derivative, self.target.metric
        if d and not physical and self.stretched:
            entries.lhs = {k: c * metric[k % self.target.n] / metric[i] for k, c in entries.lhs.items()}
        scale = self.target.dx[i] ** -d if self.stretched else self.axis.spacing**-d
        entries.rhs = {k: c * scale for k, c in entries.rhs.items()}
        entries.data = [0.0 if wall.parity else c * scale for wall, c in zip(self.walls, entries.data)]
        return entries

    def _value(self, position: float) -> Source | None:
        if self.periodic:
            return Source(round(position - self.from_points.first), 1.0)
        return locate(self.from_points, self.walls, position, self.parities, known=True)

    def _result(self, position: float) -> Source | None:
        if self.periodic:
            return Source(round(position - self.to_points.first), 1.0)
        return locate(self.to_points, self.walls, position, self.lhs_parities, known=False)


def _points(axis: Axis) -> Points:
    first = axis.offsets[0] if axis.offsets else 0.5 if axis.location == "cells" else 0.0
    return Points(first, axis.n)
