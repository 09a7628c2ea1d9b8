"""Peaceman–Rachford as a product of Cayley transforms: one kernel call per axis."""

from __future__ import annotations

from tensorpde.field import Field
from tensorpde.kron import TensorOperator
from tensorpde.lending import lent_like
from tensorpde.stepping.alternating import AlternatingDirections, SourceTerm, add_source
from tensorpde.stepping.douglas_gunn import along_axes_only
from tensorpde.stepping.splitting import Splitting


class PeacemanRachford(AlternatingDirections):
    """u(t) → u(t + dt) for u' = L(u, t) + source with L = A_0 + A_1, each along its axis:

        (I − ½dt A_0) u*   = (I + ½dt A_1) uⁿ + ½dt f
        (I − ½dt A_1) uⁿ⁺¹ = (I + ½dt A_0) u* + ½dt f

    Factors along different axes commute, so that this is uⁿ⁺¹ = C_0 C_1 uⁿ + (I − ½dt A_0)⁻¹(I − ½dt A_1)⁻¹ dt f with
    the Cayley transforms C_k = (I − ½dt A_k)⁻¹(I + ½dt A_k): a Kron of one fused kernel per axis. A mode with
    eigenvalues −λ_k is multiplied with Π (1 − r_k)/(1 + r_k), r_k = ½ dt λ_k; for skew-adjoint A_k (Schrödinger) the
    step is unitary. Of second order. In more than two dimensions the product is the locally one-dimensional
    Crank–Nicolson method, unitary too; there boundary data must be zero (`DouglasGunn` has no such limit).

    Cost: one kernel call per axis in place, as many again with boundary data or a source.

    Parameters
    ----------
    L, dt
        As for `AlternatingDirections`; every term of L acts along one axis.

    Raises
    ------
    ValueError
        If L has terms along several axes, or boundary data in more than two dimensions.

    References
    ----------
    D. W. Peaceman, H. H. Rachford, The numerical solution of parabolic and elliptic differential equations, J. SIAM 3
    (1955) 28–41.
    """

    def _prepare(self, L: TensorOperator) -> None:
        parts = Splitting(L, 0.5 * self.dt)
        along_axes_only(parts, "Peaceman–Rachford")
        if parts.space.ndim > 2 and parts.along.sources:
            raise ValueError(
                f"Peaceman–Rachford takes boundary data in 1 or 2 dimensions, {parts.space} has {parts.space.ndim}: "
                "use DouglasGunn"
            )
        self._parts, self._data = parts, self.dt * parts.along

    def _step(self, u: Field, t: float, source: SourceTerm | None) -> None:
        self._parts.cayley.apply(u, out=u)
        if source is None and not self._data.sources:
            return
        with lent_like(u) as data:
            data.local[...] = 0.0
            self._data.add_lifting(data, t)
            add_source(data, source, t + 0.5 * self.dt, self.dt)
            self._parts.solves.apply(data, out=u, beta=1.0)
        self._parts.walls.add_to(u, [(t + self.dt, 1.0), (t, -1.0)])
