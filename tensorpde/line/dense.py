"""Dense line operators: one matrix product per array."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.line.operator import LineOperator


class Dense(LineOperator):
    """A dense m×n matrix applied by GEMM: 2·m flops per value of u.

    The sum along a line is the BLAS library's: its order may depend on the shape of the product, so that results are
    equal to round-off, not bitwise, when the number of ranks changes.
    """

    def __init__(self, matrix: np.ndarray) -> None:
        self._matrix = np.array(matrix, dtype=np.result_type(matrix, np.float64), order="C")
        if self._matrix.ndim != 2:
            raise ValueError(f"a dense line operator needs a matrix, got an array of shape {self._matrix.shape}")
        self._matrix.flags.writeable = False
        self.shape = self._matrix.shape
        self.dtype = self._matrix.dtype
        self._device: dict[Any, Any] = {}

    def _apply(self, u: Any, axis: int, out: Any, alpha: complex, beta: complex) -> None:
        backend = backends.of(u)
        dtype = out.dtype if self.dtype.kind == "c" else np.empty(0, out.dtype).real.dtype
        key = backend.name, dtype
        if key not in self._device:
            self._device[key] = backend.asarray(self._matrix, dtype)
        backend.pointwise.matmul(self._device[key], u, axis, out, alpha, beta)

    def inverse(self) -> Dense:
        if self.shape[0] != self.shape[1]:
            raise ValueError(f"{self} is not square: it has no inverse")
        return Dense(np.linalg.inv(self._matrix))

    def matrix(self) -> np.ndarray:
        return self._matrix

    @property
    def T(self) -> Dense:
        return Dense(self._matrix.T)

    def conj(self) -> Dense:
        return Dense(self._matrix.conj())

    def scaled(self, factor: complex) -> Dense:
        return Dense(factor * self._matrix)
