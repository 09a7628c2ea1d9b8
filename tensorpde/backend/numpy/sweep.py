"""The line kernel on a tile: right-hand-side stencil, forward sweep, closing of periodic lines, backward sweep.

`Factors` is the plan of one operator; `tile_functions` gives the compiled parts for its band widths.
Row i of the result takes slot i + kl of the tile; the columns of the line lie above it, at least one
slot ahead, so that a tile is swept in place.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .intrinsics import row_sum
from .rows import add_row, copy_row, fill_row

UNROLLED = 9  # wider bands are summed by a loop over their entries: one compiled kernel for all of them


class Factors(NamedTuple):
    """Plan of x = U⁻¹ L⁻¹ (B u) for one dtype.

    coef : (m, kl + w) rows −L then B; source : (m,) slot of the first column that row i reads;
    upper : (m, ku) rows −U; head, tail : closing of periodic lines; n, m : columns and rows;
    low, high : unrolled columns the stencil touches; slot : slot of column 0; slots : rows of a tile.
    """

    coef: np.ndarray
    source: np.ndarray
    upper: np.ndarray
    head: np.ndarray
    tail: np.ndarray
    n: int
    m: int
    low: int
    high: int
    slot: int
    slots: int

    @property
    def widths(self) -> tuple[int, int, int]:
        """(kl, w, ku)."""
        kl, ku = self.head.shape[1], self.upper.shape[1]
        return kl, self.coef.shape[1] - kl, ku


def make_factors(plan: Any, dtype: np.dtype) -> Factors:
    """Lay out a host plan (``rhs`` band, ``lower``, ``upper``, ``head``, ``tail``) for the kernel."""
    start, n = plan.rhs.start, plan.rhs.n
    m, width = plan.rhs.coef.shape
    kl, ku = plan.lower.shape[1], plan.upper.shape[1]
    low = int(start.min()) if m else 0
    high = int(start.max()) + width if m else 0
    ahead = int((np.arange(m) - start).max(initial=0)) + 1
    slot = kl + ahead
    return Factors(
        coef=np.concatenate([-plan.lower, plan.rhs.coef], axis=1).astype(dtype),
        source=slot + start,
        upper=np.ascontiguousarray(-plan.upper, dtype),
        head=np.ascontiguousarray(plan.head, dtype).reshape(-1, kl),
        tail=np.ascontiguousarray(plan.tail, dtype).reshape(-1, ku),
        n=n,
        m=m,
        low=min(low, 0),
        high=max(high, n),
        slot=slot,
        slots=max(slot + max(high, n), kl + m + ku),
    )


@njit
def _combine(tile, row, source, coef, i, before, after, keep, lanes):
    """row_sum for any number type and any width."""
    if not keep:
        fill_row(tile, row * lanes, lanes, 0)
    for k in range(before):
        add_row(tile, row * lanes, tile, (row - before + k) * lanes, lanes, coef[i, k])
    for k in range(after):
        add_row(tile, row * lanes, tile, (source + k) * lanes, lanes, coef[i, before + k])


@lru_cache(maxsize=None)
def tile_functions(kl: int, w: int, ku: int, lanes: int, unrolled: bool) -> Any:
    """(forward, close, backward) on a loaded tile for given band widths.

    forward(tile, f, first, stop) and backward(tile, f, first, stop) sweep rows first…stop−1;
    close(tile, f) stands between them. Slots kl…kl+m−1 end as the result.
    """

    @njit
    def forward(tile, f, first, stop):
        for i in range(first, stop):
            if unrolled:
                row_sum(tile, kl + i, f.source[i], f.coef, i, kl, w, 0, lanes)
            else:
                _combine(tile, kl + i, f.source[i], f.coef, i, kl, f.coef.shape[1] - kl, 0, lanes)

    @njit
    def close(tile, f):
        ends = np.empty((kl + 1) * lanes, tile.dtype)
        copy_row(ends, 0, tile, f.m * lanes, kl * lanes)
        first = np.zeros((ku + 1) * lanes, tile.dtype)
        for i in range(f.head.shape[0]):
            row = (kl + i) * lanes
            for k in range(kl):
                add_row(tile, row, ends, k * lanes, lanes, f.head[i, k])
            for k in range(ku):
                add_row(first, k * lanes, tile, row, lanes, f.tail[i, k])
        copy_row(tile, (kl + f.m) * lanes, first, 0, ku * lanes)

    @njit
    def backward(tile, f, first, stop):
        if ku > 0:
            for i in range(stop - 1, first - 1, -1):
                if unrolled:
                    row_sum(tile, kl + i, kl + i + 1, f.upper, i, 0, ku, 1, lanes)
                else:
                    _combine(tile, kl + i, kl + i + 1, f.upper, i, 0, ku, 1, lanes)

    return forward, close, backward
