"""Pointwise kernels of neural operators: scale, shift, skip and GELU in one pass, forward and backward.

gelu(v) = v Φ(v), Φ the normal distribution function (Hendrycks and Gimpel, arXiv 1606.08415), from erf in double
precision. In single precision Φ(v) − ½ and gelu'(v) − ½ are odd rational functions of our own, fitted in the maximum
norm on |v| ≤ 5.5 and constant beyond: errors 1e-8 and 4e-8 before rounding. They have no branches, so that the points
of a row are lanes, and every point gets the same arithmetic.
"""

from __future__ import annotations

import math

import numpy as np

from .compiled import inlined, kernel
from .intrinsics import fma
from .threads import share

_END = np.float32(5.5)
_ROOT_HALF = math.sqrt(0.5)
_PEAK = 1 / math.sqrt(2 * math.pi)


def _singles(*values):
    return tuple(map(np.float32, values))


_P = _singles(3.98942235e-01, 3.38526785e-02, 4.67726264e-03, 1.68825995e-04, 6.35211984e-06, 2.27493818e-08)
_Q = _singles(1.0, 2.51521999e-01, 2.86458899e-02, 1.88444668e-03, 7.36476030e-05, 1.19750455e-06)
_R = _singles(
    7.97884748e-01, 1.72729683e-02, 1.20545500e-02, 9.04888354e-04, 3.13930419e-05, 2.45607673e-06, 1.38697832e-08
)
_S = _singles(1.0, 3.54983508e-01, 5.84324672e-02, 5.89570580e-03, 3.99974048e-04, 1.86371761e-05, 6.08670173e-07)


@inlined
def _degree_5(c, s):
    return fma(fma(fma(fma(fma(c[5], s, c[4]), s, c[3]), s, c[2]), s, c[1]), s, c[0])


@inlined
def _clipped(v):
    return min(max(v, -_END), _END)


@inlined
def gelu(v, double):
    """gelu(v); `double` is None in single precision."""
    if double is None:
        w = _clipped(v)
        s = w * w
        return v * fma(w, _degree_5(_P, s) / _degree_5(_Q, s), np.float32(0.5))
    return 0.5 * v * (1.0 + math.erf(v * _ROOT_HALF))


@inlined
def slope(v, double):
    """gelu'(v)."""
    if double is None:
        w = _clipped(v)
        s = w * w
        above = fma(_degree_5(_R[1:], s), s, _R[0])
        return fma(w, above / fma(_degree_5(_S[1:], s), s, _S[0]), np.float32(0.5))
    return 0.5 * (1.0 + math.erf(v * _ROOT_HALF)) + v * _PEAK * math.exp(-0.5 * v * v)


@kernel
def _combine(v, alpha, beta, addend, gamma, y, active, double):
    for r in range(v.shape[0]):
        row = v[r]
        if alpha is not None:
            a = alpha[r]
            for p in range(row.size):
                row[p] = a * row[p]
        b = beta[r]
        if addend is not None:
            c, other = gamma[r], addend[r]
            for p in range(row.size):
                row[p] = fma(c, other[p], row[p]) + b
        else:
            for p in range(row.size):
                row[p] = row[p] + b
        if y is not None:
            result = y[r]
            for p in range(row.size):
                result[p] = gelu(row[p], double)
        elif active is not None:
            for p in range(row.size):
                row[p] = gelu(row[p], double)


@kernel
def _backward(v, d, y, double):
    for r in range(v.shape[0]):
        row, change = v[r], d[r]
        for p in range(row.size):
            change[p] = change[p] * slope(row[p], double)
        if y is not None:
            result = y[r]
            for p in range(row.size):
                result[p] = gelu(row[p], double)


def _rows(x: np.ndarray) -> np.ndarray:
    """A view with one row per sample and channel."""
    return x.reshape(x.shape[0] * x.shape[1], -1)


def _double(x: np.ndarray) -> int | None:
    return None if x.dtype == np.float32 else 1


def combine(
    v: np.ndarray,
    beta: np.ndarray,
    addend: np.ndarray | None = None,
    gamma: np.ndarray | None = None,
    alpha: np.ndarray | None = None,
    out: np.ndarray | None = None,
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
    factors = (None if f is None else f.reshape(-1) for f in (alpha, beta))
    other = (None, None) if addend is None or gamma is None else (_rows(addend), gamma.reshape(-1))
    result = _rows(out) if active and out is not None else None
    arrays = (_rows(v), *factors, *other, result)
    flags = 1 if active else None, _double(v)
    share(lambda part: _combine(*(None if a is None else a[part] for a in arrays), *flags), len(arrays[0]), v.size)


def gelu_backward(v: np.ndarray, d: np.ndarray, out: np.ndarray | None = None) -> None:
    """d = gelu'(v) d, and out = gelu(v) in the same pass if it is given; no memory in common."""
    arrays, double = (_rows(v), _rows(d), None if out is None else _rows(out)), _double(v)
    share(lambda part: _backward(*(None if a is None else a[part] for a in arrays), double), len(arrays[0]), v.size)
