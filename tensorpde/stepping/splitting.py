"""An operator taken apart by axes: what every alternating-direction step is made of."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np

from tensorpde.kron import Kron, KronSum, Source, TensorOperator, same_points
from tensorpde.line import Identity, LineOperator
from tensorpde.operators import WallData
from tensorpde.stepping.walls import MovingWalls


class Splitting:
    """L = A_0 + … + A_{d−1} + M: A_k acts along axis k only, M along several axes at once.

    The terms of an axis are added up to one line operator, a multiple of the identity is shared out evenly among the
    axes. Everything made here is one-dimensional: O(n_0 + … + n_{d−1}) numbers, factored when it is made.

    Parameters
    ----------
    L
        A Kron or KronSum from a Space to itself.
    step
        ρ of the implicit parts I − ρ A_k, a time.

    Attributes
    ----------
    lines : A_k by axis.
    along, mixed : Σ A_k and M (None if there is no such term) as operators, with the boundary data of their terms.
    walls : what boundary data that change in time add to a step.

    Raises
    ------
    ValueError
        If L changes the Space, is a weak form, or the terms of an axis cannot be one line operator.
    """

    def __init__(self, L: TensorOperator, step: complex) -> None:
        if not same_points(L.domain, L.range):
            raise ValueError(f"a time step needs an operator from a Space to itself, not from {L.domain} to {L.range}")
        if L.mass is not None:
            raise ValueError(
                f"{L} is a weak form with the mass {L.mass}: a step needs what acts on values, M⁻¹K; along each axis "
                "that is Compact(M, K)"
            )
        self.space, self.step = L.range, step
        self.lines = _lines(L)
        own = [_folded(source) for source in L.sources]
        self.along = KronSum([Kron(self.space, {axis: line}) for axis, line in self.lines.items()])
        self.along.sources = tuple(source for source in own if _on_a_wall(source))
        several = [term for term in L.terms if len(term.factors) > 1]
        self.mixed = KronSum(several) if several else None
        rest = tuple(source for source in own if not _on_a_wall(source))
        if self.mixed is not None:
            self.mixed.sources = rest
        elif rest:
            raise ValueError(
                f"{L} has boundary data {rest[0].term} through {rest[0].through}, which are not a vector along one "
                "axis: make the walls' data zero and add their effect as a source"
            )

    @cached_property
    def implicit(self) -> dict[int, LineOperator]:
        """(I − ρ A_k)⁻¹ by axis: for A_k = P⁻¹Q the one kernel (P − ρQ)⁻¹P."""
        return {k: (Identity(line.shape[0]) - self.step * line).inverse() for k, line in self.lines.items()}

    @cached_property
    def solves(self) -> Kron:
        """Π (I − ρ A_k)⁻¹."""
        return Kron(self.space, self.implicit)

    @cached_property
    def cayley(self) -> Kron:
        """Π (I − ρ A_k)⁻¹ (I + ρ A_k), one kernel per axis."""
        factors = {
            k: solve @ (Identity(solve.shape[0]) + self.step * self.lines[k]) for k, solve in self.implicit.items()
        }
        return Kron(self.space, factors)

    @cached_property
    def walls(self) -> MovingWalls:
        """The correction for boundary data that change in time."""
        return MovingWalls(self.along, self.implicit, self.step)

    @property
    def whole(self) -> TensorOperator:
        """L, with one kernel call per axis."""
        return self.along if self.mixed is None else self.along + self.mixed


def _lines(L: TensorOperator) -> dict[int, LineOperator]:
    lines: dict[int, LineOperator] = {}
    constant: complex = 0.0
    for term in L.terms:
        if not term.factors:
            constant += term.coefficient
        elif len(term.factors) == 1:
            ((axis, factor),) = term.factors.items()
            part = factor if term.coefficient == 1 else term.coefficient * factor
            lines[axis] = lines[axis] + part if axis in lines else part
    if constant != 0 or not lines:
        shared = constant / L.domain.ndim
        for axis, n in enumerate(L.domain.shape):
            part = shared * Identity(n)
            lines[axis] = lines[axis] + part if axis in lines else part
    return {axis: lines[axis] for axis in sorted(lines)}


def _on_a_wall(source: Source) -> bool:
    return source.through is None and isinstance(source.term, WallData)


def _folded(source: Source) -> Source:
    """The same boundary data without `through`, if that acts along the axis of the wall only."""
    through, term = source.through, source.term
    if not isinstance(through, Kron) or not isinstance(term, WallData) or set(through.factors) - {term.axis}:
        return source
    factor = through.factors.get(term.axis, Identity(len(term.vector)))
    vector = factor.apply(np.ascontiguousarray(term.vector, factor.result_type(term.vector.dtype)), 0)
    moved = replace(term, space=through.range, vector=vector)
    return Source(moved, source.factor * through.coefficient)
