"""A matrix applied to lines along the last axis, which goes to the front, and back, by cuBLAS."""

from __future__ import annotations

import cupy

from .products import matmul


def to_front(factors: cupy.ndarray, lines: cupy.ndarray) -> cupy.ndarray:
    """Σ_p factors[p] lines[p]ᵀ: (parts, m, n), (parts, count, n) → (m, count)."""
    out = matmul(factors[0], lines[0].T)
    for factor, part in zip(factors[1:], lines[1:], strict=True):
        out += matmul(factor, part.T)
    return out


def to_back(factors: cupy.ndarray, modes: cupy.ndarray) -> cupy.ndarray:
    """modesᵀ factors[p] for every p, the adjoint of `to_front`: (parts, m, n), (m, count) → (parts, count, n)."""
    return matmul(modes.T, factors)
