"""Operators that are not written as Kronecker products, and their sums and products with any others."""

from __future__ import annotations

import functools
import operator
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from tensorpde.field import Field
from tensorpde.kron import Source, TensorOperator, same_points, scaled
from tensorpde.parallel import Pencil


class Worker(Protocol):
    """What applies an operator; `in_place`: whether out may be f itself."""

    in_place: bool

    def apply(self, f: Field, out: Field, beta: float) -> None:
        """Out = operator f + beta·out. Collective."""


class Opaque(TensorOperator):
    """An operator that has no terms: it is applied as a whole. Sums and products with others are of this kind too."""

    terms = ()

    @property
    @abstractmethod
    def _traveller(self) -> Any:
        """Its Worker."""

    @abstractmethod
    def result_type(self, dtype: Any) -> np.dtype:
        """Type of the result for a field of `dtype`."""

    @abstractmethod
    def diagonal(self) -> Field:
        """The diagonal of the matrix, as for any operator."""

    def __matmul__(self, other: Field | TensorOperator) -> Any:
        if isinstance(other, TensorOperator):
            return OperatorProduct(self, other)
        return super().__matmul__(other)

    def __rmatmul__(self, other: TensorOperator) -> Any:
        return OperatorProduct(other, self) if isinstance(other, TensorOperator) else NotImplemented

    def __add__(self, other: TensorOperator) -> Any:
        return OperatorSum((self, other)) if isinstance(other, TensorOperator) else NotImplemented

    def __radd__(self, other: TensorOperator) -> Any:
        return OperatorSum((other, self)) if isinstance(other, TensorOperator) else NotImplemented

    def __sub__(self, other: TensorOperator) -> Any:
        return OperatorSum((self, -other)) if isinstance(other, TensorOperator) else NotImplemented

    def __rsub__(self, other: TensorOperator) -> Any:
        return OperatorSum((other, -self)) if isinstance(other, TensorOperator) else NotImplemented


class OperatorSum(Opaque):
    """A sum of operators from one Space to one other, applied one after the other.

    Raises
    ------
    ValueError
        If their domains or ranges differ, naming both.
    """

    def __init__(self, parts: Sequence[TensorOperator]) -> None:
        first = parts[0]
        for other in parts[1:]:
            for ours, theirs in ((first.domain, other.domain), (first.range, other.range)):
                if not same_points(ours, theirs):
                    raise ValueError(f"operators cannot be added: one has {ours}, the other {theirs}")
        self.domain = first.domain
        self.range = next((part.range for part in parts if part.range.dtype.kind == "c"), first.range)
        self.parts = tuple(parts)
        self.sources = tuple(source for part in parts for source in part.sources)

    @property
    def _traveller(self) -> Any:
        return _InTurn(self.parts)

    def result_type(self, dtype: Any) -> np.dtype:
        return np.result_type(*(part.result_type(dtype) for part in self.parts))

    def diagonal(self) -> Field:
        return functools.reduce(operator.add, (part.diagonal() for part in self.parts))

    @property
    def T(self) -> OperatorSum:
        return OperatorSum([part.T for part in self.parts])

    @property
    def H(self) -> OperatorSum:
        return OperatorSum([part.H for part in self.parts])

    def __mul__(self, factor: complex) -> OperatorSum:
        return OperatorSum([part * factor for part in self.parts]) if np.isscalar(factor) else NotImplemented

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.parts))


