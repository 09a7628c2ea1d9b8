"""Mass, stiffness and advection: with constant coefficients sums of 1-D products, else by sum factorization."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from tensorpde import galerkin
from tensorpde.field import Field, Space
from tensorpde.sumfact.elements import Elements
from tensorpde.sumfact.geometry import Geometry, SmoothMap
from tensorpde.sumfact.walls import between_walls, natural
from tensorpde.sumfact.weights import ADVECTION, COUPLED, MASS, STIFFNESS, weigh

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
    return between_walls(space, [(elements, weigh(elements, MASS, weight, _geometry(geometry), 1, "weight"))])


def stiffness(space: Space, kappa: Coefficient = 1.0, geometry: Map = None, q: int | None = None) -> Any:
    """K of −∇·(κ ∇u): ∫ κ ∇u·∇φ_i dx − ∫_walls κ ∂u/∂n φ_i, with the conditions of the axes.

    K(u, t) = load(space, f) is the weak form of −∇·(κ ∇u) = f with all its boundary data: given wall values are moved
    to K.lifting(t) (essential conditions), and on other walls κ ∂u/∂n is replaced by the data (natural conditions): by
    κ g for Neumann, by κ (g − a u)/b for Robin, whose part with u is in K. On a mapped box n is the normal of the
    mapped wall, and boundary data stay functions of the other coordinates of the box and t.

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
        A KronSum can be inverted by FastDiagonal. An ElementOperator is applied in O(p^(d+1)) per element; its
        coefficients take one value per quadrature point in a box, d(d+1)/2 where it is mapped, and one per point of a
        Robin wall. Either has a `diagonal()` and is a `scipy.sparse.linalg.LinearOperator` for iterative solvers.

    Raises
    ------
    ValueError
        If an axis has no such basis, or kappa or geometry do not fit.

    Notes
    -----
    Natural conditions take kappa on the wall. Where it is a Field or an array, known inside only, it is continued by
    the polynomial through the points of the element.
    """
    if geometry is None and _is_constant(kappa, space):
        return galerkin.stiffness(space, cast(complex, kappa))
    elements = Elements.of(space, q)
    name = STIFFNESS if geometry is None or space.ndim == 1 else COUPLED
    mapped = _geometry(geometry)
    inside = elements, weigh(elements, name, kappa, mapped, 1, "kappa")
    walls, sources = natural(space, kappa, mapped, q)
    result = between_walls(space, [inside, *walls])
    result.sources += tuple(sources)
    return result


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
    weights = weigh(elements, ADVECTION, velocity, _geometry(geometry), space.ndim, "velocity")
    return between_walls(space, [(elements, weights)])


def _is_number(value: Any) -> bool:
    return not callable(value) and not isinstance(value, Field) and np.ndim(value) == 0


def _is_constant(value: Any, space: Space) -> bool:
    """A number or one per axis: a list is no array over quadrature points, unless the space has one axis."""
    if callable(value) or isinstance(value, Field):
        return False
    return np.ndim(value) == 0 or (np.ndim(value) == 1 and (space.ndim > 1 or np.size(value) == 1))


def _geometry(geometry: Map) -> Geometry | None:
    return geometry if geometry is None or isinstance(geometry, Geometry) else SmoothMap(geometry)
