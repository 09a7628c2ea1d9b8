"""Douglas–Gunn: Crank–Nicolson with one banded solve per axis, in any number of dimensions."""

from __future__ import annotations

from tensorpde.field import Field
from tensorpde.kron import Kron, KronSum, TensorOperator
from tensorpde.lending import lent_like
from tensorpde.line import Identity
from tensorpde.stepping.alternating import AlternatingDirections, SourceTerm, add, add_source
from tensorpde.stepping.splitting import Splitting


class DouglasGunn(AlternatingDirections):
    """u(t) → u(t + dt) for u' = L(u, t) + source with L = A_0 + … + A_{d−1}, each along its axis:

        Π (I − ½dt A_k) (uⁿ⁺¹ − uⁿ) = dt (A uⁿ + boundary data + source),

    of second order in time, whatever the order of the schemes of L in space: compact ones cost one kernel too. A mode
    with eigenvalues −λ_k is multiplied with 1 − 2 Σ r_k / Π (1 + r_k), r_k = ½ dt λ_k: stable for every dt and any
    number of axes if λ_k ≥ 0. Data on walls may change in time (see `stepping.walls`). The source is taken at
    t + ½dt.

    The right-hand side and the first solve are one, with r = ½dt: (I − rA_0)⁻¹ 2r Σ A_k u is
    (I − rA_0)⁻¹ 2(I + rA_1 + …)u − 2u. That saves a pass over the data, and half of the transposes of a first axis that
    is cut.

    Cost: 2d − 1 kernel calls, the last of which adds to u, and one update; two work arrays.

    Parameters
    ----------
    L, dt
        As for `AlternatingDirections`; every term of L acts along one axis.

    Raises
    ------
    ValueError
        If L has terms along several axes: see `ModifiedCraigSneyd` and `HundsdorferVerwer`.

    References
    ----------
    J. Douglas, J. E. Gunn, A general formulation of alternating direction methods, Numer. Math. 6 (1964) 428–453.
    """

    def _prepare(self, L: TensorOperator) -> None:
        parts = Splitting(L, 0.5 * self.dt)
        along_axes_only(parts, "Douglas–Gunn")
        space, step = parts.space, parts.step
        (first, _), *others = parts.lines.items()
        explicit = {axis: step * line for axis, line in others}
        if others:  # the identity goes along with the last axis
            last, n = others[-1][0], space.shape[others[-1][0]]
            explicit[last] = Identity(n) + explicit[last]
        self._explicit = KronSum([Kron(space, {axis: line}) for axis, line in explicit.items()] or [Kron(space, {})])
        self._first = Kron(space, {first: 2.0 * parts.implicit[first]})
        self._others = Kron(space, {axis: parts.implicit[axis] for axis, _ in others})
        self._parts, self._data = parts, step * parts.along

    def _step(self, u: Field, t: float, source: SourceTerm | None) -> None:
        with lent_like(u) as change:
            self._explicit.apply(u, out=change)
            self._data.add_lifting(change, t)
            add_source(change, source, t + 0.5 * self.dt, 0.5 * self.dt)
            self._first.apply(change, out=change)
            add(change, u, -2.0)
            self._others.apply(change, out=u, beta=1.0)
        self._parts.walls.add_to(u, [(t + self.dt, 1.0), (t, -1.0)])


def along_axes_only(parts: Splitting, method: str) -> None:
    """Raise ValueError if there are terms along several axes."""
    if parts.mixed is not None:
        raise ValueError(
            f"{method} needs terms along one axis each, but {parts.mixed} acts along several: use "
            "ModifiedCraigSneyd or HundsdorferVerwer"
        )
