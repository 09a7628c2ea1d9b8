"""Sums of line operators along one axis, as one operator that reads and writes the data once."""

from __future__ import annotations

import numpy as np

from tensorpde.line.band import RowBand
from tensorpde.line.banded import Banded, BandedSolve, Compact
from tensorpde.line.composition import Composition
from tensorpde.line.dense import Dense
from tensorpde.line.modal import Modal
from tensorpde.line.operator import Identity, LineOperator

COMMUTE = 1e-12


def add(left: LineOperator, right: LineOperator) -> LineOperator:
    """left + right in the form P⁻¹Q or QP⁻¹ with bands P and Q, or dense if either is dense or has transforms.

    P₁⁻¹Q₁ + P₂⁻¹Q₂ is P⁻¹(Q₁ + Q₂) if P₁ = P₂ = P, P₁⁻¹(Q₁ + P₁Q₂) if P₂ is the identity, and
    (P₁P₂)⁻¹(P₂Q₁ + P₁Q₂) if P₁ and P₂ commute, as those of periodic axes do. So identity − r·P⁻¹Q is
    P⁻¹(P − rQ), and its inverse (P − rQ)⁻¹P. Likewise Q₁P⁻¹ + Q₂ is (Q₁ + Q₂P)P⁻¹ (splines: coefficients to
    derivatives after values to coefficients), and its inverse P(Q₁ + Q₂P)⁻¹.

    Raises
    ------
    ValueError
        If the shapes differ or the sum has none of these forms, naming both.
    """
    if left.shape != right.shape:
        raise ValueError(f"line operators of shapes {left.shape} and {right.shape} cannot be added")
    if _is_dense(left) or _is_dense(right):
        return Dense(left.matrix() + right.matrix())
    quotients = [found for found in map(_quotient, (left, right)) if found is not None]
    if quotients:
        solve = quotients[0][1]
        return Banded(_over(left, solve) + _over(right, solve)) @ BandedSolve(solve)
    if not all(isinstance(operator, (Identity, Compact)) for operator in (left, right)):
        raise ValueError(f"{left} + {right} is no line operator of one kind: add their matrices as a Dense one")
    (p, q), (s, r) = _sides(left), _sides(right)
    if s is None or (p is not None and p.equals(s)):
        return _operator(p, q + (r if p is None or s is not None else p @ r))
    if p is None:
        return _operator(s, s @ q + r)
    together, swapped = p @ s, s @ p
    difference = (together + swapped.scaled(-1.0)).coef
    if np.abs(difference).max(initial=0.0) > COMMUTE * np.abs(together.coef).max(initial=0.0):
        raise ValueError(
            f"{left} + {right} has two left-hand sides that do not commute: give both the same one, or make one of "
            "them explicit or Dense"
        )
    return _operator(together, s @ q + p @ r)


def _is_dense(operator: LineOperator) -> bool:
    return any(isinstance(s, Dense) or (isinstance(s, Modal) and s.kind != "rfft") for s in operator.steps)


def _quotient(operator: LineOperator) -> tuple[RowBand, RowBand] | None:
    """(Q, P) of an operator Q P⁻¹, None for another."""
    if isinstance(operator, Composition) and len(operator.factors) == 2:
        product, solve = operator.factors
        if isinstance(product, Compact) and isinstance(solve, Compact) and solve.rhs is None and product.lhs is None:
            assert product.rhs is not None and solve.lhs is not None
            return product.rhs, solve.lhs
    return None


def _over(operator: LineOperator, solve: RowBand) -> RowBand:
    """Q of operator = Q P⁻¹, for a given P."""
    own = _quotient(operator)
    if own is not None and own[1].equals(solve):
        return own[0]
    if isinstance(operator, Identity):
        return solve
    if isinstance(operator, Compact) and operator.lhs is None and operator.rhs is not None:
        return operator.rhs @ solve
    raise ValueError(f"{operator} cannot be added to an operator that ends in another solve: make one of them Dense")


def _sides(operator: LineOperator) -> tuple[RowBand | None, RowBand]:
    """(P, Q) of an operator P⁻¹Q; P None for the identity."""
    lhs, rhs = (operator.lhs, operator.rhs) if isinstance(operator, Compact) else (None, None)
    return lhs, RowBand.identity(operator.shape[0]) if rhs is None else rhs


def _operator(lhs: RowBand | None, rhs: RowBand) -> LineOperator:
    return Banded(rhs) if lhs is None else Compact(lhs, rhs)
