"""Fourier, cosine and sine transforms of lines along one axis of a device array, and solves by them.

Fourier transforms are cuFFT's, their plans kept, those along the first axes by strides, without a copy of the array.
Cosine and sine transforms of types II and III are CuPy's, through them; those of types I and IV are one complex
transform of twice the length:

    Σ_j w_j u_j e^{−iπ(k+r)(j+s)/N} = e^{−iπ(k+r)s/N} Σ_j (w_j e^{−iπ r j/N} u_j) e^{−2πi jk/(2N)}.
"""

from __future__ import annotations

import math
from typing import Any

import cupy
import cupyx.scipy.fft as cufft
import numpy as np
from cupy.cuda import cufft as library

from ..numpy.fft_separable import Separable, separable
from .device import uploaded
from .shifted import scale

__all__ = ["KINDS", "Plan", "Separable", "separable"]

FEW = 8  # blocks of lines that are transformed one after the other
KINDS = ("fft", "rfft", *(f"{family}{number}" for family in ("dct", "dst") for number in (1, 2, 3, 4)))
_INVERSE = {"2": 3, "3": 2}


class Plan:
    """Transforms of length n along any axis of arrays of any shape.

    `forward` is unnormalised and `inverse` its exact inverse, as in scipy.fft with norm="backward".

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

    Notes
    -----
    Along an axis that is neither the last nor among the first CuPy moves the values to lines and back: two more passes
    over the array.
    """

    def __init__(self, kind: str, n: int, dtype: np.typing.DTypeLike = "float64") -> None:
        if kind not in KINDS:
            raise ValueError(f"transform {kind!r} is unknown; known are {', '.join(KINDS)}")
        least = 2 if kind == "dct1" else 1
        if n < least:
            raise ValueError(f"transform {kind!r} needs at least {least} values on a line, not {n}")
        self.kind, self.n = kind, int(n)
        self.modes = n // 2 + 1 if kind == "rfft" else self.n
        self.compiled = True
        self._plans: dict[Any, Any] = {}
        self._factors: dict[Any, Any] = {}

    def forward(self, u: cupy.ndarray, axis: int, out: cupy.ndarray | None = None) -> cupy.ndarray:
        """The modes of the lines of u along `axis`, in `out` if it is given (it may be u where types agree)."""
        u, axis = self._checked(u, axis, self.n, self.kind == "fft")
        if self.kind == "rfft":
            if u.dtype.kind == "c":
                raise TypeError(f"transform 'rfft' takes real values, not {u.dtype}; 'fft' takes complex ones")
            return self._fourier(u, axis, "R2C", True, out)
        if self.kind == "fft":
            return self._fourier(u, axis, "C2C", True, out)
        return _delivered(self._real(u, axis, self.kind), out)

    def inverse(self, u: cupy.ndarray, axis: int, out: cupy.ndarray | None = None) -> cupy.ndarray:
        """The lines whose modes along `axis` are u, in `out` if it is given."""
        u, axis = self._checked(u, axis, self.modes, self.kind in ("fft", "rfft"))
        if self.kind == "rfft":
            return self._fourier(u, axis, "C2R", False, out)
        if self.kind == "fft":
            return self._fourier(u, axis, "C2C", False, out)
        family, number = self.kind[:3], self.kind[3]
        length = {"dct1": self.n - 1, "dst1": self.n + 1}.get(self.kind, self.n)
        found = self._real(u, axis, f"{family}{_INVERSE.get(number, number)}")
        found *= u.real.dtype.type(0.5 / length)
        return _delivered(found, out)

    def solve(
        self, u: cupy.ndarray, axis: int, multiplier: np.ndarray | Separable, out: cupy.ndarray | None = None
    ) -> cupy.ndarray:
        """inverse(multiplier · forward(u)) along `axis`.

        Parameters
        ----------
        u
            Array whose lines along `axis` have n values.
        multiplier
            One value per mode, or `Separable`.
        out
            Where the result goes; may be u.

        Raises
        ------
        ValueError
            If the multiplier does not fit the number of modes or the shape of u.
        """
        u, axis = self._checked(u, axis, self.n, self.kind == "fft")
        self._fits(u, axis, multiplier)
        modes = cupy.ascontiguousarray(self.forward(u, axis))
        if modes.dtype.kind != "c" and any(map(np.iscomplexobj, _vectors(multiplier))):
            modes = modes.astype(np.result_type(modes.dtype, np.complex64))
        if isinstance(multiplier, Separable):
            scale(modes, axis, multiplier)
        else:
            kind = modes.dtype if np.iscomplexobj(multiplier) else modes.real.dtype
            view = modes.reshape(-1, modes.shape[axis], math.prod(modes.shape[axis + 1 :]))
            view *= uploaded(multiplier, dtype=kind)[:, None]
        return self.inverse(modes, axis, out)

    def _fourier(
        self, u: cupy.ndarray, axis: int, value_type: str, forward: bool, out: cupy.ndarray | None
    ) -> cupy.ndarray:
        """A Fourier transform of u, which is as `_checked` gives it."""
        outer, inner = math.prod(u.shape[:axis]), math.prod(u.shape[axis + 1 :])
        if inner > 1 and 0 < outer <= FEW:
            return self._by_strides(u.reshape(outer, -1, inner), axis, value_type, forward, u.shape, out)
        options = {"axis": axis, "plan": self._plan(u, axis, value_type)}
        if value_type == "C2R":
            return _delivered(cufft.irfft(u, self.n, **options), out)
        call = cufft.rfft if value_type == "R2C" else cufft.fft if forward else cufft.ifft
        return _delivered(call(u, **options), out)

    def _by_strides(
        self, u: cupy.ndarray, axis: int, value_type: str, forward: bool, shape: tuple[int, ...],
        out: cupy.ndarray | None,
    ) -> cupy.ndarray:  # fmt: skip
        """The same of an array (few, n, inner): lines lie beside each other and are read and written as they lie."""
        outer, count, inner = u.shape
        length = self.modes if value_type == "R2C" else self.n
        kind = u.real.dtype if value_type == "C2R" else np.result_type(u.dtype, np.complex64)
        wanted = (*shape[:axis], length, *shape[axis + 1 :])
        result = out
        if result is None or (result.shape, result.dtype, result.flags.c_contiguous) != (wanted, kind, True):
            result = cupy.empty(wanted, kind)
        key = inner, u.dtype, value_type
        if key not in self._plans:
            single = np.dtype(kind).itemsize == (4 if value_type == "C2R" else 8)
            name = value_type if single else value_type.replace("C", "Z").replace("R", "D")
            self._plans[key] = library.PlanNd(
                (self.n,), (count,), inner, 1, (length,), inner, 1, getattr(library, f"CUFFT_{name}"), inner, "C", 0,
                length if "R" in value_type else None,
            )  # fmt: skip
        source = u.copy() if value_type == "C2R" else u  # which a transform to real values may overwrite
        target = result.reshape(outer, length, inner)
        for part in range(outer):
            direction = library.CUFFT_FORWARD if forward else library.CUFFT_INVERSE
            self._plans[key].fft(source[part], target[part], direction)
        if not forward:
            result *= result.real.dtype.type(1.0 / self.n)
        return result if result is out else _delivered(result, out)

    def _plan(self, u: cupy.ndarray, axis: int, value_type: str) -> Any:
        """The plan of cuFFT for arrays like u."""
        key = u.shape, u.dtype, axis, value_type
        if key not in self._plans:
            shape = (self.n,) if value_type == "C2R" else None
            self._plans[key] = cufft.get_fft_plan(u, shape=shape, axes=(axis,), value_type=value_type)
        return self._plans[key]

    def _checked(self, u: cupy.ndarray, axis: int, expected: int, complex_values: bool) -> tuple[cupy.ndarray, int]:
        """u as a contiguous array of a type that cuFFT knows, and the axis counted from 0."""
        if not -u.ndim <= axis < u.ndim or u.shape[axis] != expected:
            raise ValueError(f"the array {u.shape} does not have {expected} values along axis {axis}")
        if u.dtype.char not in "fdFD":
            u = u.astype(complex if u.dtype.kind == "c" else float)
        if complex_values and u.dtype.kind != "c":
            u = u.astype(np.result_type(u.dtype, np.complex64))
        return cupy.ascontiguousarray(u), axis % u.ndim

    def _fits(self, u: cupy.ndarray, axis: int, multiplier: np.ndarray | Separable) -> None:
        if not isinstance(multiplier, Separable):
            if multiplier.shape != (self.modes,):
                raise ValueError(f"the multiplier {multiplier.shape} does not have one value for {self.modes} modes")
            return
        outer, inner = math.prod(u.shape[:axis]), math.prod(u.shape[axis + 1 :])
        has = (len(multiplier.ao), len(multiplier.a), len(multiplier.ai))
        if outer % has[0] or has[1:] != (self.modes, inner):
            raise ValueError(f"the multiplier of modes {has} does not fit {(outer, self.modes, inner)}")

    def _real(self, u: cupy.ndarray, axis: int, kind: str) -> cupy.ndarray:
        """A cosine or sine transform; of complex values part by part."""
        if u.dtype.kind == "c":
            out = cupy.empty(u.shape, u.dtype)
            for part, target in ((u.real, out.real), (u.imag, out.imag)):
                target[...] = self._real(cupy.ascontiguousarray(part), axis, kind)
            return out
        if kind[3] in "23":
            return getattr(cufft, kind[:3])(u, type=int(kind[3]), axis=axis)
        weights, turn, length = self._tables(kind, u.dtype)
        line = [-1 if a == axis else 1 for a in range(u.ndim)]
        modes = cufft.fft(u * weights.reshape(line), 2 * length, axis=axis)
        first = 1 if kind == "dst1" else 0
        modes = modes[tuple(slice(first, first + self.n) if a == axis else slice(None) for a in range(u.ndim))]
        return cupy.ascontiguousarray((modes * turn.reshape(line)).real)

    def _tables(self, kind: str, dtype: np.dtype) -> tuple[Any, Any, int]:
        """What values and modes are multiplied with, and N; see the module."""
        key = kind, dtype
        if key not in self._factors:
            sine, j = kind.startswith("dst"), np.arange(self.n)
            first = {"dct1": 0.0, "dst1": 1.0}.get(kind, 0.5)  # r and s are both this
            length = {"dct1": self.n - 1, "dst1": self.n + 1}.get(kind, self.n)
            weights = np.full(self.n, 2.0, complex)
            if kind == "dct1":
                weights[[0, -1]] = 1.0
            start = first if kind != "dst1" else 0.0  # of modes: those of DST-I are taken from the second on
            weights *= np.exp(-1j * np.pi * start * j / length)
            turn = np.exp(-1j * np.pi * (j + first) * first / length) * (1j if sine else 1)
            kinds = np.result_type(dtype, np.complex64)
            self._factors[key] = uploaded(weights, dtype=kinds), uploaded(turn, dtype=kinds), length
        return self._factors[key]


def _delivered(result: cupy.ndarray, out: cupy.ndarray | None) -> cupy.ndarray:
    """In `out`, or contiguous."""
    if out is None:
        return cupy.ascontiguousarray(result)
    if out.shape != result.shape:
        raise ValueError(f"the result has shape {result.shape}, not {out.shape} as the array for it")
    out[...] = result
    return out


def _vectors(multiplier: np.ndarray | Separable) -> tuple[np.ndarray, ...]:
    """The vectors that make the multiplier complex if they are."""
    if isinstance(multiplier, Separable):
        return multiplier.a, multiplier.b, multiplier.ao, multiplier.bo, multiplier.ai, multiplier.bi
    return (multiplier,)
