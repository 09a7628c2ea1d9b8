"""The device of this process: what it needs, whether it is there, how much memory it has, which one a rank takes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from .. import Unavailable

# Matrix products in single precision keep all of it, whatever the environment says, unless this is asked for.
os.environ["CUPY_TF32"] = "1" if os.environ.get("TENSORPDE_PRECISION") == "tf32" else "0"

try:
    import cupy
    from cupy.cuda.runtime import CUDARuntimeError
except ImportError as error:
    raise Unavailable(
        f'backend="cupy" needs CuPy, which cannot be imported ({error}): pip install "tensorpde[gpu]"'
    ) from None

try:
    import numba.cuda  # noqa: F401  without it CuPy would work but no kernel of ours
except ImportError as error:
    raise Unavailable(
        f'backend="cupy" needs numba-cuda, which cannot be imported ({error}): pip install "tensorpde[gpu]"'
    ) from None


def count() -> int:
    """Number of devices that this process sees, at least one.

    Raises
    ------
    Unavailable
        If there is none, or the driver is too old for this CuPy.
    """
    try:
        found = int(cupy.cuda.runtime.getDeviceCount())
    except CUDARuntimeError as error:
        raise Unavailable(_sentence(str(error))) from None
    if found == 0:
        raise Unavailable('backend="cupy" needs an NVIDIA GPU, and this process sees none')
    return found


def _sentence(error: str) -> str:
    """What a failure of the runtime means."""
    if "InsufficientDriver" in error:
        has, needs = _driver(), int(cupy.cuda.runtime.runtimeGetVersion())
        if has == 0:
            return 'backend="cupy" needs an NVIDIA GPU, and this machine has no NVIDIA driver'
        return (
            f'backend="cupy" needs a driver for CUDA {_release(needs)}, and that of this machine is for CUDA '
            f"{_release(has)}: update the driver, or install the CuPy for CUDA {has // 1000} (cupy-cuda{has // 1000}x)"
        )
    if "NoDevice" in error:
        return 'backend="cupy" needs an NVIDIA GPU, and this process sees none'
    return f'backend="cupy" cannot use the GPU: {error}'


def _driver() -> int:
    """The CUDA version of the driver, as 1000·major + 10·minor; 0 without one."""
    try:
        return int(cupy.cuda.runtime.driverGetVersion())
    except CUDARuntimeError:
        return 0


def _release(version: int) -> str:
    return f"{version // 1000}.{version % 1000 // 10}"


def take(rank: int) -> int:
    """Make the device of the rank-th process of this node the current one, and return its number.

    Ranks beyond the number of devices share them in turn.
    """
    number = rank % count()
    cupy.cuda.Device(number).use()
    return number


def memory() -> tuple[int, int]:
    """Bytes that are free on the current device, those that CuPy's pool holds unused counted, and bytes in all."""
    free, total = cupy.cuda.runtime.memGetInfo()
    return int(free) + int(cupy.get_default_memory_pool().free_bytes()), int(total)


def describe() -> list[str]:
    """A line for each device: name, memory, compute capability."""
    found = []
    for number in range(count()):
        properties = cupy.cuda.runtime.getDeviceProperties(number)
        name, size = properties["name"].decode(), properties["totalGlobalMem"] / 2**30
        found.append(f"{name}, {size:.0f} GiB, compute capability {properties['major']}.{properties['minor']}")
    return found


@contextmanager
def memory_for(shape: Any, dtype: Any) -> Iterator[None]:
    """Say in one sentence that an array does not fit."""
    try:
        yield
    except cupy.cuda.memory.OutOfMemoryError:
        shape = (shape,) if isinstance(shape, int) else tuple(shape)
        size, (free, total) = prod(shape) * np.dtype(dtype).itemsize, memory()
        raise MemoryError(
            f"an array of shape {shape} and {size / 2**30:.2f} GiB does not fit the GPU: "
            f"{free / 2**30:.2f} of {total / 2**30:.2f} GiB are free"
        ) from None


def uploaded(values: Any, dtype: Any = None) -> Any:
    """A device array with these values of the host.

    Raises
    ------
    RuntimeError
        While a step is recorded: when it is repeated the values would no longer be where they were.
    """
    if cupy.cuda.get_current_stream().is_capturing():
        raise RuntimeError("it copies values from the host")
    return cupy.asarray(values, dtype=dtype)


count()
