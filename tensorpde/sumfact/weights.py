"""Weights: the coefficients of a weak form at the quadrature points of a rank, laid out for the kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.backend.forms import ADJOINT, ADVECTION, COUPLED, MASS, STIFFNESS
from tensorpde.coefficients import at_quadrature
from tensorpde.field import Field
from tensorpde.galerkin import at_points
from tensorpde.parallel import agree
from tensorpde.parallel.halo import Halo
from tensorpde.sumfact.elements import Elements
from tensorpde.sumfact.geometry import Geometry, inverted

POINTS_AT_ONCE = 1 << 17  # while coefficients are set up

Values = Callable[[slice, Sequence[np.ndarray]], np.ndarray]
"""(range of points along the first axis, coordinates there) -> values, shape (count, points…)."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What a form multiplies at each point, quadrature weights and metric included.

    Attributes
    ----------
    name : MASS: ∫ c u v. STIFFNESS: Σ ∫ c rate_a² D_a u D_a v. COUPLED: Σ ∫ c_ab D_a u D_b v, a ≤ b in order of rows.
        ADVECTION: Σ ∫ c_a D_a u v. ADJOINT: its transpose. D is the derivative that Elements.rates belong to.
    count : number of elements.
    kept : by type of data the values on the host, shape (groups, parts, points, lanes); elements fill the lanes of
        group after group, zeros the rest. On a device the Form has a copy.
    """

    name: str
    count: int
    kept: dict[str, np.ndarray]
    _forms: dict = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        """Bytes of all coefficients that are kept."""
        return sum(values.nbytes for values in self.kept.values())

    def transposed(self) -> Weights:
        """Those of the transposed form."""
        other = {ADVECTION: ADJOINT, ADJOINT: ADVECTION}.get(self.name)
        return self if other is None else Weights(other, self.count, self.kept)

    def of_elements(self, first: int, stop: int) -> np.ndarray:
        """Values of a range of elements, (elements, parts, points)."""
        values = next(iter(self.kept.values()))
        number = np.arange(first, stop)
        return values[number // values.shape[3], :, :, number % values.shape[3]]

    def form(self, elements: Elements, dtype: Any) -> Any:
        """The Form of the backend for data of a type; it takes the coefficients in that type, kept from then on."""
        key = elements, np.dtype(dtype).char
        if key not in self._forms:
            self._forms[key] = self._made(elements, np.dtype(dtype))
        return self._forms[key]

    def _made(self, elements: Elements, dtype: np.dtype) -> Any:
        space = elements.space
        lines = elements.lines(dtype, self.name == STIFFNESS)
        real = np.empty(0, dtype).real.dtype
        if real.char not in self.kept:
            parts, points = next(iter(self.kept.values())).shape[1:3]
            other = empty_values(elements, self.count, parts, points, real)
            put_elements(other, 0, self.of_elements(0, self.count))
            self.kept[real.char] = other
        return space.backend.weak_forms.form(self.name, lines, space.backend.asarray(self.kept[real.char]))


def empty_values(elements: Elements, count: int, parts: int, points: int, dtype: Any) -> np.ndarray:
    """Room on the host for the values of so many elements, of which the last group may have less."""
    lanes = elements.space.backend.weak_forms.lane_count(dtype)
    return backends.get("numpy").zeros((-(-count // lanes), parts, points, lanes), dtype)


def put_elements(values: np.ndarray, first: int, given: np.ndarray) -> None:
    """Write the values (elements, parts, points) of elements number `first` and following."""
    number = first + np.arange(len(given))
    values[number // values.shape[3], :, :, number % values.shape[3]] = given


def weigh(
    elements: Elements, name: str, coefficient: Any, geometry: Geometry | None, components: int, what: str
) -> Weights:
    """Evaluate the coefficients of a form at all quadrature points of this rank. Collective.

    Parameters
    ----------
    elements
        Where.
    name
        Which form.
    coefficient
        A number, a function of the (mapped) coordinates, a Field, or an array over all quadrature points.
    geometry
        Of the box; None for itself.
    components
        Number of values of the coefficient at a point.
    what
        Its name in messages.
    """
    space = elements.space
    given = _sampler(elements, coefficient, components, what)
    shape = [len(chosen) for chosen in elements.chosen]
    parts = {COUPLED: space.ndim * (space.ndim + 1) // 2, ADVECTION: space.ndim}.get(name, 1)
    real = np.empty(0, space.dtype).real.dtype
    points = prod(elements.counts)
    values = empty_values(elements, prod(shape), parts, points, real)
    with agree(space.comm, f"evaluating {what} at quadrature points"):
        for start, stop in _ranges(shape, points):
            rows = slice(start * elements.counts[0], stop * elements.counts[0])
            made = _weighed(elements, name, given, geometry, rows)
            split = [n for pair in zip([stop - start, *shape[1:]], elements.counts) for n in pair]
            order = [0, *range(1, 2 * space.ndim, 2), *range(2, 2 * space.ndim + 1, 2)]
            made = made.reshape(parts, *split).transpose(order).reshape(parts, -1, points)
            put_elements(values, start * prod(shape[1:]), made.transpose(1, 0, 2))
    return Weights(name, prod(shape), {real.char: values})


def _ranges(shape: Sequence[int], points: int) -> Iterator[tuple[int, int]]:
    """Ranges of elements of the first axis, few enough to be held with all their points."""
    if 0 in shape:
        return iter(())
    count = max(1, POINTS_AT_ONCE // (points * prod(shape[1:])))
    return ((start, min(start + count, shape[0])) for start in range(0, shape[0], count))


def _weighed(elements: Elements, name: str, given: Values, geometry: Geometry | None, rows: slice) -> np.ndarray:
    """The parts of a form on some points of the first axis: (parts, points…)."""
    ndim = elements.space.ndim
    lines = [elements.points(axis) for axis in range(ndim)]
    measures = [elements.tables[axis].weights[elements.chosen[axis]].ravel() for axis in range(ndim)]
    rates = [elements.rates[axis][elements.chosen[axis]].ravel() for axis in range(ndim)]
    lines[0], measures[0], rates[0] = lines[0][rows], measures[0][rows], rates[0][rows]
    shape = tuple(map(len, lines))
    rate = np.ix_(*rates)
    weight = np.ones(shape)
    for factor in np.ix_(*measures):
        weight = weight * factor
    if geometry is None:
        values = given(rows, np.ix_(*lines))
        if name == ADVECTION:
            return np.stack([weight * values[a] * rate[a] for a in range(ndim)])
        return weight * values
    x, jacobian = geometry.at(lines, [(axis.lo, axis.hi) for axis in elements.space.axes])
    determinant, inverse = inverted(jacobian)
    values = given(rows, tuple(x))
    if name == MASS:
        return weight * determinant * values
    if name == STIFFNESS:  # one axis
        return weight / determinant * values
    if name == ADVECTION:
        return np.stack(
            [weight * determinant * rate[a] * sum(inverse[a, i] * values[i] for i in range(ndim)) for a in range(ndim)]
        )
    scale = weight * determinant * values[0]
    return np.stack(
        [
            scale * rate[a] * rate[b] * sum(inverse[a, i] * inverse[b, i] for i in range(ndim))
            for a in range(ndim)
            for b in range(a, ndim)
        ]
    )


def _sampler(elements: Elements, coefficient: Any, components: int, what: str) -> Values:
    """How to get values at points. Collective where they are given at points."""

    def stacked(values: Any, shape: tuple[int, ...]) -> np.ndarray:
        if components == 1 and not isinstance(values, (tuple, list)):
            values = [values]
        if len(values) != components:
            raise ValueError(f"{what} has {components} values at a point, got {len(values)}")
        for value in values:
            _check_real(value, what)
        return np.stack([np.broadcast_to(np.asarray(value, dtype=float), shape) for value in values])

    is_field = isinstance(coefficient, Field)  # which can be called too
    if callable(coefficient) and not is_field:
        return lambda rows, x: stacked(coefficient(*x), np.broadcast_shapes(*(part.shape for part in x)))
    if not is_field and np.shape(coefficient) in ((), (components,)):
        constant = coefficient if np.ndim(coefficient) == 0 else list(coefficient)
        return lambda rows, x: stacked(constant, np.broadcast_shapes(*(part.shape for part in x)))
    f = given_at_points(elements, coefficient, what)
    if prod(f.lead) != components:
        raise ValueError(f"{what} has {components} values at a point, but there are {f.lead} given")
    part = Halo(f.pencil, elements.point_numbers).fill(f.local, f.space.backend)
    block = f.space.backend.to_host(part)
    block = block.reshape(components, *block.shape[block.ndim - f.space.ndim :])
    return lambda rows, x: block[:, rows]


def _check_real(values: Any, what: str) -> None:
    if np.iscomplexobj(values):
        raise TypeError(f"{what} is complex: a form on elements has real coefficients")


def given_at_points(elements: Elements, coefficient: Any, what: str) -> Field:
    """A coefficient as a Field of values at all quadrature points, from one of any basis or an array. Collective."""
    tables = dict(enumerate(elements.tables))
    whole = tuple(table.points.size for table in elements.tables)
    if not isinstance(coefficient, Field):
        array = np.asarray(coefficient)
        if array.shape[max(array.ndim - len(whole), 0) :] != whole:
            raise ValueError(f"{what} of shape {array.shape} does not fit the {whole} quadrature points")
        _check_real(array, what)
        return at_quadrature(elements.space, tables).like(dtype="float64").field(array)
    f = coefficient
    if f.space.ndim != len(whole):
        raise ValueError(f"{what} as a Field of {f.space.ndim} axes does not fit {elements.space}")
    _check_real(f.local, what)
    x = [table.points.ravel() for table in elements.tables]
    if any(not np.array_equal(axis.x, line) for axis, line in zip(f.space.axes, x)):
        if len(set(elements.counts)) > 1:
            raise ValueError(f"{what} as a Field needs as many points per element on all axes, not {elements.counts}")
        f = at_points(f.space, None, elements.counts[0])(f)
    for axis, line in enumerate(f.space.axes):
        if not np.array_equal(line.x, x[axis]):
            raise ValueError(f"{what} along axis {axis} lives on other elements: {f.space} and {elements.space}")
    return f.to(f.space.pencil)
