"""Banded line kernels on arrays viewed as (outer, n, inner): out = U⁻¹ L⁻¹ (B u) + beta·out along the middle.

One kernel serves every axis, every banded operator and both real precisions; a complex array with
real factors is a real one with twice the inner length. Every value is read once and written once.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .compiled import kernel
from .rows import empty_tile, fill_row, lane_count
from .sweep import Factors, backward, close, forward, make_factors
from .tiles import load_columns, store_columns

CHUNK = 32  # columns loaded, then swept while they are in the first-level cache


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
    _kernel(factors, u.reshape(-1), out.reshape(-1), lines, inner, u.dtype.type(beta))


@kernel
def _kernel(f, u, out, lines, inner, beta):
    lanes = lane_count(u)
    tile = empty_tile(f.slots, u)
    kl = f.head.shape[1]
    width = f.coef.shape[1] - kl
    span = inner if inner * 2 >= lanes else lines
    for block in range(0, lines, span):
        for first in range(block, block + span, lanes):
            valid = min(lanes, block + span - first)
            fill_row(tile, 0, kl * lanes, 0)
            load_columns(tile, f.slot + f.low, u, first, valid, f.n, inner, f.low, 0)
            done = 0
            for column in range(0, f.high, CHUNK):
                stop = min(column + CHUNK, f.high)
                load_columns(tile, f.slot + column, u, first, valid, f.n, inner, column, stop)
                ready = done
                while ready < f.m and f.source[ready] + width <= f.slot + stop:
                    ready += 1
                forward(tile, f, done, ready)
                done = ready
            close(tile, f)
            for row in range((f.m - 1) // CHUNK * CHUNK, -1, -CHUNK):
                stop = min(row + CHUNK, f.m)
                backward(tile, f, row, stop)
                store_columns(tile, kl + row, out, first, valid, f.m, inner, row, stop, beta)
