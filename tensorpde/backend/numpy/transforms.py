"""Fourier, cosine and sine transforms of lines along one axis of an array, and solves fused with them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft

KINDS = ("fft", "rfft", *(f"{family}{number}" for family in ("dct", "dst") for number in (1, 2, 3, 4)))


@dataclass(frozen=True)
class Separable:
    """The reciprocal of a separable denominator, kept as six vectors instead of a 3-D array.

    With the transformed axis k, the flattened axes before it o and those after it i,

        den[o, k, i] = a[k]·bo[o]·bi[i] + b[k]·(ao[o]·bi[i] + bo[o]·ai[i]),

    the eigenvalue of A⊗B⊗B + B⊗A⊗B + B⊗B⊗A for eigenpairs (a, b) per axis; b is 1 where there is no
    mass matrix. Modes with |den| ≤ tol are null modes: the multiplier is 0 there instead of 1/den.
    Outer indices beyond len(ao) wrap around: leading dimensions share the eigenvalues.
    """

    a: np.ndarray
    b: np.ndarray
    ao: np.ndarray
    bo: np.ndarray
    ai: np.ndarray
    bi: np.ndarray
    tol: float

    def values(self) -> np.ndarray:
        """The multiplier as an array (len(ao), len(a), len(ai)): for tests and for small problems."""
        own = self.a[:, None] * (self.bo[:, None, None] * self.bi)
        den = own + self.b[:, None] * (self.ao[:, None, None] * self.bi + self.bo[:, None, None] * self.ai)
        null = np.abs(den) <= self.tol
        return np.where(null, 0.0, 1.0 / np.where(null, 1.0, den))


def separable(
    eigenvalues: Sequence[np.ndarray | tuple[np.ndarray, np.ndarray]],
    axis: int,
    shift: complex = 0.0,
    tol: float | None = None,
) -> Separable:
    """The multiplier 1/(Σ eigenvalues − shift) of a solve whose last step runs along `axis`.

    Parameters
    ----------
    eigenvalues
        Per axis of the array a vector λ, or a pair (a, b) of generalised eigenvalues (K v = a, M v = b).
    axis
        The axis that `Plan.solve` transforms; its vector has one entry per mode.
    shift
        Subtracted from the sum (times Π b in the generalised problem).
    tol
        Denominators up to this magnitude belong to null modes. Default: 64 ε times the largest
        magnitude the terms of the sum can have.

    Raises
    ------
    ValueError
        If `axis` is not an index of `eigenvalues`.
    """
    if not 0 <= axis < len(eigenvalues):
        raise ValueError(f"axis {axis} is not one of the {len(eigenvalues)} axes with eigenvalues")
    pairs = [value if isinstance(value, tuple) else (value, np.ones(len(value))) for value in eigenvalues]
    if tol is None:
        largest = [(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0))) for a, b in pairs]
        masses = [b for _, b in largest]
        terms = [a * math.prod(masses[:j] + masses[j + 1 :]) for j, (a, _) in enumerate(largest)]
        tol = 64 * np.finfo(float).eps * sum(terms)
    a, b = (np.asarray(value) for value in pairs[axis])
    outer, inner = _summed(pairs[:axis]), _summed(pairs[axis + 1 :])
    return Separable(a - shift * b, b, *outer, *inner, tol)


def _summed(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The eigenpairs of several axes as those of one flattened axis."""
    a, b = np.zeros(1), np.ones(1)
    for next_a, next_b in pairs:
        a, b = (a[:, None] * next_b + b[:, None] * next_a).ravel(), (b[:, None] * next_b).ravel()
    return a, b


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
    """

    def __init__(self, kind: str, n: int, dtype: np.typing.DTypeLike = "float64") -> None:
        if kind not in KINDS:
            raise ValueError(f"transform {kind!r} is unknown; known are {', '.join(KINDS)}")
        least = 2 if kind == "dct1" else 1
        if n < least:
            raise ValueError(f"transform {kind!r} needs at least {least} values on a line, not {n}")
        self.kind, self.n = kind, int(n)
        self.modes = n // 2 + 1 if kind == "rfft" else self.n
        self.dtype = np.empty(0, dtype).real.dtype

    def forward(self, u: np.ndarray, axis: int, out: np.ndarray | None = None) -> np.ndarray:
        """The modes of the lines of u along `axis`."""
        return _into(out, self._scipy(self._checked(u, axis, self.n), axis, forward=True))

    def inverse(self, u: np.ndarray, axis: int, out: np.ndarray | None = None) -> np.ndarray:
        """The lines whose modes along `axis` are u."""
        return _into(out, self._scipy(self._checked(u, axis, self.modes), axis, forward=False))

    def solve(
        self, u: np.ndarray, axis: int, multiplier: np.ndarray | Separable, out: np.ndarray | None = None
    ) -> np.ndarray:
        """inverse(multiplier · forward(u)) along `axis`; the multiplier is a vector over modes or Separable."""
        modes = self.forward(u, axis)
        view = modes.reshape((-1, self.modes, math.prod(modes.shape[axis % modes.ndim + 1 :])))
        if isinstance(multiplier, Separable):
            values = multiplier.values()
            view = view.reshape((-1, *values.shape))
        else:
            values = multiplier[:, None]
        result = (view * values).reshape(modes.shape).astype(modes.dtype, copy=False)
        return self.inverse(result, axis, out)

    def _checked(self, u: np.ndarray, axis: int, expected: int) -> np.ndarray:
        if u.shape[axis] != expected:
            raise ValueError(f"axis {axis} of an array {u.shape} has {u.shape[axis]} values, not {expected}")
        return u

    def _scipy(self, u: np.ndarray, axis: int, forward: bool) -> np.ndarray:
        if self.kind == "fft":
            return scipy.fft.fft(u, axis=axis) if forward else scipy.fft.ifft(u, axis=axis)
        if self.kind == "rfft":
            return scipy.fft.rfft(u, axis=axis) if forward else scipy.fft.irfft(u, self.n, axis=axis)
        name = self.kind[:3] if forward else f"i{self.kind[:3]}"
        return getattr(scipy.fft, name)(u, type=int(self.kind[3]), axis=axis)


def _into(out: np.ndarray | None, result: np.ndarray) -> np.ndarray:
    if out is None:
        return result
    out[...] = result
    return out
