"""Pointwise kernels of neural operators: scale, shift, skip and GELU in one pass, forward and backward.

gelu(v) = v Φ(v), Φ the normal distribution function (Hendrycks and Gimpel, arXiv 1606.08415), from the error function
in the precision of the values.
"""

from __future__ import annotations

import math

import cupy
import numpy as np
from numba import cuda

from .compiled import inlined, kernel, spread


@inlined
def _normal(v, numbers):
    """Φ(v)."""
    return numbers[0] + numbers[0] * math.erf(v * numbers[1])


def _numbers(dtype: np.dtype) -> tuple:
    """½, √½ and 1/√2π in the precision of the values: plain numbers would make the arithmetic double."""
    return tuple(map(dtype.type, (0.5, math.sqrt(0.5), 1 / math.sqrt(2 * math.pi))))


@kernel
def _combine(v, alpha, beta, addend, gamma, y, points, scaled, added, active, numbers):
    for i in range(cuda.grid(1), v.size, cuda.gridsize(1)):
        r = i // points
        value = v[i]
        if scaled:
            value *= alpha[r]
        if added:
            value += gamma[r] * addend[i]
        value += beta[r]
        if active > 0:
            y[i] = value * _normal(value, numbers)
        if active != 1:
            v[i] = value


@kernel
def _backward(v, d, y, keep, numbers):
    for i in range(cuda.grid(1), v.size, cuda.gridsize(1)):
        value = v[i]
        below = _normal(value, numbers)
        d[i] = d[i] * (below + value * numbers[2] * math.exp(-numbers[0] * value * value))
        if keep:
            y[i] = value * below


def combine(
    v: cupy.ndarray,
    beta: cupy.ndarray,
    addend: cupy.ndarray | None = None,
    gamma: cupy.ndarray | None = None,
    alpha: cupy.ndarray | None = None,
    out: cupy.ndarray | None = None,
    active: bool = True,
) -> None:
    """v = alpha·v + beta + gamma·addend, then gelu(v) to `out`, or in place of v without one; one pass.

    Parameters
    ----------
    v, addend, out
        (batch, channels, …), C-contiguous, no memory in common.
    alpha, beta, gamma
        (batch, channels) each, of the type of v; without alpha 1.
    active
        False leaves out the activation.
    """
    rows = v.shape[0] * v.shape[1]
    added = addend is not None and gamma is not None
    flat = v.reshape(-1)
    other, factor = (addend, gamma) if addend is not None and gamma is not None else (v, beta)
    result = flat if out is None else out.reshape(-1)
    goal = 0 if not active else 1 if out is None else 2
    spread(
        _combine, v.size, flat, (beta if alpha is None else alpha).reshape(-1), beta.reshape(-1), other.reshape(-1),
        factor.reshape(-1), result, v.size // max(rows, 1), alpha is not None, added, goal,
        _numbers(v.dtype),
    )  # fmt: skip


def gelu_backward(v: cupy.ndarray, d: cupy.ndarray, out: cupy.ndarray | None = None) -> None:
    """d = gelu'(v) d, and out = gelu(v) in the same pass if it is given; no memory in common."""
    result = v if out is None else out
    spread(_backward, v.size, v.reshape(-1), d.reshape(-1), result.reshape(-1), out is not None, _numbers(v.dtype))
