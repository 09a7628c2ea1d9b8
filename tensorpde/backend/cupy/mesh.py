"""Particles to a mesh and back, by windows of a few points per axis that are products of one-dimensional ones.

Point k of a mesh of spacing 1 is at k. The window of a particle at p covers the `width` points from ⌈p − width/2⌉ on.
Windows are evaluated once for each particle and axis; a thread then works for a line of the mesh, or for a target, and
adds up in one order. Places, charges and windows may be on the host; they are taken to the device.
"""

from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np
from numba import cuda

from .compiled import kernel
from .compiled import spread as start
from .particles import flat

PADDING = 0  # a mesh needs no more points than windows reach


@kernel
def _lines(places, apart, offset, window, terms, width, first, values):
    for n in range(cuda.grid(1), first.size, cuda.gridsize(1)):
        place = places[n * apart + offset]
        point = np.int64(math.ceil(place - 0.5 * width))
        v = 2.0 * (point - place) + width - 1.0
        first[n] = point
        for i in range(width):
            total = 0.0
            for c in range(terms - 1, -1, -1):
                total = total * v + window[c * width + i]
            values[n * width + i] = total


def _windows(
    places: cupy.ndarray, count: int, apart: int, offset: int, window: Any
) -> tuple[cupy.ndarray, cupy.ndarray]:
    """First points and flat windows of so many coordinates at `offset` of places that are `apart`."""
    terms, width = window.shape
    first, values = cupy.empty(count, "int64"), cupy.empty(count * width, "float64")
    start(_lines, count, places, apart, offset, flat(window), terms, width, first, values)
    return first, values


@kernel
def _spread(block, rows, pitch, begin, a, b, c, wx, wy, wz, charges, bins, members, width):
    for line in range(cuda.grid(1), block.size // pitch, cuda.gridsize(1)):
        i, j = line // rows, line % rows + begin
        for p in range(bins[max(i - width + 1, 0)], bins[i + 1]):  # the particles whose windows reach plane i
            n = members[p]
            y = j - b[n]
            if y >= 0 and y < width:
                weight = charges[n] * wx[n * width + i - a[n]] * wy[n * width + y]
                for k in range(width):
                    block[line * pitch + c[n] + k] += weight * wz[n * width + k]


def spread(block: cupy.ndarray, begin: int, places: Any, charges: Any, window: Any) -> None:
    """Add charges at places (n, 3) to a block of a mesh that has all of axes 0 and 2, and axis 1 from `begin` on.

    Parameters
    ----------
    window
        (terms, width): on its i-th point the window is Σ_c window[c, i] v^c where v rises from −1 to 1 as the place of
        the particle goes down by 1.

    Notes
    -----
    Windows must lie in the mesh. Each point adds up the particles by their first plane, then in the order given,
    whatever the block: the same bits on any number of ranks. A thread for each line along the last axis looks at all
    particles whose windows reach its plane.
    """
    if len(places) == 0:
        return
    line, width = flat(places), window.shape[1]
    (a, wx), (b, wy), (c, wz) = (_windows(line, len(places), 3, axis, window) for axis in range(3))
    planes = a.get()
    bins = np.searchsorted(np.sort(planes), np.arange(block.shape[0] + 1))
    members = flat(np.argsort(planes, kind="stable"), "int64")
    start(
        _spread, block.shape[0] * block.shape[1], block.reshape(-1), block.shape[1], block.shape[2], begin, a, b, c,
        wx, wy, wz, flat(charges), flat(bins, "int64"), members, width,
    )  # fmt: skip


@kernel
def _interpolate(mesh, rows, pitch, a, b, c, wx, wy, wz, gx, gy, gz, width, result):
    for n in range(cuda.grid(1), a.size, cuda.gridsize(1)):
        p = fx = fy = fz = 0.0
        for i in range(width):
            for j in range(width):
                at = ((a[n] + i) * rows + b[n] + j) * pitch + c[n]
                value = slope = 0.0
                for k in range(width):
                    value += wz[n * width + k] * mesh[at + k]
                    slope += gz[n * width + k] * mesh[at + k]
                x, y = wx[n * width + i], wy[n * width + j]
                p += x * y * value
                fx += gx[n * width + i] * y * value
                fy += x * gy[n * width + j] * value
                fz += x * y * slope
        result[4 * n], result[4 * n + 1], result[4 * n + 2], result[4 * n + 3] = p, fx, fy, fz


def interpolate(mesh: cupy.ndarray, places: Any, window: Any, slope: Any) -> cupy.ndarray:
    """Σ over mesh points of value · windows at places (n, 3), and its gradient by place: (n, 4), the value first.

    Parameters
    ----------
    window, slope
        The window as in `spread`, and its derivative by the place.
    """
    line, result = flat(places), cupy.empty((len(places), 4), "float64")
    (a, wx), (b, wy), (c, wz) = (_windows(line, len(places), 3, axis, window) for axis in range(3))
    gx, gy, gz = (_windows(line, len(places), 3, axis, slope)[1] for axis in range(3))
    start(
        _interpolate, len(places), mesh.reshape(-1), mesh.shape[1], mesh.shape[2], a, b, c, wx, wy, wz, gx, gy, gz,
        window.shape[1], result.reshape(-1),
    )  # fmt: skip
    return result


def lines(places: Any, window: Any) -> tuple[cupy.ndarray, cupy.ndarray]:
    """The first point of each place's window along one axis, and the window there, (n,) and (n, width)."""
    first, values = _windows(flat(places), len(places), 1, 0, window)
    return first, values.reshape(len(places), window.shape[1])
