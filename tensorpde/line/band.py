"""Row-compressed bands: the host-side form of every sparse 1-D factor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RowBand:
    """An m×n matrix whose row i holds ``coef[i, k]`` at column ``start[i] + k``.

    With ``periodic`` the columns are taken modulo n (several may then fall on one entry and add);
    otherwise every column lies in 0…n−1, zero padding included.

    Parameters
    ----------
    start : (m,) integers, non-decreasing.
    coef : (m, w) real or complex.
    n : number of columns.
    periodic : whether columns wrap.
    """

    start: np.ndarray
    coef: np.ndarray
    n: int
    periodic: bool = False

    def __post_init__(self) -> None:
        start = np.ascontiguousarray(self.start, dtype=np.int64)
        coef = np.ascontiguousarray(self.coef, dtype=np.result_type(self.coef, np.float64))
        if start.ndim != 1 or coef.ndim != 2 or len(start) != len(coef):
            raise ValueError(f"RowBand: start has shape {start.shape} but coef has shape {coef.shape}")
        if not self.periodic and len(start) and (start.min() < 0 or start.max() + coef.shape[1] > self.n):
            raise ValueError(
                f"RowBand: columns {start.min()}…{start.max() + coef.shape[1] - 1} leave the range 0…{self.n - 1}"
            )
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "coef", coef)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.start), self.n

    @property
    def width(self) -> int:
        return self.coef.shape[1]

    def matrix(self) -> np.ndarray:
        """The dense m×n matrix (for set-up and tests)."""
        dense = np.zeros(self.shape, self.coef.dtype)
        rows = np.arange(len(self.start))
        for k in range(self.width):
            np.add.at(dense, (rows, (self.start + k) % max(self.n, 1)), self.coef[:, k])
        return dense

    @property
    def T(self) -> RowBand:
        return RowBand.from_matrix(self.matrix().T, periodic=self.periodic)

    def scaled(self, rows: np.ndarray | complex = 1.0, columns: np.ndarray | None = None) -> RowBand:
        """diag(rows) · self · diag(columns)."""
        coef = self.coef * np.reshape(rows, (-1, 1))
        if columns is not None:
            coef = coef * np.asarray(columns)[(self.start[:, None] + np.arange(self.width)) % self.n]
        return RowBand(self.start, coef, self.n, self.periodic)

    @staticmethod
    def identity(n: int, periodic: bool = False) -> RowBand:
        """The n×n identity."""
        return RowBand(np.arange(n), np.ones((n, 1)), n, periodic)

    @property
    def is_diagonal(self) -> bool:
        """Whether it is square with nothing beside the diagonal."""
        on = self.start[:, None] + np.arange(self.width) == np.arange(len(self.start))[:, None]
        return self.shape[0] == self.n and not self.coef[~on].any()

    def equals(self, other: RowBand) -> bool:
        """Whether it is the same band, entry by entry."""
        return self is other or (
            self.shape == other.shape
            and np.array_equal(self.start, other.start)
            and np.array_equal(self.coef, other.coef)
        )

    def diagonal(self) -> np.ndarray:
        """The entries on the diagonal."""
        on = (self.start[:, None] + np.arange(self.width) - np.arange(len(self.start))[:, None]) % max(self.n, 1) == 0
        return np.where(on, self.coef, 0.0).sum(axis=1)

    def __add__(self, other: RowBand) -> RowBand:
        """The sum as a band; ValueError if the shapes differ, naming both."""
        if self.shape != other.shape:
            raise ValueError(f"bands of shapes {self.shape} and {other.shape} cannot be added")
        periodic = self.periodic or other.periodic
        turns = np.round((self.start - other.start) / max(self.n, 1)).astype(int) if periodic else 0
        pieces = [(self.start, self.coef), (other.start + turns * self.n, other.coef)]
        return _gathered(pieces, self.shape, periodic)

    def __matmul__(self, other: RowBand) -> RowBand:
        """The product as a band; ValueError if the shapes do not fit, naming both."""
        if self.n != other.shape[0]:
            raise ValueError(f"bands of shapes {self.shape} and {other.shape} cannot be multiplied")
        pieces = []
        for k in range(self.width):
            turns, row = np.divmod(self.start + k, max(self.n, 1))
            pieces.append((other.start[row] + turns * other.n, self.coef[:, k : k + 1] * other.coef[row]))
        return _gathered(pieces, (len(self.start), other.n), self.periodic or other.periodic)

    @staticmethod
    def from_matrix(dense: np.ndarray, periodic: bool = False) -> RowBand:
        """The narrowest RowBand that holds a dense matrix; a periodic one may wrap round the corners."""
        dense = np.asarray(dense)
        m, n = dense.shape
        if periodic:
            start, width = _cyclic_extent(dense)
            columns = (start[:, None] + np.arange(width)) % n
            return RowBand(start, np.take_along_axis(dense, columns, axis=1), n, True)
        nonzero = dense != 0
        empty = ~nonzero.any(axis=1)
        first = np.where(empty, 0, nonzero.argmax(axis=1)) if n else np.zeros(m, int)
        last = np.where(empty, 0, n - 1 - nonzero[:, ::-1].argmax(axis=1)) if n else np.zeros(m, int)
        if empty.any() and not empty.all():  # an empty row follows the band of its nearest neighbour
            full = np.flatnonzero(~empty)
            near = full[np.abs(np.flatnonzero(empty)[:, None] - full).argmin(axis=1)]
            first[empty] = last[empty] = first[near]
        width = int((last - first).max()) + 1 if m and n else 1
        start = np.minimum(first, max(n - width, 0))
        columns = start[:, None] + np.arange(width)
        return RowBand(start, np.take_along_axis(dense, columns, axis=1), n)


def _gathered(pieces: list[tuple[np.ndarray, np.ndarray]], shape: tuple[int, int], periodic: bool) -> RowBand:
    """The sum of bands (first column per row, coefficients), as narrow as what is not zero in them."""
    first, last = np.full(shape[0], np.iinfo(int).max // 2), np.full(shape[0], np.iinfo(int).min // 2)
    for start, coef in pieces:
        for k in range(coef.shape[1]):
            felt = coef[:, k] != 0
            first[felt] = np.minimum(first, start + k)[felt]
            last[felt] = np.maximum(last, start + k)[felt]
    empty = first > last  # rows of zeros
    first[empty] = last[empty] = pieces[0][0][empty]
    width = int((last - first).max(initial=0)) + 1
    if not periodic:
        first = np.minimum(first, shape[1] - width)
    total = np.zeros((shape[0], width), np.result_type(*(coef for _, coef in pieces)))
    for start, coef in pieces:
        for k in range(coef.shape[1]):
            felt = coef[:, k] != 0
            total[np.flatnonzero(felt), (start + k - first)[felt]] += coef[felt, k]
    return RowBand(first, total, shape[1], periodic)


def _cyclic_extent(dense: np.ndarray) -> tuple[np.ndarray, int]:
    """Offsets lo…hi about the (scaled) diagonal that hold all entries of a cyclic band."""
    m, n = dense.shape
    rows, columns = np.nonzero(dense)
    centre = np.arange(m) * n // max(m, 1)
    offset = (columns - centre[rows] + n // 2) % n - n // 2
    low, high = (int(offset.min()), int(offset.max())) if len(offset) else (0, 0)
    return centre + low, high - low + 1
