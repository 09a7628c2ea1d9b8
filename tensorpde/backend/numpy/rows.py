"""Operations on one row of a tile: one value for each line in the tile.

A tile is a flat array of rows of ROW_BYTES bytes; the inner loop of every line kernel runs over the
lanes of a row, so that the vector unit works on as many lines at once and each line sees the same
arithmetic wherever it sits.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from .intrinsics import ROW_BYTES, address, fma, vector_row_sum

ALIGNMENT = 64
_KEPT = threading.local()


@njit(inline="always")
def lane_count(array):
    """Lanes of a row of the type of `array`."""
    return ROW_BYTES // array.itemsize


@njit(inline="always")
def empty_tile(rows, like):
    """A tile aligned to a cache line (unaligned vectors straddle two lines every other time)."""
    count = rows * lane_count(like)
    raw = np.empty(count + ALIGNMENT // like.itemsize, like.dtype)
    skip = (ALIGNMENT - (address(raw) & (ALIGNMENT - 1))) % ALIGNMENT // like.itemsize
    return raw[skip : skip + count]


def scratch(rows: int, dtype: Any) -> np.ndarray:
    """A flat array for that many rows of tiles, for a kernel to get from its caller; kept for the next call.

    It is aligned like `empty_tile`; every thread has its own.
    """
    size = rows * ROW_BYTES
    kept = getattr(_KEPT, "tiles", None)
    if kept is None or kept.size < size:
        raw = np.empty(size + ALIGNMENT, np.uint8)
        skip = -raw.ctypes.data % ALIGNMENT
        _KEPT.tiles = kept = raw[skip : skip + size]
    return kept[:size].view(dtype)


@njit(inline="always")
def copy_row(target, t0, source, s0, count):
    """Target = source."""
    t = target[t0 : t0 + count]
    s = source[s0 : s0 + count]
    for lane in range(count):
        t[lane] = s[lane]


@njit(inline="always")
def fill_row(target, t0, count, value):
    """Target = value."""
    t = target[t0 : t0 + count]
    for lane in range(count):
        t[lane] = value


@njit(inline="always")
def add_row(target, t0, source, s0, count, factor):
    """target += factor · source."""
    t = target[t0 : t0 + count]
    s = source[s0 : s0 + count]
    for lane in range(count):
        t[lane] = fma(factor, s[lane], t[lane])


@njit(inline="always")
def blend_row(target, t0, source, s0, count, beta):
    """target = source + beta · target."""
    t = target[t0 : t0 + count]
    s = source[s0 : s0 + count]
    for lane in range(count):
        t[lane] = fma(beta, t[lane], s[lane])


def row_sum(tile, row, taken, source, coef, i, before, after, keep):
    """tile[row] = keep·tile[row] + Σ_k coef[i, k]·(rows row−before…row−1, then source…source+after−1 of `taken`).

    For compiled code; `keep` is the literal True or False.
    """


@overload(row_sum, prefer_literal=True, jit_options={"forceinline": True})
def _row_sum(tile, row, taken, source, coef, i, before, after, keep):
    if isinstance(tile.dtype, types.Float):
        return lambda tile, row, taken, source, coef, i, before, after, keep: vector_row_sum(
            tile, row, taken, source, coef, i, before, after, keep
        )
    return _complex_row_sum


def _complex_row_sum(tile, row, taken, source, coef, i, before, after, keep):
    lanes = lane_count(tile)
    if not keep:
        fill_row(tile, row * lanes, lanes, 0)
    for k in range(before):
        add_row(tile, row * lanes, tile, (row - before + k) * lanes, lanes, coef[i * (before + after) + k])
    for k in range(after):
        add_row(tile, row * lanes, taken, (source + k) * lanes, lanes, coef[i * (before + after) + before + k])
