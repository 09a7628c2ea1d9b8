"""One choice of σ and of how the long-range part is built: both parts of the potential, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tensorpde.electro.long_range import Box, long_range
from tensorpde.electro.mesh_range import OVERSAMPLING, MeshRange, Smooth
from tensorpde.electro.newton import gaussians
from tensorpde.electro.prolate import concentrated
from tensorpde.electro.short_range import ShortRange
from tensorpde.tucker import ChebTuck

PAIR, VALUE = 9e-9, 4e-9  # seconds per pair nearer than σ, per grid point nearer than σ to a particle
MODE, FLOP = 3e-7, 5e-11  # per mesh point (with all that is padded), per operation of a dense product
TERM = 8e-10  # per r³ of a core and particle
LARGEST_RANK = 100.0  # wanted of a long-range part in the Tucker format, whose core has as many values as its cube
SAMPLED = 5_000  # particles whose neighbours are counted to foretell what a σ costs
TRIED = 20  # values of σ
EDGES = 10.0  # the edge of windows, over the error that a unit of charge makes
LEAST = 1e-14  # edge of windows
SLOPE = 0.002  # of the error allowed, for the polynomial of the short part: its derivative has a few hundred times more
MOST_POINTS = 1 << 30  # of a mesh


@dataclass(frozen=True)
class Split:
    """Both parts of the potential.

    Attributes
    ----------
    sigma : where the short part ends.
    terms : Gaussians of the long part; 0 on a mesh.
    """

    sigma: float
    terms: int
    short: ShortRange
    long: ChebTuck | MeshRange

    def at(self, points: np.ndarray) -> np.ndarray:
        """Potential and field at points of the domain, (m, 4)."""
        result = self.short.at(points)
        far = self.long.values_and_gradients(points)
        result[:, 0] += far[:, 0]
        result[:, 1:] -= far[:, 1:]
        return result


def on_mesh(
    x: np.ndarray, q: np.ndarray, sigma: float, wanted: float, box: Box, comm: Any, backend: str = "numpy"
) -> Split:
    """The split with its long part on a mesh, to about `wanted` in absolute value. Collective."""
    size = float(np.linalg.norm(q)) or 1.0
    edge = float(np.clip(EDGES * wanted * sigma / size, LEAST, 0.05))
    smooth = Smooth(sigma, edge)
    short = ShortRange(x, q, smooth, sigma, SLOPE * wanted / size, backend)
    return Split(sigma, 0, short, MeshRange(x[short.order], q[short.order], smooth, box, edge, comm, backend))


def in_tucker(
    x: np.ndarray, q: np.ndarray, sigma: float, wanted: float, box: Box, comm: Any, backend: str = "numpy"
) -> Split:
    """The split with Gaussians and its long part in the Tucker format, to about `wanted`. Collective."""
    size = float(np.linalg.norm(q)) or 1.0
    diagonal = float(np.linalg.norm(np.ptp(np.array(box), axis=1)))
    g = gaussians(sigma, diagonal, float(np.clip(wanted * sigma / size, 1e-13, 1e-2)), relative=False)
    short = ShortRange(x, q, g, sigma, SLOPE * wanted / size, backend)
    return Split(sigma, len(g), short, long_range(x, q, g, box, wanted, comm))


def mesh_sigma(x: np.ndarray, box: Box, tol: float, grid: tuple[int, ...] | None) -> float:
    """σ for which both parts together cost least, for sums at particles or for the potential on a grid.

    Pairs within σ are counted in cells of a sample, so that clusters count as what they are.
    """
    edges = np.ptp(np.array(box), axis=1)
    sample = x if len(x) <= SAMPLED else x[np.random.default_rng(2).choice(len(x), SAMPLED, replace=False)]
    band = concentrated(float(np.clip(0.1 * tol, LEAST, 0.05))).band
    points = None if grid is None else float(prod(grid))
    best, cheapest = np.inf, np.inf
    for sigma in float(np.linalg.norm(edges)) / 4 * 1.25 ** -np.arange(TRIED):
        shape = edges * band * OVERSAMPLING / (np.pi * sigma) + band
        if prod(shape) > MOST_POINTS and np.isfinite(cheapest):
            break
        cost = MODE * prod(shape)
        if points is None:
            cost += PAIR * _pairs(sample, sigma) * (len(x) / len(sample)) ** 2
        else:
            cost += VALUE * len(x) * 4.2 * sigma**3 * points / prod(edges) + FLOP * points * 2 * float(shape.max())
        if cost < cheapest:
            best, cheapest = sigma, cost
    return float(f"{best:.2g}")


def _pairs(x: np.ndarray, sigma: float) -> float:
    """About how many ordered pairs are nearer than σ."""
    cells = np.floor((x - x.min(axis=0)) / sigma).astype(np.int64)
    counts = np.unique(np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1)), return_counts=True)[1]
    return 4.2 * float((counts * (counts - 1.0)).sum())


def tucker_sigma(count: int, box: Box, tol: float, spacing: float | None) -> float:
    """σ where the short part costs as much as the long one: c₁ σ³ = c₂ (rank(σ))³, rank ∝ log(1/tol) L / σ."""
    edges = np.ptp(np.array(box), axis=1)
    near = 27 * PAIR * count / prod(edges) if spacing is None else 4.2 * VALUE / spacing**3
    rank = 0.5 * (np.log(1 / tol) + 2) * prod(edges) ** (1 / 3)
    best = (TERM * rank**3 / near) ** (1 / 6)
    return float(f"{min(max(best, rank / LARGEST_RANK), float(np.linalg.norm(edges)) / 6):.2g}")
