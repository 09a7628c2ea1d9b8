"""Channels mixed by small matrices, with the activation beside: whole halves of a Fourier layer in one pass.

Arrays are (batch, channels, points), C-contiguous. Work goes by tiles of points that stay in cache from the first read
to the last write, so that what lies between two products is never in memory. Gradients of matrices are sums over
pieces of PIECE points, added in the order of samples and pieces: the bits depend neither on threads nor on tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .activations import gelu, slope
from .compiled import kernel, part
from .panels import FULL, LANES, PITCH, add_products, added_up, give, packed, product, take
from .pointers import data
from .threads import share

PIECE = 16 * PITCH


@part
def _tile(rows, like):
    return np.zeros((rows + FULL - 1) // FULL * FULL * PITCH, like.dtype)


@part
def _tile_with_ones(rows, like):
    """A tile with one row more, of ones: a bias is a column more of a matrix."""
    tile = _tile(rows + 1, like)
    tile[rows * PITCH : (rows + 1) * PITCH] = 1
    return tile


@part
def _sums(m, n, like):
    full = (m + FULL - 1) // FULL * ((n + FULL - 1) // FULL) * FULL * FULL
    return np.empty(full * (LANES // like.itemsize), like.dtype)


@part
def _activate(source, rows, target, double):
    """target = gelu(source), rows of tiles."""
    for p in range(rows * PITCH):
        target[p] = gelu(source[p], double)


@part
def _activate_here(tile, rows, double):
    """tile = gelu(tile): apart, because a compiler makes lanes of arrays only where they are seen not to overlap."""
    for p in range(rows * PITCH):
        tile[p] = gelu(tile[p], double)


@part
def _slopes(source, rows, target, double):
    """target = gelu'(source) · target."""
    for p in range(rows * PITCH):
        target[p] = target[p] * slope(source[p], double)


@part
def _take_active(source, first, pitch, rows, count, active, before, tile, double):
    """Columns of rows into a tile; where `active`, into `before`, and what gelu makes of them into the tile."""
    if active:
        take(source, first, pitch, rows, count, before)
        _activate(before, rows, tile, double)
    else:
        take(source, first, pitch, rows, count, tile)


@part
def _add(scale, source, target, count):
    """target += scale · source."""
    for p in range(count):
        target[p] = target[p] + scale * source[p]


@part
def _end(tile, first, pitch, row, count, beta, v, kept, active, y, double):
    """v = tile + beta for one row, if it is `kept`, and y = gelu(v) if `active`."""
    result = tile[row * PITCH :]
    for p in range(count):
        result[p] = result[p] + beta
    if kept:
        here = v[first + row * pitch :]
        for p in range(count):
            here[p] = result[p]
    if active:
        there = y[first + row * pitch :]
        for p in range(count):
            there[p] = gelu(result[p], double)


