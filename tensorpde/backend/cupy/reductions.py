"""Sums whose bits depend on nothing but what is summed: not on the device, the grid of threads or other lines."""

from __future__ import annotations

from math import prod

import cupy
import numpy as np
from numba import cuda

from .compiled import SIMULATED, kernel, start
from .device import uploaded

LANES = 2 if SIMULATED else 128  # threads that share a line
PARTS = 4 if SIMULATED else 4096  # of one long sum


def line_sums(a: cupy.ndarray, b: cupy.ndarray | None = None, weights: np.ndarray | None = None) -> cupy.ndarray:
    """Σ w conj(a) b along the last axis, in double precision; Σ w a without b.

    A block of threads for each line: each sums every so-many-th value, then they add up their sums in pairs.

    Parameters
    ----------
    a, b
        C-contiguous arrays of one shape.
    weights
        A real host array of the length of a line; 1 for None.
    """
    is_complex = "c" in {factor.dtype.kind for factor in (a, b) if factor is not None}
    kind = np.dtype("complex128" if is_complex else "float64")
    sums = cupy.zeros(a.shape[:-1], kind)
    if a.size:
        n = a.shape[-1]
        factor = uploaded(np.ones(n) if weights is None else np.ascontiguousarray(weights, float))
        lines, flat = prod(a.shape[:-1]), a.reshape(-1)
        other = flat if b is None else b.reshape(-1)
        start(_line_sums, lines, LANES, flat, other, b is not None, factor, sums.reshape(-1), n)
    return sums


@kernel
def _line_sums(a, b, both, weights, sums, n):
    shared = cuda.shared.array(LANES, sums.dtype)
    line, me = cuda.blockIdx.x, cuda.threadIdx.x
    shared[me] = 0
    for j in range(me, n, LANES):
        value = a[line * n + j]
        if both:
            shared[me] += weights[j] * (value.conjugate() * b[line * n + j])
        else:
            shared[me] += weights[j] * value
    cuda.syncthreads()
    step = LANES // 2
    while step > 0:
        if me < step:
            shared[me] += shared[me + step]
        cuda.syncthreads()
        step //= 2
    if me == 0:
        sums[line] = shared[0]


@kernel
def _squares(x, found):
    for p in range(cuda.grid(1), found.size, cuda.gridsize(1)):
        total = 0.0
        for i in range(p, x.size, found.size):
            value = float(x[i])
            total += value * value
        found[p] = total


def sum_of_squares(x: cupy.ndarray) -> float:
    """Σ x² of a flat real array in double precision; waits for the device."""
    found = cupy.empty(PARTS, "float64")
    start(_squares, 2 if SIMULATED else PARTS // 128, 2 if SIMULATED else 128, x, found)
    return float(np.add.reduce(found.get()))
