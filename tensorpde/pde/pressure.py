"""The pressure: where it lives, the discrete divergence and gradient, and the projection that joins them.

On periodic and free-slip axes the pressure shares the points of the velocity and both operators are the
first derivative. On an axis with a no-slip wall it lives half a spacing away (between the velocity points,
n + 1 of them for n interior velocities), and the operators are the staggered derivative along the axis
and midpoint interpolations along the others. Either way

    D u* = D G p,   u = u* − G p

is solved for exactly these operators by fast diagonalization of the pairs (D_a G_a, I_a J_a), so that D u
is at round-off; D u counts the velocities that are given on the sides (`tensorpde.pde.given_sides`).
Modes that neither operator sees (the mean; the sawtooth at the Nyquist wavenumber) are in the null space
of the pairs and are set to zero: the pressure cannot hold a checkerboard.

A stage that is implicit along some axes has u = u* − S G p with S = Π (I − ρ A_k)⁻¹, and D S G is a sum of such
products too, of the pairs (D_a S_a G_a, I_a S_a J_a): velocity and pressure are solved for together, without splitting
error.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from tensorpde.boundary import Boundary, FreeSlip, NoSlip, resolve
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron, KronSum
from tensorpde.mapping import Uniform
from tensorpde.operators import derivative
from tensorpde.pde.given_sides import GivenSides
from tensorpde.schemes import Scheme, lele1992
from tensorpde.solve.diagonal import FastDiagonal


@dataclass(frozen=True)
class Schemes:
    """The finite-difference formulas of a flow solver."""

    first: Scheme = lele1992.first_derivative
    second: Scheme = lele1992.second_derivative
    staggered: Scheme = lele1992.staggered_derivative
    interpolation: Scheme = lele1992.midpoint_interpolation


class Projection:
    """u ← u − G (D G)⁻¹ D u, and the operators it is made of. Making and calling it are collective.

    Parameters
    ----------
    space
        The Space of every velocity component; its axes carry the flow conditions.
    schemes
        The formulas.

    Attributes
    ----------
    space : the Space of the pressure.
    divergence : one Kron per component, velocity to pressure; its boundary data are the velocities of the sides.
    gradient : one Kron per component, pressure to velocity.
    pressure : the Field that the last call subtracted the gradient of.
    """

    def __init__(self, space: Space, schemes: Schemes) -> None:
        self.space = space.like(grid=Grid(*(_pressure_axis(axis, b) for b, axis in enumerate(space.axes))))
        axes = range(space.ndim)
        pressure = [_conditions(axis, "pressure", b) for b, axis in enumerate(space.axes)]
        velocity = [[_conditions(axis, a, b) for b, axis in enumerate(space.axes)] for a in axes]
        self.divergence = [_operator(space, self.space, a, schemes, velocity[a]) for a in axes]
        self.gradient = [_operator(self.space, space, a, schemes, pressure) for a in axes]
        self._walls = [(a, k) for a, axis in enumerate(space.axes) for k in _wall_points(axis)]
        self._factor()
        self.pressure = self.space.zeros()
        self._sides = GivenSides(space, self.divergence, self._range_of)

    def _factor(self) -> None:
        axes = range(len(self.gradient))
        self._down = [-operator for operator in self.gradient]
        pairs = [(_product(self, b, b), _product(self, (b + 1) % len(axes), b)) for b in axes]
        self._solver = FastDiagonal.from_pairs(self.space, pairs)

    def through(self, solves: Sequence[Kron]) -> Projection:
        """The projection along S G: u ← u − S G (D S G)⁻¹ D u, what a stage that is implicit in some diffusion needs.

        It shares the other operators and the pressure with this one. Collective.

        Parameters
        ----------
        solves
            S for each velocity component. Along an axis that of the component along it may differ from the others'.
        """
        made = copy(self)
        made.gradient = [solve @ operator for solve, operator in zip(solves, self.gradient, strict=True)]
        made._factor()
        return made

    def _range_of(self, wanted: Field) -> Field:
        """The part of a divergence that velocities inside can make: D G (D G)⁻¹ of it."""
        p = self._solver.solve(wanted)
        for a, (down, up) in enumerate(zip(self.divergence, self.gradient, strict=True)):
            down.apply(up @ p, out=wanted, beta=float(a > 0))
        return wanted

    def divergence_of(self, u: Field, out: Field | None = None, t: float = 0.0) -> Field:
        """D u, given velocities of the sides counted as far as velocities inside can balance them. Collective."""
        out = self._inside(u, self.space.zeros() if out is None else out)
        self._sides.add(out, t)
        if self._sides.moving:
            self._sides.check(t)
            self._range_of(out)  # of the sum, which is small: the lifting alone would bring its round-off
        return out

    def _inside(self, u: Field, out: Field) -> Field:
        """D u for sides at rest."""
        for a, operator in enumerate(self.divergence):
            operator.apply(u[a], out=out, beta=float(a > 0))
        return out

    def largest_divergence(self, u: Field, t: float = 0.0) -> float:
        """max |D u|. Collective."""
        pencil = self.space.pencil
        with pencil.process_grid.workspace(self.space.backend).lent(pencil.local_shape, self.space.dtype) as block:
            found = self.divergence_of(u, Field(self.space, block, pencil), t)
            return found.norm("max")

    def __call__(self, u: Field, t: float = 0.0, at_rest: bool = False) -> Field:
        """Make u divergence-free in place, zero across free-slip walls, and return it. Collective.

        The sides have their velocities of time t, or are at rest: so for rates of change where these are steady.
        """
        for a, point in self._walls:
            part = u.pencil.slices[a]
            if part.start <= point < part.stop:
                u.local[(a, *[slice(None)] * a, point - part.start)] = 0
        wanted = self._inside(u, self.pressure)
        if not at_rest:
            self._sides.add(wanted, t)
        self._solver.solve(wanted, out=self.pressure)
        for a, operator in enumerate(self._down):
            operator.apply(self.pressure, out=u[a], beta=1.0)
        return u


def _pressure_axis(axis: Axis, number: int) -> Axis:
    """Where the pressure lives: on the velocity's points, or between them where a wall lets nothing slip."""
    if not any(isinstance(bc, NoSlip) for bc in axis.sides):
        if not axis.periodic and axis.location == "cells" and not isinstance(axis.mapping, Uniform):
            # reflections about a wall between points are matched anew there, and D then leaves the range of D G
            raise ValueError(f'axis {number}: {axis.mapping} between free-slip walls needs location="nodes"')
        return axis.like(bc=_conditions(axis, "pressure", number))
    if axis.location != "nodes":
        raise ValueError(f'axis {number}: NoSlip walls need location="nodes", not {axis.location!r}')
    return axis.staggered()


