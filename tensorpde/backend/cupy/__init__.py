"""Arrays on an NVIDIA GPU: CuPy's memory, transforms and matrix products, our own CUDA kernels by numba."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from . import device  # the first to import CuPy: it says in one sentence what is missing

import cupy  # isort: skip

from . import (
    activations,
    blocks,
    channels,
    departures,
    elements,
    graphs,
    lines,
    mesh,
    messages,
    neighbours,
    particles,
    pointwise,
    products,
    recycling,
    reductions,
    shifted,
    tensors,
    transforms,
    transport,
    turning,
    updates,
    weak_forms,
)

name = "cupy"

on_host = False  # whether numpy may read these arrays where they lie

seen_by_mpi = os.environ.get("TENSORPDE_GPU_AWARE_MPI") == "1"  # whether MPI may


def empty(shape: Any, dtype: Any = "float64") -> cupy.ndarray:
    """A C-contiguous array with undefined values, from CuPy's pool of memory.

    Raises
    ------
    MemoryError
        If the device has not so much memory left, naming both sizes.
    """
    with device.memory_for(shape, dtype):
        return cupy.empty(shape, dtype)


def zeros(shape: Any, dtype: Any = "float64") -> cupy.ndarray:
    """An array of zeros; as `empty`."""
    array = empty(shape, dtype)
    array.fill(0)
    return array


def asarray(x: Any, dtype: Any = None) -> cupy.ndarray:
    """A C-contiguous device array with the values of x, which may be on the host."""
    if isinstance(x, cupy.ndarray):
        make = cupy.asarray
    else:
        x, make = np.ascontiguousarray(x, dtype=dtype), device.uploaded
    with device.memory_for(x.shape, x.dtype if dtype is None else dtype):
        return cupy.ascontiguousarray(make(x, dtype=dtype))


def copy(x: cupy.ndarray) -> cupy.ndarray:
    """A C-contiguous copy of x."""
    array = empty(x.shape, x.dtype)
    array[...] = x
    return array


def to_host(array: cupy.ndarray) -> np.ndarray:
    """The values as a host array; waits for the device."""
    return array.get()


def attach(rank: int) -> None:
    """Make the device of the rank-th process of a node the current one; devices are shared if they are fewer."""
    device.take(rank)


def memory() -> tuple[int, int] | None:
    """Bytes that are free for arrays of this rank, and bytes that its device has in all."""
    return device.memory()


def before_compiling(listener: Callable[[], object] | None) -> None:
    """Have `listener` called once, before the first kernel that this process compiles."""
    from .compiled import listen

    listen(listener)


def timed(call: Callable[[], object]) -> float:
    """Seconds from the start to the end of what a call does on the current stream, by events on it."""
    start, end = cupy.cuda.Event(), cupy.cuda.Event()
    cupy.cuda.get_current_stream().synchronize()
    start.record()
    call()
    end.record()
    end.synchronize()
    return float(cupy.cuda.get_elapsed_time(start, end)) * 1e-3


__all__ = [
    "activations",
    "asarray",
    "attach",
    "before_compiling",
    "blocks",
    "channels",
    "copy",
    "departures",
    "device",
    "elements",
    "empty",
    "graphs",
    "lines",
    "memory",
    "mesh",
    "messages",
    "name",
    "neighbours",
    "on_host",
    "particles",
    "pointwise",
    "products",
    "recycling",
    "reductions",
    "seen_by_mpi",
    "shifted",
    "tensors",
    "timed",
    "to_host",
    "transforms",
    "transport",
    "turning",
    "updates",
    "weak_forms",
    "zeros",
]
