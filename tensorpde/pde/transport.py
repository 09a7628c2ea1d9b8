"""Convection and diffusion of the velocity components, on pencils."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Boundary, Dirichlet, Even, Odd, Periodic, resolve
from tensorpde.field import Field, Space
from tensorpde.filling import is_steady, on_wall
from tensorpde.grid import Axis
from tensorpde.line.band import RowBand
from tensorpde.line.factor import Sweeps, sweeps
from tensorpde.parallel import Pencil, Transpose, agree
from tensorpde.pde.scalars import Scalar
from tensorpde.schemes import Scheme, assemble


class Transport:
    """F_i(u) = −½ Σ_a (u_a ∂_a u_i + ∂_a(u_a u_i)) + ν_i Σ_a ∂_a² u_i, the skew-symmetric form.

    The first d of the u_i are the velocity, the rest are scalars that it carries.

    With an antisymmetric ∂ (central and compact schemes on periodic and free-slip axes) the convective part
    conserves Σ u·u whatever the divergence, so that aliasing cannot blow a run up.

    Cost: one fused pass per axis and component; on P ranks 2·d Fields travel per axis that is cut.
    Memory beside u and F, lent by the process grid, of d components and scalars: 2 d arrays where one axis is cut, 3 d
    where two are.

    Parameters
    ----------
    space
        Where every component lives; the conditions of its axes are flow conditions (NoSlip, FreeSlip) or scalar ones.
    nu
        Kinematic viscosity.
    first, second
        Schemes of the derivatives.
    scalars
        What follows the velocity in u.
    without
        Axes along which diffusion is left out.
    """

    def __init__(
        self, space: Space, nu: float, first: Scheme, second: Scheme, scalars: Sequence[Scalar] = (),
        without: Sequence[int] = (),
    ) -> None:  # fmt: skip
        self.space = space
        self._kernel = space.backend.transport
        self._stops = _stops(space.pencil)
        self._plans, self._walls = [], []
        whole = {axis: pencil for pencil, axes in self._stops for axis in axes}
        for axis, line in enumerate(space.axes):
            own = quantities(line, axis, space.ndim, nu, scalars)
            kappas = [0.0 if axis in without else kappa for _, kappa in own]
            plans = zip(own, kappas, strict=True)
            self._plans.append([self._plan(axis, sides, kappa, first, second) for (sides, _), kappa in plans])
            self._walls.append([OnSides(space, axis, sides, whole[axis]) for sides, _ in own])
        self._moving = any(one.moving for walls in self._walls for one in walls)

    def __call__(self, u: Field, out: Field, t: float = 0.0) -> Field:
        """out = F(u) at time t; both have lead=(d + scalars,) and the home pencil. Collective."""
        if self._moving:
            with agree(self.space.comm, "evaluating boundary data"):
                for one in (one for walls in self._walls for one in walls if one.moving):
                    one.take(t)
        work = u.pencil.process_grid.workspace(self.space.backend)

        def moved(values: Any, start: int, end: int, target: Any = None) -> Any:
            pencil = self._stops[end][0]
            target = work.take((*u.lead, *pencil.local_shape), u.dtype) if target is None else target
            return Transpose.between(self._stops[start][0], pencil).forward(values, target)

        last = len(self._stops) - 1
        velocity = [u.local]
        for k in range(last):
            velocity.append(moved(velocity[k], k, k + 1))
        slope = out.local if last == 0 else work.take(velocity[last].shape, u.dtype)
        for k in range(last, -1, -1):
            for number, axis in enumerate(self._stops[k][1]):
                self._along(axis, velocity[k], slope, beta=float(k < last or number > 0))
            if k > 0:  # given back before more is taken: at most three vectors beside u and out
                work.give(velocity[k])
                before = slope
                slope = moved(before, k, k - 1, out.local if k == 1 else None)
                work.give(before)
        return out

    def _plan(self, axis: int, value: tuple[Boundary, ...], diffusivity: float, first: Scheme, second: Scheme) -> Any:
        """The kernel's plan along an axis for a quantity with the conditions `value` there."""
        line = self.space.axes[axis]
        speed = tuple(_scalar(bc, axis, axis) for bc in line.sides)
        product = tuple(_product(a, b) for a, b in zip(speed, value, strict=True))
        operators = [
            line_sweeps(scheme, line, conditions, factor)
            for scheme, conditions, factor in ((first, value, 1.0), (first, product, 1.0), (second, value, diffusivity))
        ]
        return self._kernel.prepare(operators, self.space.dtype, not line.periodic)

    def _along(self, axis: int, u: Any, out: Any, beta: float) -> None:
        given = self._walls[axis]
        for i, (plan, own) in enumerate(zip(self._plans[axis], given, strict=True)):
            walls = None if self.space.axes[axis].periodic else (given[axis].values, own.values)
            self._kernel.transport(plan, u[axis], u[i], out[i], axis, beta, walls)


