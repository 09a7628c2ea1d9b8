"""LineOperator: an m×n matrix that acts on the lines of an array along one axis."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np

from tensorpde import backend as backends


class LineOperator(ABC):
    """An m×n one-dimensional operator.

    It knows nothing of grids, ranks or devices: set-up is small host arrays, and `apply` works on any
    array of any backend whose lines along `axis` are whole.

    Attributes
    ----------
    shape : (m, n).
    dtype : float64 or complex128, the kind of number of its entries.
    in_place : whether `apply` may have u itself as out.
    """

    shape: tuple[int, int]
    dtype: np.dtype
    in_place: bool = False

    def apply(self, u: Any, axis: int, out: Any = None, alpha: complex = 1.0, beta: complex = 0.0) -> Any:
        """alpha · (operator · u along `axis`) + beta · out.

        Parameters
        ----------
        u
            C-contiguous array of a backend with n values along `axis`.
        axis
            Axis of the array; negative counts from the end.
        out
            Where the result goes, C-contiguous with m values along `axis`; None makes a new array (with beta 0).
        alpha, beta
            Factors; out is not read when beta is 0.

        Raises
        ------
        ValueError
            If a shape does not fit, naming both.
        """
        axis = self._checked_axis(u, axis)
        if out is None:
            if beta != 0:
                raise ValueError(f"beta={beta} needs an out to be multiplied with, got None")
            shape = (*u.shape[:axis], self.shape[0], *u.shape[axis + 1 :])
            out = backends.of(u).empty(shape, self.result_type(u.dtype))
        elif out.shape != (*u.shape[:axis], self.shape[0], *u.shape[axis + 1 :]):
            raise ValueError(f"out of shape {out.shape} does not fit {self} on axis {axis} of {u.shape}")
        if u.size or out.size:
            self._apply(u, axis, out, alpha, beta)
        return out

    def _checked_axis(self, u: Any, axis: int) -> int:
        if not -u.ndim <= axis < u.ndim:
            raise ValueError(f"axis {axis} is not one of the {u.ndim} axes of an array of shape {u.shape}")
        axis %= u.ndim
        if u.shape[axis] != self.shape[1]:
            raise ValueError(f"{self} needs {self.shape[1]} values along axis {axis}, {u.shape} has {u.shape[axis]}")
        return axis

    def result_type(self, dtype: Any) -> np.dtype:
        """Type of the result for data of `dtype`: the precision of the data, complex if either is."""
        dtype = np.dtype(dtype)
        if self.dtype.kind == "c" and dtype.kind != "c":
            return np.result_type(dtype, np.complex64)
        return dtype

    @property
    def steps(self) -> tuple[LineOperator, ...]:
        """The operators that are applied one after the other, first to last: one, but for products."""
        return (self,)

    def solve(self, u: Any, axis: int, out: Any = None) -> Any:
        """operator⁻¹ · u along `axis`: `inverse().apply`."""
        return self.inverse().apply(u, axis, out)

    def inverse(self) -> LineOperator:
        """The inverse, factored once where it is made; ValueError if the operator has none here."""
        raise ValueError(f"{self} has no inverse that is a line operator")

    @abstractmethod
    def _apply(self, u: Any, axis: int, out: Any, alpha: complex, beta: complex) -> None:
        """out = alpha · (operator · u) + beta · out, shapes checked."""

    @abstractmethod
    def matrix(self) -> np.ndarray:
        """The dense matrix on the host, for set-up and tests."""

    @property
    @abstractmethod
    def T(self) -> LineOperator:
        """The transpose."""

    @property
    def H(self) -> LineOperator:
        """The adjoint: conjugate transpose."""
        return self.T if self.dtype.kind != "c" else self.conj().T

    def conj(self) -> LineOperator:
        """The operator with conjugate entries."""
        if self.dtype.kind != "c":
            return self
        raise ValueError(f"{self} has no conjugate that is a line operator")

    @abstractmethod
    def scaled(self, factor: complex) -> Self | LineOperator:
        """factor · operator."""

    def __mul__(self, factor: complex) -> LineOperator:
        return self.scaled(factor)

    __rmul__ = __mul__

    def __neg__(self) -> LineOperator:
        return self.scaled(-1.0)

    def __add__(self, other: LineOperator) -> LineOperator:
        """The sum as one operator: one kernel call for banded and compact ones; see `line.sums`."""
        from tensorpde.line.sums import add  # sums build on this class

        return add(self, other)

    def __sub__(self, other: LineOperator) -> LineOperator:
        return self + -other

    def __matmul__(self, other: LineOperator) -> LineOperator:
        from tensorpde.line.composition import compose  # composition builds on this class

        return compose(self, other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self.shape}"


class Identity(LineOperator):
    """The n×n identity; `apply` with an out copies, without one it returns u itself."""

    def __init__(self, n: int) -> None:
        self.shape = (n, n)
        self.dtype = np.dtype("float64")

    def apply(self, u: Any, axis: int, out: Any = None, alpha: complex = 1.0, beta: complex = 0.0) -> Any:
        if out is None and alpha == 1 and beta == 0:
            self._checked_axis(u, axis)
            return u
        return super().apply(u, axis, out, alpha, beta)

    def _apply(self, u: Any, axis: int, out: Any, alpha: complex, beta: complex) -> None:
        backends.of(u).pointwise.axpby(alpha, u, beta, out)

    def inverse(self) -> Identity:
        return self

    def matrix(self) -> np.ndarray:
        return np.eye(self.shape[0])

    @property
    def T(self) -> Identity:
        return self

    def scaled(self, factor: complex) -> LineOperator:
        from tensorpde.line.banded import Banded

        return Banded.diagonal(np.full(self.shape[0], factor))
