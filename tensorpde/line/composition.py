"""Products of line operators along one axis."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from tensorpde.line.banded import Banded, Compact
from tensorpde.line.dense import Dense
from tensorpde.line.operator import Identity, LineOperator


class Composition(LineOperator):
    """A product A₁ A₂ … of line operators, applied from the right; made by `@`."""

    def __init__(self, factors: tuple[LineOperator, ...]) -> None:
        for left, right in pairwise(factors):
            _check(left, right)
        self.factors = factors
        self.shape = (factors[0].shape[0], factors[-1].shape[1])
        self.dtype = np.result_type(*(factor.dtype for factor in factors))

    def result_type(self, dtype: Any) -> np.dtype:
        for factor in reversed(self.factors):
            dtype = factor.result_type(dtype)
        return np.dtype(dtype)

    @property
    def steps(self) -> tuple[LineOperator, ...]:
        return self.factors[::-1]

    def _apply(self, u: Any, axis: int, out: Any, alpha: complex, beta: complex) -> None:
        for factor in self.steps[:-1]:  # makes new arrays: operators on fields take the steps in lent ones
            u = factor.apply(u, axis)
        self.factors[0].apply(u, axis, out, alpha, beta)

    def inverse(self) -> LineOperator:
        return product([factor.inverse() for factor in reversed(self.factors)])

    def matrix(self) -> np.ndarray:
        return np.linalg.multi_dot([f.matrix() for f in self.factors])

    @property
    def T(self) -> LineOperator:
        return product([factor.T for factor in reversed(self.factors)])

    @property
    def H(self) -> LineOperator:
        return product([factor.H for factor in reversed(self.factors)])

    def conj(self) -> LineOperator:
        return product([factor.conj() for factor in self.factors])

    def scaled(self, factor: complex) -> LineOperator:
        return product([self.factors[0].scaled(factor), *self.factors[1:]])

    def __repr__(self) -> str:
        return " @ ".join(map(repr, self.factors))


def product(factors: list[LineOperator]) -> LineOperator:
    """factors[0] @ factors[1] @ …"""
    result = factors[0]
    for factor in factors[1:]:
        result = compose(result, factor)
    return result


def compose(left: LineOperator, right: LineOperator) -> LineOperator:
    """left @ right: identities vanish, dense factors multiply, bands are taken in where one pass can do both.

    P⁻¹Q·B is P⁻¹(QB) for any band B; D·P⁻¹Q is (PD⁻¹)⁻¹Q for a diagonal D without zeros; P⁻¹Q·Q⁻¹R is P⁻¹R.

    Raises
    ------
    ValueError
        If the shapes do not fit, naming both.
    """
    _check(left, right)
    if isinstance(left, Identity):
        return right
    if isinstance(right, Identity):
        return left
    if isinstance(left, Dense) and isinstance(right, Dense):
        return Dense(left.matrix() @ right.matrix())
    *before, last = _factors(left)
    first, *after = _factors(right)
    if isinstance(last, Compact) and isinstance(first, Compact):
        fused = _fused(last, first)
        if fused is not None:
            return product([*before, fused, *after])
    return Composition((*before, last, first, *after))


def _factors(operator: LineOperator) -> tuple[LineOperator, ...]:
    return operator.factors if isinstance(operator, Composition) else (operator,)


def _fused(left: Compact, right: Compact) -> Compact | None:
    """left @ right as one pass over the data, if it can be."""
    if right.lhs is None:
        assert right.rhs is not None
        rhs = right.rhs if left.rhs is None else left.rhs @ right.rhs
        return Banded(rhs) if left.lhs is None else Compact(left.lhs, rhs)
    if left.rhs is not None and left.rhs.equals(right.lhs):
        return Compact(left.lhs, right.rhs) if left.lhs is not None or right.rhs is not None else None
    if left.lhs is None and left.rhs is not None and left.rhs.is_diagonal:
        diagonal = left.rhs.diagonal()
        if diagonal.all():
            return Compact(right.lhs.scaled(columns=1 / diagonal), right.rhs)
    return None


def _check(left: LineOperator, right: LineOperator) -> None:
    if left.shape[1] != right.shape[0]:
        raise ValueError(f"{left} cannot follow {right}: {left.shape[1]} columns against {right.shape[0]} rows")
