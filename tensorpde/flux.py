"""∇·(κ ∇u) with a coefficient that varies in space, for point values: in flux form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Boundary, Dirichlet, Even, Neumann, Odd, Periodic, Robin
from tensorpde.field import Space
from tensorpde.filling import on_wall
from tensorpde.opaque import Multiplication, OperatorSum
from tensorpde.operators import derivative
from tensorpde.schemes import Scheme, central
from tensorpde.schemes.scheme import Closure

Coefficient = float | Callable[..., Any]
"""A number, or a function of the coordinates x, y, …."""

TWO_POINTS = central.staggered(2, Closure(1))
"""The difference of two neighbours; beside a wall, of the neighbour and the wall value half a spacing away."""


def diffusion(
    space: Space, kappa: Coefficient | Sequence[Coefficient], scheme: Scheme = TWO_POINTS
) -> OperatorSum | Any:
    """∇·(κ ∇u) = Σ_k B_k κ D_k u in flux form: D_k from the points to those midway, B_k back. With boundary data.

    With the default scheme it is of order 2. On uniform axes with periodic points, given wall values or cell centres it
    is symmetric and negative semidefinite; with κ = 1 it is the central Laplacian. On other axes it is symmetric in the
    inner product with the volumes of the points.

    Parameters
    ----------
    space
        Of point values.
    kappa
        A number or a function of the coordinates; or a list with one of them per axis.
    scheme
        A staggered first derivative. Compact ones give their order on periodic axes and order 2 to 3 beside walls, and
        are not symmetric there.

    Returns
    -------
    TensorOperator
        `L @ u` is linear, `L(u, t)` counts the boundary data. κ is evaluated midway between the points, once.

    Raises
    ------
    ValueError
        If the scheme is not a staggered first derivative, or a wall with a point on it has a Robin condition, which
        needs `location="cells"`.

    Notes
    -----
    Storage: one array per axis. Each axis that is cut costs a transpose and one back.
    """
    if not scheme.shift or scheme.derivative != 1:
        raise ValueError(f"a flux form needs a staggered first derivative, not {scheme.name}")
    kappas = list(kappa) if isinstance(kappa, Sequence) else [kappa] * space.ndim
    if len(kappas) != space.ndim:
        raise ValueError(f"{len(kappas)} coefficients for {space.ndim} axes")
    return OperatorSum([_along(space, axis, own, scheme) for axis, own in enumerate(kappas)])


def _along(space: Space, axis: int, kappa: Coefficient, scheme: Scheme) -> Any:
    """∂(κ ∂u) along one axis."""
    line = space.axes[axis]
    if line.location == "cells" and not line.periodic:
        between = space.like(axis=axis, n=line.n + 1, location="nodes", bc=Neumann())  # the walls among them
        bc: tuple[Boundary | None, ...] = (None, None)
    else:
        middle = line.staggered()
        between = space.like(axis=axis, n=middle.n, location=middle.location)
        ends = ((line.lo, -1.0), (line.hi, 1.0))
        bc = tuple(_of_flux(side, kappa, axis, end, normal) for side, (end, normal) in zip(line.sides, ends))
    slope = derivative(space, axis, scheme, to=between)
    back = derivative(between, axis, scheme, to=space, bc=bc)
    return back @ (Multiplication(between.field(kappa)) @ slope)


def _of_flux(side: Boundary, kappa: Coefficient, axis: int, end: float, normal: float) -> Boundary | None:
    """What a condition on u says of κ ∂u/∂x at a wall with coordinate `end`; of a node there, if there is one."""
    if isinstance(side, (Periodic, Odd, Even)):
        return {Periodic: Periodic(), Odd: Even(), Even: Odd()}[type(side)]
    if isinstance(side, Dirichlet):
        return None
    if isinstance(side, Robin):
        raise ValueError(f'axis {axis} has {side} at a point of its own: a flux form needs location="cells" there')
    assert isinstance(side, Neumann)
    return Dirichlet(_Flux(kappa, side.value, axis, end, normal) if callable(side.value) or side.value != 0 else 0.0)


class _Flux:
    """κ ∂u/∂x on a wall from data on ∂u/∂n, a function of the other coordinates and t."""

    def __init__(self, kappa: Coefficient, data: Any, axis: int, end: float, normal: float) -> None:
        self.kappa, self.data, self.axis, self.end, self.normal = kappa, data, axis, end, normal

    def __call__(self, *others: Any) -> Any:
        x = list(others[:-1])
        x.insert(self.axis, np.asarray(self.end))
        kappa = self.kappa(*x) if callable(self.kappa) else self.kappa
        return (
            self.normal
            * kappa
            * (on_wall(self.data, len(x) - 1, others[-1])(*others[:-1]) if callable(self.data) else self.data)
        )
