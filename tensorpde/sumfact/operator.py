"""ElementOperator: a weak form with variable coefficients as an operator on Fields."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import Source, scaled
from tensorpde.opaque import Opaque
from tensorpde.parallel import Pencil, Transpose
from tensorpde.sumfact.diagonal import diagonal
from tensorpde.sumfact.elements import Elements
from tensorpde.sumfact.weights import Weights


class ElementOperator(Opaque):
    """factor · (a weak form on the elements of `range`), applied by sum factorization.

    With d axes, degree p and q = p + 1 points per axis, an element costs about 4 d q^(d+1) multiplications and
    additions (half of that where functions are symmetric on the element) and reads its stored coefficients once. No
    element matrix is formed, and values at quadrature points exist for a few elements at a time.

    Made by `tensorpde.stiffness`, `mass` and `advection`.

    Parameters
    ----------
    domain
        Where arguments live: `range`, or the coefficients of a wall.
    range
        Where results live.
    elements
        The elements, with a halo of what they read from the domain.
    weights
        The coefficients at quadrature points, and which form it is.
    factor
        A real number.
    sources
        What boundary data add.

    Notes
    -----
    Arguments are moved to the home pencil and get a halo from the neighbours: one exchange. Elements across the ends
    of a block are computed by all ranks that they belong to, in the same order: results are bitwise the same on any
    number of ranks. Complex data cost twice the real ones.
    """

    def __init__(
        self, domain: Space, range: Space, elements: Elements, weights: Weights, factor: float = 1.0,
        sources: tuple[Source, ...] = (),
    ) -> None:  # fmt: skip
        self.domain, self.range = domain, range
        self.elements, self.weights, self.factor = elements, weights, factor
        self.sources = sources

    @property
    def T(self) -> ElementOperator:
        if self.domain is not self.range:
            raise ValueError(f"{self} from {self.domain} to {self.range} is a part of a lifting: it has no transpose")
        return ElementOperator(self.domain, self.range, self.elements, self.weights.transposed(), self.factor)

    @property
    def H(self) -> ElementOperator:
        return self.T

    def __mul__(self, factor: complex) -> ElementOperator:
        if not np.isscalar(factor):
            return NotImplemented
        if np.iscomplexobj(factor):
            raise TypeError(f"a form on elements has real factors, not {factor}: multiply its result")
        return ElementOperator(
            self.domain, self.range, self.elements, self.weights, self.factor * float(factor),  # type: ignore[arg-type]
            scaled(self.sources, factor),
        )  # fmt: skip

    def __repr__(self) -> str:
        name = f"{self.weights.name} by sum factorization"
        return name if self.factor == 1 else f"{self.factor}·({name})"

    def result_type(self, dtype: Any) -> np.dtype:
        return np.dtype(dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of the coefficients at quadrature points that this rank keeps."""
        return self.weights.nbytes

    def diagonal(self) -> Field:
        """The diagonal of the matrix, for Jacobi's preconditioner: as a Field, by squared tables. Not collective."""
        values = self.factor * diagonal(self.elements, self.weights)
        return Field(self.range, self.range.backend.asarray(values, self.range.dtype))

    @property
    def _traveller(self) -> Any:
        return ElementOperator._Worker(self)

    class _Worker:
        """Applies the operator, with work arrays lent by the process grid."""

        def __init__(self, operator: ElementOperator) -> None:
            self.operator = operator
            self.kernels = operator.range.backend
            self.work = operator.range.process_grid.workspace(self.kernels)

        def apply(self, f: Field, out: Field, beta: float) -> None:
            """Out = operator f + beta·out. Collective."""
            home = self.operator.range.pencil
            u = self._moved(f.local, f.pencil, self.operator.domain.pencil)
            if out.pencil == home and out.dtype == f.dtype:
                self._scale(beta, out.local)
                self._add(u, out.local)
            else:
                result = self.work.take((*f.lead, *home.local_shape), f.dtype)
                result[...] = 0
                self._add(u, result)
                there = self._moved(result, home, out.pencil)
                self.kernels.pointwise.axpby(1.0, there, beta, out.local)
                for array in {id(result): result, id(there): there}.values():
                    self.work.give(array)
            if u is not f.local:
                self.work.give(u)

        def _add(self, u: Any, out: Any) -> None:
            """Out += operator u, both in home pencils."""
            elements = self.operator.elements
            source = u if elements.halo is None else elements.halo.fill(u, self.kernels)
            form = self.operator.weights.form(elements, u.dtype)
            sizes = [prod(array.shape[array.ndim - self.operator.range.ndim :]) for array in (source, out)]
            if 0 in (*sizes, out.size):
                return
            flat = [array.reshape(-1, size) for array, size in zip((source, out), sizes, strict=True)]
            for values, result in zip(*flat, strict=True):
                self.kernels.elements.add(values, result, self.operator.factor, form)

        def _scale(self, beta: float, out: Any) -> None:
            if beta == 0:
                out[...] = 0
            elif beta != 1:
                self.kernels.pointwise.axpby(0.0, out, beta, out)

        def _moved(self, values: Any, start: Pencil, end: Pencil) -> Any:
            """The array itself if it is in place, else a work array."""
            if start == end:
                return values
            lead = values.shape[: values.ndim - start.ndim]
            there = self.work.take((*lead, *end.local_shape), values.dtype)
            return Transpose.between(start, end).forward(values, there)
