"""Incompressible Navier–Stokes on boxes that are periodic or have free-slip or no-slip walls."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.parallel.reduce import largest
from tensorpde.pde.diagnostics import Diagnostics
from tensorpde.pde.pressure import Projection, Schemes
from tensorpde.pde.transport import Transport
from tensorpde.stepping import WILLIAMSON_RK3, Butcher, LowStorage, RungeKutta


class NavierStokes:
    """∂u/∂t = −½ (u·∇u + ∇·(u u)) − ∇p + ν ∇²u + f,  ∇·u = 0.

    Explicit Runge–Kutta, the velocity projected after every stage; pressure and divergence as in
    `tensorpde.pde.pressure`, transport as in `tensorpde.pde.transport`.

    Parameters
    ----------
    space
        Where every velocity component lives. Its axes are Periodic() or carry FreeSlip() or NoSlip() on either side.
    nu
        Kinematic viscosity.
    schemes
        Default: sixth-order compact (Lele 1992).
    tableau
        Default: Williamson's low-storage third-order method.
    force
        ``force(u, t, out)`` adds a body force to the Field `out`.
    cfl
        Fraction of the stability limit that `dt` and `step(v, dt=None)` take.

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
        tableau: LowStorage | Butcher = WILLIAMSON_RK3,
        force: Callable[[Field, float, Field], object] | None = None,
        cfl: float = 0.5,
    ) -> None:
        if not nu >= 0:
            raise ValueError(f"viscosity nu={nu} must be 0 or more")
        if space.ndim < 2 or space.dtype.kind != "f":
            raise ValueError(f"a flow needs a real Space of 2 or more axes, got {space}")
        schemes = schemes or Schemes()
        self.space, self.nu, self.cfl = space, nu, cfl
        self.projection = Projection(space, schemes)
        self._transport = Transport(space, nu, schemes.first, schemes.second)
        self._force = force
        self._diagnostics = Diagnostics(space, nu, schemes, self.projection)
        self._advance = RungeKutta(self.slope, tableau, constraint=lambda u, t: self.projection(u))
        self._limits = self._stability(schemes, tableau)

    def _stability(self, schemes: Schemes, tableau: LowStorage | Butcher) -> tuple[np.ndarray, float]:
        """Factors of |u_a| in the convective limit on 1/Δt, and the viscous limit."""
        theta = np.linspace(0, np.pi, 400)
        steepest = np.abs(schemes.first.symbol(theta)).max(), np.abs(schemes.second.symbol(theta)).max()
        finest = np.array([np.diff(axis.x).min() if axis.n > 1 else axis.length for axis in self.space.axes])
        return steepest[0] / finest / tableau.imaginary, self.nu * steepest[1] * (finest**-2.0).sum() / tableau.real

    def slope(self, u: Field, t: float, out: Field) -> Field:
        """out = transport + force, before the projection. Collective."""
        self._transport(u, out)
        if self._force is not None:
            self._force(u, t, out)
        return out

    def dt(self, v: Field) -> float:
        """`cfl` times the largest stable time step for v. Collective."""
        factors, viscous = self._limits
        courant = self.space.backend.pointwise.courant
        rate = largest(self.space.comm, courant(v.local, factors)) + viscous
        return self.cfl / rate if rate else np.inf

    def step(self, v: Field, dt: float | None = None, t: float = 0.0) -> Field:
        """Advance v in place from t by dt (None: `self.dt(v)`) and return it. Collective."""
        self._check(v)
        return self._advance(v, t, self.dt(v) if dt is None else dt)

    def project(self, v: Field) -> Field:
        """Make v divergence-free in place, as every stage does. Collective."""
        self._check(v)
        return self.projection(v)

    def divergence(self, v: Field) -> Field:
        """The discrete divergence, which a step leaves at round-off. Collective."""
        return self.projection.divergence_of(v)

    def vorticity(self, v: Field) -> Field:
        """∇ × v: lead=(3,) in three dimensions, a scalar in two. Collective."""
        return self._diagnostics.vorticity(v)

    def q_criterion(self, v: Field) -> Field:
        """Q = −½ ∂_j v_i ∂_i v_j = ½(|Ω|² − |S|²). Collective."""
        return self._diagnostics.q_criterion(v)

    def diagnostics(self, v: Field) -> dict[str, float]:
        """Integral quantities: see `tensorpde.pde.diagnostics`. Collective."""
        return self._diagnostics(v)

    def _check(self, v: Field) -> None:
        if v.space.shape != self.space.shape or v.lead != (self.space.ndim,):
            raise ValueError(f"{v} is no velocity on {self.space}: it needs lead=({self.space.ndim},)")
        if v.pencil != self.space.pencil or v.dtype != self.space.dtype:
            raise ValueError(f"{v} must be in the home pencil {self.space.pencil} with dtype {self.space.dtype}")
