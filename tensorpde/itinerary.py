"""The way of a sum of Kronecker products through the pencils: few transposes, in an order that depends on no rank.

A sum is a list of parcels. Those of single factors on one axis are added up where that axis is whole: in place if the
field lies so already, else on one transposed copy of it, whose result comes back in one transpose. A term of several
factors goes from axis to axis; terms that continue alike are added before they go on. Parcels are added to the result
in a fixed order, so that its bits depend neither on the number of ranks nor on how the field lies.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np

from tensorpde.line import LineOperator
from tensorpde.parallel import Pencil, Transpose


class Term(NamedTuple):
    """coefficient · product of (axis, line operator)."""

    coefficient: complex
    factors: tuple[tuple[int, LineOperator], ...]


class Parcel(NamedTuple):
    """Σ coefficient · operator along one axis (None: the identity), then one operator after the other along others."""

    axis: int | None
    first: tuple[tuple[complex, LineOperator | None], ...]
    then: tuple[tuple[int, LineOperator], ...]


class Block(Protocol):
    """What a Field is here: this rank's block, and the pencil that says of what."""

    @property
    def local(self) -> Any:
        """The values."""

    @property
    def pencil(self) -> Pencil:
        """Their place."""


class Traveller:
    """Applies Σ terms to fields, with work arrays lent by the process grid.

    Parameters
    ----------
    terms
        The sum.
    shape
        Global shape of the result.
    backend
        Of the arrays.
    """

    def __init__(self, terms: Sequence[Term], shape: tuple[int, ...], backend: ModuleType) -> None:
        self.parcels = parcels(terms)
        self.shape, self.backend = shape, backend

    @property
    def in_place(self) -> bool:
        """Whether `out` may be f itself, for beta 0: its values are not needed once there are new ones."""
        return len(self.parcels) == 1

    def apply(self, f: Block, out: Block, beta: float) -> None:
        """out = Σ terms f + beta·out. Collective."""
        home = out.pencil.reshaped(f.pencil.shape)
        self._work = home.process_grid.workspace(self.backend)
        if len(self.parcels) == 1 and self.parcels[0].axis is not None and f.pencil.is_whole(self.parcels[0].axis):
            home = f.pencil  # a product starts where its first lines are whole already: fewer transposes, the same bits
        u = self._moved(f.local, f.pencil, home)
        if beta not in (0, 1):
            self.backend.pointwise.axpby(0.0, out.local, beta, out.local)
            beta = 1.0
        lent: dict[Pencil, Any] = {home: u}
        for number, parcel in enumerate(self.parcels, 1):
            pencil = home if parcel.axis is None else home.aligned(parcel.axis)
            if pencil not in lent:
                lent[pencil] = self._moved(u, home, pencil)
            value, last = lent[pencil], number == len(self.parcels)
            for other in lent.values() if last else ():
                if other is not value and other is not f.local:
                    self._give(other)
            self._deliver(parcel, value, pencil, out, beta, spare=last and value is not f.local)
            beta = 1.0

    def _deliver(self, parcel: Parcel, u: Any, pencil: Pencil, out: Block, beta: float, spare: bool) -> None:
        """out = parcel u + beta·out for u in a pencil in which the parcel's axis is whole.

        `spare`: u is a work array that nobody needs afterwards, and is given back.
        """
        at_home = not parcel.then and pencil.reshaped(self.shape) == out.pencil
        if u is out.local:
            operator = parcel.first[0][1]
            at_home = at_home and len(parcel.first) == 1 and operator is not None and operator.in_place
        if at_home and (len(parcel.first) == 1 or beta == 0):
            self._sum(parcel, u, out.local, beta)
            if spare:
                self._give(u)
            return
        dtype = _sum_type(parcel, u.dtype)
        pencil, value = self._result(pencil, u, parcel.axis, parcel.first[0][1], dtype)
        self._sum(parcel, u, value, 0.0)
        if spare:
            self._give(u)
        for number, (axis, operator) in enumerate(parcel.then):
            last = number == len(parcel.then) - 1 and out.pencil.is_whole(axis)
            target = out.pencil.reshaped(pencil.shape) if last else pencil.aligned(axis)
            value, pencil = self._returned(value, pencil, target), target
            if last and operator.result_type(value.dtype) == out.local.dtype:
                if out.local.size:  # a rank that owns nothing has no lines, not even empty ones
                    self._along(operator, value, axis - pencil.ndim, out.local, 1.0, beta)
                self._give(value)
                return
            pencil, value = self._applied(operator, axis, pencil, value)
        if beta == 0 and value.dtype == out.local.dtype and pencil != out.pencil:
            Transpose.between(pencil, out.pencil).forward(value, out.local)
        else:
            value = self._returned(value, pencil, out.pencil)
            self.backend.pointwise.axpby(1.0, value, beta, out.local)
        self._give(value)

    def _sum(self, parcel: Parcel, u: Any, out: Any, beta: float) -> None:
        """out = Σ coefficient · operator u + beta·out."""
        for coefficient, operator in parcel.first if out.size else ():
            if operator is None or parcel.axis is None:
                self.backend.pointwise.axpby(coefficient, u, beta, out)
            else:
                self._along(operator, u, parcel.axis - len(self.shape), out, coefficient, beta)
            beta = 1.0

    def _along(self, operator: LineOperator, u: Any, axis: int, out: Any, alpha: complex, beta: float) -> None:
        """out = alpha · operator u + beta·out; a product goes from one work array to the next."""
        *before, last = operator.steps
        value = u
        for step in before:
            target, dtype = value, step.result_type(value.dtype)
            if value is u or not step.in_place or dtype != value.dtype:
                shape = list(value.shape)
                shape[axis] = step.shape[0]
                target = self._take(tuple(shape), dtype)
            step.apply(value, axis, target)
            if value is not u and value is not target:
                self._give(value)
            value = target
        last.apply(value, axis, out, alpha, beta)
        if value is not u:
            self._give(value)

    def _applied(self, operator: LineOperator, axis: int, pencil: Pencil, value: Any) -> tuple[Pencil, Any]:
        """The pencil and the values after an operator along a whole axis of a work array; in place where it can be."""
        dtype, result = operator.result_type(value.dtype), value
        if not operator.in_place or dtype != value.dtype:
            pencil, result = self._result(pencil, value, axis, operator, dtype)
        if result.size:
            self._along(operator, value, axis - pencil.ndim, result, 1.0, 0.0)
        if result is not value:
            self._give(value)
        return pencil, result

    def _result(
        self, pencil: Pencil, u: Any, axis: int | None, operator: LineOperator | None, dtype: Any
    ) -> tuple[Pencil, Any]:
        """The pencil and a work array for what an operator makes of u."""
        sizes = list(pencil.shape)
        if axis is not None and operator is not None:
            sizes[axis] = operator.shape[0]
        pencil = pencil.reshaped(sizes)
        return pencil, self._take((*_lead(u, pencil), *pencil.local_shape), dtype)

    def _moved(self, u: Any, start: Pencil, end: Pencil) -> Any:
        """u itself if it is in place, else a work array."""
        if start == end:
            return u
        return Transpose.between(start, end).forward(u, self._take((*_lead(u, end), *end.local_shape), u.dtype))

    def _returned(self, value: Any, start: Pencil, end: Pencil) -> Any:
        """As `_moved`, for a work array that is done with."""
        moved = self._moved(value, start, end)
        if moved is not value:
            self._give(value)
        return moved

    def _take(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self._work.take(shape, dtype)

    def _give(self, array: Any) -> None:
        self._work.give(array)


def parcels(terms: Sequence[Term]) -> tuple[Parcel, ...]:
    """A sum in the order in which it is applied.

    Terms of one factor: last axes first, which home pencils hold whole. Terms of several: the last axis last, so that
    the result comes out where it is wanted and is added there by the last factor itself.
    """
    found: dict[tuple, Parcel] = {}
    for term in terms:
        ordered = in_order(term.factors)
        axis, operator = ordered[0] if ordered else (None, None)
        key = axis, tuple((other, id(later)) for other, later in ordered[1:])
        before = found[key].first if key in found else ()
        found[key] = Parcel(axis, (*before, (term.coefficient, operator)), tuple(ordered[1:]))
    return tuple(sorted(found.values(), key=lambda parcel: -1 if parcel.axis is None else -parcel.axis))


def in_order(factors: Iterable[tuple[int, LineOperator]]) -> list[tuple[int, LineOperator]]:
    """The factors of a product as they are applied: those first that leave the fewest values, then by axes."""
    return sorted(factors, key=lambda part: (part[1].shape[0] / max(part[1].shape[1], 1), part[0]))


def _sum_type(parcel: Parcel, dtype: Any) -> np.dtype:
    kinds = [np.dtype(dtype) if operator is None else operator.result_type(dtype) for _, operator in parcel.first]
    if any(np.iscomplexobj(coefficient) for coefficient, _ in parcel.first):
        kinds.append(np.dtype(np.complex64))
    return np.result_type(*kinds)


def _lead(u: Any, pencil: Pencil) -> tuple[int, ...]:
    return u.shape[: u.ndim - pencil.ndim]
