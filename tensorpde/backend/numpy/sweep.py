"""The line kernel on a tile: right-hand-side stencil, forward sweep, closing of periodic lines, backward sweep.

`Factors` is the plan of one operator. A tile holds it all in place:
row i of the result takes slot i + kl of the tile; the columns of the line lie above it, at least one
slot ahead, so that a tile is swept in place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .compiled import inlined
from .rows import add_row, copy_row, lane_count, row_sum


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


def make_factors(plan: Any, dtype: np.dtype, walls: bool = False) -> Factors:
    """Lay out a host plan (``rhs`` band, ``lower``, ``upper``, ``head``, ``tail``) for the kernel.

    With `walls` the first and the last column of ``rhs`` belong to wall values: columns −1 and n of the tile.
    """
    start, n = plan.rhs.start - walls, plan.rhs.n - 2 * walls
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
        head=np.ascontiguousarray(plan.head, dtype),
        tail=np.ascontiguousarray(plan.tail, dtype),
        n=n,
        m=m,
        low=min(low, 0),
        high=max(high, n),
        slot=slot,
        slots=max(slot + max(high, n), kl + m + ku),
    )


@inlined
def forward(tile, f, first, stop):
    """Right-hand side and forward sweep of rows first…stop−1 of a tile whose columns are loaded."""
    kl = f.head.shape[1]
    w = f.coef.shape[1] - kl
    for i in range(first, stop):
        row_sum(tile, kl + i, f.source[i], f.coef, i, kl, w, False)


@inlined
def close(tile, f):
    """Close a periodic line: correct the first rows and set those that follow the last; zeros for an open one."""
    lanes = lane_count(tile)
    kl, ku = f.head.shape[1], f.tail.shape[1]
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


@inlined
def backward(tile, f, first, stop):
    """Backward sweep of rows first…stop−1."""
    kl, ku = f.head.shape[1], f.tail.shape[1]
    if ku > 0:
        for i in range(stop - 1, first - 1, -1):
            row_sum(tile, kl + i, kl + i + 1, f.upper, i, 0, ku, True)
