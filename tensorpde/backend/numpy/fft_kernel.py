"""The compiled transform of one kind, length and precision: tables, buffers, and the call."""

from __future__ import annotations

import math

import numpy as np

from . import fft_plan, fft_tiles
from .fft_lanes import BYTES
from .fft_separable import Separable

CACHE = 320 * 1024  # bytes the two buffers of a tile may fill: most of a core's own second-level cache


class Kernel:
    """Transforms along an axis of contiguous arrays; not to be shared between threads, as it owns its buffers."""

    def __init__(self, kind: str, n: int, dtype: np.dtype) -> None:
        self.dtype = dtype
        self.complex_modes = kind in ("fft", "rfft")
        self.forward, self.backward = fft_plan.programs(kind, n)
        # What forward and backward would have done to the modes on their way out and in again.
        self.gain = self.forward.scale_out * self.backward.scale_in
        self.tables = fft_plan.tables(kind, n, dtype)
        self.lanes = BYTES // dtype.itemsize
        self.rows = self.tables.length + 1
        self.widest = {sets: self._widest(sets) for sets in (1, 2)}
        size = max(2 * sets * self.rows * widest for sets, widest in self.widest.items())
        self.work = np.zeros((2, -(-size // 16) * 16 + 16), dtype)
        self.sums = np.zeros(2 * max(self.widest.values()), dtype)

    def _widest(self, sets: int) -> int:
        """Lanes of a full tile.

        An odd number of vectors, so that rows a power of two apart do not fall into one cache set.
        """
        odd = (vectors for vectors in (9, 5, 3) if 4 * sets * self.rows * vectors * BYTES <= CACHE)
        return self.lanes * next(odd, 1)

    def transform(self, u: np.ndarray, axis: int, out: np.ndarray, program: fft_plan.Program) -> None:
        """Apply one direction, `forward` or `backward`."""
        self._run(u, axis, out, program, program, fft_tiles.NONE, None)

    def solve(self, u: np.ndarray, axis: int, out: np.ndarray, multiplier: np.ndarray | Separable) -> None:
        """Forward, multiply, backward, in one pass over the array."""
        self._run(u, axis, out, self.forward, self.backward, self.backward.core, multiplier)

    def _run(
        self,
        u: np.ndarray,
        axis: int,
        out: np.ndarray,
        first: fft_plan.Program,
        last: fft_plan.Program,
        second_core: int,
        multiplier: np.ndarray | Separable | None,
    ) -> None:
        outer, inner = math.prod(u.shape[:axis]), math.prod(u.shape[axis + 1 :])
        if outer * inner == 0:
            return
        sets = 2 if np.iscomplexobj(u) and not self.complex_modes else 1
        imaginary = sets * self.rows  # rows from a real part to its imaginary part
        further = imaginary if self.complex_modes or sets == 2 else 0
        fft_tiles.run(
            _reals(u, self.dtype),
            _reals(out, self.dtype),
            outer,
            inner,
            sets,
            first.core,
            second_core,
            self.tables,
            self._side(u, imaginary, first.rows_in, first.scale_in),
            self._side(out, imaginary, last.rows_out, last.scale_out),
            self._multiplier(multiplier, further, first.rows_out),
            self.work,
            self.sums,
            self.widest[sets],
        )

    def _side(self, array: np.ndarray, imaginary: int, rows: np.ndarray, scale: np.ndarray) -> fft_tiles.Side:
        return fft_tiles.Side(2 if np.iscomplexobj(array) else 1, imaginary, rows, scale.astype(self.dtype))

    def _multiplier(
        self, multiplier: np.ndarray | Separable | None, further: int, rows: np.ndarray
    ) -> fft_tiles.Multiplier:
        if isinstance(multiplier, Separable):
            s = multiplier
            own, mass = (s.a / self.gain).astype(self.dtype), (s.b / self.gain).astype(self.dtype)
            tol = s.tol / float(np.abs(self.gain).max())
            return fft_tiles.Multiplier(True, further, rows, own, mass, s.ao, s.bo, s.ai, s.bi, tol)
        one = np.ones(1)
        if multiplier is None:
            rows, own = rows[:0], one.astype(self.dtype)
        else:
            own = (multiplier * self.gain).astype(self.dtype)
        return fft_tiles.Multiplier(False, further, rows, own, own, one, one, one, one, 0.0)


def _reals(array: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """A contiguous array as a flat one of reals, complex numbers as two."""
    return array.reshape(-1).view(dtype)
