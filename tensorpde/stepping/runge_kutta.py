"""Explicit Runge–Kutta steps of Fields."""

from __future__ import annotations

from collections.abc import Callable

from tensorpde.field import Field
from tensorpde.stepping.repeated import Repeated
from tensorpde.stepping.tableau import WILLIAMSON_RK3, Butcher, LowStorage

Slope = Callable[[Field, float, Field], object]
Constraint = Callable[[Field, float], object]
Implicit = Callable[[Field, float, float], object]


class RungeKutta:
    """u(t) → u(t + Δt) for du/dt = f(u, t), by any explicit tableau. Collective as far as f is.

    Parameters
    ----------
    slope
        ``slope(u, t, out)`` writes f(u, t) to the Field `out`, which has u's Space, lead and pencil.
    tableau
        Default: Williamson's low-storage third-order method, which keeps two further Fields (slope and register);
        a Butcher tableau of S stages keeps S + 1.
    constraint
        ``constraint(u, t)`` is called on every stage value and changes it in place (a projection, boundary values).
    implicit
        ``implicit(u, t, dt)`` advances every stage value in place by what the slope leaves out, before the constraint:
        over the part dt of the step that the stage is ahead of the value it was made from, to time t. A splitting, of
        first order in time, for stiff terms.

    Notes
    -----
    Work Fields are made on the first step and kept: later steps allocate nothing.
    """

    def __init__(
        self, slope: Slope, tableau: LowStorage | Butcher = WILLIAMSON_RK3, constraint: Constraint | None = None,
        implicit: Implicit | None = None, steady: bool = False,
    ) -> None:  # fmt: skip
        self.slope, self.tableau, self.constraint, self.implicit = slope, tableau, constraint, implicit
        self._repeated = Repeated() if steady else None
        self._work: list[Field] = []

    def __call__(self, u: Field, t: float, dt: float) -> Field:
        """Advance u in place by dt and return it."""
        count = 2 if isinstance(self.tableau, LowStorage) else self.tableau.stages + 1
        self._keep(u, count)
        step = self._two_registers if isinstance(self.tableau, LowStorage) else self._butcher
        if self._repeated is None:
            return step(u, t, dt)
        self._repeated(lambda: step(u, t, dt), u, dt)
        return u

    def _keep(self, u: Field, count: int) -> None:
        like = self._work[0] if self._work else None
        if like is None or like.local.shape != u.local.shape or like.dtype != u.dtype or like.pencil != u.pencil:
            self._work = [u.copy() for _ in range(count)]

    def _two_registers(self, u: Field, t: float, dt: float) -> Field:
        slope, register = self._work
        update = u.space.backend.pointwise.two_register_update
        method = self.tableau
        for a, b, c, after in zip(method.a, method.b, method.c, (*method.c[1:], 1.0), strict=True):
            self.slope(u, t + c * dt, slope)
            update(u.local, register.local, slope.local, a, b, dt)
            self._finish(u, t + after * dt, (after - c) * dt)
        return u

    def _butcher(self, u: Field, t: float, dt: float) -> Field:
        *slopes, start = self._work
        axpby = u.space.backend.pointwise.axpby
        axpby(1.0, u.local, 0.0, start.local)
        method = self.tableau
        stages = zip((*method.a[1:], method.b), method.c, (*method.c[1:], 1.0), slopes, strict=True)
        for row, c, after, slope in stages:
            self.slope(u, t + c * dt, slope)
            axpby(1.0, start.local, 0.0, u.local)
            for factor, known in zip(row, slopes, strict=False):
                if factor:
                    axpby(factor * dt, known.local, 1.0, u.local)
            self._finish(u, t + after * dt, after * dt)
        return u

    def _finish(self, u: Field, t: float, dt: float) -> None:
        if self.implicit is not None:
            self.implicit(u, t, dt)
        if self.constraint is not None:
            self.constraint(u, t)
