"""Ionic lattices by one-dimensional factors: potentials of n³ cells cost what 3n do, and Madelung constants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tensorpde.electro.newton import Gaussians, gaussians
from tensorpde.tucker import Canonical

STEP = 0.04  # of the trapezoidal rule for infinite lattices: its error is far below round-off
REACH = 6.5  # exp(−REACH²) is below round-off


@dataclass(frozen=True)
class Cell:
    """A cubic unit cell of point charges.

    Attributes
    ----------
    length : edge of the cube.
    positions : (m, 3), in units of the edge.
    charges : (m,).
    """

    length: float
    positions: np.ndarray
    charges: np.ndarray

    def __post_init__(self) -> None:
        x, q = (np.asarray(values, float) for values in (self.positions, self.charges))
        if x.shape != (len(q), 3) or q.ndim != 1 or not 0 < self.length < np.inf:
            raise ValueError(
                f"a cell of edge {self.length} with positions of shape {x.shape} and charges of shape {q.shape}: "
                "an edge above 0, (m, 3) and (m,) are needed"
            )
        object.__setattr__(self, "positions", x)
        object.__setattr__(self, "charges", q)

    @cached_property
    def nearest(self) -> float:
        """The smallest distance of two ions of the infinite lattice."""
        shifts = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 3), axis=-1).reshape(-1, 3)
        apart = self.positions[:, None, None] - self.positions[None, :, None] - shifts
        r = np.sqrt((apart**2).sum(axis=-1))
        return float(r[r > 1e-9].min()) * self.length


_CORNER, _FACES = np.zeros((1, 3)), np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2
NACL = Cell(2.0, np.concatenate([_FACES, (_FACES + 0.5) % 1]), np.repeat([1.0, -1.0], 4))
CSCL = Cell(2 / np.sqrt(3), np.concatenate([_CORNER, _CORNER + 0.5]), np.array([1.0, -1.0]))
ZNS = Cell(4 / np.sqrt(3), np.concatenate([_FACES, _FACES + 0.25]), np.repeat([1.0, -1.0], 4))
"""Rock salt, caesium chloride and zincblende; the nearest neighbours have distance 1."""


def madelung(cell: Cell, site: int = 0) -> float:
    """The Madelung constant −(d / q) Σ' q_j / r_j of an ion of charge q in the infinite lattice of smallest distance d.

    The lattice sum of a Gaussian is a product of three theta functions of one variable, so that

        Σ' q_j / r_j = (2/√π) ∫₀^∞ [Σ_j q_j θ(t, x_j) θ(t, y_j) θ(t, z_j) − q] dt,
        θ(t, x) = Σ_n exp(−t² (nL + x)²),

    over the ions of one cell, an integrand that goes to −q like exp(−π²/t²L²) at t → 0 as charges cancel. Trapezoidal
    rule with t = s sinh x, exact to round-off. O(ions).

    Raises
    ------
    ValueError
        If the cell is not neutral, for then the sum does not exist; or has no ion with a charge at `site`.

    Notes
    -----
    The sum is the one without surface charges (spherical order with the dipole removed). Source: R. E. Crandall, J. P.
    Buhler, J. Phys. A 20 (1987) 5497–5510.
    """
    if abs(cell.charges.sum()) > 1e-12 * np.abs(cell.charges).sum():
        raise ValueError(f"the charges of a cell must cancel, their sum is {cell.charges.sum():g}")
    if not 0 <= site < len(cell.charges) or cell.charges[site] == 0:
        raise ValueError(f"site {site} has no charge; the charges of the cell are {cell.charges}")
    scale = 2 / cell.length
    x = STEP * np.arange(1, int(np.arcsinh(REACH / (cell.nearest * scale)) / STEP) + 2)
    t, w = scale * np.sinh(x), STEP * scale * np.cosh(x)
    apart = (cell.positions - cell.positions[site]) * cell.length
    sums = np.prod([_theta(t, apart[:, k], cell.length) for k in range(3)], axis=0)  # (t, ions)
    own = cell.charges[site]
    integral = w @ (sums @ cell.charges - own) - 0.5 * STEP * scale * own
    return float(-2 / np.sqrt(np.pi) * integral * cell.nearest / own)


def _theta(t: np.ndarray, x: np.ndarray, length: float) -> np.ndarray:
    """Σ_n exp(−t² (n L + x)²), shape (t, x): the sum itself, or for small t L Poisson's dual sum."""
    n = np.arange(-8, 9)
    direct = np.exp(-((t[:, None, None] * (n * length + x[:, None])) ** 2)).sum(axis=-1)
    k = np.arange(1, 9)
    with np.errstate(under="ignore"):
        waves = np.exp(-((np.pi * k / (t[:, None] * length)) ** 2))
    dual = 1 + 2 * np.einsum("tk,xk->tx", waves, np.cos(2 * np.pi * k * x[:, None] / length))
    return np.where((t * length > 2.0)[:, None], direct, np.sqrt(np.pi) / (t[:, None] * length) * dual)


