"""Closure rows made as narrow as the rows inside, so that they do not widen the bands that a sweep carries.

A row beside a wall may reach further than the rows inside it: I − r·P⁻¹Q of a compact scheme has three bands, but its
first and last row have five entries. L and U are as wide as their widest row, so these two would cost all others their
speed. Therefore multiples of the rows next to them are subtracted from them first, on both sides of the equation: a
wide right-hand side is cheap, being summed and not swept.
"""

from __future__ import annotations

import numpy as np

from tensorpde.line.band import RowBand

CLOSURE = 12
"""Rows at either end that may be wider than those inside."""

LIMIT = 16.0
"""How much larger than a row that which is subtracted from it may be: it costs as many units of round-off."""


def narrowed(lhs: RowBand) -> tuple[RowBand, RowBand] | None:
    """(T, T·lhs): T is the identity but for some rows at both ends, where it makes lhs as narrow as inside.

    None where nothing is to be gained, or where digits would be lost.
    """
    n, corner = lhs.n, CLOSURE + lhs.width
    if lhs.periodic or n < 2 * corner:
        return None
    low, high = extents(lhs)
    inside = slice(CLOSURE, n - CLOSURE)
    above, below = max(int(high[inside].max()), 0), max(int(-low[inside].min()), 0)
    if high.max() <= above and -low.min() <= below:
        return None
    backwards = slice(None, -corner - 1, -1)
    first = _multiples(_dense(lhs.start[:corner], lhs.coef[:corner]), above)
    last = _multiples(_dense((n - lhs.width - lhs.start)[backwards], lhs.coef[backwards, ::-1]), below)
    if first is None or last is None:
        return None
    rows = np.arange(n)
    start = np.where(rows < corner, 0, np.minimum(rows, n - corner))
    coef = np.zeros((n, corner), lhs.coef.dtype)
    coef[:, 0] = 1.0
    coef[:corner], coef[n - corner :] = first, last[::-1, ::-1]
    transform = RowBand(start, coef, n)
    made = transform @ lhs
    diagonal = made.start[:, None] + np.arange(made.width) - rows[:, None]
    kept = np.where(rows[:, None] < n / 2, diagonal <= above, diagonal >= -below)  # the rest is round-off
    return transform, RowBand(made.start, np.where(kept, made.coef, 0.0), n)


def extents(band: RowBand) -> tuple[np.ndarray, np.ndarray]:
    """The first and the last diagonal on which each row of an open band has an entry; 0, 0 for a row of zeros."""
    used = band.coef != 0
    shift = band.start - np.arange(len(band.start))
    some = used.any(axis=1)
    low = np.where(some, shift + used.argmax(axis=1), 0)
    return low, np.where(some, shift + band.width - 1 - used[:, ::-1].argmax(axis=1), 0)


def _dense(start: np.ndarray, coef: np.ndarray) -> np.ndarray:
    """The rows at one end as a dense block."""
    rows, width = coef.shape
    block = np.zeros((rows, rows + width), coef.dtype)
    columns = start[:, None] + np.arange(width)
    inside = columns < rows + width
    block[np.nonzero(inside)[0], columns[inside]] = coef[inside]
    return block


def _multiples(block: np.ndarray, above: int) -> np.ndarray | None:
    """T of the first rows of a matrix; `above` diagonals stay. None if a multiple is too large."""
    block, transform = block.copy(), np.eye(len(block), dtype=block.dtype)
    size = np.abs(block).max(axis=1)
    for i in range(CLOSURE - 1, -1, -1):
        for j in range(int(np.flatnonzero(block[i]).max(initial=i)), i + above, -1):
            other = j - above
            with np.errstate(divide="ignore", invalid="ignore"):
                multiple = block[i, j] / block[other, j]
            if not abs(multiple) * size[other] <= LIMIT * size[i]:
                return None
            block[i] -= multiple * block[other]
            transform[i] -= multiple * transform[other]
            block[i, j] = 0.0
    return transform
