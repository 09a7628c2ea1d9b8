"""Sums over all pairs of targets and sources: 1/r and its gradient.

A target's sum runs over its sources in one order, whoever works on it. Loops over lanes write to short arrays that stay
in cache, so that they are vectorized without changing the order of any sum.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel

LANES = 64


@kernel
def _direct(targets, sources, charges, result):
    """result[i] = potential and field at target i; a source exactly there does not count."""
    p, x, y, z = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for first in range(0, targets.shape[1], LANES):
        count = min(LANES, targets.shape[1] - first)
        for i in range(count):
            p[i] = x[i] = y[i] = z[i] = 0.0
        for j in range(sources.shape[1]):
            sx, sy, sz, q = sources[0, j], sources[1, j], sources[2, j], charges[j]
            for i in range(count):
                dx, dy, dz = targets[0, first + i] - sx, targets[1, first + i] - sy, targets[2, first + i] - sz
                s = dx * dx + dy * dy + dz * dz
                inverse = 1.0 / np.sqrt(s) if s > 0.0 else 0.0
                own = q * inverse
                pull = own * inverse * inverse
                p[i] += own
                x[i] += pull * dx
                y[i] += pull * dy
                z[i] += pull * dz
        for i in range(count):
            result[first + i, 0] = p[i]
            result[first + i, 1] = x[i]
            result[first + i, 2] = y[i]
            result[first + i, 3] = z[i]


def direct(targets: np.ndarray, sources: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Σ_j q_j / r and −∇ of it at targets (m, 3) from sources (n, 3): shape (m, 4), potential first. O(m n)."""
    result = np.empty((len(targets), 4))
    _direct(np.ascontiguousarray(targets.T), np.ascontiguousarray(sources.T), np.ascontiguousarray(charges), result)
    return result
