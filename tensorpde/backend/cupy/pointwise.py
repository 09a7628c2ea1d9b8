"""Fused pointwise kernels and dense products on device arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import cupy
import numpy as np
from numba import cuda

from .compiled import MOST_BLOCKS, THREADS, kernel, spread
from .compiled import start as start_kernel
from .device import uploaded


@kernel
def _axpby(alpha, x, beta, y):
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = alpha * x[i] + beta * y[i]


@kernel
def _scale(alpha, x, y):
    for i in range(cuda.grid(1), y.size, cuda.gridsize(1)):
        y[i] = alpha * x[i]


def copy(x: cupy.ndarray, y: cupy.ndarray) -> None:
    """y = x: what the benchmarks compare kernels with."""
    y[...] = x


def axpby(alpha: complex, x: cupy.ndarray, beta: complex, y: cupy.ndarray) -> None:
    """y = alpha·x + beta·y in one pass; y is not read when beta is 0."""
    kind = y.dtype.type
    if beta == 0 and alpha == 1:
        y[...] = x
    elif beta == 0:
        spread(_scale, y.size, kind(alpha), x.reshape(-1), y.reshape(-1))
    else:
        spread(_axpby, y.size, kind(alpha), x.reshape(-1), kind(beta), y.reshape(-1))


def matmul(
    matrix: cupy.ndarray, u: cupy.ndarray, axis: int, out: cupy.ndarray, alpha: complex = 1.0, beta: complex = 0.0
) -> None:
    """out = alpha·(matrix · u along `axis`) + beta·out, by one batched product of the BLAS library.

    matrix : (m, n), real for real or complex u, or complex; u : n values along axis; out : m. Single precision is kept
    through and through; TENSORPDE_PRECISION=tf32 lets products lose digits for speed. Other factors than 1 and 0 take a
    work array of the size of out.
    """
    n, inner = u.shape[axis], prod(u.shape[axis + 1 :])
    if u.dtype.kind == "c" and matrix.dtype.kind != "c":
        real = matrix.real.dtype
        u, out, inner = u.view(real), out.view(real), inner * 2
    if u.dtype != out.dtype:
        u = u.astype(out.dtype)
    outer, m = prod(u.shape[:axis]), len(matrix)
    plain = alpha == 1 and beta == 0
    target = out if plain else cupy.empty(out.shape, out.dtype)
    if inner == 1:
        cupy.matmul(u.reshape(outer, n), matrix.T, out=target.reshape(outer, m))
    else:
        cupy.matmul(matrix, u.reshape(outer, n, inner), out=target.reshape(outer, m, inner))
    if not plain:
        axpby(alpha, target, beta, out)


@kernel
def _two_register_update(u, q, f, a, b, dt):
    for i in range(cuda.grid(1), u.size, cuda.gridsize(1)):
        value = dt * f[i]
        if a != 0:
            value += a * q[i]
        q[i] = value
        u[i] = u[i] + b * value


def two_register_update(u: cupy.ndarray, q: cupy.ndarray, f: cupy.ndarray, a: float, b: float, dt: float) -> None:
    """q = a q + dt f, then u = u + b q, in one pass; q is not read when a is 0."""
    kind = u.real.dtype.type
    spread(_two_register_update, u.size, u.reshape(-1), q.reshape(-1), f.reshape(-1), kind(a), kind(b), kind(dt))


@kernel
def _courant(velocity, scales, counts, strides, points, found):
    largest = 0.0
    for i in range(cuda.grid(1), points, cuda.gridsize(1)):
        total, first = 0.0, 0
        for a in range(counts.size):
            k = first if counts[a] == 1 else first + i // strides[a] % counts[a]
            total += abs(velocity[a * points + i]) * scales[k]
            first += counts[a]
        if total != total or total > largest:  # not a number stays: nothing is larger
            largest = total
    found[cuda.grid(1)] = largest


def courant(velocity: cupy.ndarray, scales: Sequence[float | np.ndarray]) -> float:
    """max over points of Σ_a |velocity_a| scales_a, NaN if any value is.

    velocity : shape (d, …, n_0, …, n_{d−1}); scales : d numbers or vectors, the one of a along its axis (length n_a).
    """
    d, shape = len(scales), velocity.shape
    points = velocity[0].size
    if points == 0:
        return 0.0
    lines = [np.atleast_1d(np.asarray(scale, float)) for scale in scales]
    counts = np.array([len(line) for line in lines])
    strides = np.array([prod(shape[len(shape) - d + a + 1 :]) for a in range(d)])
    blocks = min(-(-points // THREADS), MOST_BLOCKS, 1024)
    found = cupy.empty(blocks * THREADS, "float64")
    tables: list[Any] = [uploaded(table) for table in (np.concatenate(lines), counts, strides)]
    start_kernel(_courant, blocks, THREADS, velocity.reshape(-1), *tables, points, found)
    return float(found.get().max())
