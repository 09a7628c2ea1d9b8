"""Mass, stiffness and advection: with constant coefficients sums of 1-D products, else by sum factorization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from tensorpde import galerkin
from tensorpde.boundary import Neumann, Robin
from tensorpde.faces import Face, faces, scalar_sides
from tensorpde.field import Field, Space
from tensorpde.grid import Grid
from tensorpde.kron import Kron, Source, TensorOperator
from tensorpde.sumfact.elements import Elements
from tensorpde.sumfact.geometry import Geometry, SmoothMap
from tensorpde.sumfact.operator import ElementOperator
from tensorpde.sumfact.weights import ADVECTION, COUPLED, MASS, STIFFNESS, Weights, weigh

Coefficient = complex | Callable | Field | np.ndarray | Sequence[complex]
Map = Geometry | Callable | None


def mass(space: Space, weight: Coefficient = 1.0, geometry: Map = None, q: int | None = None) -> Any:
    """M: ∫ w u φ_i dx.

    Parameters
    ----------
    space
        All its axes have a basis of elements.
    weight
        1 for the mass itself; a number; a function of the coordinates x, y, …; a Field on the same elements:
        coefficients of any basis (with one number of points per element on all axes), or values at quadrature points;
        or an array over all quadrature points, the same on all ranks.
    geometry
        None for the box of the grid, or where it is mapped to: a function x = geometry(ξ₀, ξ₁, …), or a Geometry. Then
        functions of coordinates are functions of x.
    q
        Quadrature points per element and axis for coefficients that vary or a geometry; None for p + 1.

    Returns
    -------
    Kron or ElementOperator
        `M @ u` is linear; `M(u, t)` counts given wall values. Only the mass itself is a Kron, with an inverse.

    Raises
    ------
    ValueError
        If an axis has no such basis, or weight or geometry do not fit, on every rank.
    """
    if geometry is None and _is_number(weight):
        return cast(complex, weight) * galerkin.mass(space) if weight != 1 else galerkin.mass(space)
    elements = Elements.of(space, q)
    return _operator(elements, weigh(elements, MASS, weight, _geometry(geometry), 1, "weight"))


def stiffness(space: Space, kappa: Coefficient = 1.0, geometry: Map = None, q: int | None = None) -> Any:
    """K of −∇·(κ ∇u): ∫ κ ∇u·∇φ_i dx − ∫_walls κ ∂u/∂n φ_i, with the conditions of the axes.

    K(u, t) = load(space, f) is the weak form of −∇·(κ ∇u) = f with all its boundary data: given wall values are moved
    to K.lifting(t) (essential conditions), and on other walls κ ∂u/∂n is replaced by the data (natural conditions).

    Parameters
    ----------
    space
        All its axes have a basis of elements.
    kappa
        A number, or one per axis: the operator is a KronSum. Or a function of the coordinates, a Field, or an array
        over all quadrature points, as `mass` takes them.
    geometry, q
        As for `mass`.

    Returns
    -------
    KronSum or ElementOperator
        A KronSum can be inverted by FastDiagonal. An ElementOperator is applied in O(p^(d+1)) per element, has a
        `diagonal()`, and is a `scipy.sparse.linalg.LinearOperator` for iterative solvers. Its coefficients take one
        value per quadrature point in a box, d(d+1)/2 where it is mapped.

    Raises
    ------
    ValueError
        If an axis has no such basis; kappa or geometry do not fit; or there are Robin walls, or Neumann data other
        than 0 together with a geometry or a kappa that is no function.
    """
    if geometry is None and _is_constant(kappa, space):
        return galerkin.stiffness(space, cast(complex, kappa))
    elements = Elements.of(space, q)
    name = STIFFNESS if geometry is None or space.ndim == 1 else COUPLED
    natural = _natural(space, kappa, geometry)
    weights = weigh(elements, name, kappa, _geometry(geometry), 1, "kappa")
    return _operator(elements, weights, natural)


def advection(space: Space, velocity: Coefficient, geometry: Map = None, q: int | None = None) -> Any:
    """C: ∫ (v·∇u) φ_i dx.

    Parameters
    ----------
    space
        All its axes have a basis of elements.
    velocity
        A number per axis: the operator is a KronSum. Or a function of the coordinates that gives d values, a Field with
        lead (d,), or an array (d, …) over all quadrature points: components along x, y, ….
    geometry, q
        As for `mass`.

    Raises
    ------
    ValueError
        If an axis has no basis of elements, or velocity or geometry do not fit.
    """
    if geometry is None and _is_constant(velocity, space):
        return galerkin.advection(space, cast(complex, velocity))
    elements = Elements.of(space, q)
    return _operator(elements, weigh(elements, ADVECTION, velocity, _geometry(geometry), space.ndim, "velocity"))


def _is_number(value: Any) -> bool:
    return not callable(value) and not isinstance(value, Field) and np.ndim(value) == 0


def _is_constant(value: Any, space: Space) -> bool:
    """A number or one per axis: a list is no array over quadrature points, unless the space has one axis."""
    if callable(value) or isinstance(value, Field):
        return False
    return np.ndim(value) == 0 or (np.ndim(value) == 1 and (space.ndim > 1 or np.size(value) == 1))


def _geometry(geometry: Map) -> Geometry | None:
    return geometry if geometry is None or isinstance(geometry, Geometry) else SmoothMap(geometry)


def _operator(elements: Elements, weights: Weights, natural: Sequence[Source] = ()) -> ElementOperator:
    """The form on the unknowns, with what walls of given values and natural conditions add."""
    space = elements.space
    lifted = [_lifted(elements, weights, face) for face in faces(space)]
    return ElementOperator(space, space, elements, weights, 1.0, (*lifted, *natural))


def _lifted(elements: Elements, weights: Weights, face: Face) -> Source:
    """The form applied to the function that a wall of known values makes."""
    coefficients, space = face.space, elements.space
    columns = [part or slice(None) for part in face.columns]
    interpolation: TensorOperator | None = None
    if face.interpolation:
        for k, operator in face.interpolation.items():
            if operator.shape[0] != coefficients.shape[k]:
                coefficients = coefficients.like(
                    axis=k, n=operator.shape[0], bc=Neumann(), location="cells", basis=None
                )
        interpolation = Kron(face.space, face.interpolation, 1.0, coefficients)
    own = Elements(space, elements.q, coefficients, columns)
    through: TensorOperator = ElementOperator(coefficients, space, own, weights)
    return Source(face.values, 1.0, through if interpolation is None else through @ interpolation)


def _natural(space: Space, kappa: Any, geometry: Map) -> list[Source]:
    """What the data of Neumann walls add: κ g in the place of g."""
    found: list[Source] = []
    for axis, line in enumerate(space.axes):
        sides = scalar_sides(line)
        if any(isinstance(side, Robin) for side in sides):
            raise ValueError(f"axis {axis} has a Robin condition, which needs a constant kappa in a box: got {kappa}")
        if not any(isinstance(side, Neumann) and (callable(side.value) or side.value != 0) for side in sides):
            continue
        if geometry is not None or not callable(kappa):
            raise ValueError(f"axis {axis} has Neumann data, which need a kappa that is a function, and no geometry")
        bc = tuple(
            replace(side, value=_flux(kappa, side.value, axis, end)) if isinstance(side, Neumann) else side
            for side, end in zip(sides, (line.lo, line.hi))
        )
        axes = [line.like(bc=bc) if k == axis else other for k, other in enumerate(space.axes)]
        found += galerkin.natural_sources(space.like(grid=Grid(*axes)), axis, 1.0, space)
    return found


def _flux(kappa: Callable, data: Any, axis: int, end: float) -> Callable:
    """κ g on a wall as a function of the other coordinates and t."""

    def flux(*others: Any) -> Any:
        x = list(others[:-1])
        x.insert(axis, np.asarray(end))
        return kappa(*x) * (data(*others) if callable(data) else data)

    return flux
