"""Sums over all pairs of particles: 1/r and its gradient.

A thread for each target adds up its sources in one order: results do not depend on the number of threads. Arrays may be
on the host; they are taken to the device.
"""

from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np
from numba import cuda

from .compiled import kernel, spread
from .device import uploaded


def flat(values: Any, dtype: str = "float64") -> cupy.ndarray:
    """A flat array on the device with a zero behind it, so that it is never empty."""
    if isinstance(values, cupy.ndarray):
        values = values.astype(dtype).reshape(-1)
        return cupy.concatenate([values, cupy.zeros(1, dtype)])
    return uploaded(np.append(np.asarray(values, dtype).reshape(-1), 0).astype(dtype))


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
