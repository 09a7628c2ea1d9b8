"""ElementOperator: a weak form with variable coefficients as an operator on Fields."""

from __future__ import annotations

from collections.abc import Sequence
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
    """factor · (a weak form on the elements of `range`, and on those of its walls), applied by sum factorization.

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
    forms
        Pairs of elements, with a halo of what they read from the domain, and of weights: the coefficients at quadrature
        points, and which form it is. First those of the box.
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
        self, domain: Space, range: Space, forms: Sequence[tuple[Elements, Weights]], factor: float = 1.0,
        sources: tuple[Source, ...] = (),
    ) -> None:  # fmt: skip
        self.domain, self.range = domain, range
        self.forms, self.factor, self.sources = tuple(forms), factor, sources

    @property
    def T(self) -> ElementOperator:
        if self.domain is not self.range:
            raise ValueError(f"{self} from {self.domain} to {self.range} is a part of a lifting: it has no transpose")
        turned = [(elements, weights.transposed()) for elements, weights in self.forms]
        return ElementOperator(self.domain, self.range, turned, self.factor)

    @property
    def H(self) -> ElementOperator:
        return self.T

    def __mul__(self, factor: complex) -> ElementOperator:
        if not np.isscalar(factor):
            return NotImplemented
        if np.iscomplexobj(factor):
            raise TypeError(f"a form on elements has real factors, not {factor}: multiply its result")
        product = self.factor * float(factor)  # type: ignore[arg-type]
        return ElementOperator(self.domain, self.range, self.forms, product, scaled(self.sources, factor))

    def __repr__(self) -> str:
        name = f"{self.forms[0][1].name} by sum factorization"
        return name if self.factor == 1 else f"{self.factor}·({name})"

    def result_type(self, dtype: Any) -> np.dtype:
        return np.dtype(dtype)

    @property
    def nbytes(self) -> int:
        """Bytes of the coefficients at quadrature points that this rank keeps."""
        return sum(weights.nbytes for _, weights in self.forms)

    def diagonal(self) -> Field:
        """The diagonal of the matrix as a Field, for Jacobi's preconditioner: by squared tables. Not collective."""
        values = self.factor * sum(diagonal(elements, weights) for elements, weights in self.forms)
        return Field(self.range, self.range.backend.asarray(values, self.range.dtype))

    @property
    def _traveller(self) -> Any:
        return ElementOperator._Worker(self)

    class _Worker:
        """Applies the operator, with work arrays lent by the process grid."""

        in_place = False

        def __init__(self, operator: ElementOperator) -> None:
            self.operator = operator
            self.kernels = operator.range.backend
            self.work = operator.range.process_grid.workspace(self.kernels)

        def apply(self, f: Field, out: Field, beta: float) -> None:
            """Out = operator f + beta·out. Collective.

            Elements are added to the result at home, so that its bits do not depend on where it goes.
            """
            if f.dtype != out.dtype:
                f = Field(f.space, f.local.astype(out.dtype), f.pencil)
            home = self.operator.range.pencil
            u = self._moved(f.local, f.pencil, self.operator.domain.pencil)
            if out.pencil == home or beta != 0:
                result = self._moved(out.local, out.pencil, home)
            else:
                result = self.work.take((*f.lead, *home.local_shape), out.dtype)
            self._scale(beta, result)
            for elements, weights in self.operator.forms:
                self._add(elements, weights, u, result)
            if out.pencil != home:
                Transpose.between(home, out.pencil).forward(result, out.local)
                self.work.give(result)
            if u is not f.local:
                self.work.give(u)

        def _add(self, elements: Elements, weights: Weights, u: Any, out: Any) -> None:
            """Out += factor · form u, both in home pencils."""
            source = u if elements.halo is None else elements.halo.fill(u, self.kernels)
            form = weights.form(elements, u.dtype)
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
