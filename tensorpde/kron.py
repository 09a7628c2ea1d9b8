"""Kron and KronSum: products and sums of line operators on distributed fields.

(A ⊗ B ⊗ C) u is A along the first axis, B along the second, C along the third; axes without a factor stay as they are.
Applying a sum visits as few pencils as it can: see `tensorpde.itinerary`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import scipy  # loads its parts when they are used

from tensorpde.faces import add_outer
from tensorpde.field import Field, Space
from tensorpde.itinerary import Term, Traveller, in_order
from tensorpde.line import Identity, LineOperator
from tensorpde.parallel import agree


class BoundaryTerm(Protocol):
    """What boundary data add to a field of `space`."""

    @property
    def space(self) -> Space:
        """Where the result lives."""

    def add_to(self, out: Field, t: float, factor: complex) -> None:
        """Out += factor · (the data at time t), on this rank's block; not collective."""


@dataclass(frozen=True)
class Source:
    """factor · through @ (a boundary term); `through` None is the identity."""

    term: BoundaryTerm
    factor: complex = 1.0
    through: TensorOperator | None = None


class TensorOperator(ABC):
    """A sum of Kronecker products of line operators, plus what boundary data add. Immutable.

    Attributes
    ----------
    domain, range : the Spaces of argument and result. They differ where a factor changes the number or the place of the
        unknowns along its axis.
    terms : tuple of Kron, whose sum it is; none if it is no such sum (see `tensorpde.opaque`).
    sources : the boundary data; they count in `lifting` and in L(f, t), not in L @ f.
    mass : what a shift multiplies in L − shift·mass: the mass operator for weak forms, None for the identity.
    """

    domain: Space
    range: Space
    terms: tuple[Kron, ...]
    sources: tuple[Source, ...]
    mass: TensorOperator | None = None
    __array_ufunc__ = None  # numpy leaves arithmetic to this class

    def __matmul__(self, other: Field | TensorOperator) -> Any:
        """L @ f: the linear part applied to a Field (collective); L @ M: first M, then L, lifting included."""
        if isinstance(other, Field):
            return self.apply(other)
        if isinstance(other, TensorOperator) and other.terms:
            return _composed(self, other)
        return NotImplemented

    def __call__(self, f: Field, t: float = 0.0) -> Field:
        """L @ f + lifting(t): the operator with its boundary data. Collective."""
        result = self.apply(f)
        self.add_lifting(result, t)
        return result

    def apply(self, f: Field, out: Field | None = None, beta: float = 0.0) -> Field:
        """The linear part: out = L f + beta·out, without allocation from the second call on. Collective.

        Parameters
        ----------
        f
            A Field of the domain, any leading dimensions.
        out
            A Field of the range, in any pencil. It may be f itself for a Kron, or a sum along one axis, with beta 0;
            otherwise the two share no memory. None makes one in the pencil of f.
        beta
            Factor of what is in `out`, which is not read if it is 0.

        Returns
        -------
        Field
            `out`.

        Raises
        ------
        ValueError
            If f or out does not fit, naming both.
        """
        self._check(f, self.domain, "the argument")
        if out is None:
            if beta != 0:
                raise ValueError(f"beta={beta} needs an out to be multiplied with, got None")
            pencil = f.pencil.reshaped(self.range.shape)
            shape = (*f.lead, *pencil.local_shape)
            out = Field(self.range, self.range.backend.empty(shape, self.result_type(f.dtype)), pencil)
        else:
            self._check(out, self.range, "out")
            if out.lead != f.lead or out.dtype != np.result_type(out.dtype, self.result_type(f.dtype)):
                raise ValueError(
                    f"out has lead {out.lead} and dtype {out.dtype}; the result has lead {f.lead} "
                    f"and dtype {self.result_type(f.dtype)}"
                )
            if out.local is f.local and (beta != 0 or not self._traveller.in_place):
                raise ValueError(f"out is the argument {f} itself: this operator needs another Field for its result")
        self._traveller.apply(f, out, beta)
        return out

    @property
    def _traveller(self) -> Traveller:
        if "_made" not in self.__dict__:
            terms = [Term(term.coefficient, tuple(term.factors.items())) for term in self.terms]
            self._made = Traveller(terms, self.range.shape, self.range.backend)
        return self._made

    def result_type(self, dtype: Any) -> np.dtype:
        """Type of the result for a field of `dtype`."""
        kinds = []
        for term in self.terms:
            kind = np.dtype(dtype)
            for _, factor in in_order(term.factors.items()):
                kind = factor.result_type(kind)
            if np.iscomplexobj(term.coefficient):
                kind = np.result_type(kind, np.complex64)
            kinds.append(kind)
        return np.result_type(*kinds)

    def lifting(self, t: float = 0.0) -> Field:
        """The Field of `range` that boundary data add at time t. Collective.

        With it the operator on all unknowns is L(f, t) = L @ f + lifting(t).
        """
        out = self.range.zeros()
        self.add_lifting(out, t)
        return out

    def add_lifting(self, out: Field, t: float = 0.0, factor: complex = 1.0) -> None:
        """Add factor · lifting(t) to `out`, of any pencil and leading dimensions. Collective."""
        for source in self.sources:
            with agree(self.range.comm, "evaluating boundary data"):
                if source.through is None:
                    source.term.add_to(out, t, factor * source.factor)
                    continue
                data = source.term.space.zeros(pencil=out.pencil.reshaped(source.term.space.shape))
                source.term.add_to(data, t, factor * source.factor)
            out += source.through @ data

    def diagonal(self) -> Field:
        """The diagonal of the matrix as a Field of the range, for Jacobi's preconditioner. Not collective.

        Raises
        ------
        ValueError
            If the operator is not square, naming both sizes.
        """
        if self.domain.shape != self.range.shape:
            raise ValueError(f"{self} from {self.domain.shape} to {self.range.shape} values has no diagonal")
        out = self.range.zeros()
        for term in self.terms:
            lines = {k: np.ones(n) for k, n in enumerate(self.range.shape)}
            lines |= {k: factor.matrix().diagonal() for k, factor in term.factors.items()}
            add_outer(out, lines, term.coefficient)
        return out

    def as_linear_operator(self) -> scipy.sparse.linalg.LinearOperator:
        """The linear part as scipy sees it: on the flattened block of each rank in its home pencil.

        On one rank that is the whole vector. Every product is collective; `rmatvec` is the adjoint.
        """

        def product(operator: TensorOperator, x: np.ndarray) -> np.ndarray:
            space = operator.domain
            block = np.asarray(x).reshape(space.pencil.local_shape)
            values = space.backend.asarray(block, np.result_type(block.dtype, space.dtype))
            return space.backend.to_host(operator.apply(Field(space, values)).local).ravel()

        adjoint = self.H
        sizes = (int(np.prod(space.pencil.local_shape)) for space in (self.range, self.domain))
        return scipy.sparse.linalg.LinearOperator(
            tuple(sizes),
            matvec=lambda x: product(self, x),
            rmatvec=lambda x: product(adjoint, x),
            dtype=self.result_type(self.domain.dtype),
        )

    @property
    @abstractmethod
    def T(self) -> TensorOperator:
        """The transpose of the linear part."""

    @property
    @abstractmethod
    def H(self) -> TensorOperator:
        """The adjoint of the linear part: (L f).dot(g) = f.dot(L.H g)."""

    @abstractmethod
    def __mul__(self, factor: complex) -> TensorOperator:
        """factor · operator, lifting included."""

    def __rmul__(self, factor: complex) -> TensorOperator:
        return self * factor

    def __truediv__(self, number: complex) -> TensorOperator:
        return self * (1 / number) if np.isscalar(number) else NotImplemented

    def __neg__(self) -> TensorOperator:
        return self * -1.0

    def __add__(self, other: TensorOperator) -> KronSum:
        return KronSum((self, other)) if isinstance(other, TensorOperator) and other.terms else NotImplemented

    def __sub__(self, other: TensorOperator) -> KronSum:
        return KronSum((self, -other)) if isinstance(other, TensorOperator) and other.terms else NotImplemented

    def _check(self, f: Field, space: Space, what: str) -> None:
        if not same_points(f.space, space):
            raise ValueError(f"{what} {f} of {f.space} does not fit {self}, which has {space} there")


