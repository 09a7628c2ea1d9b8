"""A strict stand-in for CuPy on host memory, so that the GPU backend's logic runs where there is no device.

Its arrays are no numpy arrays and do not become any unasked: a function of numpy that CuPy has not, an operation with a
host array, an implicit conversion or an assignment of host values raise TypeError, as they do with CuPy. What is asked
of another stream than the default one is done as late as it may be, and a stream that is captured refuses what CUDA and
CuPy refuse. Kernels run in numba's CUDA simulator (`simulator`).

`install()` puts it where `import cupy` finds it, unless a CuPy that sees a device is there: then tests use that.
`present()` does so for a while, so that tests of other things do not see it.
"""

from __future__ import annotations

import os
import sys
import time
import types
import weakref
from contextlib import contextmanager, nullcontext
from functools import wraps
from importlib.machinery import ModuleSpec

import numpy as np
import scipy.fft
import simulator

VERSION = "14.0+standin"  # other libraries look at it where they find a module of this name
MEMORY = 1 << 30  # bytes that the device is said to have


def words(text):
    return text.split()


class Flags:
    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata


def host(value, what):
    """The numpy array behind a device array, or a number; anything else is refused."""
    if isinstance(value, ndarray):
        return value._values
    if isinstance(value, (np.ndarray, list, tuple)):
        raise TypeError(f"{what}: Unsupported type {type(value)}")
    return value


def device(value):
    return ndarray(value) if isinstance(value, (np.ndarray, np.generic)) else value


