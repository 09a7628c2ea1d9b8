"""The first half of the two-stage splittings: an explicit Euler step, smoothed by one solve per axis."""

from __future__ import annotations

from collections.abc import Callable

from tensorpde.field import Field
from tensorpde.kron import TensorOperator
from tensorpde.stepping.alternating import SourceTerm, add, add_source
from tensorpde.stepping.splitting import Splitting

Explicit = Callable[[Field, float], Field]


class Predictor:
    """Δ = Π (I − θ dt A_k)⁻¹ R with R = dt (L(u, t) + N(u, t) + source), boundary values moved on to t + dt.

    u + Δ is Douglas' method, of first order where there are mixed terms or an explicit part N; what follows it raises
    the order to two.

    Parameters
    ----------
    L
        The operator, mixed terms included.
    dt, theta
        The step and the implicit part of it.
    explicit
        N(u, t), a Field like u; None for no such part.
    """

    def __init__(self, L: TensorOperator, dt: float, theta: float, explicit: Explicit | None) -> None:
        self.dt, self.parts, self.explicit = dt, Splitting(L, theta * dt), explicit
        self._rate = dt * self.parts.whole

    def __call__(self, u: Field, t: float, source: SourceTerm | None, rate: Field, change: Field) -> Field | None:
        """Fill `rate` with R, `change` with Δ; returns N(u, t). Collective."""
        self._rate.apply(u, out=rate)
        self._rate.add_lifting(rate, t)
        add_source(rate, source, t + 0.5 * self.dt, self.dt)
        known = self.add_explicit(rate, u, t, self.dt)
        self.finish(rate, change, t, beta=0.0)
        return known

    def finish(self, rate: Field, out: Field, t: float, beta: float) -> None:
        """Out = Π (I − θ dt A_k)⁻¹ rate + beta·out, boundary values moved on from t to t + dt. Collective."""
        self.parts.solves.apply(rate, out=out, beta=beta)
        self.parts.walls.add_to(out, [(t + self.dt, 1.0), (t, -1.0)])

    def add_explicit(self, out: Field, u: Field, t: float, factor: float) -> Field | None:
        """Out += factor · N(u, t); returns N(u, t). Collective as far as N is."""
        if self.explicit is None:
            return None
        value = self.explicit(u, t)
        add(out, value, factor)
        return value
