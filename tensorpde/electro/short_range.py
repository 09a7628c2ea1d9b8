"""The short-range part 1/r − (sum of Gaussians), exactly, among particles sorted into cells."""

from __future__ import annotations

import numpy as np
from numpy.polynomial import chebyshev, polynomial

from tensorpde import backend as backends
from tensorpde.electro.newton import Gaussians
from tensorpde.tucker import series

LARGEST_DEGREE = 60
MOST_CELLS = 1 << 24


class ShortRange:
    """φ(r) = Σ_j q_j (1/r_j − L(r_j)) for r_j ≤ σ, L a sum of Gaussians. Not collective.

    Parameters
    ----------
    positions, charges
        All particles, (n, 3) and (n,).
    gaussians
        L.
    sigma
        Where the sum ends.
    error
        Largest error of the polynomial in r² that stands for L: of the degree that this needs.

    Notes
    -----
    Cells of edge ≥ σ, so that all that is within σ of a point lies in 27 of them: O(n) to sort, 27 ρ σ³ distances and
    4.2 ρ σ³ values of the polynomial per point at density ρ. Memory: 40 bytes a particle and 8 a cell.
    """

    def __init__(
        self, positions: np.ndarray, charges: np.ndarray, gaussians: Gaussians, sigma: float, error: float
    ) -> None:
        self.positions, self.charges, self.sigma = positions, charges, sigma
        self._series, self._slopes = polynomials(gaussians, sigma, error)
        self._corner = positions.min(axis=0)
        extent = positions.max(axis=0) - self._corner
        most = MOST_CELLS ** (1 / 3)
        self._shape = np.clip(np.floor(extent / sigma), 1, most).astype(np.int64)
        self._edge = np.maximum(extent / self._shape, sigma)
        at = np.minimum(((positions - self._corner) / self._edge).astype(np.int64), self._shape - 1)
        cell = np.ravel_multi_index(tuple(at.T), tuple(self._shape))
        order = np.argsort(cell, kind="stable")
        self._starts = np.searchsorted(cell[order], np.arange(int(np.prod(self._shape)) + 1))
        self._sources, self._sorted = np.ascontiguousarray(positions[order].T), charges[order]

    def at(self, points: np.ndarray) -> np.ndarray:
        """Potential and field at points (m, 3), shape (m, 4); of a charge exactly there −L(0) counts, not 1/r."""
        return backends.get("numpy").particles.near(
            points, self._sources, self._sorted, self._starts, self._shape, self._corner, self._edge, self._series,
            self._slopes, self.sigma,
        )  # fmt: skip

    def add_to(self, block: np.ndarray, lines: tuple[np.ndarray, ...]) -> None:
        """Add the potential to a block of a grid with these coordinates: 4.2 σ³ points of it per particle."""
        lo, hi = (np.array([f(line) if len(line) else 0.0 for line in lines]) for f in (np.min, np.max))
        reached = ((self.positions >= lo - self.sigma) & (self.positions <= hi + self.sigma)).all(axis=1)
        backends.get("numpy").particles.on_grid(
            block, lines, self.positions[reached], self.charges[reached], self._series, self.sigma
        )


def polynomials(gaussians: Gaussians, sigma: float, error: float) -> tuple[np.ndarray, np.ndarray]:
    """P(r²) ≈ L(r) on [0, σ] and 2 dP/d(r²), in powers of u = 2 r²/σ² − 1.

    The powers are as good as Chebyshev polynomials here: the terms of exp(−c (1 + u)) add up to at most 1.

    Raises
    ------
    ValueError
        If no degree up to 60 meets the error.
    """
    u = np.linspace(-1, 1, 501)
    exact = gaussians(sigma * np.sqrt((u + 1) / 2))
    for degree in range(8, LARGEST_DEGREE + 1, 4):
        nodes = series.nodes(degree)
        fitted = series.analysis(degree) @ gaussians(sigma * np.sqrt((nodes + 1) / 2))
        powers = chebyshev.cheb2poly(fitted)
        if np.abs(polynomial.polyval(u, powers) - exact).max() <= max(error, 1e-14 * exact[0]):
            return powers, 4 / sigma**2 * polynomial.polyder(powers)
    raise ValueError(f"no polynomial of degree {LARGEST_DEGREE} represents the Gaussians on [0, {sigma}] to {error}")
