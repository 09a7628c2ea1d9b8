"""Operations on one row of a tile: `lanes` values, one for each line in the tile.

A tile is a flat array of rows; the inner loop of every line kernel runs over lanes, so that the
vector unit works on as many lines at once and each line sees the same arithmetic wherever it sits.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .intrinsics import address, fma

ALIGNMENT = 64
LANE_BYTES = 256


def lanes_for(dtype: np.dtype) -> int:
    """Lines per tile: 256 bytes of each row, so that a tile of 256 points stays in a 512 KiB cache."""
    return LANE_BYTES // np.dtype(dtype).itemsize


@njit(inline="always")
def empty_tile(count, like):
    """`count` values aligned to a cache line (unaligned vectors straddle two lines every other time)."""
    raw = np.empty(count + ALIGNMENT // like.itemsize, like.dtype)
    skip = (ALIGNMENT - (address(raw) & (ALIGNMENT - 1))) % ALIGNMENT // like.itemsize
    return raw[skip : skip + count]


@njit(inline="always")
def copy_row(target, t0, source, s0, count):
    t = target[t0 : t0 + count]
    s = source[s0 : s0 + count]
    for lane in range(count):
        t[lane] = s[lane]


@njit(inline="always")
def fill_row(target, t0, count, value):
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
