"""Incompressible Navier–Stokes on boxes of periodic axes, free-slip walls and given velocities; scalars and bodies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Boundary, FreeSlip, Periodic
from tensorpde.field import Field, Space
from tensorpde.given import number
from tensorpde.grid import Axis
from tensorpde.kron import KronSum, same_points
from tensorpde.operators import derivative
from tensorpde.parallel.reduce import largest
from tensorpde.pde.diagnostics import Diagnostics
from tensorpde.pde.forces import ConstantFlux, Force, Forcing
from tensorpde.pde.penalization import Penalization, Relaxation
from tensorpde.pde.pressure import Projection, Schemes
from tensorpde.pde.scalars import Scalar
from tensorpde.pde.transport import Transport, quantities
from tensorpde.stepping import (
    SPALART_MOSER_ROGERS,
    WILLIAMSON_RK3,
    Additive,
    Butcher,
    ImplicitExplicit,
    LowStorage,
    RungeKutta,
    Stage,
)
from tensorpde.stepping.implicit_explicit import Finish


class NavierStokes:
    """∂u/∂t = −½ (u·∇u + ∇·(u u)) − ∇p + ν ∇²u + f,  ∇·u = 0.

    Runge–Kutta, explicit but for diffusion along chosen axes, the velocity projected after every stage; pressure and
    divergence as in `tensorpde.pde.pressure`, transport as in `tensorpde.pde.transport`. The state is one Field:
    velocity components, then scalars.

    Parameters
    ----------
    space
        Where every velocity component lives. Its axes are Periodic() or carry FreeSlip() or NoSlip() on either side;
        NoSlip(velocity) may let fluid in and out, as much in as out.
    nu
        Kinematic viscosity.
    schemes
        Default: sixth-order compact (Lele 1992).
    tableau
        Default: Williamson's low-storage third-order method; with implicit axes that of Spalart, Moser and Rogers.
    force
        A body force: one number or function of (coordinates…) or (coordinates…, t) per velocity component; or a
        function of the state, ``force(u, t, out)``, which adds to the Field `out`; or a `ConstantFlux`.
    cfl
        Fraction of the stability limit that `dt` and `step(v, dt=None)` take.
    scalars
        What the flow carries, and what drives it by buoyancy.
    penalizations
        Bodies and sponges. Every stage relaxes to them implicitly, then projects: the velocity left in a body is the
        gradient of the pressure times Δt, and the divergence is at round-off in bodies too.
    implicit
        Axes along which diffusion, of scalars too, is implicit and does not limit the time step: those with walls and
        small spacings. Velocity and pressure of a stage are solved for together. The factors are of a Δt: they are made
        when it changes, and those of the last few are kept; `dt` gives few different ones.

    Raises
    ------
    ValueError
        For conditions or viscosities that do not make a flow, naming them.

    Notes
    -----
    Memory: u, slope, register (3 d arrays) and the pressure; besides, work arrays lent by the process grid: one and a
    bit on one rank, 2 d + 1 where one axis is cut, 3 d where two are. In three dimensions 12, 17 and 19 in all.
    Making one and all methods are collective.
    """

    def __init__(
        self,
        space: Space,
        nu: float,
        schemes: Schemes | None = None,
        tableau: LowStorage | Butcher | Additive | None = None,
        force: Force = None,
        cfl: float = 0.5,
        scalars: Sequence[Scalar] = (),
        penalizations: Sequence[Penalization] = (),
        implicit: Sequence[int] = (),
    ) -> None:
        if not number(nu, "the viscosity nu") >= 0:
            raise ValueError(f"viscosity nu={nu} must be 0 or more")
        if space.ndim < 2 or space.dtype.kind != "f":
            raise ValueError(f"a flow needs a real Space of 2 or more axes, got {space}")
        schemes = schemes or Schemes()
        self.space, self.nu, self.cfl, self.schemes = space, nu, cfl, schemes
        self.projection = Projection(space, schemes)
        self.scalars = tuple(scalars)
        for scalar in self.scalars:
            scalar.check(space.axes)
        self.components = space.ndim + len(self.scalars)
        if not all(-space.ndim <= axis < space.ndim for axis in implicit):
            raise ValueError(f"implicit diffusion along {tuple(implicit)}, but there are {space.ndim} axes")
        self.implicit = tuple(sorted({axis % space.ndim for axis in implicit}))
        self._transport = Transport(space, nu, schemes.first, schemes.second, self.scalars, self.implicit)
        self.flux = force if isinstance(force, ConstantFlux) else None
        if self.flux is not None:
            self.flux.check(space)
        self._forcing = Forcing(space, force, self.scalars)
        self._relaxations = [Relaxation(space, given, self.components) for given in penalizations]
        self._diagnostics = Diagnostics(space, nu, schemes, self.projection)
        self._advance: RungeKutta | ImplicitExplicit
        if not self.implicit:
            free = all(isinstance(bc, (Periodic, FreeSlip)) for axis in space.axes for bc in _sides(axis))
            steady = free and force is None and not scalars and not penalizations
            self._advance = self._explicit(WILLIAMSON_RK3 if tableau is None else tableau, steady)
        else:
            self._advance = self._half_implicit(SPALART_MOSER_ROGERS if tableau is None else tableau)
        self._limits = self._stability(schemes, self._advance.tableau)

    def _explicit(self, tableau: LowStorage | Butcher | Additive, steady: bool) -> RungeKutta:
        if isinstance(tableau, Additive):
            raise ValueError(f"{tableau.name} needs axes with implicit diffusion: implicit=(…), not {self.implicit}")

        def finish(u: Field, t: float, dt: float) -> None:
            self._relax(u, t, dt)
            self.projection(u, t)
            if self.flux is not None:
                self.flux.restore(u, dt)

        return RungeKutta(self.slope, tableau, implicit=finish, steady=steady)

    def _half_implicit(self, tableau: LowStorage | Butcher | Additive) -> ImplicitExplicit:
        if not isinstance(tableau, Additive):
            raise ValueError(f"{tableau.name} is explicit, but diffusion along the axes {self.implicit} shall not be")
        space, second = self.space, self.schemes.second
        made: dict[Any, KronSum] = {}
        lines = [quantities(space.axes[a], a, space.ndim, self.nu, self.scalars) for a in self.implicit]
        for key in zip(*lines, strict=True):
            if key not in made:
                along = zip(self.implicit, key, strict=True)
                made[key] = KronSum([kappa * derivative(space, a, second, bc=sides) for a, (sides, kappa) in along])
        operators = [made[key] for key in zip(*lines, strict=True)]
        return ImplicitExplicit(self._rest, operators, tableau, self._together)

    def _together(self, stage: Stage) -> Finish:
        """What finishes a stage with implicit diffusion: bodies, then pressure and flux through its solves."""
        projection = self.projection.through(stage.solves[: self.space.ndim])

        def finish(u: Field, t: float) -> None:
            self._relax(u, t, stage.span)
            projection(u, t)
            if self.flux is not None:
                self.flux.restore(u, stage.span, stage.solves[self.flux.axis])

        return finish

    def _stability(self, schemes: Schemes, tableau: LowStorage | Butcher | Additive) -> tuple[list[np.ndarray], float]:
        """Factors of |u_a| in the convective limit on 1/Δt along each axis, and the viscous limit."""
        theta = np.linspace(0, np.pi, 400)
        steepest = np.abs(schemes.first.symbol(theta)).max(), np.abs(schemes.second.symbol(theta)).max()
        spacings = [_spacings(axis) for axis in self.space.axes]
        diffusivity = max([self.nu, *(scalar.diffusivity for scalar in self.scalars)])
        viscous = sum(own.min() ** -2.0 for axis, own in enumerate(spacings) if axis not in self.implicit)
        here = zip(spacings, self.space.pencil.slices, strict=True)
        convective = [steepest[0] / tableau.imaginary / own[block] for own, block in here]
        return convective, diffusivity * steepest[1] * viscous / tableau.real

    def slope(self, u: Field, t: float, out: Field) -> Field:
        """out = transport + forces, before relaxation and projection. Collective."""
        self._rest(u, t, out)
        if isinstance(self._advance, ImplicitExplicit):
            self._advance.add_rate(u, out)
        return out

    def _rest(self, u: Field, t: float, out: Field) -> None:
        """The slope without implicit diffusion."""
        self._transport(u, out, t)
        self._forcing(u, t, out)

    def _relax(self, u: Field, t: float, dt: float) -> None:
        for relaxation in self._relaxations:
            relaxation(u, t, dt)

    def dt(self, v: Field) -> float:
        """`cfl` times the largest stable step for v; with implicit axes rounded down to a power of 2^⅛. Collective."""
        self._check_state(v)
        factors, viscous = self._limits
        courant = self.space.backend.pointwise.courant
        rate = largest(self.space.comm, courant(v.local[: self.space.ndim], factors)) + viscous
        if not rate or not self.implicit:
            return self.cfl / rate if rate else np.inf
        return float(2.0 ** (np.floor(8 * np.log2(self.cfl / rate)) / 8))

    def step(self, v: Field, dt: float | None = None, t: float = 0.0) -> Field:
        """Advance v in place from t by dt (None: `self.dt(v)`) and return it. Collective."""
        self._check(v)
        return self._advance(v, t, self.dt(v) if dt is None else dt)

    def project(self, v: Field, t: float = 0.0) -> Field:
        """Make v divergence-free in place, as every stage does, with the sides as at time t. Collective.

        Twice, for where much is to be corrected the first time leaves the round-off of much.
        """
        self._check(v)
        return self.projection(self.projection(v, t), t)

    def divergence(self, v: Field, t: float = 0.0) -> Field:
        """The discrete divergence, which a step leaves at round-off. Collective."""
        return self.projection.divergence_of(v, t=t)

    def vorticity(self, v: Field, t: float = 0.0) -> Field:
        """∇ × v: lead=(3,) in three dimensions, a scalar in two. Collective."""
        return self._diagnostics.vorticity(v, t)

    def q_criterion(self, v: Field, t: float = 0.0) -> Field:
        """Q = −½ ∂_j v_i ∂_i v_j = ½(|Ω|² − |S|²). Collective."""
        return self._diagnostics.q_criterion(v, t)

    def diagnostics(self, v: Field, t: float = 0.0) -> dict[str, float]:
        """Integral quantities: see `tensorpde.pde.diagnostics`; of scalars NAME_mean and NAME_variance. Collective."""
        self._check_state(v)
        found = self._diagnostics(v[: self.space.ndim], t)
        for scalar, values in zip(self.scalars, v[self.space.ndim :], strict=True):
            mean = values.mean()
            found[f"{scalar.name}_mean"] = mean
            found[f"{scalar.name}_variance"] = self._diagnostics.mean(values, values) - mean**2
        return found

    def _check(self, v: Field) -> None:
        self._check_state(v)
        if v.pencil != self.space.pencil or v.dtype != self.space.dtype:
            raise ValueError(f"{v} must be in the home pencil {self.space.pencil} with dtype {self.space.dtype}")

    def _check_state(self, v: Field) -> None:
        if not isinstance(v, Field):
            raise TypeError(f"the state of a flow is one Field, not {type(v).__name__}")
        if not same_points(v.space, self.space) or v.lead != (self.components,):
            what = f"{self.space.ndim} velocity components and {len(self.scalars)} scalars"
            raise ValueError(f"{v} is no state on {self.space}: {what} need lead=({self.components},)")


def _sides(axis: Axis) -> tuple[Boundary, ...]:
    return axis.bc if isinstance(axis.bc, tuple) else (axis.bc, axis.bc)


def _spacings(axis: Axis) -> np.ndarray:
    """The smaller of the distances of each point to its neighbours."""
    if axis.n == 1:
        return np.array([axis.length])
    gaps = np.diff(axis.x)
    first = axis.x[0] + axis.length - axis.x[-1] if axis.periodic else gaps[0]
    last = first if axis.periodic else gaps[-1]
    return np.minimum(np.append(first, gaps), np.append(gaps, last))
