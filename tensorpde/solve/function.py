"""Functions of separable operators: φ(Σ λ) in place of the sum of eigenvalues that a solve divides by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

BLOCK = 16384
"""Number of eigenvalues that are formed at a time."""

Function = Callable[[np.ndarray], np.ndarray]


class Reciprocal:
    """Multiplies modes by 1/φ(σ), σ = Σ λ − shift, by blocks of rows: no array of eigenvalues is ever made.

    Parameters
    ----------
    function
        φ of an array of σ, element by element.
    values
        Per axis of the local array, λ of this rank's modes.
    axis
        The axis that the array has whole.
    shift
        Subtracted from the sum.
    tolerance
        Magnitudes of σ up to this are 0.

    Notes
    -----
    Modes with σ = 0 and φ(0) = 0 get 0.
    """

    def __init__(
        self, function: Function, values: list[np.ndarray], axis: int, shift: complex, tolerance: float
    ) -> None:
        self._function, self._tolerance = function, tolerance
        self._own = values[axis] - shift
        self._before, self._after = _sums(values[:axis]), _sums(values[axis + 1 :])

    def __call__(self, u: Any, axis: int, out: Any, asarray: Callable) -> None:
        """out = u / φ(σ); out may be u."""
        modes, inner = len(self._own), len(self._after)
        u, out = u.reshape(-1, inner), out.reshape(-1, inner)
        for rows in _blocks(len(u), inner):
            sigma = self._sigma(rows % (modes * len(self._before)))
            values = np.asarray(self._function(sigma))
            null = (values == 0) & (sigma == 0)
            factor = np.where(null, 0.0, 1.0 / np.where(null, 1.0, values))
            block = slice(rows[0], rows[-1] + 1)
            out[block] = u[block] * asarray(factor, np.result_type(factor, out.dtype.type(0)))

    def check(self) -> None:
        """Raise a ValueError where round-off of σ ≠ 0 can make φ(σ) vanish, naming both."""
        for rows in _blocks(len(self._own) * len(self._before), len(self._after)):
            sigma = self._sigma(rows)
            at, above, below = (self._function(sigma + step * self._tolerance) for step in (0, 1, -1))
            lost = ~(np.abs(at) > np.abs(above - at) + np.abs(below - at)) & (sigma != 0)
            if np.any(lost):
                where, value = sigma[lost][0], np.broadcast_to(at, sigma.shape)[lost][0]
                raise ValueError(f"the function is {value:.3g}, singular, at the eigenvalue {where:.6g} of L − shift")

    def _sigma(self, rows: np.ndarray) -> np.ndarray:
        outer, mode = np.divmod(rows, len(self._own))
        sigma = (self._own[mode] + self._before[outer])[:, None] + self._after
        return np.where(np.abs(sigma) <= self._tolerance, 0, sigma)


def _sums(values: list[np.ndarray]) -> np.ndarray:
    total = np.zeros(1)
    for own in values:
        total = np.add.outer(total, own).ravel()
    return total


def _blocks(rows: int, inner: int) -> Iterator[np.ndarray]:
    step = max(1, BLOCK // max(inner, 1))
    for first in range(0, rows if inner else 0, step):
        yield np.arange(first, min(first + step, rows))
