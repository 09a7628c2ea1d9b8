"""Particles to a mesh and back, by windows of a few points per axis that are products of one-dimensional ones.

Point k of a mesh of spacing 1 is at k. The window of a particle at p covers the `width` points from ⌈p − width/2⌉ on.
Rows are worked on in whole vectors: a mesh has PADDING more points along its last axis than windows reach.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel, part
from .window_rows import LANES, MOST_VECTORS, add_rows, sum_rows, weights

PADDING = LANES - 1
WIDEST = LANES * MOST_VECTORS


@part
def _first(p, width):
    """The first point that a window covers."""
    return int(np.ceil(p - 0.5 * width))


@kernel
def _spread(block, rows, pitch, begin, places, charges, window, width, vectors):
    terms = len(window) // (LANES * vectors)
    wx, wy, wz = np.empty(LANES * vectors), np.empty(LANES * vectors), np.empty(LANES * vectors)
    for n in range(len(charges)):
        x, y, z = places[3 * n], places[3 * n + 1], places[3 * n + 2]
        a, b, c = _first(x, width), _first(y, width), _first(z, width)
        low, high = max(begin - b, 0), min(begin + rows - b, width)
        if low >= high:
            continue
        weights(window, terms, 2.0 * (a - x) + width - 1.0, vectors, wx, 0)
        weights(window, terms, 2.0 * (b - y) + width - 1.0, vectors, wy, 0)
        weights(window, terms, 2.0 * (c - z) + width - 1.0, vectors, wz, 0)
        start = (a * rows + b + low - begin) * pitch + c
        for i in range(width):
            add_rows(block, start + i * rows * pitch, pitch, high - low, charges[n] * wx[i], wy, low, wz, vectors)


def spread(block: np.ndarray, begin: int, places: np.ndarray, charges: np.ndarray, window: np.ndarray) -> None:
    """Add charges at places (n, 3) to a block of a mesh that has all of axes 0 and 2, and axis 1 from `begin` on.

    Parameters
    ----------
    window
        (terms, width), no wider than WIDEST: on its i-th point the window is Σ_c window[c, i] v^c where v rises from −1
        to 1 as the place of the particle goes down by 1.

    Notes
    -----
    Windows must lie in the mesh. Each point adds up the particles in the order given, whatever the block: the same bits
    on any number of ranks. O(n width³), fastest where particles that follow each other are near each other.
    """
    padded, vectors = _padded(window)
    places, charges = np.ascontiguousarray(places).reshape(-1), np.ascontiguousarray(charges)
    _spread(block.reshape(-1), block.shape[1], block.shape[2], begin, places, charges, padded, window.shape[1], vectors)


@kernel
def _interpolate(mesh, rows, pitch, places, window, slope, width, vectors, result):
    size = LANES * vectors
    terms, fewer = len(window) // size, len(slope) // size
    wx, wy, wz = np.empty(size), np.empty(size), np.empty(size)
    gx, gy, gz = np.empty(size), np.empty(size), np.empty(size)
    sums = np.empty(3 * size)
    for n in range(len(result)):
        x, y, z = places[3 * n], places[3 * n + 1], places[3 * n + 2]
        a, b, c = _first(x, width), _first(y, width), _first(z, width)
        u, v, w = 2.0 * (a - x) + width - 1.0, 2.0 * (b - y) + width - 1.0, 2.0 * (c - z) + width - 1.0
        weights(window, terms, u, vectors, wx, 0)
        weights(window, terms, v, vectors, wy, 0)
        weights(window, terms, w, vectors, wz, 0)
        weights(slope, fewer, u, vectors, gx, 0)
        weights(slope, fewer, v, vectors, gy, 0)
        weights(slope, fewer, w, vectors, gz, 0)
        sums[:] = 0.0
        start = (a * rows + b) * pitch + c
        for i in range(width):
            sum_rows(mesh, start + i * rows * pitch, pitch, width, wy, gy, wx[i], gx[i], vectors, sums)
        p = fx = fy = fz = 0.0
        for k in range(width):
            p += wz[k] * sums[k]
            fx += wz[k] * sums[size + k]
            fy += wz[k] * sums[2 * size + k]
            fz += gz[k] * sums[k]
        result[n, 0], result[n, 1], result[n, 2], result[n, 3] = p, fx, fy, fz


def interpolate(mesh: np.ndarray, places: np.ndarray, window: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Σ over mesh points of value · windows at places (n, 3), and its gradient by place: (n, 4), the value first.

    Parameters
    ----------
    window, slope
        The window as in `spread`, and its derivative by the place.
    """
    result = np.empty((len(places), 4))
    padded, vectors = _padded(window)
    _interpolate(
        mesh.reshape(-1), mesh.shape[1], mesh.shape[2], np.ascontiguousarray(places).reshape(-1), padded,
        _padded(slope)[0], window.shape[1], vectors, result,
    )  # fmt: skip
    return result


@kernel
def _lines(places, window, width, vectors, first, values):
    terms = len(window) // (LANES * vectors)
    for n in range(len(places)):
        first[n] = _first(places[n], width)
        weights(window, terms, 2.0 * (first[n] - places[n]) + width - 1.0, vectors, values, n * LANES * vectors)


def lines(places: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The first point of each place's window along one axis, and the window there, (n,) and (n, width)."""
    padded, vectors = _padded(window)
    first, values = np.empty(len(places), np.int64), np.empty((len(places), LANES * vectors))
    _lines(np.ascontiguousarray(places), padded, window.shape[1], vectors, first, values.reshape(-1))
    return first, values[:, : window.shape[1]]


def _padded(window: np.ndarray) -> tuple[np.ndarray, int]:
    """A window of whole vectors, flat, and their number."""
    terms, width = window.shape
    vectors = -(-width // LANES)
    padded = np.zeros((terms, LANES * vectors))
    padded[:, :width] = window
    return padded.reshape(-1), vectors
