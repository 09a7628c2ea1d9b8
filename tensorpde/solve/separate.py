"""From a sum of Kronecker products to one pair (A, B) of 1-D operators per axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde.kron import Kron, TensorOperator
from tensorpde.line import Dense, Identity, LineOperator

SAME = 1e-13


@dataclass(frozen=True, eq=False)
class Pair:
    """The two operators of one axis.

    Attributes
    ----------
    n : number of values on a line.
    a : (number, operator) whose sum is A.
    b : B; None for the identity.
    """

    n: int
    a: tuple[tuple[complex, LineOperator], ...]
    b: LineOperator | None

    @staticmethod
    def of(a: Any, b: Any, n: int) -> Pair:
        """From line operators or matrices; None for a zero A or an identity B."""
        made = []
        for part in (a, b):
            operator = part if part is None or isinstance(part, LineOperator) else Dense(part)
            if operator is not None and operator.shape != (n, n):
                raise ValueError(f"{operator} is given for an axis of {n} values")
            made.append(None if isinstance(operator, Identity) else operator)
        if isinstance(a, Identity):
            made[0] = a
        return Pair(n, () if made[0] is None else ((1.0, made[0]),), made[1])

    @property
    def matrix_a(self) -> np.ndarray | None:
        """A as a dense matrix; None for zero."""
        return np.sum([number * operator.matrix() for number, operator in self.a], axis=0) if self.a else None

    @property
    def matrix_b(self) -> np.ndarray | None:
        """B as a dense matrix; None for the identity."""
        return None if self.b is None else self.b.matrix()

    @property
    def is_complex(self) -> bool:
        """Whether any entry is."""
        numbers = [number for number, _ in self.a] + [op.dtype.type() for _, op in self.a]
        return any(map(np.iscomplexobj, numbers)) or (self.b is not None and self.b.dtype.kind == "c")


def separate(operator: TensorOperator) -> tuple[list[Pair], complex]:
    """The pairs of an operator and the multiple of the identity (or of the masses' product) that it holds besides.

    Every term may have one factor of its own on one axis; on the others it must have the masses that all terms share.

    Raises
    ------
    ValueError
        If a term has more than one factor that the other terms do not share, or the operator has no terms.
    """
    terms, ndim = operator.terms, operator.domain.ndim
    if not terms:
        raise ValueError(f"{operator} is not separable: it is no sum of Kronecker products")
    masses = [_mass(terms, axis) for axis in range(ndim)]
    own: list[list[tuple[complex, LineOperator]]] = [[] for _ in range(ndim)]
    constant: complex = 0.0
    for term in terms:
        axes = [axis for axis in range(ndim) if not _same(term.factors.get(axis), masses[axis])]
        if len(axes) > 1:
            raise ValueError(
                f"{operator} is not separable: {term} differs from the masses of the other terms on axes {axes}"
            )
        if axes:
            factor = term.factors.get(axes[0], Identity(term.domain.shape[axes[0]]))
            own[axes[0]].append((term.coefficient, factor))
        else:
            constant += term.coefficient
    pairs = [Pair(n, tuple(parts), mass) for n, parts, mass in zip(operator.domain.shape, own, masses)]
    return pairs, constant


def _mass(terms: Sequence[Kron], axis: int) -> LineOperator | None:
    """The factor that most terms have on an axis; of equals the identity, else one that is not of the axis's own term.

    So where some axes have no term, the others still have the identity as mass.
    """
    factors = [term.factors.get(axis) for term in terms]
    if len(terms) == 1:
        return None
    votes = [
        sum(_same(one, other) for other in factors) + 0.75 * (one is None) - 0.5 * (k == axis)
        for k, one in enumerate(factors)
    ]
    return factors[int(np.argmax(votes))]


def _same(one: LineOperator | None, other: LineOperator | None) -> bool:
    if one is other:
        return True
    if one is None:
        one, other = other, one
    assert one is not None
    a = one.matrix()
    b = np.eye(len(a)) if other is None else other.matrix()
    return a.shape == b.shape and bool(np.abs(a - b).max() <= SAME * np.abs(a).max())
