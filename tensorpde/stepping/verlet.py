"""Equations of second order in time, u" = L u: Verlet's method with one banded solve per axis."""

from __future__ import annotations

import numpy as np

from tensorpde.field import Field
from tensorpde.kron import TensorOperator
from tensorpde.lending import lent_like
from tensorpde.stepping.alternating import AlternatingDirections, Operator, SourceTerm, add_source
from tensorpde.stepping.douglas_gunn import along_axes_only
from tensorpde.stepping.splitting import Splitting


class ImplicitVerlet(AlternatingDirections):
    """(u, v)(t) → (u, v)(t + dt) for u' = v, v' = L(u, t) + source with L = A_0 + … + A_{d−1}, each along its axis:

        u* = uⁿ + ½dt vⁿ,   Π (I − θ dt² A_k)(vⁿ⁺¹ − vⁿ) = dt (A u* + data + source)(tⁿ + ½dt),   uⁿ⁺¹ = u* + ½dt vⁿ⁺¹

    Of second order, reversible and symplectic; half-way positions obey the three-level scheme of Lees. A mode with
    eigenvalues −λ_k turns by the angle φ with 4 sin²(φ/2) = dt² Σλ_k / Π (1 + θ dt² λ_k), without growth or decay; for
    θ ≥ ¼ that holds for every dt. Data on walls may change in time; a step asks for those from t − ½dt to t + 3/2 dt:
    their functions must go on a little before the start and after the end.

    The state is one Field with lead=(2,): u and v.

    Cost: two kernel calls per axis and two updates; three work arrays.

    Parameters
    ----------
    L, dt
        As for `AlternatingDirections`; every term of L acts along one axis.
    theta
        Default ¼, the least for which every dt is stable.

    Raises
    ------
    ValueError
        If L has terms along several axes.

    References
    ----------
    M. Lees, Alternating direction methods for hyperbolic differential equations, J. SIAM 10 (1962) 610–616.
    """

    def __init__(self, L: Operator, dt: float, theta: float = 0.25) -> None:
        self.theta = theta
        super().__init__(L, dt)

    def _prepare(self, L: TensorOperator) -> None:
        self._parts = Splitting(L, self.theta * self.dt**2)
        along_axes_only(self._parts, "Verlet's method")
        self._rate = self.dt * self._parts.along

    def _step(self, u: Field, t: float, source: SourceTerm | None) -> None:
        if u.lead != (2,):
            raise ValueError(f"the state of {type(self).__name__} has lead (2,), u and its velocity; got lead {u.lead}")
        place, velocity, half = u[0], u[1], t + 0.5 * self.dt
        axpby = u.space.backend.pointwise.axpby
        axpby(0.5 * self.dt, velocity.local, 1.0, place.local)
        with lent_like(place) as change:
            self._rate.apply(place, out=change)
            self._rate.add_lifting(change, half)
            add_source(change, source, half, self.dt)
            self._parts.solves.apply(change, out=velocity, beta=1.0)
        rate = 1.0 / self.dt
        self._parts.walls.add_to(velocity, [(half + self.dt, rate), (half, -2.0 * rate), (half - self.dt, rate)])
        axpby(0.5 * self.dt, velocity.local, 1.0, place.local)

    def energy(self, u: Field) -> float:
        """½ (v·v + u·Bu − ¼dt² v·Bv) of the state, B = −Π (I − θ dt² A_k)⁻¹ A: what a step conserves. Collective.

        It does so for symmetric A_k (no weights are needed: plain sums), zero boundary data and no source, and it tends
        to the energy ½ (v·v − u·Au) as dt does to 0.
        """
        place, velocity = u[0], u[1]
        total = velocity.norm() ** 2
        with lent_like(place) as rate, lent_like(place) as turned:
            for part, weight in ((place, 1.0), (velocity, -0.25 * self.dt**2)):
                self._rate.apply(part, out=rate)
                self._parts.solves.apply(rate, out=turned)
                total -= weight / self.dt * float(np.real(part.dot(turned)))
        return 0.5 * total