class Kron(TensorOperator):
    """coefficient · (A₀ ⊗ A₁ ⊗ …): one line operator per axis.

    Parameters
    ----------
    domain
        The Space of the argument.
    factors
        Line operators by axis; an axis without one keeps its values.
    coefficient
        A number.
    range
        The Space of the result; default: the domain with the number of unknowns that the factors leave on each axis.
    sources
        What boundary data add.

    Raises
    ------
    ValueError
        If a factor does not fit its axis in domain or range, naming both.
    """

    def __init__(
        self, domain: Space, factors: Mapping[int, LineOperator], coefficient: complex = 1.0,
        range: Space | None = None, sources: Sequence[Source] = (),
    ) -> None:  # fmt: skip
        placed: dict[int, LineOperator] = {}
        for axis, factor in factors.items():
            if not -domain.ndim <= axis < domain.ndim:
                raise ValueError(f"axis {axis} of {factor} is not one of the {domain.ndim} axes of {domain}")
            if factor.shape[1] != domain.shape[axis]:
                raise ValueError(
                    f"{factor} needs {factor.shape[1]} values along axis {axis}; {domain} has {domain.shape[axis]}"
                )
            placed[axis % domain.ndim] = factor
        self.domain = domain
        self.range = _default_range(domain, placed, coefficient) if range is None else range
        for axis, (n, m) in enumerate(zip(domain.shape, self.range.shape, strict=True)):
            made = placed[axis].shape[0] if axis in placed else n
            if made != m:
                raise ValueError(f"axis {axis} of the result has {made} values; {self.range} has {m}")
        kept = {axis: placed[axis] for axis in sorted(placed) if not isinstance(placed[axis], Identity)}
        self.factors: dict[int, LineOperator] = kept
        self.coefficient = coefficient
        self.terms = (self,)
        self.sources = tuple(sources)

    @property
    def T(self) -> Kron:
        return Kron(self.range, {axis: f.T for axis, f in self.factors.items()}, self.coefficient, self.domain)

    @property
    def H(self) -> Kron:
        coefficient = np.conj(self.coefficient)
        return Kron(self.range, {axis: f.H for axis, f in self.factors.items()}, coefficient, self.domain)

    def inverse(self) -> Kron:
        """The inverse of the linear part: of every factor, factored here, and of the coefficient.

        Raises
        ------
        ValueError
            If a factor has none.
        """
        factors = {axis: factor.inverse() for axis, factor in self.factors.items()}
        return Kron(self.range, factors, 1 / self.coefficient, self.domain)

    def __mul__(self, factor: complex) -> Kron:
        if not np.isscalar(factor):
            return NotImplemented
        coefficient = self.coefficient * factor
        range = self.range if not np.iscomplexobj(factor) else _default_range(self.range, {}, factor)
        result = Kron(self.domain, self.factors, coefficient, range, scaled(self.sources, factor))
        result.mass = self.mass
        return result

    def __repr__(self) -> str:
        parts = " ⊗ ".join(repr(self.factors.get(axis, "I")).strip("'") for axis in range(self.domain.ndim))
        return parts if self.coefficient == 1 else f"{self.coefficient}·{parts}"


