"""Updates of weights by gradients, each in one pass over device arrays; complex numbers are pairs of reals."""

from __future__ import annotations

import math

import cupy
from numba import cuda

from . import reductions
from .compiled import kernel, spread


def _reals(*arrays: cupy.ndarray) -> list[cupy.ndarray]:
    """The arrays as lines of real numbers, in the same memory."""
    return [array.reshape(-1).view(array.real.dtype) for array in arrays]


@kernel
def _adam(w, g, m, v, size, keep, coupled, first, second, root, eps, one):
    for i in range(cuda.grid(1), w.size, cuda.gridsize(1)):
        slope = g[i] + coupled * w[i]
        m[i] = first * m[i] + (one - first) * slope
        v[i] = second * v[i] + (one - second) * slope * slope
        w[i] = keep * w[i] - size * m[i] / (math.sqrt(v[i]) * root + eps)


@kernel
def _momentum(w, g, m, size, keep, coupled, first, nesterov):
    for i in range(cuda.grid(1), w.size, cuda.gridsize(1)):
        slope = g[i] + coupled * w[i]
        m[i] = first * m[i] + slope
        w[i] = keep * w[i] - size * (slope + first * m[i] if nesterov else m[i])


def adam(w: cupy.ndarray, g: cupy.ndarray, m: cupy.ndarray, v: cupy.ndarray, numbers: tuple[float, ...]) -> None:
    """w, m, v of the next step, in place.

    numbers = (size, keep, coupled, β₁, β₂, root, ε): with s = g + coupled·w, m ← β₁m + (1−β₁)s, v ← β₂v + (1−β₂)s²,
    w ← keep·w − size·m/(root·√v + ε).
    """
    kind, reals = w.real.dtype.type, _reals(w, g, m, v)
    spread(_adam, reals[0].size, *reals, *map(kind, (*numbers, 1)))


def momentum(w: cupy.ndarray, g: cupy.ndarray, m: cupy.ndarray, numbers: tuple[float, ...], nesterov: bool) -> None:
    """w, m of the next step, in place.

    numbers = (size, keep, coupled, μ): with s = g + coupled·w, m ← μm + s, w ← keep·w − size·m, or keep·w − size·(s +
    μm) for `nesterov`.
    """
    kind, reals = w.real.dtype.type, _reals(w, g, m)
    spread(_momentum, reals[0].size, *reals, *map(kind, numbers), nesterov)


def sum_of_squares(x: cupy.ndarray) -> float:
    """Σ |x|² in double precision; waits for the device."""
    return reductions.sum_of_squares(*_reals(x))