class Pool:
    """CuPy's pool of memory: what is given back is kept, by sizes in whole UNITs, for what is taken next.

    Attributes
    ----------
    taken : times that memory was taken; bytes in use and in all as the methods say.
    """

    UNIT = 512
    current = None

    def __init__(self):
        self.taken, self._used, self._free = 0, 0, {}

    def malloc(self, size):
        raise NotImplementedError("it is a name for this pool, for `using_allocator`")

    def take(self, values):
        """Count an array on the memory behind values, and that memory where it is new; what to give back."""
        while isinstance(values.base, np.ndarray):
            values = values.base
        number = id(values)
        if number in OWNERS:
            OWNERS[number][2] += 1
            return number
        size = -(-values.nbytes // self.UNIT) * self.UNIT
        if capture and not self._free.get(size):
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: memory from the driver")
        self.taken, self._used = self.taken + 1, self._used + size
        self._free[size] = max(self._free.get(size, 0) - 1, 0)
        OWNERS[number] = [self, values, 1]
        return number

    @staticmethod
    def give(number):
        """An array on this memory is gone; where it was the last, others may have the memory."""
        pool, values, count = OWNERS[number]
        OWNERS[number][2] -= 1
        if count == 1:
            size = -(-values.nbytes // pool.UNIT) * pool.UNIT
            del OWNERS[number]
            pool._used -= size
            pool._free[size] = pool._free.get(size, 0) + 1

    def used_bytes(self):
        return self._used

    def free_bytes(self):
        return sum(size * count for size, count in self._free.items())

    def total_bytes(self):
        return self._used + self.free_bytes()


POOL = Pool.current = Pool()
OWNERS = {}
"""The memory behind all device arrays, by its number: its pool, itself, and how many arrays lie on it."""


@contextmanager
def using_allocator(allocator):
    before, Pool.current = Pool.current, allocator.__self__
    try:
        yield
    finally:
        Pool.current = before


class Graph:
    """What was asked of the device while a stream was captured: calls, and what they gave, to be given again."""

    def __init__(self):
        self.before = [(values, values.copy()) for _, values, _ in OWNERS.values()]
        self.calls = []

    def end(self):
        """Nothing has been done yet: the memory is as it was before."""
        for values, copy in self.before:
            np.copyto(values, copy)
        del self.before

    def launch(self, stream=None):
        for call, args, options, result in self.calls:
            again = call(*args(), **options())
            if result is not None and isinstance(again, ndarray):
                result[...] = again._values


capture, inside = None, False
"""The Graph that is being captured, and whether a call that it has is being made."""


def recorded(call):
    """What a device does in the order of a stream: done now, and again when a Graph is launched."""

    @wraps(call)
    def one(*args, **options):
        global inside
        if capture is None or inside:
            return call(*args, **options)
        inside = True
        try:
            result = call(*args, **options)
        finally:
            inside = False
        if isinstance(result, (bool, int, float, complex, np.generic)):
            raise CUDARuntimeError("cudaErrorStreamCaptureImplicit: the host waits for a value")
        kept = result._values if isinstance(result, ndarray) else None
        capture.calls.append((call, _held(args), _held(options), kept))
        return result

    return one


def _held(value):
    """A function that gives the value again, without arrays that would keep their memory from others."""
    if isinstance(value, ndarray):
        values = value._values
        return lambda: ndarray(values, counted=False)
    if isinstance(value, (tuple, list)):
        kind, parts = getattr(type(value), "_make", type(value)), [_held(part) for part in value]
        return lambda: kind(part() for part in parts)
    if isinstance(value, dict):
        parts = {key: _held(part) for key, part in value.items()}
        return lambda: {key: part() for key, part in parts.items()}
    return lambda: value


def not_captured(what, error=None):
    if capture is not None:
        raise error or CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what}")


CUBLAS = NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")


class ndarray:
    """What cupy.ndarray offers, as far as the suite uses it."""

    __slots__ = ("__weakref__", "_memory", "_values")
    __module__ = "cupy"
    __hash__ = None

    def __init__(self, values, counted=True):
        self._memory, self._values = None, np.asarray(values)
        if counted:
            self._memory = Pool.current.take(self._values)

    def __del__(self):
        if self._memory is not None:
            Pool.give(self._memory)

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    nbytes = property(lambda self: self._values.nbytes)
    itemsize = property(lambda self: self._values.itemsize)
    strides = property(lambda self: self._values.strides)
    flags = property(lambda self: Flags(self._values.flags))
    T = property(lambda self: ndarray(self._values.T))
    data = property(lambda self: types.SimpleNamespace(ptr=self._values.ctypes.data))
    real = property(
        lambda self: ndarray(self._values.real), lambda self, v: setattr(self._values, "real", host(v, "real"))
    )
    imag = property(
        lambda self: ndarray(self._values.imag), lambda self, v: setattr(self._values, "imag", host(v, "imag"))
    )

    @property
    def __cuda_array_interface__(self):
        return {**self._values.__array_interface__, "version": 3, "stream": None}

    def get(self, stream=None, order="C", out=None, blocking=True):
        not_captured("a copy to the host")
        if out is None:
            return self._values.copy()
        assert type(out) is np.ndarray and out.dtype == self.dtype and out.flags.c_contiguous
        if stream is None or blocking:
            out[...] = self._values
        else:
            stream.add(_copy(self, out))
        return out

    def set(self, values):
        not_captured("a copy from the host")
        assert type(values) is np.ndarray and values.dtype == self.dtype and values.shape == self.shape
        self._values[...] = values

    def __array__(self, *args, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    @recorded
    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if method != "__call__" or not hasattr(np, ufunc.__name__):
            return NotImplemented
        inputs = [host(value, ufunc.__name__) for value in inputs]
        if out is not None:
            options["out"] = tuple(host(value, "out") for value in out)
        result = getattr(ufunc, method)(*inputs, **options)
        return out[0] if out is not None else device(result)

    def __array_function__(self, function, kinds, args, options):
        if function.__name__ not in FUNCTIONS:
            raise TypeError(f"numpy.{function.__name__} of a device array")
        return ours(function.__name__)(*args, **options)

    def __getitem__(self, index):
        return device(self._values[_index(index)])

    @recorded
    def __setitem__(self, index, value):
        self._values[_index(index)] = host(value, "assignment")

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return (device(part) for part in self._values)

    def __repr__(self):
        return f"device {self._values!r}"


def _index(index):
    parts = index if isinstance(index, tuple) else (index,)
    parts = tuple(host(part, "index") for part in parts)
    return parts if isinstance(index, tuple) else parts[0]


def _method(name):
    @recorded
    def method(self, *args, **options):
        if "initial" in options or "where" in options:
            raise TypeError(f"{name}: CuPy knows neither initial nor where")
        args = [value if isinstance(value, (tuple, list)) else host(value, name) for value in args]
        out = options.pop("out", None)
        if out is not None:
            options["out"] = host(out, "out")
        return device(getattr(self._values, name)(*args, **options))

    return method


for _name in words(
    """all any argmax argmin astype clip conj conjugate copy cumsum dot fill flatten item max mean min prod ravel repeat
    reshape squeeze sum swapaxes take tolist transpose view"""
):
    setattr(ndarray, _name, _method(_name))


def _operator(name):
    @recorded
    def method(self, other):
        if type(other).__name__ == "Field":
            return NotImplemented
        if "matmul" in name:
            not_captured(name, CUBLAS)
        result = getattr(self._values, name)(host(other, name))
        if name.startswith("__i") and name != "__invert__":
            return self
        return device(result)

    return method


for _name in words("add sub mul truediv floordiv mod pow matmul and or xor"):
    for _form in ("__{}__", "__r{}__", "__i{}__"):
        setattr(ndarray, _form.format(_name), _operator(_form.format(_name)))
for _name in words("eq ne lt le gt ge"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in words("neg pos abs invert"):
    setattr(ndarray, f"__{_name}__", recorded(lambda self, name=f"__{_name}__": device(getattr(self._values, name)())))
for _name in words("bool float int complex index"):
    setattr(ndarray, f"__{_name}__", recorded(lambda self, name=f"__{_name}__": getattr(self._values, name)()))

FUNCTIONS = words(
    """abs all any arange argmax ascontiguousarray broadcast_to clip concatenate conj copyto cos cosh einsum
    empty_like exp expand_dims flip full imag iscomplexobj isfinite isnan matmul max maximum mean min minimum
    moveaxis multiply nan_to_num ones ones_like pad real repeat reshape result_type roll shares_memory sin sinh sqrt
    stack sum swapaxes take tensordot tile transpose where zeros_like"""
)


def ours(name):
    """The function of this name on device arrays."""

    def unwrapped(value):
        if isinstance(value, (tuple, list)):
            return type(value)(unwrapped(part) for part in value)
        if isinstance(value, np.ndarray):
            raise TypeError(f"{name}: Unsupported type {type(value)}")
        return value._values if isinstance(value, ndarray) else value

    @recorded
    def function(*args, **options):
        if name in ("matmul", "einsum", "tensordot"):
            not_captured(name, CUBLAS)
        out = options.get("out")
        result = getattr(np, name)(*map(unwrapped, args), **{key: unwrapped(v) for key, v in options.items()})
        return out if out is not None else device(result)

    return function


class CUDARuntimeError(RuntimeError):
    pass


class OutOfMemoryError(MemoryError):
    pass


class Device:
    used = 0

    def __init__(self, number=None):
        self.id = Device.used if number is None else number
        self.pci_bus_id = f"0000:{self.id:02}:00.0"

    def use(self):
        Device.used = self.id


class Stream:
    """Work in order. That of the default stream is done when a call returns, that of others as late as it may be."""

    def __init__(self, null=False, non_blocking=False):
        assert null or non_blocking, "the default stream waits for one that is not non_blocking"
        self.ptr, self._waiting, self._done = (0 if null else id(self)), [], 0

    def add(self, work):
        self._waiting.append(work)

    def wait_event(self, event):
        if self.ptr:
            self.add(event.synchronize)
        else:
            event.synchronize()

    def record(self, event):
        event.record(self)

    def synchronize(self):
        not_captured("the host waits")
        self.reach(self.place)

    def __enter__(self):
        STREAMS.append(self)

    def __exit__(self, *error):
        assert STREAMS.pop() is self

    def is_capturing(self):
        return capture is not None

    def begin_capture(self, mode):
        global capture
        assert mode == 1 and capture is None
        if not self.ptr:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        capture = Graph()

    def end_capture(self):
        global capture
        graph, capture = capture, None
        graph.end()
        return graph

    def reach(self, place):
        """Do the work up to a place, counted from the first that there ever was."""
        while self._done < place:
            self._done += 1
            self._waiting.pop(0)()

    @property
    def place(self):
        return self._done + len(self._waiting)


Stream.null = Stream(null=True)
STREAMS = [Stream.null]


class Event:
    """A place in a stream, and the moment at which the host asked for it."""

    def __init__(self, disable_timing=False):
        self.time = None

    def record(self, stream=None):
        self.stream = stream or STREAMS[-1]
        self.place, self.time = self.stream.place, time.perf_counter()

    def synchronize(self):
        not_captured("the host waits")
        self.stream.reach(self.place)


def _copy(source, out):
    """Copy as late as it may be: memory that was given back by then, or is not pinned, shows."""
    memory, values = weakref.ref(source), source._values
    base = out
    while isinstance(base, np.ndarray):
        base = base.base
    assert isinstance(getattr(base, "obj", None), Pinned), "the host waits for copies to memory that is not pinned"

    def copy():
        assert memory() is not None, "memory was given back before it was copied"
        out[...] = values

    return copy


class Pinned(bytearray):
    """Memory of the host that the device copies to by itself."""


def _asarray(values, dtype=None):
    if isinstance(values, ndarray):
        return values if dtype is None or values.dtype == np.dtype(dtype) else values.astype(dtype)
    not_captured("a copy from the host")
    return ndarray(np.array(values, dtype=dtype))


def _empty(shape, dtype="float64"):
    array = np.empty(shape, dtype)
    if array.nbytes > MEMORY:
        raise OutOfMemoryError
    array.reshape(-1).view("uint8")[...] = 0xFF  # not a number: what is read before it is written shows
    return ndarray(array)


def _dct(name):
    @recorded
    def transform(x, type=2, n=None, axis=-1, norm=None, overwrite_x=False):
        if type not in (2, 3):
            raise NotImplementedError("Only DCT-II and DCT-III have been implemented.")
        return device(getattr(scipy.fft, name)(host(x, name), type, n, axis, norm))

    return transform


def _fft(name):
    @recorded
    def transform(x, n=None, axis=-1, norm=None, overwrite_x=False, *, plan=None):
        return device(getattr(scipy.fft, name)(host(x, name), n, axis, norm))

    return transform


class PlanNd:
    """Transforms of lines of one length in memory that is given by strides, as cuFFT's cufftPlanMany has it."""

    def __init__(
        self, shape, inembed, istride, idist, onembed, ostride, odist, fft_type, batch, order, last_axis, last_size
    ):
        not_captured("a plan")
        (self.n,), self.kind, self.batch = shape, fft_type, batch
        self.given, self.made = (inembed[0], istride, idist), (onembed[0], ostride, odist)
        self.work = _empty(64, "uint8")

    @recorded
    def fft(self, a, out, direction):
        kinds = {"C2C": "FF", "Z2Z": "DD", "R2C": "fF", "D2Z": "dD", "C2R": "Ff", "Z2D": "Dd"}[self.kind]
        assert a.dtype.char + out.dtype.char == kinds, "arrays of another type than the plan"
        source, target = (
            np.lib.stride_tricks.as_strided(
                array._values, (self.batch, length), (array.itemsize * dist, array.itemsize * stride)
            )
            for array, (length, stride, dist) in ((a, self.given), (out, self.made))
        )
        if self.kind in ("R2C", "D2Z"):
            target[...] = scipy.fft.rfft(source)
        elif self.kind in ("C2R", "Z2D"):
            target[...] = scipy.fft.irfft(source, self.n, norm="forward")
            source[...] = np.nan  # which cuFFT may do
        else:
            target[...] = scipy.fft.fft(source) if direction == -1 else scipy.fft.ifft(source, norm="forward")


def _qr(a, mode):
    not_captured("cuSOLVER")
    assert mode == "r"
    return device(np.linalg.qr(host(a, "qr"), mode=mode))


def _modules():
    cupy, cuda, runtime, memory, fft = (
        types.ModuleType(name)
        for name in ("cupy", "cupy.cuda", "cupy.cuda.runtime", "cupy.cuda.memory", "cupyx.scipy.fft")
    )
    for name in FUNCTIONS:
        setattr(cupy, name, ours(name))
    cupy.ndarray, cupy.empty, cupy.asarray, cupy.cuda = ndarray, _empty, _asarray, cuda
    cupy.zeros = recorded(lambda shape, dtype="float64": ndarray(np.zeros(shape, dtype)))
    cupy.get_default_memory_pool = lambda: POOL
    cupy.linalg = types.SimpleNamespace(qr=_qr)
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
        setattr(fft, name, _fft(name))
    for name in ("dct", "idct", "dst", "idst"):
        setattr(fft, name, _dct(name))
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