class KronSum(TensorOperator):
    """A sum of operators from one Space to one other.

    Raises
    ------
    ValueError
        If their domains or ranges differ, naming both.
    """

    def __init__(self, operators: Sequence[TensorOperator]) -> None:
        if not operators:
            raise ValueError("a KronSum needs at least one operator, got 0")
        first = operators[0]
        for other in operators[1:]:
            for ours, theirs in ((first.domain, other.domain), (first.range, other.range)):
                if not same_points(ours, theirs):
                    raise ValueError(f"operators cannot be added: one has {ours}, the other {theirs}")
        self.domain = first.domain
        self.range = next((op.range for op in operators if op.range.dtype.kind == "c"), first.range)
        self.terms = tuple(term for op in operators for term in op.terms)
        self.sources = tuple(source for op in operators for source in op.sources)
        self.mass = next((op.mass for op in operators if op.mass is not None), None)

    @property
    def T(self) -> KronSum:
        return KronSum([term.T for term in self.terms])

    @property
    def H(self) -> KronSum:
        return KronSum([term.H for term in self.terms])

    def __mul__(self, factor: complex) -> KronSum:
        if not np.isscalar(factor):
            return NotImplemented
        result = KronSum([term * factor for term in self.terms])
        result.sources, result.mass = scaled(self.sources, factor), self.mass
        return result

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.terms))


def scaled(sources: Sequence[Source], factor: complex) -> tuple[Source, ...]:
    """The sources times a number."""
    return tuple(replace(source, factor=source.factor * factor) for source in sources)


def same_points(a: Space, b: Space) -> bool:
    """Whether two Spaces have the same unknowns: equal shapes, coordinates and bases."""
    return a is b or (
        a.shape == b.shape
        and all(
            p is q or (p.basis == q.basis and np.array_equal(p.x, q.x)) for p, q in zip(a.axes, b.axes, strict=True)
        )
    )


def _default_range(domain: Space, factors: Mapping[int, LineOperator], coefficient: complex) -> Space:
    result = domain
    for axis, factor in factors.items():
        if factor.shape[0] != domain.shape[axis]:
            result = result.like(axis=axis, n=factor.shape[0], basis=None)  # no longer functions of the basis
    dtype = domain.dtype
    for _, factor in in_order(factors.items()):
        dtype = factor.result_type(dtype)
    if np.iscomplexobj(coefficient):
        dtype = np.result_type(dtype, np.complex64)
    return result if dtype == result.dtype else result.like(dtype=dtype)


def _composed(left: TensorOperator, right: TensorOperator) -> TensorOperator:
    if not same_points(left.domain, right.range):
        raise ValueError(f"{left} acts on {left.domain}, but {right} gives a field of {right.range}")
    products = [_product(a, b) for a in left.terms for b in right.terms]
    linear = products[0] if isinstance(left, Kron) and isinstance(right, Kron) else KronSum(products)
    later = [
        replace(source, through=left if source.through is None else left @ source.through) for source in right.sources
    ]
    linear.sources = (*left.sources, *later)
    return linear


def _product(a: Kron, b: Kron) -> Kron:
    factors = dict(b.factors)
    for axis, factor in a.factors.items():
        factors[axis] = factor @ factors[axis] if axis in factors else factor
    range = a.range if b.range.dtype.kind != "c" else a.range.like(dtype=np.result_type(a.range.dtype, b.range.dtype))
    return Kron(b.domain, factors, a.coefficient * b.coefficient, range)
