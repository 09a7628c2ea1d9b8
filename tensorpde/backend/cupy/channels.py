"""Channels mixed by small matrices, with the activation beside: by cuBLAS and the pointwise kernels."""

from __future__ import annotations

import cupy

from .activations import combine, gelu_backward
from .products import matmul, row_dots

Matrices = tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]


def join(
    weight: cupy.ndarray,
    x: cupy.ndarray,
    v: cupy.ndarray,
    beta: cupy.ndarray,
    alpha: cupy.ndarray | None = None,
    y: cupy.ndarray | None = None,
    active: bool = True,
) -> None:
    """v = alpha·v + weight x + beta, then gelu(v) to y if `active`, or in place of v without one.

    Parameters
    ----------
    weight
        (out, in).
    x, v, y
        (batch, in, points), and (batch, out, points).
    beta, alpha
        (batch, out); without alpha 1.
    """
    ones = _filled(beta.shape, beta.dtype, 1)
    combine(v, beta, matmul(weight, x), ones, alpha, y if active else None, active)


def mlp(
    weights: Matrices,
    x: cupy.ndarray,
    v: cupy.ndarray,
    beta: cupy.ndarray,
    addend: cupy.ndarray | None = None,
    gamma: cupy.ndarray | None = None,
    y: cupy.ndarray | None = None,
    active: bool = False,
) -> None:
    """v = W₂ gelu(W₁ x + b₁) + beta + gamma·addend, then gelu(v) to y if `active`, or in place of v.

    Parameters
    ----------
    weights
        W₁ (hidden, in), b₁, W₂ (out, hidden).
    x
        (batch, in, points).
    v, y, addend
        (batch, out, points).
    beta, gamma
        (batch, out).
    """
    w1, b1, w2 = weights
    hidden = matmul(w1, x)
    combine(hidden, _rows(b1, len(x)))
    matmul(w2, hidden, v)
    combine(v, beta, addend, gamma, None, y if active else None, active)


def mlp_backward(
    weights: Matrices, x: cupy.ndarray, active: bool, d: cupy.ndarray, v: cupy.ndarray | None, dx: cupy.ndarray
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """The adjoint of `mlp` without its addend; what is hidden is computed again.

    Parameters
    ----------
    weights
        As of `mlp`.
    x, active
        What `mlp` got is x, or gelu(x) if `active`.
    d, v
        The gradient of what `mlp` made, or of gelu(v) if v, what it made, is given: then d becomes that of v.
    dx
        Gets the gradient of x.

    Returns
    -------
    The gradients of W₁, b₁, W₂ and beta, summed over samples.
    """
    w1, b1, w2 = weights
    u = _activated(x) if active else x
    if v is not None:
        gelu_backward(v, d)
    hidden = matmul(w1, u)
    combine(hidden, _rows(b1, len(x)), active=False)
    change, result = matmul(w2.T, d), cupy.empty(hidden.shape, hidden.dtype)
    gelu_backward(hidden, change, result)
    matmul(w1.T, change, dx)
    if active:
        gelu_backward(x, dx)
    return *_gradients(change, u), *_gradients(d, result)


def join_backward(
    weight: cupy.ndarray,
    x: cupy.ndarray,
    active: bool,
    d: cupy.ndarray,
    dx: cupy.ndarray,
    other: cupy.ndarray | None = None,
    gamma: cupy.ndarray | None = None,
) -> tuple[cupy.ndarray, cupy.ndarray, cupy.ndarray]:
    """dx = dx + weightᵀ d + gamma·other, the gradient of what was mixed; returns the other gradients.

    Parameters
    ----------
    weight
        (out, in).
    x, active
        What was mixed is x, (batch, in, points), or gelu(x) if `active`; the sums are with that.
    d
        (batch, out, points).
    dx, other
        Like x.
    gamma
        (in,).

    Returns
    -------
    The gradient of the weight, Σ d, and Σ x·other, all summed over samples.
    """
    u = _activated(x) if active else x
    dx += matmul(weight.T, d)
    if other is None or gamma is None:
        return *_gradients(d, u), _filled((x.shape[1],), x.dtype, 0)
    combine(dx, _filled(dx.shape[:2], dx.dtype, 0), other, _rows(gamma, len(x)), active=False)
    return *_gradients(d, u), row_dots(u, other).sum(axis=0)


def _filled(shape: tuple[int, ...], dtype: cupy.dtype, value: float) -> cupy.ndarray:
    array = cupy.empty(shape, dtype)
    array.fill(value)
    return array


def _rows(values: cupy.ndarray, batch: int) -> cupy.ndarray:
    """One value per channel as one per sample and channel."""
    return cupy.ascontiguousarray(cupy.broadcast_to(values, (batch, len(values))))


def _activated(x: cupy.ndarray) -> cupy.ndarray:
    """gelu(x) in an array of its own."""
    u = cupy.empty(x.shape, x.dtype)
    u[...] = x
    combine(u, _filled(x.shape[:2], x.dtype, 0))
    return u


def _gradients(d: cupy.ndarray, x: cupy.ndarray) -> tuple[cupy.ndarray, cupy.ndarray]:
    """Those of a matrix and a bias, for the gradient d of weight x + bias."""
    return matmul(d, x.transpose(0, 2, 1)).sum(axis=0), d.sum(axis=(0, 2))