class OnSides:
    """The data of one quantity on both sides of an axis, a value for each line of a pencil. Making it is collective.

    Attributes
    ----------
    values : (2, lines), left and right.
    moving : whether they depend on the time: then `take` comes before every use.
    """

    def __init__(self, space: Space, axis: int, sides: Sequence[Boundary], pencil: Pencil) -> None:
        self._space = space
        self._data = [getattr(bc, "value", 0.0) for bc in sides]
        others = [k for k in range(space.ndim) if k != axis]
        self._x = np.ix_(*(space.axes[k].x[pencil.slices[k]] for k in others))
        self._shape = tuple(pencil.local_shape[k] for k in others)
        self.moving = any(callable(data) and not is_steady(data, len(others)) for data in self._data)
        self.values = space.backend.zeros((2, math.prod(self._shape)), space.dtype)
        with agree(space.comm, "evaluating boundary data"):
            self.take(0.0)

    def take(self, t: float) -> None:
        """Put the data of time t into `values`. Not collective."""
        for row, data in zip(self.values, self._data, strict=True):
            found = on_wall(data, len(self._shape), t)(*self._x) if callable(data) else data
            row[...] = self._space.backend.asarray(np.broadcast_to(found, self._shape).reshape(-1), row.dtype)


def _stops(home: Pencil) -> list[tuple[Pencil, list[int]]]:
    """The pencils to go through, each with the axes that are first whole in it."""
    stops: list[tuple[Pencil, list[int]]] = []
    pencil, seen = home, set[int]()
    while len(seen) < home.ndim:
        if stops:
            pencil = pencil.aligned(max(set(range(home.ndim)) - seen))
        axes = [axis for axis in range(home.ndim) if pencil.is_whole(axis) and axis not in seen]
        seen.update(axes)
        stops.append((pencil, axes))
    return stops


def quantities(
    line: Axis, axis: int, ndim: int, nu: float, scalars: Sequence[Scalar]
) -> list[tuple[tuple[Boundary, ...], float]]:
    """The conditions along an axis and the diffusivity of each velocity component and scalar."""
    velocity = [(tuple(_scalar(bc, i, axis) for bc in line.sides), nu) for i in range(ndim)]
    return [*velocity, *((scalar.sides(line, axis), scalar.diffusivity) for scalar in scalars)]


def line_sweeps(scheme: Scheme, axis: Axis, bc: tuple[Boundary, ...], factor: float) -> Sweeps:
    """factor · scheme on an axis; on walls the band has a column for the datum at either end."""
    parts = assemble(scheme, axis, bc=bc[0] if axis.periodic else bc)
    if axis.periodic:
        return sweeps(parts.lhs, parts.rhs.scaled(factor))
    columns = np.hstack([parts.left[:, None], parts.rhs.matrix(), parts.right[:, None]])
    return sweeps(parts.lhs, RowBand.from_matrix(factor * columns))


def _scalar(bc: Boundary, component: int, axis: int) -> Boundary:
    found = resolve(bc, component, axis)
    if not isinstance(found, (Periodic, Dirichlet, Odd, Even)):
        what = f"axis {axis}, velocity component {component}: {bc}"
        raise ValueError(f"{what}; a flow needs Periodic, NoSlip or FreeSlip")
    return found


def _product(a: Boundary, b: Boundary) -> Boundary:
    """The condition that the product of two quantities obeys."""
    if isinstance(a, Periodic):
        return a
    if isinstance(a, (Odd, Even)) and isinstance(b, (Odd, Even)):
        return Even() if isinstance(a, Odd) == isinstance(b, Odd) else Odd()
    return Dirichlet()  # its datum is the product of the two; where the slope of b is known, nothing flows through
