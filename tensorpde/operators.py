"""Operators of a Space from schemes: derivative, Laplacian, gradient, divergence, with their boundary data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde.boundary import Boundary, Data, Dirichlet, Neumann, Robin, resolve
from tensorpde.faces import add_outer
from tensorpde.field import Field, Space
from tensorpde.filling import on_wall
from tensorpde.given import whole
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron, KronSum, Source, TensorOperator, same_points
from tensorpde.schemes import Collocation, Scheme, central, on_axis

Conditions = Boundary | Sequence[Boundary | None] | None


@dataclass(frozen=True, eq=False)
class WallData:
    """The field vector(x_axis) · data(the other coordinates…, t) that one wall adds to a result in `space`.

    Attributes
    ----------
    space, axis, vector, data : as above.
    wall : coordinate of the wall.
    known : whether the data are values of the field on the wall (Dirichlet), not its slope or a mix.
    """

    space: Space
    axis: int
    vector: np.ndarray
    data: Data
    wall: float
    known: bool

    def add_to(self, out: Field, t: float, factor: complex) -> None:
        """Out += factor · this field; not collective."""
        values = on_wall(self.data, self.space.ndim - 1, t) if callable(self.data) else self.data
        add_outer(out, {self.axis: self.vector}, values, factor)


def derivative(
    space: Space,
    axis: int,
    scheme: Scheme | Collocation = central.first_derivative,
    to: Space | None = None,
    bc: Conditions = None,
) -> Kron:
    """The derivative (or interpolation) along one axis that a scheme stands for, with the boundary data of the axis.

    Parameters
    ----------
    space
        Where the argument lives.
    axis
        The axis.
    scheme
        What to compute there; default: the central first derivative of order 2. On an axis with a collocation basis
        only the number of the derivative counts: the basis has derivatives of its own.
    to
        The Space of the result; default: `space`, or the one staggered along the axis for a staggered scheme.
    bc
        Scalar conditions to use instead of those of the axis: one or a pair (left, right), None for no information.

    Returns
    -------
    Kron
        `D @ f` is linear; `D(f, t)` counts the boundary data.

    Raises
    ------
    ValueError
        If the scheme, the conditions and the two Spaces do not fit, naming both values.
    """
    if not -space.ndim <= whole(axis, "axis") < space.ndim:
        raise ValueError(f"axis {axis} is not one of the {space.ndim} axes of {space}")
    if not isinstance(scheme, (Scheme, Collocation)):
        raise TypeError(f"a scheme is one such as schemes.lele1992.first_derivative, not {scheme!r}")
    axis = whole(axis, "axis") % space.ndim
    line = space.axes[axis]
    if to is None:
        target = line.staggered() if scheme.shift else line
        to = space.like(axis=axis, n=target.n, location=target.location) if scheme.shift else space
    elif not same_points(to.like(grid=_exchanged(to, axis, line)), space):
        raise ValueError(f"{scheme.name} along axis {axis}: the result's {to} differs from {space} on other axes too")
    made = on_axis(scheme, line, to.axes[axis], bc)
    given = line.sides if bc is None else bc
    conditions = (given, given) if isinstance(given, Boundary) else tuple(given)
    sources = []
    for condition, vector, wall in zip(conditions, (made.left, made.right), (line.lo, line.hi), strict=True):
        data = condition.value if isinstance(condition, (Dirichlet, Neumann, Robin)) else 0.0
        if np.any(vector) and _has_data(condition):
            sources.append(Source(WallData(to, axis, vector, data, wall, isinstance(condition, Dirichlet))))
    return Kron(space, {axis: made.operator}, 1.0, to, sources)


def laplacian(space: Space, scheme: Scheme | Collocation = central.second_derivative) -> KronSum:
    """Σ ∂²/∂x_k² by one scheme on every axis, with the boundary data of the Space.

    Raises
    ------
    ValueError
        If the scheme is not a second derivative.
    """
    if getattr(scheme, "derivative", 2) != 2:
        raise ValueError(f"a laplacian needs a second derivative, not derivative {scheme.derivative} ({scheme.name})")
    return KronSum([derivative(space, axis, scheme) for axis in range(space.ndim)])


def mixed_derivative(
    space: Space, axes: tuple[int, int], scheme: Scheme | Collocation = central.first_derivative
) -> TensorOperator:
    """∂²/∂x_a∂x_b as the Kronecker product of two first derivatives, with the boundary data of the second axis.

    On walls of the first axis that have data of their own, whose tangential derivative is not at hand, that derivative
    is one-sided; walls with zero data stay as they are.

    Raises
    ------
    ValueError
        If the axes are the same.
    """
    first, second = (range(space.ndim)[axis] for axis in axes)
    if first == second:
        raise ValueError(f"a mixed derivative needs two axes, got {axes}")
    sides = space.axes[first].sides
    kept = None if not any(map(_has_data, sides)) else [None if _has_data(side) else side for side in sides]
    return derivative(space, first, scheme, bc=kept) @ derivative(space, second, scheme)


def _has_data(condition: Boundary | None) -> bool:
    data = getattr(condition, "value", 0.0)
    return callable(data) or data != 0


class Gradient:
    """grad @ f: the derivatives of f along each axis, as a Field with one more leading dimension.

    Where the components live on different points (staggered schemes), a tuple of Fields.

    Attributes
    ----------
    components : the derivative along each axis.
    """

    def __init__(self, components: Sequence[Kron]) -> None:
        self.components = tuple(components)
        self._together = all(same_points(part.range, components[0].range) for part in components)

    def apply(self, f: Field, out: Any = None) -> Any:
        """The linear part, in `out` (a Field with lead (d,) + f.lead, or one Field per component). Collective."""
        if out is None and self._together:
            space, pencil = self.components[0].range, f.pencil.reshaped(self.components[0].range.shape)
            shape = (len(self.components), *f.lead, *pencil.local_shape)
            dtype = np.result_type(*(part.result_type(f.dtype) for part in self.components))
            out = Field(space, space.backend.empty(shape, dtype), pencil)
        parts = [None] * len(self.components) if out is None else out
        results = [part.apply(f, place) for part, place in zip(self.components, parts, strict=True)]
        return tuple(results) if out is None else out

    def __matmul__(self, f: Field) -> Any:
        return self.apply(f)

    def __call__(self, f: Field, t: float = 0.0) -> Any:
        """The gradient with boundary data. Collective."""
        result = self.apply(f)
        for part, place in zip(self.components, result, strict=True):
            part.add_lifting(place, t)
        return result


class Divergence:
    """div @ v: Σ ∂v_k/∂x_k of a Field with lead (d, …), or of a tuple with a Field for each component.

    Attributes
    ----------
    components : the derivative of each component along its axis, all to one Space.
    """

    def __init__(self, components: Sequence[Kron]) -> None:
        self.components = tuple(components)
        for part in self.components[1:]:
            if not same_points(part.range, self.components[0].range):
                raise ValueError(f"components of a divergence end in {self.components[0].range} and {part.range}")

    def apply(self, v: Field | Sequence[Field], out: Field | None = None) -> Field:
        """The linear part, in `out` if given. Collective."""
        if len(v) != len(self.components):
            raise ValueError(f"a divergence of {len(self.components)} components got {len(v)}")
        for number, (part, component) in enumerate(zip(self.components, v, strict=True)):
            out = part.apply(component, out, 1.0 if number else 0.0)
        assert out is not None
        return out

    def __matmul__(self, v: Field | Sequence[Field]) -> Field:
        return self.apply(v)

    def __call__(self, v: Field | Sequence[Field], t: float = 0.0) -> Field:
        """The divergence with boundary data. Collective."""
        result = self.apply(v)
        for part in self.components:
            part.add_lifting(result, t)
        return result


def gradient(space: Space, scheme: Scheme | Collocation = central.first_derivative) -> Gradient:
    """The gradient of a scalar (for flow conditions: of a pressure) in a Space."""
    return Gradient([_resolved(space, axis, scheme, "pressure", None) for axis in range(space.ndim)])


def divergence(
    space: Space | Sequence[Space], scheme: Scheme | Collocation = central.first_derivative, to: Space | None = None
) -> Divergence:
    """The divergence of a vector: flow conditions are resolved for each component.

    Parameters
    ----------
    space
        The Space of all components, or one for each (staggered).
    scheme
        Of the first derivative.
    to
        The Space of the result; default: that of the first derivative's result.
    """
    spaces = [space] * space.ndim if isinstance(space, Space) else list(space)
    parts = [_resolved(own, axis, scheme, axis, to) for axis, own in enumerate(spaces)]
    return Divergence(parts)


def _resolved(space: Space, axis: int, scheme: Scheme | Collocation, component: int | str, to: Space | None) -> Kron:
    left, right = space.axes[axis].sides
    pair = resolve(left, component, axis), resolve(right, component, axis)
    return derivative(space, axis, scheme, to, pair)


def _exchanged(space: Space, axis: int, line: Axis) -> Grid:
    axes = list(space.axes)
    axes[axis] = line
    return Grid(*axes)
