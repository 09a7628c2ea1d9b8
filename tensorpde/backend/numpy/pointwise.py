"""Fused pointwise kernels and dense products on host arrays."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import scipy  # loads its parts when they are used

from .compiled import kernel


@kernel
def _axpby(alpha, x, beta, y):
    for i in range(x.size):
        y[i] = alpha * x[i] + beta * y[i]


@kernel
def _scale(alpha, x, y):
    for i in range(x.size):
        y[i] = alpha * x[i]


@kernel
def _copy(x, y):
    for i in range(x.size):
        y[i] = x[i]


def copy(x: np.ndarray, y: np.ndarray) -> None:
    """y = x by a plain loop: what the benchmarks compare kernels with."""
    _copy(x.reshape(-1), y.reshape(-1))


def axpby(alpha: complex, x: np.ndarray, beta: complex, y: np.ndarray) -> None:
    """y = alpha·x + beta·y in one pass; y is not read when beta is 0."""
    kind = y.dtype.type
    if beta == 0 and alpha == 1:
        np.copyto(y, x)
    elif beta == 0:
        _scale(kind(alpha), x.reshape(-1), y.reshape(-1))
    else:
        _axpby(kind(alpha), x.reshape(-1), kind(beta), y.reshape(-1))


def matmul(
    matrix: np.ndarray, u: np.ndarray, axis: int, out: np.ndarray, alpha: complex = 1.0, beta: complex = 0.0
) -> None:
    """out = alpha·(matrix · u along `axis`) + beta·out, one BLAS product per outer index.

    matrix : (m, n), real for real or complex u, or complex; u : n values along axis; out : m.
    """
    n, inner = u.shape[axis], prod(u.shape[axis + 1 :])
    if u.dtype.kind == "c" and matrix.dtype.kind != "c":
        real = u.real.dtype
        u, out, inner = u.view(real), out.view(real), inner * 2
    if u.dtype != out.dtype:
        u = u.astype(out.dtype)
    outer = prod(u.shape[:axis])
    a = u.reshape(outer, n, inner)
    b = out.reshape(outer, len(matrix), inner)
    gemm = scipy.linalg.get_blas_funcs("gemm", dtype=out.dtype)
    # The library's order is by columns: it sees transposes of all that is C-contiguous, and writes where they lie.
    if inner == 1:
        gemm(alpha, matrix.T, a.reshape(outer, n).T, beta, b.reshape(outer, len(matrix)).T, 1, overwrite_c=1)
        return
    for o in range(outer):
        gemm(alpha, a[o].T, matrix.T, beta, b[o].T, overwrite_c=1)


@kernel
def _two_register_update(u, q, f, a, b, dt):
    if a == 0:
        for i in range(u.size):
            value = dt * f[i]
            q[i] = value
            u[i] = u[i] + b * value
    else:
        for i in range(u.size):
            value = a * q[i] + dt * f[i]
            q[i] = value
            u[i] = u[i] + b * value


def two_register_update(u: np.ndarray, q: np.ndarray, f: np.ndarray, a: float, b: float, dt: float) -> None:
    """q = a q + dt f, then u = u + b q, in one pass; q is not read when a is 0."""
    kind = u.real.dtype.type
    _two_register_update(u.reshape(-1), q.reshape(-1), f.reshape(-1), kind(a), kind(b), kind(dt))


@kernel
def _courant(velocity, scales, counts, strides, points):
    largest = 0.0
    for i in range(points):
        total, first = 0.0, 0
        for a in range(len(counts)):
            k = first if counts[a] == 1 else first + i // strides[a] % counts[a]
            total += abs(velocity[a * points + i]) * scales[k]
            first += counts[a]
        if total != total:
            return total
        largest = max(largest, total)
    return largest


def courant(velocity: np.ndarray, scales: Sequence[float | np.ndarray]) -> float:
    """max over points of Σ_a |velocity_a| scales_a, NaN if any value is.

    velocity : shape (d, …, n_0, …, n_{d−1}); scales : d numbers or vectors, the one of a along its axis (length n_a).
    """
    d, shape = len(scales), velocity.shape
    lines = [np.atleast_1d(np.asarray(scale, float)) for scale in scales]
    counts = np.array([len(line) for line in lines])
    strides = np.array([prod(shape[len(shape) - d + a + 1 :]) for a in range(d)])
    return float(_courant(velocity.reshape(-1), np.concatenate(lines), counts, strides, velocity[0].size))
