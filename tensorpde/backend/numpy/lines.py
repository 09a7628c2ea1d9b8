"""Banded line kernels on arrays viewed as (outer, n, inner): out = U⁻¹ L⁻¹ (B u) + beta·out along the middle.

One kernel serves every axis, every banded operator and both real precisions; a complex array with
real factors is a real one with twice the inner length. Every value is read once and written once.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numba import njit

from .compiled import inlined, kernel
from .intrinsics import KEEP
from .pointers import data
from .rows import fill_row, lane_count, scratch
from .sweep import Factors, backward, bare, close, forward, make_factors, ready_rows
from .tiles import goal, lane_base, load_columns, store_columns

CHUNK = 16  # columns loaded, then swept while they are in the first-level cache; whole cache lines of a contiguous one


def prepare(plan: Any, dtype: Any) -> Factors:
    """The kernel's form of a host plan for arrays of `dtype` (real factors keep the precision of `dtype`)."""
    dtype = np.dtype(dtype)
    complex_factors = any(np.iscomplexobj(a) for a in (plan.rhs.coef, plan.lower, plan.upper))
    return make_factors(plan, dtype if complex_factors else np.empty(0, dtype).real.dtype)


def sweep(factors: Factors, u: np.ndarray, out: np.ndarray, axis: int, beta: float = 0.0) -> None:
    """Apply a prepared plan along `axis` of u, into out; out may be u where the plan is square.

    u and out are C-contiguous and differ in shape along `axis` only. Reads and writes each value once.
    """
    inner = prod(u.shape[axis + 1 :])
    lines = prod(u.shape[:axis]) * inner
    if lines == 0 or factors.m == 0:
        return
    if u.dtype.kind == "c" and factors.coef.dtype.kind != "c":
        u, out = u.view(factors.coef.dtype), out.view(factors.coef.dtype)
        inner, lines = inner * 2, lines * 2
    work = scratch(2 * factors.slots, u.dtype)
    _kernel(factors, u.reshape(-1), out.reshape(-1), work, lines, inner, u.dtype.type(beta))


@kernel
def _kernel(factors, values, result, work, lines, inner, beta):
    f, u, out, tile = bare(factors), data(values), data(result), data(work)
    lanes = lane_count(u)
    before = tile[f.slots * lanes :]
    span = inner if inner * 2 >= lanes else lines
    per_span = (span + lanes - 1) // lanes
    count = lines // span * per_span
    chunk = 4 * CHUNK if inner == 1 else CHUNK
    last = 0
    for number in range(count + 1):
        # The sweep up a tile runs beside the sweep down the one before it, so that memory is read and written at once.
        first = number // per_span * span + number % per_span * lanes
        up, down = number < count, number > 0
        done = 0
        if up:
            _start(tile, f, u, first, _valid(first, span, lanes), inner)
        for column in range(0, max(f.high, f.m), chunk):
            stop = min(column + chunk, f.high)
            if up and column < stop:
                load_columns(tile, f.slot + column, u, first, _valid(first, span, lanes), f.n, inner, column, stop)
                ready = ready_rows(f, done, stop)
                forward(tile, tile, f, done, ready)
                done = ready
            row = (f.m - 1) // chunk * chunk - column
            if down and row >= 0:
                _finish(before, f, row, min(row + chunk, f.m), out, last, _valid(last, span, lanes), inner, beta)
        if up:
            close(tile, f)
        tile, before, last = before, tile, first


@njit(inline="always")
def _valid(first, span, lanes):
    """Lines of a tile that begins with line `first`: tiles do not reach past a span."""
    return min(lanes, span - first % span)


@inlined
def _start(tile, f, u, first, valid, inner):
    """The rows before the first, and the columns before the line."""
    fill_row(tile, 0, f.kl * lane_count(u), 0)
    load_columns(tile, f.slot + f.low, u, first, valid, f.n, inner, f.low, 0)


@inlined
def _finish(tile, f, row, stop, out, first, valid, inner, beta):
    """Sweep down the rows of one chunk and store them."""
    how = goal(out, first, valid, inner, beta)
    backward(tile, f, row, stop, out, lane_base(first, f.m, inner), inner, beta, how)
    if how == KEEP and row == 0:  # whole lines at once: where they are contiguous, so is the tile
        store_columns(tile, f.kl, out, first, valid, f.m, inner, 0, f.m, beta)
