"""From functions to coefficients of a basis and back: integrals against the basis, L² projection, values at points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorpde.basis import Expansion, Piecewise, Table
from tensorpde.faces import Face, faces
from tensorpde.grid import Axis, Grid
from tensorpde.itinerary import Term, Traveller
from tensorpde.line import Banded, BandedSolve, LineOperator, RowBand
from tensorpde.line.weak import chosen, form, tests
from tensorpde.parallel import Pencil, agree
from tensorpde.parallel.reduce import total

if TYPE_CHECKING:
    from tensorpde.field import Field, Space

VALUES_AT_ONCE = 1 << 20


def tested(
    space: Space, made: Mapping[int, Table], sample: Callable[[tuple[int, int]], Field], lead: Sequence[int] = ()
) -> Field:
    """∫ f φ along the axes that have a table in `made`; along the others values stay values. Collective.

    sample(part) gives f at quadrature points, on a range of elements of the last axis in `made`. So quadrature values
    exist of a part only: about four times as many as there are unknowns.
    """
    out = space.zeros(lead)
    last = max(made)
    q = made[last].values.shape[1]
    bands = {k: chosen(tests(table), rows=table.unknowns) for k, table in made.items()}
    factors = {k: Banded(band) for k, band in bands.items()}
    for part in slabs(space, made):
        factors[last] = Banded(chosen(bands[last], columns=slice(part[0] * q, part[1] * q)))
        Traveller([Term(1.0, tuple(factors.items()))], space.shape, space.backend).apply(sample(part), out, 1.0)
    return out


def at_quadrature(space: Space, made: Mapping[int, Table], part: tuple[int, int] | None = None) -> Space:
    """The Space of the quadrature points of the axes in `made`, on the last of them of some elements only."""
    axes: list[Axis] = list(space.axes)
    for k, table in made.items():
        axes[k] = axes[k].quadrature(table.values.shape[1], part if k == max(made) else None)
    return space.like(grid=Grid(*axes))


def slabs(space: Space, made: Mapping[int, Table]) -> Iterator[tuple[int, int]]:
    """Ranges of elements of the last axis in `made` with about four quadrature points per unknown of the Space."""
    points = prod(space.shape[k] if k not in made else made[k].weights.size for k in range(space.ndim))
    elements = len(made[max(made)].first)
    count = max(1, 4 * prod(space.shape) * elements // points)
    return ((start, min(start + count, elements)) for start in range(0, elements, count))


def projected(space: Space, f: Callable, lead: Sequence[int], t: float) -> Field:
    """The coefficients of a function: L² projection along axes with splines, values at points of others. Collective.

    Where a wall has a given value, it is the projection onto the functions that have this value.
    """
    made = {}
    for k, line in enumerate(space.axes):
        if isinstance(line.basis, Piecewise) and not line.basis.nodal:
            made[k] = line.basis.table(line)
    right = tested(space, made, lambda part: at_quadrature(space, made, part).field(f, lead), lead)
    masses = {k: form(table) for k, table in made.items()}
    for face in faces(space):
        if face.axis in made:
            traveller = Traveller([Term(-1.0, _against_face(space, face, masses))], space.shape, space.backend)
            data = trace(face, t)
            spread = data.space.zeros(lead)
            spread += data
            traveller.apply(spread, right, 1.0)
    inverses = tuple((k, BandedSolve(chosen(masses[k], table.unknowns, table.unknowns))) for k, table in made.items())
    result = space.empty(lead, right.pencil)
    Traveller([Term(1.0, inverses)], space.shape, space.backend).apply(right, result, 0.0)
    return result


def _against_face(space: Space, face: Face, masses: Mapping[int, RowBand]) -> tuple[tuple[int, LineOperator], ...]:
    """Integrals of the functions of a face against those of the unknowns; along nodal axes its values at the nodes."""
    factors: dict[int, LineOperator] = {}
    for k, columns in enumerate(face.columns):
        if columns is None:
            continue
        line = space.axes[k]
        functions = line.n + sum(line.known)
        rows = slice(line.known[0], functions - line.known[1])
        factors[k] = Banded(chosen(masses.get(k, RowBand.identity(functions)), rows, columns))
    return tuple(factors.items())


def evaluate(u: Field, points: Any, t: float) -> Any:
    """Values of the function whose coefficients u holds: see `Field.__call__`."""
    space = u.space
    with agree(space.comm, "evaluating a field at points"):
        x = _points(points, space.ndim)
        lines = [_functions(line, x[:, k]) for k, line in enumerate(space.axes)]
        walls = faces(space)
    own = [(place - line.known[0], values) for line, (place, values) in zip(space.axes, lines)]
    result = _contracted(space.backend.to_host(u.local), u.pencil, own)
    for face in walls:
        data = trace(face, t)
        own = [
            (place - columns.start, values)
            for (place, values), columns in zip(lines, face.columns)
            if columns is not None
        ]
        result = result + _contracted(space.backend.to_host(data.local), data.pencil, own)
    return total(space.comm, result)


def trace(face: Face, t: float) -> Field:
    """The coefficients of a face at time t. Collective."""
    data = face.space.zeros()
    with agree(face.space.comm, "evaluating boundary data"):
        face.values.add_to(data, t, 1.0)
    if not face.interpolation:
        return data
    space = face.coefficients
    result = space.zeros()
    Traveller([Term(1.0, tuple(face.interpolation.items()))], space.shape, space.backend).apply(data, result, 0.0)
    return result


def _points(points: Any, ndim: int) -> np.ndarray:
    """Points as an array (m, d)."""
    x = np.asarray(points, dtype=float)
    if x.ndim != 2 or x.shape[1] != ndim:
        raise ValueError(f"points of shape {x.shape} given, (m, {ndim}) needed")
    return x


def _functions(line: Axis, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers among all functions and values of those that are not zero at x, each (m, p + 1)."""
    basis = line.basis
    if not isinstance(basis, Expansion):
        raise ValueError(f"a field has values between its points where it has functions, but the basis is {basis}")
    if not line.periodic and x.size and not (line.lo <= x.min() and x.max() <= line.hi):
        raise ValueError(f"points from {x.min()} to {x.max()} leave the axis from {line.lo} to {line.hi}")
    first, values = basis.evaluate(line, line.reference(x))
    return (first[:, None] + np.arange(values.shape[1])) % basis.functions(line), values


