"""Fourier, cosine and sine transforms of lines along one axis of an array, and solves fused with them.

Lengths with small prime factors use the compiled kernels (fft_*.py): tiles of lines that stay in cache,
each value read and written once, along any axis without a relayout. Others use scipy.fft.
"""

from __future__ import annotations

import math

import numpy as np
import scipy  # loads its parts when they are used

from . import fft_plan
from .fft_kernel import Kernel
from .fft_separable import Separable, separable

__all__ = ["KINDS", "Plan", "Separable", "separable"]

KINDS = ("fft", "rfft", *(f"{family}{number}" for family in ("dct", "dst") for number in (1, 2, 3, 4)))


class Plan:
    """Transforms of length n along any axis of arrays of any shape.

    `forward` is unnormalised and `inverse` its exact inverse, as in scipy.fft with norm="backward".
    The bits of a line's result depend on nothing but the line. A plan owns buffers: one thread at a time.

    Parameters
    ----------
    kind
        "fft" (complex), "rfft" (n real values to n//2 + 1 complex modes), "dct1"…"dct4", "dst1"…"dst4"
        (real to real; on complex arrays they act on the real and the imaginary part).
    n
        Number of values on a line.
    dtype
        The precision to prepare for; arrays of the other precision are transformed in theirs.

    Raises
    ------
    ValueError
        For an unknown kind, or a length the kind is not defined for.
    """

    def __init__(self, kind: str, n: int, dtype: np.typing.DTypeLike = "float64") -> None:
        if kind not in KINDS:
            raise ValueError(f"transform {kind!r} is unknown; known are {', '.join(KINDS)}")
        least = 2 if kind == "dct1" else 1
        if n < least:
            raise ValueError(f"transform {kind!r} needs at least {least} values on a line, not {n}")
        self.kind, self.n = kind, int(n)
        self.modes = n // 2 + 1 if kind == "rfft" else self.n
        self.compiled = fft_plan.complex_count(kind, self.n) is not None
        self._kernels: dict[np.dtype, Kernel] = {}
        if self.compiled:
            self._kernel(np.empty(0, dtype).real.dtype)

    def forward(self, u: np.ndarray, axis: int, out: np.ndarray | None = None) -> np.ndarray:
        """The modes of the lines of u along `axis`, in `out` if it is given (it may be u where types agree)."""
        u, axis = self._checked(u, axis, self.n, self.kind == "fft")
        if self.kind == "rfft" and np.iscomplexobj(u):
            raise TypeError(f"transform 'rfft' takes real values, not {u.dtype}; 'fft' takes complex ones")
        result = _result(out, (*u.shape[:axis], self.modes, *u.shape[axis + 1 :]), self._mode_type(u))
        if self.compiled:
            kernel = self._kernel(u.real.dtype)
            kernel.transform(u, axis, result, kernel.forward)
        else:
            result[...] = self._scipy(u, axis, forward=True)
        return _delivered(result, out)

    def inverse(self, u: np.ndarray, axis: int, out: np.ndarray | None = None) -> np.ndarray:
        """The lines whose modes along `axis` are u, in `out` if it is given."""
        u, axis = self._checked(u, axis, self.modes, self.kind in ("fft", "rfft"))
        dtype = u.real.dtype if self.kind == "rfft" else u.dtype
        result = _result(out, (*u.shape[:axis], self.n, *u.shape[axis + 1 :]), dtype)
        if self.compiled:
            kernel = self._kernel(u.real.dtype)
            kernel.transform(u, axis, result, kernel.backward)
        else:
            result[...] = self._scipy(u, axis, forward=False)
        return _delivered(result, out)

    def solve(
        self, u: np.ndarray, axis: int, multiplier: np.ndarray | Separable, out: np.ndarray | None = None
    ) -> np.ndarray:
        """inverse(multiplier · forward(u)) along `axis`.

        Parameters
        ----------
        u
            Array whose lines along `axis` have n values.
        multiplier
            One value per mode, or `Separable`. Real ones are applied while the lines are in cache: one read
            and one write of the array. Complex ones need the modes of u as a temporary array.
        out
            Where the result goes; may be u.

        Raises
        ------
        ValueError
            If the multiplier does not fit the number of modes or the shape of u.
        """
        u, axis = self._checked(u, axis, self.n, self.kind == "fft")
        self._fits(u, axis, multiplier)
        if not self.compiled or any(map(np.iscomplexobj, _vectors(multiplier))):
            modes = self.forward(u, axis)
            return self.inverse(_multiplied(modes, axis, multiplier), axis, out)
        if self.kind == "rfft" and np.iscomplexobj(u):
            raise TypeError(f"transform 'rfft' takes real values, not {u.dtype}; 'fft' takes complex ones")
        result = _result(out, u.shape, u.dtype)
        self._kernel(u.real.dtype).solve(u, axis, result, multiplier)
        return _delivered(result, out)

    def _kernel(self, dtype: np.dtype) -> Kernel:
        if dtype not in self._kernels:
            self._kernels[dtype] = Kernel(self.kind, self.n, dtype)
        return self._kernels[dtype]

    def _checked(self, u: np.ndarray, axis: int, expected: int, complex_values: bool) -> tuple[np.ndarray, int]:
        """u as a contiguous array of a type that the kernels know, and the axis counted from 0."""
        if not -u.ndim <= axis < u.ndim or u.shape[axis] != expected:
            raise ValueError(f"the array {u.shape} does not have {expected} values along axis {axis}")
        if u.dtype.char not in "fdFD":
            u = u.astype(complex if np.iscomplexobj(u) else float)
        if complex_values and not np.iscomplexobj(u):
            u = u.astype(np.result_type(u.dtype, np.complex64))
        u = np.ascontiguousarray(u)
        return (u if u.flags.writeable else u.copy()), axis % u.ndim  # numba compiles read-only arrays apart

    def _mode_type(self, u: np.ndarray) -> np.dtype:
        return np.result_type(u.dtype, np.complex64) if self.kind == "rfft" else u.dtype

    def _fits(self, u: np.ndarray, axis: int, multiplier: np.ndarray | Separable) -> None:
        if not isinstance(multiplier, Separable):
            if multiplier.shape != (self.modes,):
                raise ValueError(f"the multiplier {multiplier.shape} does not have one value for {self.modes} modes")
            return
        outer, inner = math.prod(u.shape[:axis]), math.prod(u.shape[axis + 1 :])
        has = (len(multiplier.ao), len(multiplier.a), len(multiplier.ai))
        if outer % has[0] or has[1:] != (self.modes, inner):
            raise ValueError(f"the multiplier of modes {has} does not fit {(outer, self.modes, inner)}")

    def _scipy(self, u: np.ndarray, axis: int, forward: bool) -> np.ndarray:
        if self.kind == "fft":
            return scipy.fft.fft(u, axis=axis) if forward else scipy.fft.ifft(u, axis=axis)
        if self.kind == "rfft":
            return scipy.fft.rfft(u, axis=axis) if forward else scipy.fft.irfft(u, self.n, axis=axis)
        name = self.kind[:3] if forward else f"i{self.kind[:3]}"
        return getattr(scipy.fft, name)(u, type=int(self.kind[3]), axis=axis)


