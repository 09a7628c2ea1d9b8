"""Matrix products on host arrays, by the BLAS library."""

from __future__ import annotations

import numpy as np


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """a @ b over leading dimensions, to `out` if it is given; views that are transposes are read as they lie."""
    return np.matmul(a, b, out=out)


def row_sums(x: np.ndarray) -> np.ndarray:
    """Σ x along the last axis."""
    return x @ np.ones(x.shape[-1], x.dtype)


def row_dots(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Σ x y along the last axis of two real arrays of one shape."""
    return np.vecdot(x, y)