@kernel
def _join(begin, end, weight, xs, alpha, beta, vs, kept, active, ys, double):
    (m, n, points), tiles = (vs.shape[1], xs.shape[1], xs.shape[2]), -(-xs.shape[2] // PITCH)
    sources, targets = _tile(n, xs), _tile(m, xs)
    source, target, w, x, v, y = data(sources), data(targets), data(weight), data(xs), data(vs), data(ys)
    for k in range(begin, end):
        b, start = k // tiles, k % tiles * PITCH
        count, first = min(PITCH, points - start), b * m * points + start
        take(x, b * n * points + start, points, n, count, source)
        product(w, m, n, source, target)
        for r in range(m):
            _add(alpha[b, r], v[first + r * points :], target[r * PITCH :], count)
            _end(target, first, points, r, count, beta[b, r], v, kept, active, y, double)


@kernel
def _mlp(begin, end, first_weight, hidden, weight, xs, beta, added, addends, gamma, vs, kept, active, ys, double):
    (m, n, points), tiles = (vs.shape[1], xs.shape[1], xs.shape[2]), -(-xs.shape[2] // PITCH)
    sources, betweens, targets = _tile_with_ones(n, xs), _tile(hidden, xs), _tile(m, xs)
    source, between, target, w1, w2 = data(sources), data(betweens), data(targets), data(first_weight), data(weight)
    x, addend, v, y = data(xs), data(addends), data(vs), data(ys)
    for k in range(begin, end):
        b, start = k // tiles, k % tiles * PITCH
        count, first = min(PITCH, points - start), b * m * points + start
        take(x, b * n * points + start, points, n, count, source)
        product(w1, hidden, n + 1, source, between)
        _activate_here(between, hidden, double)
        product(w2, m, hidden, between, target)
        for r in range(m):
            if added:
                _add(gamma[b, r], addend[first + r * points :], target[r * PITCH :], count)
            _end(target, first, points, r, count, beta[b, r], v, kept, active, y, double)


@kernel
def _mlp_backward(begin, end, weights, xs, active, ds, ended, vs, dxs, firsts, seconds, double):
    (m, n, points), hidden, pieces = (ds.shape[1], xs.shape[1], xs.shape[2]), firsts.shape[1], -(-xs.shape[2] // PIECE)
    tiles = _tile(n, xs), _tile_with_ones(n, xs), _tile(m, xs), _tile(max(m, n), xs)
    inners = _tile(hidden, xs), _tile_with_ones(hidden, xs), _tile(hidden, xs)
    totals = _sums(hidden, n + 1, xs), _sums(m, hidden + 1, xs)
    before, source, change, below = data(tiles[0]), data(tiles[1]), data(tiles[2]), data(tiles[3])
    between, activated, inner = data(inners[0]), data(inners[1]), data(inners[2])
    w1, w1t, w2t, ones, twos = data(weights[0]), data(weights[1]), data(weights[2]), data(totals[0]), data(totals[1])
    x, d, v, dx = data(xs), data(ds), data(vs), data(dxs)
    for k in range(begin, end):
        b = k // pieces
        totals[0][:] = 0
        totals[1][:] = 0
        for start in range(k % pieces * PIECE, min((k % pieces + 1) * PIECE, points), PITCH):
            count, here, there = min(PITCH, points - start), b * n * points + start, b * m * points + start
            _take_active(x, here, points, n, count, active, before, source, double)
            take(d, there, points, m, count, change)
            if ended:
                take(v, there, points, m, count, below)
                _slopes(below, m, change, double)
                give(change, there, points, m, count, d)
            product(w1, hidden, n + 1, source, between)
            _activate(between, hidden, activated, double)
            product(w2t, hidden, m, change, inner)
            _slopes(between, hidden, inner, double)
            add_products(change, m, activated, hidden + 1, twos)
            add_products(inner, hidden, source, n + 1, ones)
            product(w1t, n, hidden, inner, below)
            if active:
                _slopes(before, n, below, double)
            give(below, here, points, n, count, dx)
        added_up(ones, hidden, n + 1, firsts[k])
        added_up(twos, m, hidden + 1, seconds[k])


@kernel
def _join_backward(begin, end, weight, xs, active, ds, added, others, gamma, dxs, found, dots, double):
    (m, n, points), pieces = (ds.shape[1], xs.shape[1], xs.shape[2]), -(-xs.shape[2] // PIECE)
    tiles, squares = (_tile(n, xs), _tile_with_ones(n, xs), _tile(m, xs), _tile(n, xs)), _tile(n, xs)
    before, source, change, below = data(tiles[0]), data(tiles[1]), data(tiles[2]), data(tiles[3])
    totals = _sums(m, n + 1, xs)
    sums, wt, x, d, other, dx = data(totals), data(weight), data(xs), data(ds), data(others), data(dxs)
    for k in range(begin, end):
        b = k // pieces
        totals[:] = 0
        squares[:] = 0
        for start in range(k % pieces * PIECE, min((k % pieces + 1) * PIECE, points), PITCH):
            count, here = min(PITCH, points - start), b * n * points + start
            _take_active(x, here, points, n, count, active, before, source, double)
            take(d, b * m * points + start, points, m, count, change)
            add_products(change, m, source, n + 1, sums)
            product(wt, n, m, change, below)
            for r in range(n):
                if added:
                    ours = other[here + r * points :]
                    _add(gamma[r], ours, below[r * PITCH :], count)
                    _add_dots(source[r * PITCH :], ours, data(squares)[r * PITCH :], count)
                _add(gamma.dtype.type(1), below[r * PITCH :], dx[here + r * points :], count)
        added_up(sums, m, n + 1, found[k])
        for r in range(n):
            dots[k, r] = squares[r * PITCH : (r + 1) * PITCH].sum()


@part
def _add_dots(one, two, sums, count):
    for p in range(count):
        sums[p] = sums[p] + one[p] * two[p]


def _double(x: np.ndarray) -> int | None:
    return None if x.dtype == np.float32 else 1


def _with(weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return packed(np.concatenate([weight, bias[:, None]], axis=1))


def _tiled(work: Callable[[int, int], object], x: np.ndarray, of: int, rows: int) -> None:
    """Share work(begin, end) on the tiles or pieces of all samples, of so many points, among threads.

    `rows`: of the matrix that x is multiplied with, which may be many where x has few channels.
    """
    count, channels, points = x.shape
    share(lambda part: work(part.start, part.stop), count * -(-points // of), count * max(channels, rows) * points)


def join(
    weight: np.ndarray,
    x: np.ndarray,
    v: np.ndarray,
    beta: np.ndarray,
    alpha: np.ndarray | None = None,
    y: np.ndarray | None = None,
    active: bool = True,
) -> None:
    """v = alpha·v + weight x + beta, then gelu(v) to y if `active`, or in place of v without one; one pass.

    Parameters
    ----------
    weight
        (out, in).
    x, v, y
        (batch, in, points), and (batch, out, points).
    beta, alpha
        (batch, out); without alpha 1.
    """
    kept, alpha = y is not None or not active, np.ones_like(beta) if alpha is None else alpha
    arrays = packed(weight), x, alpha, beta, v, kept, active, v if y is None else y, _double(x)
    _tiled(lambda begin, end: _join(begin, end, *arrays), x, PITCH, len(weight))


def mlp(
    weights: tuple[np.ndarray, np.ndarray, np.ndarray],
    x: np.ndarray,
    v: np.ndarray,
    beta: np.ndarray,
    addend: np.ndarray | None = None,
    gamma: np.ndarray | None = None,
    y: np.ndarray | None = None,
    active: bool = False,
) -> None:
    """v = W₂ gelu(W₁ x + b₁) + beta + gamma·addend, then gelu(v) to y if `active`, or in place of v; one pass.

    Parameters
    ----------
    weights
        W₁ (hidden, in), b₁, W₂ (out, hidden).
    x
        (batch, in, points).
    v, y, addend
        (batch, out, points).
    beta, gamma
        (batch, out).
    """
    w1, b1, w2 = weights
    kept, added = y is not None or not active, addend is not None
    others = (addend, gamma) if added else (v, beta)
    arrays = _with(w1, b1), len(w1), packed(w2), x, beta, added, *others, v, kept, active
    results = v if y is None else y, _double(x)
    _tiled(lambda begin, end: _mlp(begin, end, *arrays, *results), x, PITCH, len(w1))


def mlp_backward(
    weights: tuple[np.ndarray, np.ndarray, np.ndarray],
    x: np.ndarray,
    active: bool,
    d: np.ndarray,
    v: np.ndarray | None,
    dx: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The adjoint of `mlp` without its addend; what is hidden is computed again.

    Parameters
    ----------
    weights
        As of `mlp`.
    x, active
        What `mlp` got is x, or gelu(x) if `active`.
    d, v
        The gradient of what `mlp` made, or of gelu(v) if v, what it made, is given: then d becomes that of v.
    dx
        Gets the gradient of x.

    Returns
    -------
    The gradients of W₁, b₁, W₂ and beta, summed over samples.
    """
    w1, b1, w2 = weights
    pieces = len(x) * -(-x.shape[2] // PIECE)
    first = np.zeros((pieces, len(w1), x.shape[1] + 1), x.dtype)
    second = np.zeros((pieces, len(w2), len(w1) + 1), x.dtype)
    packs = _with(w1, b1), packed(w1.T), packed(w2.T)
    arrays = packs, x, active, d, v is not None, d if v is None else v, dx
    _tiled(lambda begin, end: _mlp_backward(begin, end, *arrays, first, second, _double(x)), x, PIECE, len(w1))
    one, two = first.sum(axis=0), second.sum(axis=0)
    return *_parted(one), *_parted(two)


def join_backward(
    weight: np.ndarray,
    x: np.ndarray,
    active: bool,
    d: np.ndarray,
    dx: np.ndarray,
    other: np.ndarray | None = None,
    gamma: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """dx = dx + weightᵀ d + gamma·other, the gradient of what was mixed; returns the other gradients.

    Parameters
    ----------
    weight
        (out, in).
    x, active
        What was mixed is x, (batch, in, points), or gelu(x) if `active`; the sums are with that.
    d
        (batch, out, points).
    dx, other
        Like x.
    gamma
        (in,).

    Returns
    -------
    The gradient of the weight, Σ d, and Σ x·other, all summed over samples.
    """
    pieces = len(x) * -(-x.shape[2] // PIECE)
    found, dots = np.zeros((pieces, len(weight), x.shape[1] + 1), x.dtype), np.zeros((pieces, x.shape[1]), x.dtype)
    others = (False, d, np.zeros(x.shape[1], x.dtype)) if other is None else (True, other, gamma)
    arrays = packed(weight.T), x, active, d, *others, dx, found, dots, _double(x)
    _tiled(lambda begin, end: _join_backward(begin, end, *arrays), x, PIECE, len(weight))
    return *_parted(found.sum(axis=0)), dots.sum(axis=0)


def _parted(gradient: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of a matrix and that of the bias that is its last column."""
    return np.ascontiguousarray(gradient[:, :-1]), np.ascontiguousarray(gradient[:, -1])
