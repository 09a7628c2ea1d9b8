"""Hundsdorfer–Verwer: alternating directions of second order, well damped with advection too."""

from __future__ import annotations

import numpy as np

from tensorpde.field import Field
from tensorpde.kron import TensorOperator
from tensorpde.lending import lent_like
from tensorpde.stepping.alternating import AlternatingDirections, Operator, SourceTerm, add
from tensorpde.stepping.predictor import Explicit, Predictor


class HundsdorferVerwer(AlternatingDirections):
    """u(t) → u(t + dt) for u' = F(u, t) = L(u, t) + N(u, t) + source, L = A_0 + … + A_{d−1} + M, M mixed derivatives:

        Π (I − θ dt A_k) Δ             = R = dt F(uⁿ, tⁿ)
        Π (I − θ dt A_k)(uⁿ⁺¹ − uⁿ − Δ) = R − Δ + ½dt [F(uⁿ + Δ, tⁿ⁺¹) − F(uⁿ, tⁿ)]

    Of second order in time for every θ. M and N are explicit, everything along an axis implicit; boundary data may
    change in time, and the source is taken at tⁿ + ½dt.

    Cost: four kernel calls per axis and two applications of M and N; two work arrays and what N makes.

    Parameters
    ----------
    L, dt
        As for `AlternatingDirections`.
    theta
        Default ½ + √3/6, the choice for problems with advection; 1 − ½√2 ≈ 0.293 is more accurate for diffusion in two
        dimensions.
    explicit
        N: a function of (u, t) that gives a Field like u.

    References
    ----------
    W. Hundsdorfer, Accuracy and stability of splitting with stabilizing corrections, Appl. Numer. Math. 42 (2002)
    213–233; K. J. in 't Hout, B. D. Welfert, Stability of ADI schemes applied to convection–diffusion equations with
    mixed derivative terms, Appl. Numer. Math. 57 (2007) 19–35.
    """

    def __init__(
        self, L: Operator, dt: float, theta: float = 0.5 + np.sqrt(3) / 6, explicit: Explicit | None = None
    ) -> None:
        self.theta, self.explicit = theta, explicit
        super().__init__(L, dt)

    def _prepare(self, L: TensorOperator) -> None:
        self._predictor = Predictor(L, self.dt, self.theta, self.explicit)
        self._half = 0.5 * self.dt * self._predictor.parts.whole

    def _step(self, u: Field, t: float, source: SourceTerm | None) -> None:
        later, half = t + self.dt, 0.5 * self.dt
        with lent_like(u) as rate, lent_like(u) as change:
            known = self._predictor(u, t, source, rate, change)
            self._half.apply(change, out=rate, beta=1.0)
            self._half.add_lifting(rate, later)
            self._half.add_lifting(rate, t, -1.0)
            add(rate, change, -1.0)
            if known is not None:
                add(rate, known, -half)
            add(u, change, 1.0)
            self._predictor.add_explicit(rate, u, later, half)
            self._predictor.parts.solves.apply(rate, out=u, beta=1.0)
