"""Host arrays: numba kernels for lines and pointwise work."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import lines, pointwise, transforms, transport

name = "numpy"

empty = np.empty
zeros = np.zeros


def asarray(x: Any, dtype: Any = None) -> np.ndarray:
    """A C-contiguous host array with the values of x."""
    return np.ascontiguousarray(x, dtype=dtype)


def to_host(array: np.ndarray) -> np.ndarray:
    """The array itself: it is on the host already."""
    return array


__all__ = ["asarray", "empty", "lines", "name", "pointwise", "to_host", "transforms", "transport", "zeros"]
