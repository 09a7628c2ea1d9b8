"""The short-range part 1/r − L(r), exactly, among particles sorted into cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.polynomial import polynomial

from tensorpde import backend as backends
from tensorpde.tucker import series

LARGEST_DEGREE = 60
CELLS = np.array([2, 2, 4])  # in a length σ: columns that are narrow enough, cut into pieces that are short enough
MOST_CELLS = 1 << 24

Smooth = Callable[[np.ndarray], np.ndarray]


class ShortRange:
    """φ(r) = Σ_j q_j (1/r_j − L(r_j)) for r_j ≤ σ, with L smooth and 1/r from σ on. Not collective.

    Parameters
    ----------
    positions, charges
        All particles, (n, 3) and (n,).
    smooth
        L, a function of arrays of r ≥ 0.
    sigma
        Where the sum ends.
    error
        Largest error of the polynomial in r² that stands for L: of the degree that this needs.
    backend
        Where sums at points are worked out; particles are kept there, results are on the host.

    Attributes
    ----------
    order : the numbers of the particles, those of a cell after each other.

    Notes
    -----
    Cells of σ/2, σ/2 and σ/4, of which the columns and the pieces of columns out of reach of a point are left out: O(n)
    to sort, and about 9 ρ σ³ pairs per point at density ρ, of which 4.2 ρ σ³ are nearer than σ. Memory: 40 bytes a
    particle and 8 a cell.
    """

    def __init__(
        self, positions: np.ndarray, charges: np.ndarray, smooth: Smooth, sigma: float, error: float,
        backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.positions, self.charges, self.sigma = positions, charges, sigma
        series = sigma * powers(smooth, sigma, error)
        self._table = np.zeros((len(series) + len(series) % 2, 2))
        self._table[: len(series), 0] = series
        self._table[: len(series) - 1, 1] = 4 * polynomial.polyder(series)
        self._corner = positions.min(axis=0)
        extent = positions.max(axis=0) - self._corner
        most = MOST_CELLS ** (1 / 3)
        self._shape = np.clip(np.floor(extent / sigma * CELLS), 1, most).astype(np.int64)
        self._edge = np.maximum(extent / self._shape, sigma / CELLS)
        cells = self._cells(positions)
        self.order = np.argsort(cells, kind="stable")
        starts = np.searchsorted(cells[self.order], np.arange(int(np.prod(self._shape)) + 1))
        room = len(charges) + backends.get("numpy").neighbours.LANES
        sources, sorted_charges = np.zeros((3, room)), np.zeros(room)
        sources[:, : len(charges)] = positions[self.order].T / sigma
        sorted_charges[: len(charges)] = charges[self.order] / sigma
        self._kernels = backends.get(backend)
        self._sources, self._sorted, self._starts = map(self._kernels.asarray, (sources, sorted_charges, starts))

    def _cells(self, points: np.ndarray) -> np.ndarray:
        at = np.clip(np.floor((points - self._corner) / self._edge), 0, self._shape - 1).astype(np.int64)
        return np.ravel_multi_index(tuple(at.T), tuple(self._shape))

    def sorted(self, points: np.ndarray) -> np.ndarray:
        """Numbers of points in the order of their cells, in which they are fastest."""
        return self.order if points is self.positions else np.argsort(self._cells(points), kind="stable")

    def at(self, points: np.ndarray) -> np.ndarray:
        """Potential and field at points (m, 3), shape (m, 4); of a charge exactly there −L(0) counts, not 1/r."""
        found = self._kernels.to_host(self._kernels.neighbours.near(
            points / self.sigma, self._sources, self._sorted, self._starts, self._shape, self._corner / self.sigma,
            self._edge / self.sigma, self._table,
        ))  # fmt: skip
        found[:, 1:] /= self.sigma
        return found

    def add_to(self, block: Any, lines: tuple[np.ndarray, ...]) -> None:
        """Add the potential to a block, of any backend, of a grid with these coordinates: 4.2 σ³ values a particle."""
        lo, hi = (np.array([f(line) if len(line) else 0.0 for line in lines]) for f in (np.min, np.max))
        x, q = self.positions[self.order], self.charges[self.order]  # so that what follows each other shares the cache
        reached = ((x >= lo - self.sigma) & (x <= hi + self.sigma)).all(axis=1)
        backends.of(block).neighbours.around(
            block, tuple(line / self.sigma for line in lines), x[reached] / self.sigma,
            q[reached] / self.sigma, np.ascontiguousarray(self._table[:, 0]),
        )  # fmt: skip


def powers(smooth: Smooth, sigma: float, error: float) -> np.ndarray:
    """P(r²) ≈ L(r) on [0, σ], in powers of u = 2 r²/σ² − 1.

    The powers are as good as Chebyshev polynomials here: the terms of exp(−c (1 + u)) add up to at most 1.

    Raises
    ------
    ValueError
        If no degree up to 60 meets the error.
    """
    u = np.linspace(-1, 1, 501)
    exact = smooth(sigma * np.sqrt((u + 1) / 2))
    for degree in range(6, LARGEST_DEGREE + 1, 2):
        nodes = series.nodes(degree)
        fitted = series.analysis(degree) @ smooth(sigma * np.sqrt((nodes + 1) / 2))
        found = series.to_powers(degree) @ fitted
        if np.abs(polynomial.polyval(u, found) - exact).max() <= max(error, 1e-14 * exact[0]):
            return found
    raise ValueError(f"no polynomial of degree {LARGEST_DEGREE} represents L on [0, {sigma}] to {error}")