def _contracted(block: np.ndarray, pencil: Pencil, lines: Sequence[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """Σ block[…, i, j, …] · values_i · values_j …: what a rank adds to the values at all points."""
    lead = block.shape[: block.ndim - pencil.ndim]
    count = len(lines[0][0])
    result = np.zeros((*lead, count), np.result_type(block.dtype, np.float64))
    kept, here = [], np.ones(count, dtype=bool)
    for (place, values), part in zip(lines, pencil.slices):
        inside = (place >= part.start) & (place < part.stop)
        kept.append((np.where(inside, place - part.start, 0), np.where(inside, values, 0.0)))
        here &= inside.any(axis=1)
    mine = np.flatnonzero(here)
    at_once = max(1, VALUES_AT_ONCE // prod(values.shape[1] for _, values in lines))
    for start in range(0, len(mine), at_once):
        rows = mine[start : start + at_once]
        index: list[Any] = []
        for axis, (place, _) in enumerate(kept):
            index.append(place[rows].reshape(-1, *(place.shape[1] if k == axis else 1 for k in range(pencil.ndim))))
        values = block[(..., *index)]
        for _, factor in reversed(kept):
            weights = factor[rows].reshape(len(rows), *[1] * (values.ndim - len(lead) - 2), -1)
            values = (values * weights).sum(axis=-1)
        result[..., rows] = values
    return result
