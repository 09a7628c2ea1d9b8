"""Steps that are explicit in one part of an equation and implicit in another, stiff and linear one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from tensorpde.field import Field
from tensorpde.filling import is_steady
from tensorpde.kron import Kron, TensorOperator
from tensorpde.stepping.runge_kutta import Slope
from tensorpde.stepping.splitting import Splitting
from tensorpde.stepping.tableau import SPALART_MOSER_ROGERS, Additive

KEPT = 4


@dataclass(frozen=True, eq=False)
class Stage:
    """A stage of a step of a given length.

    Attributes
    ----------
    span : the part of the step that it advances, (γ_s + ζ_s) Δt.
    solves : Π (I − β_s Δt A_k)⁻¹ of each operator that was given.
    """

    span: float
    solves: tuple[Kron, ...]


Finish = Callable[[Field, float], object]
"""finish(u, t) changes the value u of a stage at time t in place."""


class ImplicitExplicit:
    """u(t) → u(t + Δt) for u' = f(u, t) + L u, L = A_0 + … + A_{d−1}, each along its axis.

        Π (I − β_s Δt A_k)(u_s − u_{s−1}) = Δt [γ_s f(u_{s−1}) + ζ_s f(u_{s−2}) + (γ_s + ζ_s)(L u_{s−1} + data)]

    With L along one axis the product is I − β_s Δt L itself, with several it is an approximate factorization, which
    keeps the order. One banded solve per axis and stage.

    Parameters
    ----------
    slope
        ``slope(u, t, out)`` writes f(u, t) to the Field `out`, which has u's Space, lead and pencil.
    L
        One operator for all of u, or one for each of its components (the first leading index); components that follow
        each other and share one go together. Boundary data must not change in time.
    tableau
        Default: that of Spalart, Moser and Rogers, of second order, of third in f.
    constraint
        ``constraint(stage)`` returns the function ``finish(u, t)`` that is called on every value of that stage. It is
        called once for each stage and each Δt, when the solves are factored.

    Raises
    ------
    ValueError
        If an operator does not split into axes, has terms along several of them, or data that change.

    Notes
    -----
    Two further Fields are kept, and the factors of the last few Δt: later steps of one of them allocate nothing.
    """

    def __init__(
        self, slope: Slope, L: TensorOperator | Sequence[TensorOperator], tableau: Additive = SPALART_MOSER_ROGERS,
        constraint: Callable[[Stage], Finish] | None = None,
    ) -> None:  # fmt: skip
        self.slope, self.tableau, self._constraint = slope, tableau, constraint
        self.operators = (L,) if isinstance(L, TensorOperator) else tuple(L)
        for operator in self.operators:
            if Splitting(operator, 0.0).mixed is not None:
                raise ValueError(f"{operator} has terms along several axes at once: put those into the slope")
            if any(_moves(source.term) for source in operator.sources):
                raise ValueError(f"{operator} has boundary data that are functions of time: they must be steady here")
        self._parts: list[tuple[Any, int]] = [((), 0)] if isinstance(L, TensorOperator) else _runs(self.operators)
        self._rates: dict[float, list[TensorOperator]] = {}
        self._stages: dict[float, list[tuple[Stage, list[TensorOperator], Finish | None]]] = {}
        self._work: list[Field] = []

    def add_rate(self, u: Field, out: Field, factor: float = 1.0) -> None:
        """Out += factor · (L u + data). Collective."""
        if factor not in self._rates:
            self._rates[factor] = [factor * operator for operator in self.operators]
        for part, number in self._parts:
            rate = self._rates[factor][number]
            rate.apply(u[part], out=out[part], beta=1.0)
            rate.add_lifting(out[part])

    def _factored(self, dt: float) -> list[tuple[Stage, list[TensorOperator], Finish | None]]:
        """For each stage what it is, its solves times dt, and what finishes it."""
        if dt not in self._stages:
            while len(self._stages) >= KEPT:
                del self._stages[next(iter(self._stages))]
            self._stages[dt] = [self._made(dt, s) for s in range(self.tableau.stages)]
        return self._stages[dt]

    def _made(self, dt: float, s: int) -> tuple[Stage, list[TensorOperator], Finish | None]:
        method = self.tableau
        made: dict[int, Kron] = {}
        for operator in self.operators:
            if id(operator) not in made:
                made[id(operator)] = Splitting(operator, method.beta[s] * dt).solves
        solves = tuple(made[id(operator)] for operator in self.operators)
        stage = Stage((method.gamma[s] + method.zeta[s]) * dt, solves)
        scaled = [dt * solve for solve in solves]
        return stage, scaled, None if self._constraint is None else self._constraint(stage)

    def __call__(self, u: Field, t: float, dt: float) -> Field:
        """Advance u in place from t by dt and return it. Collective."""
        if not self._work or self._work[0].local.shape != u.local.shape or self._work[0].pencil != u.pencil:
            self._work = [u.copy(), u.copy()]
        slope, rate = self._work
        axpby, method = u.space.backend.pointwise.axpby, self.tableau
        coefficients = zip(method.gamma, method.zeta, method.c, (*method.c[1:], 1.0), strict=True)
        for (_, solves, finish), (gamma, zeta, c, after) in zip(self._factored(dt), coefficients, strict=True):
            self.slope(u, t + c * dt, slope)
            axpby(gamma, slope.local, zeta, rate.local)
            self.add_rate(u, rate, gamma + zeta)
            for part, number in self._parts:
                solves[number].apply(rate[part], out=u[part], beta=1.0)
            if finish is not None:
                finish(u, t + after * dt)
            slope, rate = rate, slope
        return u


def _moves(term: Any) -> bool:
    data = getattr(term, "data", None)
    return callable(data) and not is_steady(data, term.space.ndim - 1)


def _runs(operators: Sequence[TensorOperator]) -> list[tuple[Any, int]]:
    """The components of each run of one and the same operator, and the number of the first."""
    found, start = [], 0
    for _, run in groupby(operators, key=id):
        stop = start + len(list(run))
        found.append((slice(start, stop), start))
        start = stop
    return found
