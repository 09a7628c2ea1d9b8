"""Elements and coefficients of weak forms laid out for the kernels of `elements`: flat device arrays, and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cupy
import numpy as np

from ..forms import ADJOINT, ADVECTION, COUPLED, MASS, STIFFNESS
from .device import uploaded

NAMES = (MASS, STIFFNESS, COUPLED, ADVECTION, ADJOINT)  # the order that the kernels know
ABSENT = -(1 << 60)  # three of them, or one and two places, are below zero
ROUND_OFF = 1e-10  # functions of short elements, computed far from the origin, differ by so much at most


class Line(NamedTuple):
    """The elements of this rank along one axis.

    load : (elements, k) what each function adds to its place in the source; below zero for none.
    begin : (rows + 1,), owner, function : for row i of the result the numbers begin[i]…begin[i + 1] − 1 of the pairs of
    an element and a function that add to it, in the order of the elements.
    values : (any, q, k), slopes : (any, q, q) and rates : (any, q) of elements that differ; which : (3, elements) where
    in these an element has its own.
    """

    load: Any
    begin: Any
    owner: Any
    function: Any
    values: Any
    slopes: Any
    rates: Any
    which: Any
    elements: int
    k: int
    q: int
    rows: int


class Form(NamedTuple):
    """Three Lines, flat coefficients (elements, parts, points), the number of the form's name, its parts."""

    lines: tuple[Line, Line, Line]
    coef: Any
    kind: int
    parts: int


def lane_count(dtype: Any) -> int:
    """Elements in a group: they have one thread block each."""
    return 1


def line(
    places: Sequence[np.ndarray], strides: Sequence[int], rows: int, values: np.ndarray, slopes: np.ndarray,
    rates: np.ndarray | None, chosen: np.ndarray, dtype: Any,
) -> Line:  # fmt: skip
    """The elements that a rank works on along one axis; parameters are those of the host's."""
    load, store = places
    owner, function = np.nonzero(store >= 0)
    order = np.argsort(store[owner, function], kind="stable")
    begin = np.searchsorted(store[owner, function][order], np.arange(rows + 1))
    tables = {"values": values, "slopes": slopes, "rates": np.ones((len(values), 1)) if rates is None else rates}
    distinct = {name: _distinct(table, dtype) for name, table in tables.items()}
    numbers = {
        "load": np.where(load < 0, ABSENT, load * strides[0]), "begin": begin, "owner": owner[order],
        "function": function[order], "which": np.array([which[chosen] for _, which in distinct.values()]),
    }  # fmt: skip
    return Line(
        **{name: _flat(bank, dtype) for name, (bank, _) in distinct.items()},
        **{name: _flat(values, np.int64) for name, values in numbers.items()},
        elements=len(chosen), k=values.shape[2], q=values.shape[1], rows=rows,
    )  # fmt: skip


def form(name: str, lines: Sequence[Line], values: cupy.ndarray) -> Form:
    """What `elements.add` needs: three Lines, and coefficients (groups, parts, points, lanes) of the form's name."""
    x, y, z = lines
    return Form((x, y, z), values.reshape(-1), NAMES.index(name), values.shape[1])


def _distinct(tables: np.ndarray, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    """The tables that differ, and which of them each element has."""
    if np.abs(tables - tables[0]).max() <= ROUND_OFF * np.abs(tables[0]).max():
        return tables[:1], np.zeros(len(tables), np.int64)
    bank, which = np.unique(tables.reshape(len(tables), -1).astype(dtype), axis=0, return_inverse=True)
    return bank, which.reshape(-1)


def _flat(values: np.ndarray, dtype: Any) -> Any:
    """A flat device array, never empty."""
    return uploaded(np.append(np.asarray(values).ravel(), 0).astype(dtype))
