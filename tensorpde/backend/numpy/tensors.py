"""A matrix times one index of a tensor, and the gradient of the matrix, by tiles that lie in cache.

Complex numbers are pairs of reals: (A + iB)x = [A B][x; ix], so that a tile with the rows of x and of ix makes one real
product of it. BLAS makes one small product per leading index instead, with a copy of its columns for each.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel, part
from .panels import FULL, LANES, PITCH, add_products, added_up, give, packed, product, take
from .pointers import data
from .products import matmul
from .recycling import empty
from .threads import share

_PIECE = 64  # tiles whose products are summed before they go to memory


@part
def _tile(rows, like):
    return np.zeros((rows + FULL - 1) // FULL * FULL * PITCH, like.dtype)


@part
def _take(x, first, pitch, n, count, turned, tile):
    """Columns of n rows into a tile; with `turned` also those of i times them, as n rows more."""
    take(x, first, pitch, n, count, tile)
    if turned:
        source, target = tile, tile[n * PITCH :]
        for p in range(0, n * PITCH, 2):
            target[p] = -source[p + 1]
            target[p + 1] = source[p]


@kernel
def _multiply(begin, end, weights, xs, ys, turned):
    (m, n, columns), tiles = (ys.shape[1], xs.shape[1], xs.shape[2]), -(-xs.shape[2] // PITCH)
    rows = 2 * n if turned else n
    sources, targets = _tile(rows, xs), _tile(m, xs)
    w, x, y, source, target = data(weights), data(xs), data(ys), data(sources), data(targets)
    for k in range(begin, end):
        p, start = k // tiles, k % tiles * PITCH
        count = min(PITCH, columns - start)
        _take(x, p * n * columns + start, columns, n, count, turned, source)
        product(w, m, rows, source, target)
        give(target, p * m * columns + start, columns, m, count, y)


@kernel
def _gradient(begin, end, ds, xs, found, turned):
    (m, n, columns), tiles = (ds.shape[1], xs.shape[1], xs.shape[2]), -(-xs.shape[2] // PITCH)
    rows = 2 * n if turned else n
    sources, changes = _tile(rows, xs), _tile(m, xs)
    full = (m + FULL - 1) // FULL * ((rows + FULL - 1) // FULL) * FULL * FULL
    totals = np.empty(full * (LANES // xs.itemsize), xs.dtype)
    d, x, source, change, sums = data(ds), data(xs), data(sources), data(changes), data(totals)
    for piece in range(begin, end):
        totals[:] = 0
        for k in range(piece * _PIECE, min((piece + 1) * _PIECE, tiles * len(xs))):
            p, start = k // tiles, k % tiles * PITCH
            count = min(PITCH, columns - start)
            _take(x, p * n * columns + start, columns, n, count, turned, source)
            take(d, p * m * columns + start, columns, m, count, change)
            add_products(change, m, source, rows, sums)
        added_up(sums, m, rows, found[piece])


def multiply(matrix: np.ndarray, x: np.ndarray) -> np.ndarray:
    """matrix (m, n) times x (before, n, after) for every index before: (before, m, after)."""
    turned = x.dtype.kind == "c"
    columns = x.shape[2] * (1 + turned)
    if columns < PITCH // 2 or matrix.dtype != x.dtype:
        return matmul(matrix, x)
    y = empty((len(x), len(matrix), x.shape[2]), x.dtype)
    weights = packed(np.concatenate([matrix.real, matrix.imag], axis=1) if turned else matrix)
    arrays = weights, _reals(x), _reals(y), turned
    share(lambda part: _multiply(part.start, part.stop, *arrays), len(x) * -(-columns // PITCH), y.size)
    return y


def gradient(d: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Σ over indices before and after of d conj(x): (before, m, after), (before, n, after) → (m, n)."""
    turned = x.dtype.kind == "c"
    columns = x.shape[2] * (1 + turned)
    if columns < PITCH // 2 or d.dtype != x.dtype:
        return matmul(d, x.conj().transpose(0, 2, 1)).sum(axis=0)
    m, n = d.shape[1], x.shape[1]
    pieces = -(len(x) * -(-columns // PITCH) // -_PIECE)
    found = np.empty((pieces, m, n * (1 + turned)), x.real.dtype)
    arrays = _reals(d), _reals(x), found, turned
    share(lambda part: _gradient(part.start, part.stop, *arrays), pieces, x.size)
    total = found.sum(axis=0)
    return (total[:, :n] + 1j * total[:, n:]).astype(x.dtype) if turned else total


def _reals(x: np.ndarray) -> np.ndarray:
    x = np.ascontiguousarray(x)
    return x.view(x.real.dtype)
