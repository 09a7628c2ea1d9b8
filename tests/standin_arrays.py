"""Arrays of the stand-in for CuPy (`standin`), and what is done with them.

They are no numpy arrays and do not become any unasked: a function of numpy that CuPy has not, an operation with a host
array, an implicit conversion or an assignment of host values raise TypeError, as they do with CuPy.
"""

from __future__ import annotations

import types
import weakref

import numpy as np
import scipy.fft
from standin_streams import OutOfMemoryError, Pool, not_captured, recorded

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


def asarray(values, dtype=None):
    if isinstance(values, ndarray):
        return values if dtype is None or values.dtype == np.dtype(dtype) else values.astype(dtype)
    not_captured("a copy from the host")
    return ndarray(np.array(values, dtype=dtype))


def empty(shape, dtype="float64"):
    array = np.empty(shape, dtype)
    if array.nbytes > MEMORY:
        raise OutOfMemoryError
    array.reshape(-1).view("uint8")[...] = 0xFF  # not a number: what is read before it is written shows
    return ndarray(array)


def cosine(name):
    @recorded
    def transform(x, type=2, n=None, axis=-1, norm=None, overwrite_x=False):
        if type not in (2, 3):
            raise NotImplementedError("Only DCT-II and DCT-III have been implemented.")
        return device(getattr(scipy.fft, name)(host(x, name), type, n, axis, norm))

    return transform


def fourier(name):
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
        self.work = empty(64, "uint8")

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


def qr(a, mode):
    not_captured("cuSOLVER")
    assert mode == "r"
    return device(np.linalg.qr(host(a, "qr"), mode=mode))
