"""Matrix products on device arrays, by cuBLAS."""

from __future__ import annotations

import cupy


def matmul(a: cupy.ndarray, b: cupy.ndarray, out: cupy.ndarray | None = None) -> cupy.ndarray:
    """a @ b over leading dimensions, to `out` if it is given; views that are transposes are read as they lie."""
    return cupy.matmul(a, b, out=out)


def conjugate(x: cupy.ndarray) -> cupy.ndarray:
    """A copy of x with its complex conjugate values."""
    return x.conj()


def row_sums(x: cupy.ndarray) -> cupy.ndarray:
    """Σ x along the last axis."""
    return x.sum(axis=-1)


def row_dots(x: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Σ x y along the last axis of two real arrays of one shape."""
    return (x * y).sum(axis=-1)
