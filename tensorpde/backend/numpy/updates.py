"""Updates of weights by gradients, each in one pass over host arrays; complex numbers are pairs of reals."""

from __future__ import annotations

import numpy as np

from .compiled import kernel


def _reals(*arrays: np.ndarray) -> list[np.ndarray]:
    """The arrays as lines of real numbers, in the same memory."""
    return [array.reshape(-1).view(array.real.dtype) for array in arrays]


@kernel
def _adam(w, g, m, v, size, keep, coupled, first, second, root, eps):
    one = w.dtype.type(1)
    for i in range(w.size):
        slope = g[i] + coupled * w[i]
        m[i] = first * m[i] + (one - first) * slope
        v[i] = second * v[i] + (one - second) * slope * slope
        w[i] = keep * w[i] - size * m[i] / (np.sqrt(v[i]) * root + eps)


@kernel
def _momentum(w, g, m, size, keep, coupled, first, nesterov):
    for i in range(w.size):
        slope = g[i] + coupled * w[i]
        m[i] = first * m[i] + slope
        w[i] = keep * w[i] - size * (slope + first * m[i] if nesterov else m[i])


@kernel
def _sum_of_squares(x):
    total = 0.0
    for i in range(x.size):
        total += np.float64(x[i]) * np.float64(x[i])
    return total


def adam(w: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, numbers: tuple[float, ...]) -> None:
    """w, m, v of the next step, in place.

    numbers = (size, keep, coupled, β₁, β₂, root, ε): with s = g + coupled·w, m ← β₁m + (1−β₁)s, v ← β₂v + (1−β₂)s²,
    w ← keep·w − size·m/(root·√v + ε).
    """
    kind = w.real.dtype.type
    _adam(*_reals(w, g, m, v), *(kind(number) for number in numbers))


def momentum(w: np.ndarray, g: np.ndarray, m: np.ndarray, numbers: tuple[float, ...], nesterov: bool) -> None:
    """w, m of the next step, in place.

    numbers = (size, keep, coupled, μ): with s = g + coupled·w, m ← μm + s, w ← keep·w − size·m, or keep·w − size·(s +
    μm) for `nesterov`.
    """
    kind = w.real.dtype.type
    _momentum(*_reals(w, g, m), *(kind(number) for number in numbers), nesterov)


def sum_of_squares(x: np.ndarray) -> float:
    """Σ |x|² in double precision."""
    return float(_sum_of_squares(*_reals(x)))
