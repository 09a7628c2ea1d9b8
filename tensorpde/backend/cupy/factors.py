"""Set-up of partitioned line kernels: x = U⁻¹ L⁻¹ (B u) by chunks of rows that threads work on at the same time.

A chunk is swept as if zeros came before it; what really comes, the last kl values of the chunk before, is added with
the response of its rows to them. Only these few values go from chunk to chunk (and round a periodic line), so that the
long recurrence is one over chunks; up the line the same with U. This is the SPIKE form of a banded solve.

Source: E. Polizzi, A. H. Sameh, A parallel hybrid banded system solver: the SPIKE algorithm, Parallel Comput. 32
(2006), 177–194.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .compiled import SIMULATED
from .device import uploaded

ROWS = 3 if SIMULATED else 32  # of a chunk, at least


class Factors(NamedTuple):
    """Plan of x = U⁻¹ L⁻¹ (B u) for one dtype; tables are flat device arrays.

    coef : (m, width) rows of B; start : (m,) their first columns; lower : (m, kl) and upper : (m, ku) as in the host's
    plan; first : (chunks + 1,) first row of each chunk; column : (chunks,) first column that a chunk reads.
    low : (m, kl) response of a row of y to the last values of the chunk before; low_from_end : (chunks, kl, kl) of
    these to the last values of the line; low_close : (kl, kl) what the end of the line is, from that of an open sweep.
    up, up_from_end, up_close : the same up the line, of x to the first values of the chunk behind and of the line.
    span : columns that a chunk reads at most; shift : slots that columns lie above rows, so that a row may be written
    where no column is needed any more; slots : of a chunk; closing : 1 for periodic lines that something comes round.
    """

    coef: Any
    start: Any
    lower: Any
    upper: Any
    first: Any
    column: Any
    low: Any
    low_from_end: Any
    low_close: Any
    up: Any
    up_from_end: Any
    up_close: Any
    width: int
    kl: int
    ku: int
    n: int
    m: int
    chunks: int
    span: int
    shift: int
    slots: int
    closing: int


def make_factors(plan: Any, dtype: Any, walls: bool = False) -> Factors:
    """Lay out a host plan (``rhs`` band, ``lower``, ``upper``, ``head``, ``tail``) for the kernels.

    With `walls` the first and the last column of ``rhs`` belong to wall values: columns −1 and n.
    """
    dtype = np.dtype(dtype)
    start, n = plan.rhs.start - walls, plan.rhs.n - 2 * walls
    m, width = plan.rhs.coef.shape
    kl, ku = plan.lower.shape[1], plan.upper.shape[1]
    chunks = max(1, m // max(ROWS, kl, ku))
    first = np.arange(chunks + 1) * m // chunks
    blocks = [slice(*first[c : c + 2]) for c in range(chunks)]
    column = np.array([start[rows].min(initial=n) for rows in blocks])
    span = max(int(start[rows].max(initial=0)) + width - low for rows, low in zip(blocks, column, strict=True))
    ahead = np.arange(m) - start - np.repeat(first[:-1] - column, np.diff(first))
    shift = int(ahead.max(initial=0))
    closing = len(plan.head) > 0
    low = _responses(plan.lower, first, closing)
    up = [part[::-1, ::-1] for part in _responses(plan.upper[::-1, ::-1], m - first[::-1], closing)]
    reals = {
        "coef": plan.rhs.coef, "lower": plan.lower, "upper": plan.upper, "low": low[0], "low_from_end": low[1],
        "low_close": low[2], "up": up[0], "up_from_end": up[1][..., ::-1], "up_close": up[2],
    }  # fmt: skip
    numbers = {"start": start, "first": first, "column": column}
    return Factors(
        **{name: _table(values, dtype) for name, values in reals.items()},
        **{name: _table(values, np.dtype(np.int64)) for name, values in numbers.items()},
        width=width, kl=kl, ku=ku, n=n, m=m, chunks=chunks, span=max(span, 0), shift=shift,
        slots=max(shift + span, int(np.diff(first).max())), closing=int(closing),
    )  # fmt: skip


def _table(values: np.ndarray, dtype: np.dtype) -> Any:
    """A flat device array, never empty."""
    return uploaded(np.append(np.asarray(values).ravel(), 0).astype(dtype))


def _responses(lower: np.ndarray, first: np.ndarray, closing: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What a sweep y_i = −Σ lower[i, k] y[i − kl + k] makes of unit values before it.

    Returns
    -------
    (m, kl), begun anew at every chunk; (chunks, kl, kl), the values before each chunk from those before the line;
    (kl, kl), what the values before a periodic line are, by those at its end if they were zero.
    """
    m, kl = lower.shape
    unit = np.eye(kl, dtype=lower.dtype)
    local, whole = (np.zeros((m + kl, kl), lower.dtype) for _ in "12")
    whole[:kl] = unit
    chunked = np.zeros((m, kl), lower.dtype)
    for rows in (slice(*first[c : c + 2]) for c in range(len(first) - 1)):
        local[rows.start : rows.start + kl] = unit
        for i in range(rows.start, rows.stop):
            local[kl + i] = -lower[i] @ local[i : i + kl]
            whole[kl + i] = -lower[i] @ whole[i : i + kl]
        chunked[rows] = local[kl + rows.start : kl + rows.stop]
    ends = np.array([whole[row : row + kl] for row in first[:-1]]).reshape(len(first) - 1, kl, kl)
    return chunked, ends, np.linalg.inv(unit - whole[m:]) if closing and kl else unit