class Lattice:
    """n₀ × n₁ × n₂ unit cells of point charges, with vacancies and substitutions, in free space.

    Parameters
    ----------
    cell
        The unit cell.
    repeats
        Number of cells along each axis; cell (i, j, k) begins at (i, j, k) · length.
    changes
        New charges of single ions by (i, j, k, number in the cell); 0 for a vacancy.
    tol
        Relative accuracy of the Gaussian sum for 1/r, between nearest neighbours and across the whole lattice.

    Raises
    ------
    ValueError
        If a changed ion is not in the lattice, or there is no cell.

    Notes
    -----
    A Gaussian of all copies of an ion is a product of three sums of one variable, so that sites are never visited one
    by one: O(R m Σ n_k) for m ions per cell and R Gaussians, against O(m Π n_k). Source: V. Khoromskaia, B. N.
    Khoromskij, Comput. Phys. Commun. 185 (2014) 3162–3174.
    """

    def __init__(
        self, cell: Cell, repeats: Sequence[int], changes: Mapping[tuple[int, ...], float] | None = None,
        tol: float = 1e-10,
    ) -> None:  # fmt: skip
        self.cell, self.repeats = cell, tuple(int(n) for n in np.atleast_1d(repeats))
        if len(self.repeats) != 3 or min(self.repeats) < 1:
            raise ValueError(f"repeats={repeats}: three numbers of cells of at least 1 are needed")
        self._check(changes or {})
        self.changes = dict(changes or {})
        diagonal = float(np.linalg.norm(self.repeats)) * cell.length
        self.gaussians: Gaussians = gaussians(cell.nearest, max(diagonal, 2 * cell.nearest), tol)

    def _check(self, sites: Iterable[Sequence[int]]) -> None:
        limits = (*self.repeats, len(self.cell.charges))
        for site in sites:
            if len(site) != 4 or any(not 0 <= i < n for i, n in zip(site, limits, strict=True)):
                raise ValueError(f"the ion {site} is not one of the lattice of {limits} (cells, ions per cell)")

    def position(self, site: Sequence[int]) -> np.ndarray:
        """Where the ion (i, j, k, number) is."""
        return (np.asarray(site[:3]) + self.cell.positions[site[3]]) * self.cell.length

    def canonical(self, x: Any, y: Any, z: Any) -> Canonical:
        """The potential at all points of a tensor grid, R terms for each ion of the cell and each change.

        Valid where no point is nearer to an ion than neighbours are. O(R (m + changes) Σ n points per axis).
        """
        t, axes = self.gaussians.exponents, [np.asarray(p, float) for p in (x, y, z)]
        columns: list[list[np.ndarray]] = [[], [], []]
        weights = []
        for number, charge in enumerate(self.cell.charges):
            weights.append(charge * self.gaussians.weights)
            for k, points in enumerate(axes):
                columns[k].append(self._sums(points - self.cell.positions[number, k] * self.cell.length, k))
        for site, change in self._differences():
            weights.append(change * self.gaussians.weights)
            for k, points in enumerate(axes):
                columns[k].append(np.exp(-np.multiply.outer((points - self.position(site)[k]) ** 2, t**2)))
        return Canonical(np.concatenate(weights), [np.concatenate(part, axis=1) for part in columns])

    def potential(self, sites: Sequence[Sequence[int]]) -> np.ndarray:
        """Σ' q_j / r_j at ions (i, j, k, number) of all other ions; at a vacancy, where the ion was.

        Raises
        ------
        ValueError
            If an ion is not in the lattice.
        """
        self._check(sites)
        found = np.array([self._perfect(site) for site in sites], float)
        for row, site in enumerate(sites):
            for other, change in self._differences():
                if tuple(other) != tuple(site):
                    found[row] += change / np.linalg.norm(self.position(site) - self.position(other))
        return found

    def energy(self) -> float:
        """Σ_{i<j} q_i q_j / r_ij over all ions. O(R m² Σ n_k) and as many potentials as there are changes."""
        cell, g = self.cell, self.gaussians
        total = 0.0
        for a, charge in enumerate(cell.charges):
            for b, other in enumerate(cell.charges):
                apart = (cell.positions[a] - cell.positions[b]) * cell.length
                total += charge * other * (g.weights @ np.prod([self._pairs(apart[k], k) for k in range(3)], axis=0))
        total -= float(np.prod(self.repeats)) * float(cell.charges @ cell.charges) * g.weights.sum()
        energy = 0.5 * total
        changes = self._differences()
        for number, (site, change) in enumerate(changes):
            energy += change * self._perfect(site)
            for other, also in changes[:number]:
                energy += change * also / float(np.linalg.norm(self.position(site) - self.position(other)))
        return float(energy)

    def _differences(self) -> list[tuple[tuple[int, ...], float]]:
        return [(site, new - float(self.cell.charges[site[3]])) for site, new in self.changes.items()]

    def _perfect(self, site: Sequence[int]) -> float:
        """The potential of the unchanged lattice at an ion, without its own."""
        factors = np.ones(())
        apart = self.position(site) - self.cell.positions * self.cell.length
        for k in range(3):
            factors = factors * self._sums(apart[:, k], k)
        own = self.cell.charges[site[3]] * self.gaussians.weights.sum()
        return float(self.cell.charges @ factors @ self.gaussians.weights - own)

    def _sums(self, x: np.ndarray, axis: int) -> np.ndarray:
        """Σ_n exp(−t² (x − n L)²) over the cells along an axis, shape (x, R)."""
        apart = np.subtract.outer(x, np.arange(self.repeats[axis]) * self.cell.length)
        return np.exp(-np.multiply.outer(apart**2, self.gaussians.exponents**2)).sum(axis=1)

    def _pairs(self, x: float, axis: int) -> np.ndarray:
        """Σ over pairs of cells along an axis, shape (R,): a difference of d cells occurs n − |d| times."""
        n = self.repeats[axis]
        d = np.arange(1 - n, n)
        apart = (x + d * self.cell.length) ** 2
        return np.exp(-np.multiply.outer(self.gaussians.exponents**2, apart)) @ (n - np.abs(d))
