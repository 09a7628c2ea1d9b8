"""Galerkin operators of a Space of coefficients: mass, stiffness, advection as sums of products of 1-D bands; loads.

With constant coefficients every term is a product of 1-D integrals: stiffness is K⊗M⊗M + M⊗K⊗M + M⊗M⊗K, where M and K
are the mass and stiffness of an axis. Only these bands are ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorpde.basis import Gauss, Piecewise, Table
from tensorpde.boundary import Robin
from tensorpde.coefficients import at_quadrature, tested
from tensorpde.faces import OnWall, faces, has_data, natural_walls, wall
from tensorpde.field import Field, Space
from tensorpde.filling import at_time
from tensorpde.given import number
from tensorpde.kron import Kron, KronSum, Source
from tensorpde.line import Banded, LineOperator, RowBand
from tensorpde.line.weak import chosen, form, tests, values

Terms = Sequence[tuple[complex, Mapping[int, RowBand]]]


def mass(space: Space) -> Kron:
    """M: ∫ u φ_i, the product of the mass matrices of the axes. `mass(space).inverse()` is one banded solve per axis.

    Parameters
    ----------
    space
        All its axes have a basis of elements.

    Returns
    -------
    Kron
        `M @ u` is linear; `M(u, t)` counts given wall values.

    Raises
    ------
    ValueError
        If an axis has no such basis.
    """
    made = piecewise_tables(space)
    product = _only_term(_assembled(space, [(1.0, {axis: form(table) for axis, table in made.items()})], made))
    product.mass = product
    return product


def stiffness(space: Space, kappa: complex | Sequence[complex] = 1.0) -> KronSum:
    """K of −∇·(κ ∇u): ∫ κ ∇u·∇φ_i − ∫_walls κ ∂u/∂n φ_i, with the conditions of the axes.

    K(u, t) = load(space, f) is the weak form of −∇·(κ ∇u) = f with all its boundary data: given wall values are moved
    to K.lifting(t) (essential conditions), and on other walls κ ∂u/∂n is replaced by the data (natural conditions):
    by κ g for Neumann, by κ (g − a u)/b for Robin, whose part with u is in K.

    Parameters
    ----------
    space
        All its axes have a basis of elements.
    kappa
        A number, or one per axis.

    Returns
    -------
    KronSum
        One term per axis. FastDiagonal solves K(u, t) − shift·M(u, t) = b.

    Raises
    ------
    ValueError
        If an axis has no such basis, or a side has no condition on a scalar.
    """
    made = piecewise_tables(space)
    kappas = _per_axis(kappa, space.ndim, "kappa")
    masses = {axis: form(table) for axis, table in made.items()}
    stiff = {axis: form(table, 1, 1) for axis, table in made.items()}
    sources = []
    for axis, side, condition in natural_walls(space):
        b = 1.0
        if isinstance(condition, Robin):
            b = condition.b
            if condition.a != 0:
                stiff[axis] += form(wall_tables(space, axis, side)[axis]).scaled(condition.a / b)
        if has_data(condition):
            through = wall_load(space, axis, side) * (-kappas[axis] / b)
            sources.append(Source(OnWall(through.domain, axis, condition.value), 1.0, through))
    terms = [(factor, {**masses, axis: stiff[axis]}) for axis, factor in enumerate(kappas)]
    result = _assembled(space, terms, made)
    result.mass = mass(space)
    result.sources += tuple(sources)
    return result


def advection(space: Space, velocity: complex | Sequence[complex]) -> KronSum:
    """C: ∫ (v·∇u) φ_i for a constant velocity v, one number per axis.

    Raises
    ------
    ValueError
        If an axis has no basis of elements, or the number of velocities is not that of the axes.
    """
    made = piecewise_tables(space)
    masses = {axis: form(table) for axis, table in made.items()}
    speeds = _per_axis(velocity, space.ndim, "velocity")
    terms = [(v, {**masses, axis: form(made[axis], 0, 1)}) for axis, v in enumerate(speeds)]
    result = _assembled(space, terms, made)
    result.mass = mass(space)
    return result


def load(space: Space, f: Callable | complex | Field, t: float = 0.0, lead: Sequence[int] = ()) -> Field:
    """b: ∫ f φ_i by Gauss quadrature with p + 1 points per element and axis. Collective.

    Parameters
    ----------
    space
        All its axes have a basis of elements.
    f
        A function of the coordinates, or of the coordinates and t; a number; or a Field: values at the quadrature
        points (of `at_points(space).range`), or coefficients of any basis on the same elements.
    t
        Handed to f if it takes it; time of wall values that a Field of coefficients has.
    lead
        Leading dimensions, as for `space.field`; those of a Field are kept.

    Raises
    ------
    ValueError
        If an axis has no such basis, or a Field lives on other elements.
    """
    if isinstance(f, Field):
        return _load_of_field(space, f, t)
    made = piecewise_tables(space)
    function = at_time(f, space.ndim, t) if callable(f) else lambda *x: f
    return tested(space, made, lambda part: at_quadrature(space, made, part).field(function, lead), lead)


def at_points(
    space: Space, derivative: int | None = None, q: int | None = None, part: tuple[int, int] | None = None
) -> Kron:
    """B: the function, or its derivative along one axis, at the Gauss points of all elements.

    Nonlinear terms are formed there: `load(space, B(u)**3)` is ∫ u³ φ_i. The integral of a Field of its range is the
    Gauss rule.

    Parameters
    ----------
    space
        All its axes have a basis of elements.
    derivative
        The axis to differentiate along; None for the function itself.
    q
        Points per element along each axis; None for p + 1.
    part
        Range (first, last + 1) of the elements of the last axis; None for all.

    Returns
    -------
    Kron
        To the Space of the points; `B(u, t)` counts given wall values.
    """
    made = piecewise_tables(space, q)
    target = at_quadrature(space, made, part)
    bands = {axis: values(table, int(axis == derivative)) for axis, table in made.items()}
    if part is not None:
        last = max(made)
        count = made[last].values.shape[1]
        bands[last] = chosen(bands[last], rows=slice(part[0] * count, part[1] * count))
    return _only_term(_assembled(space, [(1.0, bands)], made, target))


def wall_tables(space: Space, axis: int, side: int, q: int | None = None) -> dict[int, Table]:
    """The table of every axis, of the one that a wall ends that of the wall."""
    ends = _elements(space, axis).wall_table(space.axes[axis], side)
    return {k: ends if k == axis else table for k, table in piecewise_tables(space, q).items()}


def wall_load(space: Space, axis: int, side: int, q: int | None = None) -> Kron:
    """∫ g φ_i over a wall of the box, from the values of g at its quadrature points."""
    made = wall_tables(space, axis, side, q)
    others = {k: line.quadrature(q) for k, line in enumerate(space.axes) if k != axis}
    points = wall(space, axis, made[axis].points.item(), others)
    return Kron(points, {k: Banded(chosen(tests(table), table.unknowns)) for k, table in made.items()}, range=space)


def _assembled(space: Space, terms: Terms, made: Mapping[int, Table], range: Space | None = None) -> KronSum:
    """A sum of products of bands over all functions as an operator on the unknowns, with what given walls add.

    With a range of its own, the rows of the bands are all of that.
    """
    rows = {k: table.unknowns if range is None else slice(None) for k, table in made.items()}
    unknowns = {k: table.unknowns for k, table in made.items()}
    result = KronSum(_products(space, terms, rows, unknowns, {}, range))
    sources = []
    for face in faces(space):
        columns = {k: part for k, part in enumerate(face.columns) if part is not None}
        parts = _products(face.space, terms, rows, columns, face.interpolation, result.range)
        sources.append(Source(face.values, 1.0, KronSum(parts)))
    result.sources = tuple(sources)
    return result


def _only_term(operator: KronSum) -> Kron:
    """A sum of one product as a Kron."""
    (term,) = operator.terms
    term.sources = operator.sources
    return term


def _products(
    domain: Space, terms: Terms, rows: Mapping[int, slice], columns: Mapping[int, slice],
    interpolation: Mapping[int, LineOperator], range: Space | None,
) -> list[Kron]:  # fmt: skip
    """The terms on some rows and columns of their bands. Terms share the operators that are alike."""
    made: dict[tuple[int, int], LineOperator] = {}
    result = []
    for coefficient, bands in terms:
        for k, band in bands.items():
            if (k, id(band)) not in made:
                operator = Banded(chosen(band, rows[k], columns[k]))
                made[k, id(band)] = operator @ interpolation[k] if k in interpolation else operator
        result.append(Kron(domain, {k: made[k, id(band)] for k, band in bands.items()}, coefficient, range))
    return result


def _load_of_field(space: Space, f: Field, t: float) -> Field:
    """∫ f φ_i of values at quadrature points, or of coefficients through their values there."""
    given = [axis.basis for axis in f.space.axes]
    if len(given) == space.ndim and all(isinstance(basis, Gauss) for basis in given):
        counts = [basis.q for basis in given if isinstance(basis, Gauss)]
        made = {axis: _elements(space, axis).table(space.axes[axis], q) for axis, q in enumerate(counts)}
        _check_points(f.space, made)
        factors = {axis: Banded(chosen(tests(table), table.unknowns)) for axis, table in made.items()}
        return Kron(f.space, factors, range=space) @ f
    q = 1 + max(_elements(s, axis).p for s in (space, f.space) for axis in range(s.ndim))
    made = piecewise_tables(space, q)
    _check_points(at_quadrature(f.space, piecewise_tables(f.space, q)), made)
    return tested(space, made, lambda part: at_points(f.space, None, q, part)(f, t), f.lead)


def _check_points(points: Space, made: Mapping[int, Table]) -> None:
    for axis, line in enumerate(points.axes):
        x = made[axis].points.ravel() if axis in made else np.zeros(0)
        if len(made) != points.ndim or line.n != len(x) or not np.array_equal(line.x, x):
            raise ValueError(
                f"a load along axis {axis} with {len(x)} quadrature points from {x.min(initial=0)} to "
                f"{x.max(initial=0)} got a field with {line.n} from {line.x[0]} to {line.x[-1]}: other elements"
            )


def _elements(space: Space, axis: int) -> Piecewise:
    basis = space.axes[axis].basis
    if not isinstance(basis, Piecewise):
        raise ValueError(f"a weak form needs elements on every axis, but axis {axis} has the basis {basis}")
    return basis


def piecewise_tables(space: Space, q: int | None = None) -> dict[int, Table]:
    """The table of every axis."""
    return {axis: _elements(space, axis).table(line, q) for axis, line in enumerate(space.axes)}


def _per_axis(value: Any, ndim: int, what: str) -> tuple[complex, ...]:
    numbers = (value,) * ndim if np.ndim(value) == 0 else tuple(value)
    if len(numbers) != ndim:
        raise ValueError(f"{len(numbers)} values of {what} for {ndim} axes")
    return tuple(number(value, what) for value in numbers)
