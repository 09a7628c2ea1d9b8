"""Copies of strided blocks on the device, and between it and pinned memory of the host."""

from __future__ import annotations

from math import prod
from typing import Any

import cupy
import numpy as np


def copy_block(source: cupy.ndarray, out: cupy.ndarray, past_cache: bool = True) -> None:
    """out = source for two blocks of one shape and type; a device has no choice of caches."""
    out[...] = source


def pinned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A host array that the device copies to and from at full speed, while other work goes on."""
    dtype, count = np.dtype(dtype), prod(shape)
    memory = cupy.cuda.alloc_pinned_memory(max(count * dtype.itemsize, 1))
    return np.frombuffer(memory, dtype, count).reshape(shape)


def download(source: cupy.ndarray, out: np.ndarray) -> None:
    """out = source, contiguous device array to pinned host array; done after `wait`."""
    source.get(out=out, blocking=False)


def upload(source: np.ndarray, out: cupy.ndarray) -> None:
    """out = source, pinned host array to contiguous device array; in the order of other work of the device."""
    out.set(source)


def wait() -> None:
    """Until all that was asked of the device on this stream is done."""
    cupy.cuda.get_current_stream().synchronize()
