"""Sums over pairs of particles: 1/r among all, and a smoothed-away 1/r among near ones found in cells.

A thread for each target, or for each line of a grid, adds up its sources in one order: results do not depend on the
number of threads. Arrays may be on the host; they are taken to the device.
"""

from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np
from numba import cuda

from .compiled import inlined, kernel, spread


def flat(values: Any, dtype: str = "float64") -> cupy.ndarray:
    """A flat array on the device with a zero behind it, so that it is never empty."""
    if isinstance(values, cupy.ndarray):
        values = values.astype(dtype).reshape(-1)
        return cupy.concatenate([values, cupy.zeros(1, dtype)])
    return cupy.asarray(np.append(np.asarray(values, dtype).reshape(-1), 0).astype(dtype))


@inlined
def polynomial(u, series, terms):
    """Σ_c series[c] u^c."""
    total = 0.0
    for c in range(terms - 1, -1, -1):
        total = total * u + series[c]
    return total


@kernel
def _direct(targets, sources, charges, count, result):
    for i in range(cuda.grid(1), result.size // 4, cuda.gridsize(1)):
        p = x = y = z = 0.0
        for j in range(count):
            dx = targets[3 * i] - sources[3 * j]
            dy = targets[3 * i + 1] - sources[3 * j + 1]
            dz = targets[3 * i + 2] - sources[3 * j + 2]
            s = dx * dx + dy * dy + dz * dz
            if s > 0.0:
                inverse = 1.0 / math.sqrt(s)
                own = charges[j] * inverse
                pull = own * inverse * inverse
                p += own
                x += pull * dx
                y += pull * dy
                z += pull * dz
        result[4 * i], result[4 * i + 1], result[4 * i + 2], result[4 * i + 3] = p, x, y, z


def direct(targets: Any, sources: Any, charges: Any) -> cupy.ndarray:
    """Σ_j q_j / r and −∇ of it at targets (m, 3) from sources (n, 3): shape (m, 4), potential first. O(m n)."""
    result = cupy.empty((len(targets), 4), "float64")
    spread(_direct, len(targets), flat(targets), flat(sources), flat(charges), len(charges), result.reshape(-1))
    return result


@kernel
def _on_grid(out, x, y, z, sources, charges, count, series, terms, radius):
    limit, scale = radius * radius, 2.0 / (radius * radius)
    ny, nz = y.size - 1, z.size - 1
    for line in range(cuda.grid(1), (x.size - 1) * ny, cuda.gridsize(1)):
        i, j = line // ny, line % ny
        for n in range(count):
            dx, dy, pz = x[i] - sources[3 * n], y[j] - sources[3 * n + 1], sources[3 * n + 2]
            across = dx * dx + dy * dy
            if across <= limit:
                k, end = 0, nz
                while k < end:  # the first z within the radius
                    middle = (k + end) // 2
                    if z[middle] < pz - radius:
                        k = middle + 1
                    else:
                        end = middle
                while k < nz and z[k] <= pz + radius:
                    s = across + (z[k] - pz) * (z[k] - pz)
                    if s <= limit:
                        inverse = 1.0 / math.sqrt(s) if s > 0.0 else 0.0
                        out[line * nz + k] += charges[n] * (inverse - polynomial(s * scale - 1.0, series, terms))
                    k += 1


def on_grid(out: Any, lines: tuple[Any, ...], sources: Any, charges: Any, series: Any, radius: float) -> None:
    """Add Σ_j q_j (1/r − P(r²)) over the sources (n, 3) within `radius` to a block of a grid with these coordinates."""
    axes = [flat(line) for line in lines]
    spread(
        _on_grid, len(lines[0]) * len(lines[1]), out.reshape(-1), *axes, flat(sources), flat(charges), len(charges),
        flat(series), len(series), float(radius),
    )  # fmt: skip
