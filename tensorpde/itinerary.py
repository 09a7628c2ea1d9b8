"""The way of a sum of Kronecker products through the pencils, planned so that few transposes are needed.

At each stop the terms whose axes are all whole are applied and added up. For the others the factors whose axes are
whole are applied, terms that go on with the same factors are added first, and what is left moves on, terms without such
factors sharing one transpose of the argument; their sum comes back in one transpose.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tensorpde.field import Field
from tensorpde.line import LineOperator
from tensorpde.parallel import Pencil, Transpose


class Term(NamedTuple):
    """coefficient · product of (axis, line operator)."""

    coefficient: complex
    factors: tuple[tuple[int, LineOperator], ...]


class Branch(NamedTuple):
    """Terms applied before moving on (none: the argument itself moves), the pencil they lead to, and what follows."""

    before: tuple[Term, ...]
    pencil: Pencil
    then: Stop


class Stop(NamedTuple):
    """A pencil, the terms that end here, and the branches that go on, by the pencil in which they meet again."""

    pencil: Pencil
    here: tuple[Term, ...]
    onward: tuple[tuple[Pencil, tuple[Branch, ...]], ...]


class Traveller:
    """Applies Σ terms to fields; keeps a plan for each pencil they come in, and the work arrays.

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
        self.terms = tuple(Term(term.coefficient, _shrinking_first(term.factors)) for term in terms)
        self.shape, self.backend = shape, backend
        self._plans: dict[Pencil, Stop] = {}
        self._free: dict[tuple, list[Any]] = {}

    def apply(self, f: Field, out: Field, beta: float) -> None:
        """out = Σ terms f + beta·out. Collective."""
        pencil = out.pencil.reshaped(f.space.shape)
        if pencil not in self._plans:
            self._plans[pencil] = plan(self.terms, pencil, self.shape)
        u = self._moved(f.local, f.pencil, pencil)
        self._visit(self._plans[pencil], u, out.local, beta)
        if u is not f.local:
            self._give(u)

    def _visit(self, stop: Stop, u: Any, out: Any, beta: float) -> None:
        """out = Σ terms of this stop and all that follow u + beta·out."""
        for term in stop.here:
            self._chain(term, u, out, beta)
            beta = 1.0
        for pencil, branches in stop.onward:
            there = self._take((*_lead(u, pencil), *pencil.local_shape), out.dtype)
            for number, branch in enumerate(branches):
                self._branch(stop, branch, u, there, 1.0 if number else 0.0)
            home = stop.pencil.reshaped(self.shape)
            if beta == 0:
                Transpose.between(pencil, home).forward(there, out)
            else:
                back = self._moved(there, pencil, home)
                self.backend.pointwise.axpby(1.0, back, beta, out)
                self._give(back)
            beta = 1.0
            self._give(there)

    def _branch(self, stop: Stop, branch: Branch, u: Any, out: Any, beta: float) -> None:
        value, start = u, stop.pencil
        if branch.before:
            start = stop.pencil.reshaped(branch.pencil.shape)
            dtype = np.result_type(*(_result_type(term, u.dtype) for term in branch.before))
            value = self._take((*_lead(u, start), *start.local_shape), dtype)
            for number, term in enumerate(branch.before):
                self._chain(term, u, value, 1.0 if number else 0.0)
        there = self._moved(value, start, branch.pencil)
        if branch.before:
            self._give(value)
        self._visit(branch.then, there, out, beta)
        self._give(there)

    def _chain(self, term: Term, u: Any, out: Any, beta: float) -> None:
        """out = term u + beta·out where all axes of the term are whole."""
        if not term.factors:
            self.backend.pointwise.axpby(term.coefficient, u, beta, out)
            return
        value = u
        *first, (last_axis, last) = term.factors
        for axis, operator in first:
            place = axis - len(self.shape)
            shape = list(value.shape)
            shape[place] = operator.shape[0]
            result = operator.apply(value, place, self._take(tuple(shape), operator.result_type(value.dtype)))
            if value is not u:
                self._give(value)
            value = result
        last.apply(value, last_axis - len(self.shape), out, alpha=term.coefficient, beta=beta)
        if value is not u:
            self._give(value)

    def _moved(self, u: Any, start: Pencil, end: Pencil) -> Any:
        """u itself if it is in place, else a work array."""
        if start == end:
            return u
        return Transpose.between(start, end).forward(u, self._take((*_lead(u, end), *end.local_shape), u.dtype))

    def _take(self, shape: tuple[int, ...], dtype: Any) -> Any:
        free = self._free.get((shape, np.dtype(dtype)))
        return free.pop() if free else self.backend.empty(shape, dtype)

    def _give(self, array: Any) -> None:
        self._free.setdefault((array.shape, np.dtype(array.dtype)), []).append(array)


def plan(terms: Sequence[Term], pencil: Pencil, shape: tuple[int, ...]) -> Stop:
    """The stops of a sum that starts in `pencil` and ends there with a result of global `shape`."""
    here = tuple(term for term in terms if all(pencil.is_whole(axis) for axis, _ in term.factors))
    groups: dict[tuple, list[tuple[Term, Term]]] = {}
    for term in terms:
        if term in here:
            continue
        local = tuple(part for part in term.factors if pencil.is_whole(part[0]))
        rest = tuple(part for part in term.factors if not pencil.is_whole(part[0]))
        if local:
            key = tuple((axis, id(operator)) for axis, operator in rest)
            groups.setdefault(key, []).append((Term(term.coefficient, local), Term(1.0, rest)))
        else:
            groups.setdefault((rest[0][0],), []).append((Term(1.0, ()), Term(term.coefficient, rest)))
    onward: dict[Pencil, list[Branch]] = {}
    for pairs in groups.values():
        before, rest = tuple(pair[0] for pair in pairs), [pair[1] for pair in pairs]
        shared = not before[0].factors
        sizes = list(pencil.shape)
        for axis, operator in before[0].factors:
            sizes[axis] = operator.shape[0]
        there = pencil.reshaped(sizes).aligned(rest[0].factors[0][0])
        branch = Branch(() if shared else before, there, plan(rest if shared else rest[:1], there, shape))
        onward.setdefault(there.reshaped(shape), []).append(branch)
    return Stop(pencil, here, tuple((meeting, tuple(branches)) for meeting, branches in onward.items()))


def _shrinking_first(factors: Sequence[tuple[int, LineOperator]]) -> tuple[tuple[int, LineOperator], ...]:
    return tuple(sorted(factors, key=lambda part: part[1].shape[0] / max(part[1].shape[1], 1)))


def _result_type(term: Term, dtype: Any) -> np.dtype:
    for _, operator in term.factors:
        dtype = operator.result_type(dtype)
    return np.result_type(dtype, np.complex64) if np.iscomplexobj(term.coefficient) else np.dtype(dtype)


def _lead(u: Any, pencil: Pencil) -> tuple[int, ...]:
    return u.shape[: u.ndim - pencil.ndim]
