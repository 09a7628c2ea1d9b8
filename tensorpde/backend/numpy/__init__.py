"""Host arrays: numba kernels for lines and pointwise work."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from . import (
    activations,
    blocks,
    channels,
    covering,
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
from .compiled import before_compiling
from .recycling import ALIGNMENT

name = "numpy"

on_host = True  # whether numpy may read these arrays where they lie

seen_by_mpi = True  # whether MPI may


def empty(shape: Any, dtype: Any = "float64") -> np.ndarray:
    """A C-contiguous array with undefined values, aligned to a cache line."""
    return recycling.aligned((shape,) if isinstance(shape, int) else tuple(shape), dtype)


def zeros(shape: Any, dtype: Any = "float64") -> np.ndarray:
    """An array of zeros, aligned like `empty`."""
    array = empty(shape, dtype)
    array[...] = 0
    return array


def asarray(x: Any, dtype: Any = None) -> np.ndarray:
    """A C-contiguous host array with the values of x."""
    return np.ascontiguousarray(x, dtype=dtype)


def copy(x: np.ndarray) -> np.ndarray:
    """A copy of x, aligned like `empty`."""
    array = empty(x.shape, x.dtype)
    array[...] = x
    return array


def to_host(array: np.ndarray) -> np.ndarray:
    """The array itself: it is on the host already."""
    return array


def attach(rank: int) -> None:
    """Nothing: the processes of a node share its memory."""


def memory() -> tuple[int, int] | None:
    """None: what of the memory of a node is this rank's is not known."""
    return None


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    start = perf_counter()
    call()
    return perf_counter() - start


__all__ = [
    "ALIGNMENT",
    "activations",
    "asarray",
    "attach",
    "before_compiling",
    "blocks",
    "channels",
    "copy",
    "covering",
    "departures",
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
