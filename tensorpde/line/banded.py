"""Banded operators and solves, and both fused: compact schemes are lhs⁻¹ · rhs in one pass over the data."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.line.band import RowBand
from tensorpde.line.factor import Sweeps, sweeps
from tensorpde.line.operator import LineOperator


class Compact(LineOperator):
    """lhs⁻¹ · rhs with banded factors, either of which may be missing (the identity).

    Cost: one read and one write per value; 2·(width of rhs + bands of lhs) flops.

    Parameters
    ----------
    lhs
        m×m band, factored once without pivoting; None for an explicit operator.
    rhs
        m×n band, None for a pure solve.

    Raises
    ------
    ValueError
        If the bands do not fit or lhs cannot be factored without pivoting.
    """

    def __init__(self, lhs: RowBand | None, rhs: RowBand | None) -> None:
        self.lhs, self.rhs = lhs, rhs
        self._sweeps: Sweeps = sweeps(lhs, rhs)
        self.shape = self._sweeps.rhs.shape
        self.dtype = np.result_type(*(band.coef for band in (lhs, rhs) if band is not None))
        self._plans: dict[Any, Any] = {}

    @property
    def in_place(self) -> bool:  # type: ignore[override]
        """True for a square one: a tile of lines is loaded before any of it is stored."""
        return self.shape[0] == self.shape[1]

    def _apply(self, u: Any, axis: int, out: Any, alpha: complex, beta: complex) -> None:
        lines = backends.of(u).lines
        if alpha != 1:
            return self.scaled(alpha)._apply(u, axis, out, 1.0, beta)
        if u.dtype != out.dtype:
            u = u.astype(out.dtype)
        lines.sweep(self.plan(lines, out.dtype), u, out, axis, beta)
        return None

    def plan(self, lines: Any, dtype: Any) -> Any:
        """The kernel's plan for a backend's `lines` module and a type of data, made once."""
        key = lines.__name__, np.dtype(dtype)
        if key not in self._plans:
            self._plans[key] = lines.prepare(self._sweeps, dtype)
        return self._plans[key]

    def scaled(self, factor: complex) -> Compact:
        """factor · operator; the left-hand side and its factors are shared."""
        if factor == 1:
            return self
        cache = self.__dict__.setdefault("_scaled", {})
        if factor not in cache:
            if len(cache) > 8:  # time steps come and go
                cache.clear()
            band = (
                self.rhs
                if self.rhs is not None
                else RowBand.identity(self.shape[0], self.lhs is not None and self.lhs.periodic)
            )
            other = Compact.__new__(Compact)
            other.lhs, other.rhs = self.lhs, band.scaled(factor)
            s = self._sweeps
            other._sweeps = Sweeps(s.rhs.scaled(factor), s.lower, s.upper, s.head, s.tail)
            other.shape, other.dtype, other._plans = self.shape, np.result_type(self.dtype, type(factor)), {}
            cache[factor] = other
        return cache[factor]

    def inverse(self) -> LineOperator:
        if self.shape[0] != self.shape[1]:
            raise ValueError(f"{self} is not square: it has no inverse")
        return Compact(self.rhs, self.lhs)

    def matrix(self) -> np.ndarray:
        right = self.rhs.matrix() if self.rhs is not None else np.eye(self.shape[1])
        return right if self.lhs is None else np.linalg.solve(self.lhs.matrix(), right)

    @property
    def T(self) -> LineOperator:
        down = None if self.rhs is None else Banded(self.rhs.T)
        solve = None if self.lhs is None else BandedSolve(self.lhs.T)
        if down is None or solve is None:
            return down or solve or self
        return down @ solve

    def conj(self) -> Compact:
        parts = (b and RowBand(b.start, b.coef.conj(), b.n, b.periodic) for b in (self.lhs, self.rhs))
        return Compact(*parts)

    def __repr__(self) -> str:
        kind = "Banded" if self.lhs is None else "BandedSolve" if self.rhs is None else "Compact"
        return f"{kind}{self.shape}"


class Banded(Compact):
    """A banded m×n matrix."""

    def __init__(self, band: RowBand) -> None:
        super().__init__(None, band)

    @classmethod
    def diagonal(cls, values: np.ndarray) -> Banded:
        """diag(values)."""
        values = np.asarray(values)
        return cls(RowBand(np.arange(len(values)), values[:, None], len(values)))


class BandedSolve(Compact):
    """The inverse of a banded square matrix, factored once; periodic bands included."""

    def __init__(self, band: RowBand) -> None:
        super().__init__(band, None)
