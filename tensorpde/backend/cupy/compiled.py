"""How kernels of this backend are made and started; they run on CuPy's current stream.

Without a device the same kernels run in numba's CUDA simulator (NUMBA_ENABLE_CUDASIM=1), thread by thread: there all
sizes of blocks and tiles are small, so that small arrays need several of each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy
from numba import cuda

SIMULATED = "simulator" in cuda.jit.__module__
THREADS = 2 if SIMULATED else 256  # of a block whose threads work alone
MOST_BLOCKS = 2 if SIMULATED else 1 << 16  # threads of a larger grid take several values each

_listener: Callable[[], object] | None = None
_started: set[Any] = set()


def kernel(function: Callable) -> Any:
    """Decorator of a function that the host starts on many threads; compiled at its first start for types."""
    return cuda.jit(function)


def inlined(function: Callable) -> Any:
    """Decorator of a function that only kernels call, and that knows nothing of threads."""
    return function if SIMULATED else cuda.jit(device=True, inline="always")(function)


def part(function: Callable) -> Any:
    """Decorator of a function that only kernels call, all threads of a block together."""
    return cuda.jit(device=True)(function)


def listen(listener: Callable[[], object] | None) -> None:
    """Have `listener` called once, before the first kernel is compiled."""
    global _listener
    _listener = listener


def start(kernel: Any, blocks: int, threads: int | tuple[int, int], *arguments: Any, shared: int = 0) -> None:
    """Start a kernel on a grid of blocks; `shared` bytes of memory for each block.

    Arrays among the arguments, or in tuples among them, are CuPy's.
    """
    global _listener
    if _listener is not None and kernel not in _started:
        listener, _listener = _listener, None
        listener()
    _started.add(kernel)
    kernel[blocks, threads, _stream(), shared](*map(_argument, arguments))


def spread(kernel: Any, count: int, *arguments: Any) -> None:
    """Start a kernel whose threads share out `count` values by themselves; nothing for none."""
    if count:
        start(kernel, min(-(-count // THREADS), MOST_BLOCKS), THREADS, *arguments)


def _stream() -> Any:
    pointer = cupy.cuda.get_current_stream().ptr
    return cuda.external_stream(pointer) if pointer else 0


def _argument(value: Any) -> Any:
    """What numba takes for an array, without waiting for the stream that the array was last used on: it is ours."""
    if isinstance(value, cupy.ndarray):
        return cuda.as_cuda_array(value, sync=False)
    if isinstance(value, tuple):
        values = map(_argument, value)
        return value._make(values) if hasattr(value, "_make") else tuple(values)
    return value
