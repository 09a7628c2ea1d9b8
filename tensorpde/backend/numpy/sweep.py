"""The line kernel on a tile: right-hand-side stencil, forward sweep, closing of periodic lines, backward sweep.

`Factors` is the plan of one operator. A tile holds it all in place:
row i of the result takes slot i + kl of the tile; the columns of the line lie above it, at least one
slot ahead, so that a tile is swept in place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .compiled import inlined, part
from .intrinsics import BLEND, KEEP
from .pointers import data
from .rows import add_row, blend_row, copy_row, fill_row, lane_count, row_sum
from .unrolled import ABOVE, backward_rows, close_rows, forward_rows


class Factors(NamedTuple):
    """Plan of x = U⁻¹ L⁻¹ (B u) for one dtype: arrays for Python, pointers for the parts of a kernel (see `bare`).

    coef : (m, kl + width) rows −L then B; source : (m,) slot of the first column that row i reads; until : (m,) end
    of the run of rows, from i on, whose columns follow each other; upper : (m, ku) rows −U; head : (closing, kl) and
    tail : (closing, ku), closing of periodic lines; n, m : columns and rows; low, high : unrolled columns the stencil
    touches; slot : slot of column 0; slots : rows of a tile; inside, outside : first and end of the rows that reach
    round the line at neither end, if such rows can be swept abreast, else 0 and 0.
    """

    coef: Any
    source: Any
    until: Any
    upper: Any
    head: Any
    tail: Any
    kl: int
    width: int
    ku: int
    closing: int
    n: int
    m: int
    low: int
    high: int
    slot: int
    slots: int
    inside: int
    outside: int


def make_factors(plan: Any, dtype: np.dtype, walls: bool = False, ahead: int = 0, ku: int = 0) -> Factors:
    """Lay out a host plan (``rhs`` band, ``lower``, ``upper``, ``head``, ``tail``) for the kernel.

    With `walls` the first and the last column of ``rhs`` belong to wall values: columns −1 and n of the tile.
    Column j lies at least `ahead` slots above slot j: see `reach`. At least `ku` bands of U are laid out.
    """
    start, n = plan.rhs.start - walls, plan.rhs.n - 2 * walls
    m, width = plan.rhs.coef.shape
    kl = plan.lower.shape[1]
    upper, tail = (np.pad(a, ((0, 0), (0, max(ku - a.shape[1], 0)))) for a in (plan.upper, plan.tail))
    low = int(start.min()) if m else 0
    high = int(start.max()) + width if m else 0
    slot = max(reach(plan, walls), ahead)
    breaks = np.flatnonzero(np.diff(start) != 1) + 1
    runs = np.diff(np.concatenate([[0], breaks, [m]]))
    inside, outside = _abreast(start, width, n) if kl == upper.shape[1] in ABOVE else (0, 0)
    slots = max(slot + max(high, n), kl + m + upper.shape[1])
    return Factors(
        coef=np.concatenate([-plan.lower, plan.rhs.coef], axis=1).astype(dtype),
        source=slot + start,
        until=np.repeat(np.append(breaks, m), runs),
        upper=np.ascontiguousarray(-upper, dtype),
        head=np.ascontiguousarray(plan.head, dtype),
        tail=np.ascontiguousarray(tail, dtype),
        kl=kl,
        width=width,
        ku=upper.shape[1],
        closing=plan.head.shape[0],
        n=n,
        m=m,
        low=min(low, 0),
        high=max(high, n),
        slot=slot,
        slots=slots + kl,
        inside=inside,
        outside=outside,
    )


def _abreast(start: np.ndarray, width: int, n: int) -> tuple[int, int]:
    """First and end of the rows whose columns start…start+width−1 are in the line, if they follow each other."""
    rows = np.flatnonzero((start >= 0) & (start + width <= n))
    together = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    return (int(rows[0]), int(rows[-1]) + 1) if together else (0, 0)


def reach(plan: Any, walls: bool = False) -> int:
    """Slots that column j must lie above slot j of the tile, so that no column is overwritten before it is read."""
    rows = np.arange(plan.rhs.coef.shape[0])
    return plan.lower.shape[1] + int((rows - plan.rhs.start + walls).max(initial=0)) + 1


@inlined
def bare(f):
    """The plan with pointers in the place of its arrays."""
    return Factors(
        data(f.coef), data(f.source), data(f.until), data(f.upper), data(f.head), data(f.tail),
        f.kl, f.width, f.ku, f.closing, f.n, f.m, f.low, f.high, f.slot, f.slots,
        f.inside, f.outside,
    )  # fmt: skip


@inlined
def ready_rows(f, done, column):
    """End of the rows, from `done` on, that read columns below `column` only."""
    last = f.slot + column - f.width
    while done < f.m and f.source[done] <= last:
        done = min(f.until[done], done + last - f.source[done] + 1)
    return done


@part
def forward(tile, taken, f, first, stop):
    """Right-hand side and forward sweep of rows first…stop−1, from the columns in the tile `taken` (or `tile`)."""
    i = first
    while i < stop:
        end = min(stop, f.until[i])
        if not forward_rows(tile, f.kl + i, end - i, taken, f.source[i], f.coef, i, f.kl, f.width):
            for row in range(i, end):
                row_sum(tile, f.kl + row, taken, f.source[row], f.coef, row, f.kl, f.width, False)
        i = end


@part
def close(tile, f):
    """Close a periodic line: correct the first rows and set those that follow the last; zeros for an open one."""
    lanes, ends, after = lane_count(tile), f.slots - f.kl, f.kl + f.m
    copy_row(tile, ends * lanes, tile, f.m * lanes, f.kl * lanes)
    if close_rows(tile, f.kl, f.closing, f.head, f.tail, ends, after, f.kl, f.ku):
        return
    fill_row(tile, after * lanes, f.ku * lanes, 0)
    for i in range(f.closing):
        row = (f.kl + i) * lanes
        for k in range(f.kl):
            add_row(tile, row, tile, (ends + k) * lanes, lanes, f.head[i * f.kl + k])
        for k in range(f.ku):
            add_row(tile, (after + k) * lanes, tile, row, lanes, f.tail[i * f.ku + k])


@part
def backward(tile, f, first, stop, out, base, stride, beta, how):
    """Backward sweep of rows first…stop−1; row r goes to out[base + r·stride] or, with how = KEEP, stays."""
    lanes, top = lane_count(tile), stop - 1
    place = base + top * stride
    if backward_rows(tile, f.kl + top, stop - first, f.upper, top, f.ku, out, place, stride, beta, how):
        return
    for i in range(top, first - 1, -1):
        row = f.kl + i
        if f.ku > 0:
            row_sum(tile, row, tile, row + 1, f.upper, i, 0, f.ku, True)
        if how == BLEND:
            blend_row(out, base + i * stride, tile, row * lanes, lanes, beta)
        elif how != KEEP:
            copy_row(out, base + i * stride, tile, row * lanes, lanes)
