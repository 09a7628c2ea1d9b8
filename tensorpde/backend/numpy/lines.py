"""Banded line kernels on arrays viewed as (outer, n, inner): out = U⁻¹ L⁻¹ (B u) + beta·out along the middle.

One kernel serves every axis, every banded operator and both real precisions; a complex array with
real factors is a real one with twice the inner length. Every value is read once and written once.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numba import njit

from .abreast import rows_abreast
from .compiled import inlined, kernel
from .intrinsics import KEEP
from .pointers import data
from .rows import fill_row, lane_count, scratch
from .sweep import Factors, backward, bare, close, forward, make_factors, ready_rows
from .tiles import exchange_lines, goal, is_real, lane_base, load_columns, store_columns

CHUNK = 16  # columns loaded, then swept while they are in the first-level cache
LONG_CHUNK = 512  # of contiguous lines, which memory gives faster the longer the stretches are

AHEAD = 6  # rows asked for in advance: few, for a power of two apart they share places in the cache


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
    last = np.int64(0)  # a plain 0 is a type of its own, for which all parts would be compiled once more
    for number in range(count + 1):
        # The sweep up a tile runs beside the sweep down the one before it, so that memory is read and written at once.
        first = number // per_span * span + number % per_span * lanes
        up, down = number < count, number > 0
        if up:
            fill_row(tile, 0, f.kl * lanes, 0)
        if up and down and _even(f, u, first, span, inner) and _even(f, u, last, span, inner):
            following = (number + 1) // per_span * span + (number + 1) % per_span * lanes
            _abreast(tile, before, f, u, first, following, out, last, inner, beta)
        elif up and down and inner == 1 and f.n == f.m and is_real(u) and first + lanes <= lines:
            _in_turn(tile, before, f, u, first, out, last, beta)
        else:
            _in_chunks(tile, before, f, u, first, up, out, last, down, span, inner, beta)
        if up:
            close(tile, f)
        tile, before, last = before, tile, first


@inlined
def _even(f, u, first, span, inner):
    """Whether a row of the tile is a stretch of the array, and the operator's rows can be swept abreast."""
    lanes = lane_count(u)
    return (
        f.inside < f.outside and _valid(first, span, lanes) == lanes and first % inner + lanes <= inner and is_real(u)
    )


@inlined
def _abreast(tile, before, f, u, first, following, out, last, inner, beta):
    """Up a tile and down the one before it, row by row; the first columns of the next tile are asked for."""
    base, target = lane_base(first, f.n, inner), lane_base(last, f.m, inner)
    how = goal(out, last, lane_count(u), inner, beta)
    _sweep_wrapped(tile, f, u, first, inner, np.int64(0), f.inside)
    i, row, near = f.inside, f.m - 1, f.outside - AHEAD
    while i < f.outside:
        count = min(f.until[i], near if i < near else f.outside) - i
        source = base + (f.source[i] - f.slot) * inner
        ask = (f.width - 1 + AHEAD) * inner
        if i >= near:
            ask = lane_base(following, f.n, inner) + (i - near) * inner - source
        rows_abreast(
            tile, f.kl + i, count, u, source, inner, ask, f.coef, i, f.width,
            before, f.kl + row, f.upper, row, f.ku, out, target + row * inner, beta, how,
        )  # fmt: skip
        i, row = i + count, row - count
    _sweep_wrapped(tile, f, u, first, inner, f.outside, f.m)
    backward(before, f, np.int64(0), row + 1, out, target, inner, beta, how)


@inlined
def _sweep_wrapped(tile, f, u, first, inner, begin, end):
    """Up the few rows whose columns reach round the line."""
    if begin < end:
        low, high = f.source[begin] - f.slot, f.source[end - 1] - f.slot + f.width
        load_columns(tile, f.slot + low, u, first, lane_count(u), f.n, inner, low, high)
        forward(tile, tile, f, begin, end)


@inlined
def _in_turn(tile, before, f, u, first, out, last, beta):
    """Up a tile of contiguous lines and down the one before it: lines of both are moved in turn, between the sweeps."""
    nothing, inner = np.int64(0), np.int64(1)
    backward(before, f, nothing, f.m, out, nothing, inner, beta, KEEP)
    exchange_lines(tile, f.slot, u, first, before, f.kl, out, last, f.n, beta)
    for low, high in ((f.low, nothing), (f.n, f.high)):
        load_columns(tile, f.slot + low, u, first, lane_count(u), f.n, inner, low, high)
    forward(tile, tile, f, nothing, f.m)


@inlined
def _in_chunks(tile, before, f, u, first, up, out, last, down, span, inner, beta):
    """The same by chunks of columns, for tiles and operators of any kind."""
    lanes = lane_count(u)
    chunk = LONG_CHUNK if inner == 1 else CHUNK
    done = np.int64(0)
    for column in range(0, max(f.high, f.m), chunk):
        stop = min(column + chunk, f.high)
        if up and column < stop:
            start = f.low if column == 0 else column
            load_columns(tile, f.slot + start, u, first, _valid(first, span, lanes), f.n, inner, start, stop)
            ready = ready_rows(f, done, stop)
            forward(tile, tile, f, done, ready)
            done = ready
        row = (f.m - 1) // chunk * chunk - column
        if down and row >= 0:
            _finish(before, f, row, min(row + chunk, f.m), out, last, _valid(last, span, lanes), inner, beta)


@njit(inline="always")
def _valid(first, span, lanes):
    """Lines of a tile that begins with line `first`: tiles do not reach past a span."""
    return min(lanes, span - first % span)


@inlined
def _finish(tile, f, row, stop, out, first, valid, inner, beta):
    """Sweep down the rows of one chunk and store them."""
    how = goal(out, first, valid, inner, beta)
    backward(tile, f, row, stop, out, lane_base(first, f.m, inner), inner, beta, how)
    if how == KEEP and row == 0:  # whole lines at once: where they are contiguous, so is the tile
        store_columns(tile, f.kl, out, first, valid, f.m, inner, 0, f.m, beta)
