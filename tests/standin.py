"""A strict stand-in for CuPy on host memory, so that the GPU backend's logic runs where there is no device.

Its arrays (`standin_arrays`) and its memory, streams and graphs (`standin_streams`) refuse what those of CuPy refuse.
Kernels run in numba's CUDA simulator (`simulator`).

`install()` puts it where `import cupy` finds it, unless a CuPy that sees a device is there: then tests use that.
`present()` does so for a while, so that tests of other things do not see it.
"""

from __future__ import annotations

import os
import sys
import types
from contextlib import contextmanager, nullcontext
from importlib.machinery import ModuleSpec

import numpy as np
import simulator
from standin_arrays import FUNCTIONS, MEMORY, Pinned, PlanNd, asarray, cosine, empty, fourier, ndarray, ours, qr
from standin_streams import (
    POOL,
    STREAMS,
    CUDARuntimeError,
    Event,
    Graph,
    OutOfMemoryError,
    Pool,
    Stream,
    recorded,
    using_allocator,
)

__all__ = ["Graph", "be_default", "has_device", "install", "present"]

VERSION = "14.0+standin"  # other libraries look at it where they find a module of this name


class Device:
    used = 0

    def __init__(self, number=None):
        self.id = Device.used if number is None else number
        self.pci_bus_id = f"0000:{self.id:02}:00.0"

    def use(self):
        Device.used = self.id


def _modules():
    cupy, cuda, runtime, memory, fft = (
        types.ModuleType(name)
        for name in ("cupy", "cupy.cuda", "cupy.cuda.runtime", "cupy.cuda.memory", "cupyx.scipy.fft")
    )
    for name in FUNCTIONS:
        setattr(cupy, name, ours(name))
    cupy.ndarray, cupy.empty, cupy.asarray, cupy.cuda = ndarray, empty, asarray, cuda
    cupy.zeros = recorded(lambda shape, dtype="float64": ndarray(np.zeros(shape, dtype)))
    cupy.get_default_memory_pool = lambda: POOL
    cupy.linalg = types.SimpleNamespace(qr=qr)
    cupy.__version__ = VERSION
    cuda.runtime, cuda.memory, cuda.Device = runtime, memory, Device
    cuda.get_current_stream, cuda.Stream = lambda: STREAMS[-1], Stream
    cuda.MemoryPool, cuda.using_allocator, runtime.streamCaptureModeThreadLocal = Pool, using_allocator, 1
    cuda.alloc_pinned_memory, cuda.Event = Pinned, Event
    cuda.get_elapsed_time = lambda start, end: 1e3 * (end.time - start.time)
    runtime.CUDARuntimeError, runtime.getDeviceCount = CUDARuntimeError, lambda: 2
    runtime.driverGetVersion, runtime.runtimeGetVersion = lambda: 13000, lambda: 13000
    runtime.memGetInfo = lambda: (MEMORY // 2, MEMORY)
    runtime.getDeviceProperties = lambda number: {
        "name": b"stand-in", "totalGlobalMem": MEMORY, "major": 9, "minor": number,
    }  # fmt: skip
    memory.OutOfMemoryError = OutOfMemoryError
    for name in ("fft", "ifft", "rfft", "irfft"):
        setattr(fft, name, fourier(name))
    for name in ("dct", "idct", "dst", "idst"):
        setattr(fft, name, cosine(name))
    cuda.cufft = types.ModuleType("cupy.cuda.cufft")
    cuda.cufft.PlanNd, cuda.cufft.CUFFT_FORWARD, cuda.cufft.CUFFT_INVERSE = PlanNd, -1, 1
    for name in ("C2C", "Z2Z", "R2C", "D2Z", "C2R", "Z2D"):
        setattr(cuda.cufft, f"CUFFT_{name}", name)
    fft.get_fft_plan = lambda *args, **options: nullcontext()
    cupyx, scipy_part = types.ModuleType("cupyx"), types.ModuleType("cupyx.scipy")
    cupyx.scipy, scipy_part.fft = scipy_part, fft
    made = (cupy, cuda, runtime, memory, cupyx, scipy_part, fft, cuda.cufft)
    for module in made:
        module.__spec__ = ModuleSpec(module.__name__, None)
    if os.environ.get("STANDIN_NCCL") == "1":
        cuda.nccl = _nccl()
    return {module.__name__: module for module in made}


def _nccl():
    """NCCL over MPI: what a group has sent and asked for is there at its end."""
    import ctypes

    from mpi4py import MPI

    nccl, group = types.ModuleType("cupy.cuda.nccl"), []

    class NcclCommunicator:
        made = 0

        def __init__(self, size, identifier, rank):
            assert identifier == (7,) * 128 and (size, rank) == (MPI.COMM_WORLD.size, MPI.COMM_WORLD.rank)
            NcclCommunicator.made += 1
            self._comm = MPI.COMM_WORLD.Dup()

        def _add(self, start, pointer, count, datatype, peer, stream):
            assert datatype == nccl.NCCL_CHAR
            group.append(start([(ctypes.c_char * count).from_address(pointer), MPI.BYTE], peer))

        def send(self, *message):
            self._add(self._comm.Isend, *message)

        def recv(self, *message):
            self._add(self._comm.Irecv, *message)

    def end():
        MPI.Request.Waitall(group)
        group.clear()

    nccl.available, nccl.NCCL_CHAR, nccl.NcclCommunicator = True, 0, NcclCommunicator
    nccl.get_unique_id, nccl.groupStart, nccl.groupEnd = lambda: (7,) * 128, group.clear, end
    return nccl


def has_device():
    """Whether a CuPy that sees a device is installed."""
    if "cupy" in sys.modules:
        return sys.modules["cupy"].__version__ != VERSION
    try:
        import cupy

        return cupy.cuda.runtime.getDeviceCount() > 0
    except Exception:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("cupy", "cupyx", "cupy_backends")]:
            del sys.modules[name]
        return False


def install():
    """Make `import cupy` find the stand-in, and kernels run in the simulator, unless there is a device.

    With KERNEL_TYPES in the environment, a file, every kernel and the types of its arguments go there, for
    tests/compile_kernels.py to compile.
    """
    if has_device() or getattr(sys.modules.get("cupy"), "__version__", "") == VERSION:
        return
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    import numba

    numba.config.ENABLE_CUDASIM = 1
    sys.modules.update(_modules())
    simulator.prepare(lambda: STREAMS[-1].ptr, recorded, os.environ.get("KERNEL_TYPES"))


@contextmanager
def present():
    """The stand-in and the GPU backend on it while the `with` lasts; what was made on it works in the next one."""
    if has_device() or "cupy" in sys.modules:
        yield
        return
    from tensorpde import backend

    before = os.environ.get("NUMBA_ENABLE_CUDASIM")
    sys.modules.update(_AWAY)
    if not _AWAY:
        install()
    elif ours := _AWAY.get(f"{backend.__name__}.cupy"):
        backend.cupy = ours
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    backend.get.cache_clear()
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(("cupy", f"{backend.__name__}.cupy"))]:
            _AWAY[name] = sys.modules.pop(name)
        vars(backend).pop("cupy", None)
        backend.get.cache_clear()
        if before is None:
            del os.environ["NUMBA_ENABLE_CUDASIM"]


_AWAY = {}
"""Modules that no test sees outside `present`."""


def be_default():
    """Let Spaces be of this backend where a test names none."""
    from tensorpde.field import Space

    os.environ["TESTS_BACKEND"] = "cupy"  # for the ranks that tests start

    comm, _, *others = Space.__init__.__defaults__
    Space.__init__.__defaults__ = (comm, "cupy", *others)
