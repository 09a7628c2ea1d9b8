"""A matrix times one index of a tensor, and the gradient of the matrix, where the tensor lies.

Complex numbers are pairs of reals: the products of a row with the real and the imaginary part of a weight are summed
apart, and joined once at the end. BLAS makes one small product per leading index instead, with a copy of its columns
for each.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel, part
from .panels import LANES
from .pointers import data
from .products import matmul
from .recycling import empty
from .strips import ROWS, SUMS, VECTORS, gather_block, multiply_block
from .threads import share

_STRIP = 288  # columns of a sum between two visits of the same rows
_PIECE = 32  # strips whose products are summed before they go to memory
_LEAST = 144  # columns that are worth it


@kernel
def _multiply(begin, end, weights, xs, ys, paired):
    (m, n, columns), wide = (ys.shape[1], xs.shape[1], xs.shape[2]), VECTORS * (LANES // xs.itemsize)
    rows, blocks = ROWS // 2 if paired else ROWS, -(-columns // wide)
    w, x, y = data(weights), data(xs), data(ys)
    for k in range(begin, end):
        p, c = k // blocks, min(k % blocks * wide, columns - wide)
        source, target = p * n * columns + c, p * m * columns + c
        for panel in range(-(-m // rows)):
            place = target + min(panel * rows, m - rows) * columns
            first = panel * n * ROWS
            if paired:
                multiply_block(w, first, 1, ROWS, n, x, source, columns, False, y, place, columns, ROWS, VECTORS, True)
            else:
                multiply_block(w, first, 1, ROWS, n, x, source, columns, False, y, place, columns, ROWS, VECTORS, False)


@part
def _added_up(sums, first, lanes, result, corner, n, paired):
    """Sums over lanes of a block to result[corner…], those of imaginary parts n columns after those of real ones."""
    for r in range(ROWS // 2 if paired else ROWS):
        for v in range(VECTORS):
            real, imaginary = result.dtype.type(0), result.dtype.type(0)
            start = first + (r * VECTORS * (2 if paired else 1) + v) * lanes
            for lane in range(lanes):
                real += sums[start + lane]
                if paired:  # d conj(x) = dᵣxᵣ + dᵢxᵢ + i (dᵢxᵣ − dᵣxᵢ)
                    term = sums[start + VECTORS * lanes + lane]
                    imaginary += term if lane % 2 else -term
            result[corner[0] + r, corner[1] + v] = real
            if paired:
                result[corner[0] + r, n + corner[1] + v] = imaginary


@kernel
def _gradient(begin, end, ds, xs, found, paired):
    (m, n, columns), lanes = (ds.shape[1], xs.shape[1], xs.shape[2]), LANES // xs.itemsize
    rows, strips = ROWS // 2 if paired else ROWS, -(-columns // _STRIP)
    high, wide, size = -(-m // rows), -(-n // VECTORS), SUMS * lanes
    totals = np.empty(high * wide * size, xs.dtype)
    d, x, sums = data(ds), data(xs), data(totals)
    for piece in range(begin, end):
        totals[:] = 0
        for k in range(piece * _PIECE, min((piece + 1) * _PIECE, strips * len(xs))):
            p, start = k // strips, k % strips * _STRIP
            count = min(_STRIP, columns - start)
            for i in range(high):
                above = (p * m + min(i * rows, m - rows)) * columns + start
                for j in range(wide):
                    left, place = (p * n + min(j * VECTORS, n - VECTORS)) * columns + start, (i * wide + j) * size
                    if paired:
                        gather_block(d, above, x, left, columns, count, sums, place, True)
                    else:
                        gather_block(d, above, x, left, columns, count, sums, place, False)
        for i in range(high):
            for j in range(wide):
                first, corner = (i * wide + j) * size, (min(i * rows, m - rows), min(j * VECTORS, n - VECTORS))
                _added_up(totals, first, lanes, found[piece], corner, n, paired)


def _panels(matrix: np.ndarray) -> np.ndarray:
    """Panels (n, ROWS) of the rows of a real matrix (m, n), or of real and imaginary parts; the last overlaps."""
    m = len(matrix)
    rows = ROWS // 2 if matrix.dtype.kind == "c" else ROWS
    starts = np.minimum(np.arange(0, m, rows), m - rows)
    chosen = matrix[starts[:, None] + np.arange(rows)].transpose(0, 2, 1)
    return np.ascontiguousarray(chosen).view(matrix.real.dtype).reshape(-1)


def _fit(rows: int, least: int, columns: int, *arrays: np.ndarray) -> bool:
    """Whether there are rows and columns enough for blocks, of one type."""
    return columns >= _LEAST and rows >= least and len({array.dtype for array in arrays}) == 1


def multiply(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """matrix (m, n) times x (before, n, after) for every index before: (before, m, after)."""
    paired = x.dtype.kind == "c"
    columns = x.shape[2] * (1 + paired)
    if not _fit(len(matrix), ROWS // 2 if paired else ROWS, columns, matrix, x):
        return matmul(matrix, x)
    y = empty((len(x), len(matrix), x.shape[2]), x.dtype)
    arrays = _panels(matrix), _reals(x), _reals(y), paired
    blocks = -(-columns // (VECTORS * (LANES // x.real.itemsize)))
    share(lambda part: _multiply(part.start, part.stop, *arrays), len(x) * blocks, y.size)
    return y


def gradient(d: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ over indices before and after of d conj(x): (before, m, after), (before, n, after) → (m, n)."""
    paired = x.dtype.kind == "c"
    columns, m, n = x.shape[2] * (1 + paired), d.shape[1], x.shape[1]
    if not _fit(m, ROWS // 2 if paired else ROWS, columns, d, x) or n < VECTORS:
        return matmul(d, x.conj().transpose(0, 2, 1)).sum(axis=0)
    pieces = -(len(x) * -(-columns // _STRIP) // -_PIECE)
    found = np.empty((pieces, m, n * (1 + paired)), x.real.dtype)
    arrays = _reals(d), _reals(x), found, paired
    share(lambda part: _gradient(part.start, part.stop, *arrays), pieces, x.size)
    total = found.sum(axis=0)
    return (total[:, :n] + 1j * total[:, n:]).astype(x.dtype) if paired else total


def _reals(x: np.ndarray) -> np.ndarray:
    x = np.ascontiguousarray(x)
    return x.view(x.real.dtype)