def _result(out: np.ndarray | None, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """`out` where the kernels can write into it, or a new array."""
    if out is not None and out.shape != shape:
        raise ValueError(f"the result has shape {shape}, not {out.shape} as the array for it")
    if out is not None and out.dtype == dtype and out.flags.c_contiguous:
        return out
    return np.empty(shape, dtype)


def _delivered(result: np.ndarray, out: np.ndarray | None) -> np.ndarray:
    if out is None or out is result:
        return result
    out[...] = result
    return out


def _multiplied(modes: np.ndarray, axis: int, multiplier: np.ndarray | Separable) -> np.ndarray:
    """multiplier · modes, by slabs, so that no array of multipliers of the size of the modes is made."""
    inner = math.prod(modes.shape[axis + 1 :])
    view = modes.reshape((math.prod(modes.shape[:axis]), modes.shape[axis], inner))
    complex_values = any(map(np.iscomplexobj, _vectors(multiplier)))
    result = view.astype(np.result_type(view, np.complex64)) if complex_values else view
    if isinstance(multiplier, Separable):
        step = max(1, 65536 // (modes.shape[axis] * inner))
        for start in range(0, len(result), step):
            outer = np.arange(start, min(start + step, len(result))) % len(multiplier.ao)
            result[start : start + step] *= multiplier.values(outer)
    else:
        result *= multiplier[:, None]
    return result.reshape(modes.shape)


def _vectors(multiplier: np.ndarray | Separable) -> tuple[np.ndarray, ...]:
    """The vectors that make the multiplier complex if they are."""
    if isinstance(multiplier, Separable):
        return multiplier.a, multiplier.b, multiplier.ao, multiplier.bo, multiplier.ai, multiplier.bi
    return (multiplier,)
