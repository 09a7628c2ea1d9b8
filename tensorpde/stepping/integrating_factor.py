"""Runge–Kutta steps whose stiff linear part is exact: integrating factors."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from tensorpde.field import Field
from tensorpde.stepping.repeated import Repeated
from tensorpde.stepping.runge_kutta import Slope
from tensorpde.stepping.tableau import CARPENTER_KENNEDY_RK4, LowStorage

Propagator = Callable[[Field, float], object]


class IntegratingFactor:
    """u(t) → u(t + Δt) for u' = L u + N(u, t), with e^{τL} at hand: the tableau is applied to v(t) = e^{−tL} u.

    Written in u, each stage is one of the two-register method, and between stages both registers move on by e^{τL},
    τ = (c_{s+1} − c_s) Δt. Whatever L alone does is exact for every Δt. Collective as far as N and e^{τL} are.

    Parameters
    ----------
    slope
        ``slope(u, t, out)`` writes N(u, t) to the Field `out`.
    propagate
        ``propagate(u, tau)`` multiplies u by e^{τL} in place, τ ≥ 0.
    tableau
        A low-storage method whose stage times increase; default: Carpenter and Kennedy's of order 4.
    steady
        Whether N does the same at any time, as of `RungeKutta`.

    Raises
    ------
    ValueError
        If the stage times of the tableau decrease: e^{τL} with τ < 0 grows without bound.

    Notes
    -----
    Two work Fields, made on the first step and kept. J. D. Lawson, Generalized Runge–Kutta processes for stable systems
    with large Lipschitz constants, SIAM J. Numer. Anal. 4 (1967) 372–380.
    """

    def __init__(
        self, slope: Slope, propagate: Propagator, tableau: LowStorage = CARPENTER_KENNEDY_RK4, steady: bool = False
    ) -> None:
        times = (*tableau.c, 1.0)
        if any(later < earlier for earlier, later in pairwise(times)):
            raise ValueError(f"integrating factors need stage times that increase, {tableau.name} has {tableau.c}")
        self.slope, self.propagate, self.tableau = slope, propagate, tableau
        self._spans = tuple(later - earlier for earlier, later in pairwise(times))
        self._work: tuple[Field, Field] | None = None
        self._repeated = Repeated() if steady else None

    def __call__(self, u: Field, t: float, dt: float) -> Field:
        """Advance u in place by dt and return it."""
        work = self._kept(u)
        if self._repeated is None:
            return self._step(u, t, dt, *work)
        self._repeated(lambda: self._step(u, t, dt, *work), u, dt)
        return u

    def _step(self, u: Field, t: float, dt: float, slope: Field, register: Field) -> Field:
        update = u.space.backend.pointwise.two_register_update
        method = self.tableau
        for stage, (a, b, c, span) in enumerate(zip(method.a, method.b, method.c, self._spans, strict=True), 1):
            self.slope(u, t + c * dt, slope)
            update(u.local, register.local, slope.local, a, b, dt)
            self.propagate(u, span * dt)
            if stage < method.stages:
                self.propagate(register, span * dt)
        return u

    def _kept(self, u: Field) -> tuple[Field, Field]:
        work = self._work
        if work is None or work[0].local.shape != u.local.shape or work[0].dtype != u.dtype:
            work = self._work = u.copy(), u.copy()
        return work