def _operator(start: Space, end: Space, component: int, schemes: Schemes, conditions: list) -> Kron:
    """Interpolations along the axes whose points differ, then the derivative along the axis `component`.

    In this order, for the velocity of a wall is that of what is interpolated, not that of its derivative.
    """
    total = Kron(start, {})
    for b in sorted(range(start.ndim), key=lambda b: b == component):
        here, there = start.axes[b], end.axes[b]
        staggered = here.location != there.location
        if b == component:
            scheme = schemes.staggered if staggered else schemes.first
        elif staggered:
            scheme = schemes.interpolation
        else:
            continue
        axes = list(total.range.axes)
        axes[b] = there
        total = derivative(total.range, b, scheme, total.range.like(grid=Grid(*axes)), conditions[b]) @ total
    return Kron(start, total.factors, range=end, sources=total.sources)


def _product(projection: Projection, component: int, axis: int) -> np.ndarray:
    """Divergence times gradient of one component along one axis: of its own A, of others B."""
    parts = (projection.divergence[component], projection.gradient[component])
    n = projection.space.shape[axis]
    down, up = (part.factors[axis].matrix() if axis in part.factors else np.eye(n) for part in parts)
    return down @ up


def _wall_points(axis: Axis) -> list[int]:
    """Unknowns that lie on a free-slip wall, where the normal velocity is zero."""
    if axis.location != "nodes":
        return []
    return [k for k, side in zip((0, axis.n - 1), axis.sides, strict=True) if isinstance(side, FreeSlip)]


def _conditions(axis: Axis, component: int | str, number: int) -> tuple[Boundary | None, Boundary | None]:
    left, right = (resolve(bc, component, number) for bc in axis.sides)
    return left, right


def divergence_sum(projection: Projection) -> KronSum:
    """D G as an operator on pressures, for tests and other solvers."""
    return KronSum([d @ g for d, g in zip(projection.divergence, projection.gradient, strict=True)])
