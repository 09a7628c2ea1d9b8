"""A matrix times one index of a tensor, and the gradient of the matrix, by cuBLAS."""

from __future__ import annotations

import cupy

from .products import matmul


def multiply(matrix: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """matrix (m, n) times x (before, n, after) for every index before: (before, m, after)."""
    return matmul(matrix, x)


def gradient(d: cupy.ndarray, x: cupy.ndarray) -> cupy.ndarray:
    """Σ over indices before and after of d conj(x): (before, m, after), (before, n, after) → (m, n)."""
    return matmul(d, x.conj().transpose(0, 2, 1)).sum(axis=0)
