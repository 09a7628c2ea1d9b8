"""Modified Craig–Sneyd: alternating directions of second order with mixed derivatives and explicit parts."""

from __future__ import annotations

from tensorpde.field import Field
from tensorpde.kron import KronSum, TensorOperator
from tensorpde.lending import lent_like
from tensorpde.stepping.alternating import AlternatingDirections, Operator, SourceTerm, add
from tensorpde.stepping.predictor import Explicit, Predictor

STABLE = {1: 1 / 3, 2: 1 / 3, 3: 6 / 13}


class ModifiedCraigSneyd(AlternatingDirections):
    """u(t) → u(t + dt) for u' = L(u, t) + N(u, t) + source, L = A_0 + … + A_{d−1} + M with mixed derivatives M:

        R = dt (L(uⁿ, tⁿ) + N(uⁿ, tⁿ) + source),   Π (I − θ dt A_k) Δ = R
        S = ½dt [(M + N)(uⁿ + Δ, tⁿ⁺¹) − (M + N)(uⁿ, tⁿ)] + (½ − θ) dt Σ [A_k(uⁿ + Δ, tⁿ⁺¹) − A_k(uⁿ, tⁿ)]
        Π (I − θ dt A_k)(uⁿ⁺¹ − uⁿ) = R + S

    Of second order in time for every θ. M and N are explicit, everything along an axis implicit; boundary data may
    change in time, and the source is taken at tⁿ + ½dt.

    Cost: four kernel calls per axis (three for θ = ½), two applications of M and N; two work arrays, what N makes.

    Parameters
    ----------
    L, dt
        As for `AlternatingDirections`.
    theta
        None: 1/3 in one or two dimensions, 6/13 in three, 1/2 in more. Least values for which diffusion with any
        positive definite matrix of coefficients is stable in two, and is known to be in three, whatever dt.
    explicit
        N: a function of (u, t) that gives a Field like u.

    References
    ----------
    K. J. in 't Hout, B. D. Welfert, Unconditional stability of second-order ADI schemes applied to multi-dimensional
    diffusion equations with mixed derivative terms, Appl. Numer. Math. 59 (2009) 677–692.
    """

    def __init__(self, L: Operator, dt: float, theta: float | None = None, explicit: Explicit | None = None) -> None:
        self.theta, self.explicit = theta, explicit
        super().__init__(L, dt)

    def _prepare(self, L: TensorOperator) -> None:
        theta = STABLE.get(L.domain.ndim, 0.5) if self.theta is None else self.theta
        self._predictor = Predictor(L, self.dt, theta, self.explicit)
        parts = self._predictor.parts
        pieces = [] if parts.mixed is None else [0.5 * self.dt * parts.mixed]
        if theta != 0.5:
            pieces.append((0.5 - theta) * self.dt * parts.along)
        self._second = KronSum(pieces) if pieces else None

    def _step(self, u: Field, t: float, source: SourceTerm | None) -> None:
        later, half = t + self.dt, 0.5 * self.dt
        with lent_like(u) as rate, lent_like(u) as change:
            known = self._predictor(u, t, source, rate, change)
            if self._second is not None:
                self._second.apply(change, out=rate, beta=1.0)
                self._second.add_lifting(rate, later)
                self._second.add_lifting(rate, t, -1.0)
            if known is not None:
                add(rate, known, -half)
                add(change, u, 1.0)
                self._predictor.add_explicit(rate, change, later, half)
            self._predictor.finish(rate, u, t, beta=1.0)
