"""Memory of large arrays that is used again: a step of a training loop takes no new pages from the system."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

ALIGNMENT = 64  # bytes of a cache line: vectors that cross lines cost twice, and numpy gives 16
_LEAST = 1 << 18  # bytes; the C library keeps smaller blocks itself
_LOOSE = 1.25  # how much larger than asked for a block may be
_free: list[np.ndarray] = []


class _Lease:
    """What an array has as its base: gives the block back when the last view of it is gone."""

    def __init__(self, block: np.ndarray) -> None:
        self.block = block
        self.__array_interface__ = block.__array_interface__

    def __del__(self) -> None:
        _free.append(self.block)


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A C-contiguous array with undefined values, aligned to a cache line."""
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    skip = -raw.ctypes.data % ALIGNMENT
    return raw[skip : skip + size].view(dtype).reshape(shape)


def empty(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A C-contiguous aligned array with undefined values, in memory of an array that is no longer used if there is one.

    Blocks stay with the process, at most as many bytes as were ever in use together, but for what does not fit.
    """
    dtype = np.dtype(dtype)
    size = prod(shape) * dtype.itemsize
    if size < _LEAST:
        return aligned(shape, dtype)
    fitting = [(block.size, k) for k, block in enumerate(_free) if size <= block.size <= _LOOSE * size]
    block = _free.pop(min(fitting)[1]) if fitting else aligned((size,), np.uint8)
    return np.asarray(_Lease(block))[:size].view(dtype).reshape(shape)