class OperatorProduct(Opaque):
    """First `right`, then `left`.

    Raises
    ------
    ValueError
        If the range of one is not the domain of the other, naming both.
    """

    def __init__(self, left: TensorOperator, right: TensorOperator) -> None:
        if not same_points(left.domain, right.range):
            raise ValueError(f"{left} acts on {left.domain}, but {right} gives a field of {right.range}")
        self.left, self.right = left, right
        self.domain, self.range = right.domain, left.range
        later = (
            replace(source, through=left if source.through is None else left @ source.through)
            for source in right.sources
        )
        self.sources: tuple[Source, ...] = (*left.sources, *later)

    @property
    def _traveller(self) -> Any:
        return _OneAfterTheOther(self.left, self.right)

    def result_type(self, dtype: Any) -> np.dtype:
        return self.left.result_type(self.right.result_type(dtype))

    def diagonal(self) -> Field:
        raise TypeError(f"the diagonal of the product {self} is not known without its matrix")

    @property
    def T(self) -> OperatorProduct:
        return OperatorProduct(self.right.T, self.left.T)

    @property
    def H(self) -> OperatorProduct:
        return OperatorProduct(self.right.H, self.left.H)

    def __mul__(self, factor: complex) -> OperatorProduct:
        if not np.isscalar(factor):
            return NotImplemented
        result = OperatorProduct(self.left * factor, self.right)
        result.sources = scaled(self.sources, factor)
        return result

    def __repr__(self) -> str:
        return f"({self.left}) · ({self.right})"


class Multiplication(Opaque):
    """Multiplication by a Field of one value per point: a diagonal operator.

    The values are kept for every pencil in which arguments come: one array each. The Field must not change afterwards.
    """

    def __init__(self, values: Field) -> None:
        self.domain = self.range = values.space
        self.values = values
        self.sources = ()
        self._point_by_point = _PointByPoint(values)

    @property
    def _traveller(self) -> Any:
        return self._point_by_point

    def result_type(self, dtype: Any) -> np.dtype:
        return np.dtype(dtype) if self.values.dtype.kind != "c" else np.result_type(dtype, np.complex64)

    def diagonal(self) -> Field:
        return self.values.copy()

    @property
    def T(self) -> Multiplication:
        return self

    @property
    def H(self) -> Multiplication:
        return Multiplication(Field(self.range, self.values.local.conj(), self.values.pencil))

    def __mul__(self, factor: complex) -> Multiplication:
        return Multiplication(self.values * factor) if np.isscalar(factor) else NotImplemented

    def __repr__(self) -> str:
        return f"multiplication by {self.values}"


class _PointByPoint:
    in_place = True

    def __init__(self, values: Field) -> None:
        self.values = values
        self._blocks: dict[Pencil, Any] = {values.pencil: values.local}

    def apply(self, f: Field, out: Field, beta: float) -> None:
        if f.pencil not in self._blocks:
            self._blocks[f.pencil] = self.values.to(f.pencil).local
        factor = self._blocks[f.pencil]
        if beta == 0 and out.pencil == f.pencil:
            np.multiply(f.local, factor, out=out.local, casting="same_kind")
            return
        kernels = self.values.space.backend
        with f.pencil.process_grid.workspace(kernels).lent(f.local.shape, out.dtype) as product:
            np.multiply(f.local, factor, out=product, casting="same_kind")
            moved = Field(f.space, product, f.pencil).to(out.pencil)
            kernels.pointwise.axpby(1.0, moved.local, beta, out.local)


class _InTurn:
    in_place = False

    def __init__(self, parts: Sequence[TensorOperator]) -> None:
        self.parts = parts

    def apply(self, f: Field, out: Field, beta: float) -> None:
        for number, part in enumerate(self.parts):
            part.apply(f, out, 1.0 if number else beta)


class _OneAfterTheOther:
    in_place = False

    def __init__(self, left: TensorOperator, right: TensorOperator) -> None:
        self.left, self.right = left, right

    def apply(self, f: Field, out: Field, beta: float) -> None:
        space = self.right.range
        work = space.process_grid.workspace(space.backend)
        pencil = self._between(f)
        array = work.take((*f.lead, *pencil.local_shape), self.right.result_type(f.dtype))
        self.left.apply(self.right.apply(f, Field(space, array, pencil)), out, beta)
        work.give(array)

    def _between(self, f: Field) -> Pencil:
        """Where the result of `right` is wanted: where it arises, if it works along one axis, as `left` often goes on
        there; else at home."""
        space = self.right.range
        axes = {axis for term in self.right.terms for axis in term.factors}
        return f.pencil.aligned(axes.pop()).reshaped(space.shape) if len(axes) == 1 else space.pencil
