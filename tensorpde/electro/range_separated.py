"""Potentials, fields, energies and forces of many point charges by range separation, with a measured error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tensorpde.boundary import Neumann
from tensorpde.electro.long_range import Box
from tensorpde.electro.split import Split, in_tucker, mesh_sigma, on_mesh, tucker_sigma
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.parallel import agree, world
from tensorpde.parallel.blocks import collected, computed, own, pieces
from tensorpde.parallel.devices import prepared
from tensorpde.tucker import Tucker

BLOCK = 256  # targets per block of work, whatever the number of ranks
DIRECT_PAIRS = 3e7  # up to so many pairs are summed one by one: about 60 ms
LONG = ("mesh", "tucker")
SAMPLES = 64
ROUNDS = 5
FIELD = 10.0  # times the tolerance: what the field may be wrong by, relative to its root mean square
MARGIN = 0.1  # of the tolerance, for each of quadrature, coefficients and rank
MOST_BLOCKS = 256  # of work, where there are many targets
MARGIN_OF_BOX = 0.05  # of its edges, on each side


@dataclass(frozen=True)
class Accuracy:
    """What was measured: errors relative to the largest |potential| (field: root mean squares).

    `terms` is the number of Gaussians, 0 on a mesh, and `rank` that of the long-range part or the shape of the mesh.
    """

    particles: float
    points: float
    field: float
    samples: int
    sigma: float
    terms: int
    rank: tuple[int, ...]

    def __str__(self) -> str:
        return (
            f"measured at {self.samples} samples: potential {self.particles:.1e} at particles, {self.points:.1e} at "
            f"points, field {self.field:.1e} (σ = {self.sigma:.3g}, "
            + (f"{self.terms} Gaussians, rank {self.rank})" if self.terms else f"mesh {self.rank})")
        )


class RangeSeparated:
    """Σ_j q_j / |x − x_j| of N point charges in free space, in Gaussian-like units. Collective.

    Parameters
    ----------
    positions, charges
        (N, 3) and (N,): the same on all ranks, or with `distributed` each rank's own.
    tol
        Wanted error of the potential, relative to its largest modulus at particles.
    comm
        The ranks that share the work; None for all of the job.
    distributed
        Whether each rank gives its own particles and points and gets their results. Otherwise results are replicated,
        and the same bits on any number of ranks.
    box
        ((lo, hi), …) of grids; default: the bounding box of the particles and 10 %. Particles may lie outside.
    sigma
        Range of the short part; None: chosen by a cost model for each use.
    direct
        Whether sums are made pair by pair; None where this is cheaper (up to 3e7 pairs).
    long
        How the long-range part is built: "mesh", by Fourier transforms (`MeshRange`), or "tucker", as a polynomial in
        the Chebyshev–Tucker format from a sum of Gaussians (`long_range`).
    backend
        Where sums over pairs, the mesh and the Fields of `grid` are. Particles, results at points, and what is in the
        Tucker format are on the host of every rank.

    Raises
    ------
    ValueError
        If shapes do not fit, numbers are not finite, two particles coincide, or tol is not in [1e-11, 0.1]; the same on
        all ranks.

    Notes
    -----
    1/r = long + short, where long is smooth and 1/r from σ on, and short the exact rest, which ends at σ. The latter
    is summed over neighbours in cells, O(N ρ σ³). The long part on a mesh of M ∝ edge/σ points per axis takes
    O(N w³ + M³ log M), windows having w points: with the σ that a cost model chooses, time is near-linear in N. In the
    Tucker format its degree and rank r grow like edge/σ, it takes O(r³) per particle, and is a function that is known
    without a mesh. On grids of n points per axis either takes O(Σ n r) memory in factors.
    Parts are made when they are first needed, and verified against direct sums at 64 particles before they are used;
    where the error of the potential is above tol, or that of the field above 10 tol, they are made again with smaller
    tolerances.
    Memory: positions of all particles on every rank (32 bytes each), sorted ones (40 bytes), cells (8 bytes); and the
    mesh (8 bytes a point) with the ranks' shares of two complex arrays of its size, or m² per Gaussian and core r³.
    Source: P. Benner, V. Khoromskaia, B. N. Khoromskij, SIAM J. Sci. Comput. 40 (2018) A1034–A1062; P. Benner et al.,
    arXiv:2503.01696 (2025).
    """

    def __init__(
        self, positions: Any, charges: Any, tol: float = 1e-6, comm: Any = None, distributed: bool = False,
        box: Box | None = None, sigma: float | None = None, direct: bool | None = None, long: str = "mesh",
        backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.comm, self.tol, self.distributed = world(comm), tol, distributed
        self.sigma, self.direct, self.long, self.backend = sigma, direct, long, backend
        self._kernels = prepared(backend, self.comm)
        with agree(self.comm, "reading particles"):
            _settings(tol, sigma, long)
            x, q = particles(positions, charges)
        self._own = slice(0, len(q))
        if distributed:
            together = collected(self.comm, np.column_stack([x, q]))
            first = int(collected(self.comm, np.array([len(q)]))[: self.comm.rank].sum())
            self._own = slice(first, first + len(q))
            x, q = np.ascontiguousarray(together[:, :3]), np.ascontiguousarray(together[:, 3])
        with agree(self.comm, "reading particles"):
            _apart(x)
            self.box = _box(x) if box is None else checked_box(box)
        self.positions, self.charges = x, q
        ends = np.array(self.box)
        corners = np.concatenate([x, ends.T])
        self.domain = tuple((float(lo), float(hi)) for lo, hi in zip(corners.min(axis=0), corners.max(axis=0)))
        self._splits: dict[float, Split] = {}
        self._known: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of particles on all ranks."""
        return len(self.charges)

    def potential(self, points: Any = None) -> np.ndarray:
        """Σ_j q_j / r_j at points (m, 3), or without them at the particles, each without its own. Collective.

        A charge exactly at a point does not count. Points outside the domain of particles and box get direct sums.
        """
        return self._values(points)[:, 0]

    def field(self, points: Any = None) -> np.ndarray:
        """−∇ of the potential, shape (m, 3). Collective."""
        return self._values(points)[:, 1:]

    def energy(self) -> float:
        """Σ_{i<j} q_i q_j / r_ij. Collective."""
        return float(0.5 * np.sum(self.charges * self._at_particles()[:, 0]))

    def forces(self) -> np.ndarray:
        """q_i times the field of the others at x_i, shape (N, 3) (with `distributed`: own ones). Collective."""
        return self.charges[self._own, None] * self._at_particles()[self._own, 1:]

    def grid(self, points: int | Sequence[int] | float) -> Field:
        """The potential as a distributed Field on the box, walls included. Collective.

        Parameters
        ----------
        points
            Number of points along all axes or each; or, a float, the largest spacing.

        Notes
        -----
        Short range: 4.2 (σ/h)³ points per particle that a rank's block reaches; long range: the Kron of dense line
        operators from the mesh or the core to the grid. Memory: one field and one that is transposed.
        """
        return self.on(self._space(points))

    def on(self, space: Space) -> Field:
        """The potential at the points of a Space in three dimensions within the domain. Collective.

        Raises
        ------
        ValueError
            If the Space leaves the domain.
        """
        with agree(self.comm, "choosing a grid"):
            if space.ndim != 3:
                raise ValueError(f"a Space of {space.ndim} dimensions given, 3 needed")
            for axis, (lo, hi) in zip(space.axes, self.domain, strict=True):
                if axis.x.min() < lo - 1e-9 * (hi - lo) or axis.x.max() > hi + 1e-9 * (hi - lo):
                    raise ValueError(f"{axis} leaves the domain from {lo} to {hi}: name a larger box")
        if self._is_direct(prod(space.shape)):
            block = np.stack(np.broadcast_arrays(*space.coordinates()), axis=-1).reshape(-1, 3)
            values = self._directly(block)[:, 0].reshape(space.pencil.local_shape)
            return Field(space, space.backend.asarray(values))
        split = self.split(space.shape)
        result = split.long.field(space).to(space.pencil)
        lines = tuple(np.ravel(x) for x in space.coordinates())
        with agree(self.comm, "adding the short range"):
            split.short.add_to(result.local, lines)
        return result

    def factors(self, points: int | Sequence[int] | float) -> Tucker:
        """The long-range part at the points of `grid` as a Tucker tensor: O(Σ n r) memory for any n. Collective."""
        axes = self._axes(points)
        return self.split(tuple(axis.n for axis in axes)).long.on_grid([axis.x for axis in axes])

    def check(self, samples: int = 200) -> Accuracy:
        """Errors against direct sums at random particles, and at random points of the box no closer than σ/10 to one.

        Collective. O(samples · N). Without particles all is 0.
        """
        if samples < 1:
            raise ValueError(f"samples={samples}: at least 1 is needed")
        if len(self) == 0:
            return Accuracy(0.0, 0.0, 0.0, 0, 0.0, 0, ())
        split = self.split()
        random = np.random.default_rng(1)
        chosen = random.choice(len(self), min(samples, len(self)), replace=False)
        lo, hi = np.array(self.box).T
        points = random.uniform(lo, hi, (samples, 3))
        near = [((self.positions - p) ** 2).sum(axis=1).min() < (0.1 * split.sigma) ** 2 for p in points]
        points = points[~np.array(near, dtype=bool)]
        exact, free = self._compared(self.positions[chosen]), self._compared(points)
        found, at_points = self._blocks(self.positions[chosen], split), self._blocks(points, split)
        scale = np.abs(exact[:, 0]).max(initial=0.0) or 1.0
        return Accuracy(
            float(np.abs(found - exact)[:, 0].max(initial=0.0) / scale),
            float(np.abs(at_points - free)[:, 0].max(initial=0.0) / scale),
            float(np.linalg.norm((found - exact)[:, 1:]) / (np.linalg.norm(exact[:, 1:]) or 1.0)),
            len(chosen) + len(points), split.sigma, split.terms, split.long.rank,
        )  # fmt: skip

    def split(self, shape: tuple[int, ...] | None = None) -> Split:
        """Both parts for sums over particles, or for a grid of some shape; made once for each σ. Collective.

        Raises
        ------
        ValueError
            If there is no particle.
        RuntimeError
            If the tolerance is not met after five rounds.
        """
        if len(self) == 0:
            raise ValueError("there are 0 particles: nothing to split into ranges")
        sigma = self._chosen(shape)
        if sigma not in self._splits:
            self._splits[sigma] = self._verified(sigma)
        return self._splits[sigma]

    def _chosen(self, shape: tuple[int, ...] | None) -> float:
        if self.sigma is not None:
            return min(self.sigma, 0.5 * float(np.linalg.norm(np.ptp(np.array(self.domain), axis=1))))
        if self.long == "mesh":
            return mesh_sigma(self.positions, self.domain, self.tol, shape)
        edges = np.ptp(np.array(self.box), axis=1)
        spacing = None if shape is None else float((edges / (np.array(shape) - 1)).max())
        return tucker_sigma(len(self), self.domain, self.tol, spacing)

    def _verified(self, sigma: float) -> Split:
        random, build = np.random.default_rng(0), on_mesh if self.long == "mesh" else in_tucker
        chosen = self.positions[random.choice(len(self), min(SAMPLES, len(self)), replace=False)]
        exact = self._compared(chosen)
        size = float(np.linalg.norm(self.charges)) or 1.0
        scale = float(np.abs(exact[:, 0]).max()) or size / sigma
        steep = float(np.linalg.norm(exact[:, 1:])) or scale / sigma
        wanted = MARGIN * self.tol * scale
        for _ in range(ROUNDS):
            split = build(self.positions, self.charges, sigma, wanted, self.domain, self.comm, self.backend)
            wrong = self._blocks(chosen, split) - exact
            error = max(np.abs(wrong[:, 0]).max() / scale, np.linalg.norm(wrong[:, 1:]) / (FIELD * steep))
            if error <= 0.5 * self.tol:
                return split
            wanted *= max(0.02, 0.25 * self.tol / float(error))
        raise RuntimeError(f"the error at particles is {error:.1e} and not below tol={self.tol:.1e} with σ={sigma:.3g}")

    def _values(self, points: Any) -> np.ndarray:
        if points is None:
            return self._at_particles()[self._own]
        with agree(self.comm, "reading points"):
            x = np.ascontiguousarray(points, float)
            if x.ndim != 2 or x.shape[1] != 3:
                raise ValueError(f"points of shape {x.shape} given, (m, 3) needed")
            if not np.isfinite(x).all():
                bad = int(np.flatnonzero(~np.isfinite(x).all(axis=1))[0])
                raise ValueError(f"point {bad} is {x[bad]}: not finite")
        if not self.distributed:
            return self._somewhere(x)
        counts = collected(self.comm, np.array([len(x)]))
        first = int(counts[: self.comm.rank].sum())
        return self._somewhere(collected(self.comm, x))[first : first + len(x)]

    def _at_particles(self) -> np.ndarray:
        if self._known is None:
            self._known = self._somewhere(self.positions)
        return self._known

    def _somewhere(self, x: np.ndarray) -> np.ndarray:
        """Potential and field at points that all ranks have. Collective."""
        if self._is_direct(len(x)):
            return self._compared(x)
        lo, hi = np.array(self.domain).T
        inside = ((x >= lo) & (x <= hi)).all(axis=1)
        result = np.empty((len(x), 4))
        result[inside] = self._blocks(x[inside], self.split())
        result[~inside] = self._compared(x[~inside])
        return result

    def _is_direct(self, targets: int) -> bool:
        if len(self) == 0:
            return True
        return targets * len(self) <= DIRECT_PAIRS if self.direct is None else self.direct

    def _blocks(self, x: np.ndarray, split: Split) -> np.ndarray:
        order, result = split.short.sorted(x), np.empty((len(x), 4))
        result[order] = computed(self.comm, len(x), _size(len(x)), (4,), lambda part: split.at(x[order[part]]))
        return result

    def targets(self, x: np.ndarray, split: Split) -> np.ndarray:
        """The numbers of those of the points x at which this rank makes the sums."""
        order, blocks = split.short.sorted(x), pieces(len(x), _size(len(x)))
        return np.concatenate([order[:0], *(order[blocks[k]] for k in own(self.comm, len(blocks)))])

    def _compared(self, x: np.ndarray) -> np.ndarray:
        """The direct sums, shared by the ranks."""
        return computed(self.comm, len(x), BLOCK, (4,), lambda part: self._directly(x[part]))

    def _directly(self, x: np.ndarray) -> np.ndarray:
        return self._kernels.to_host(self._kernels.particles.direct(x, self.positions, self.charges))

    def _space(self, points: int | Sequence[int] | float) -> Space:
        return Space(Grid(*self._axes(points)), self.comm, self.backend)

    def _axes(self, points: int | Sequence[int] | float) -> list[Axis]:
        if isinstance(points, (float, np.floating)):
            if not 0 < points < np.inf:
                raise ValueError(f"a spacing of {points} is none: it must be more than 0")
            counts = [max(2, int(np.ceil((hi - lo) / points - 1e-9)) + 1) for lo, hi in self.box]
        elif isinstance(points, (int, np.integer)):
            counts = [int(points)] * 3
        else:
            counts = [int(n) for n in points]
        if len(counts) != 3 or min(counts) < 2:
            raise ValueError(f"a grid of {points} points is none: 2 or more are needed along each of 3 axes")
        return [Axis(n, lo, hi, bc=Neumann()) for n, (lo, hi) in zip(counts, self.box, strict=True)]


def _size(targets: int) -> int:
    """Targets of a block of work."""
    return max(BLOCK, targets // MOST_BLOCKS)


def particles(positions: Any, charges: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays (N, 3) and (N,); ValueError for other shapes, and for numbers that are not real and finite."""
    given = np.asarray(positions), np.asarray(charges)
    if not given[0].size:
        given = given[0].reshape(0, 3), given[1]
    if given[0].ndim != 2 or given[0].shape[1] != 3 or any(a.dtype.kind not in "fiub" for a in given):
        raise ValueError(
            f"positions are real numbers (N, 3) and charges (N,), not {given[0].dtype} of shape {given[0].shape} and "
            f"{given[1].dtype} of shape {given[1].shape}"
        )
    x, q = (np.ascontiguousarray(a, float) for a in (given[0], given[1].reshape(-1)))
    if len(x) != len(q):
        raise ValueError(f"{len(x)} positions but {len(q)} charges")
    if not (np.isfinite(x).all() and np.isfinite(q).all()):
        bad = int(np.flatnonzero(~(np.isfinite(x).all(axis=1) & np.isfinite(q)))[0])
        raise ValueError(f"particle {bad} has position {x[bad]} and charge {q[bad]}: not finite")
    return x, q


def _settings(tol: float, sigma: float | None, long: str) -> None:
    if long not in LONG:
        raise ValueError(f"long={long!r} is none of {', '.join(LONG)}")
    if sigma is not None and not 0 < sigma < np.inf:
        raise ValueError(f"sigma={sigma} is not a length above 0")
    if not 1e-11 <= tol <= 0.1:
        raise ValueError(f"tol={tol} is not between 1e-11 and 0.1")


def _apart(x: np.ndarray) -> None:
    order = np.lexsort(x.T)
    same = np.flatnonzero((x[order[1:]] == x[order[:-1]]).all(axis=1))
    if len(same):
        i, j = sorted((int(order[same[0]]), int(order[same[0] + 1])))
        raise ValueError(f"particles {i} and {j} are both at {x[i]}: their energy is infinite")


def _box(x: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The bounding box and 5 % on each side, of the longest edge where one is short; a unit box for one particle."""
    if len(x) == 0:
        return ((-0.5, 0.5),) * 3
    lo, hi = x.min(axis=0), x.max(axis=0)
    longest = float((hi - lo).max()) or 10.0
    pad = MARGIN_OF_BOX * np.maximum(hi - lo, longest)
    return tuple((float(a), float(b)) for a, b in zip(lo - pad, hi + pad))


def checked_box(box: Any) -> tuple[tuple[float, float], ...]:
    """((lo, hi), …) of three axes; ValueError if it is not that."""
    ends = np.asarray(box, float)
    if ends.shape != (3, 2) or not np.isfinite(ends).all() or not (ends[:, 0] < ends[:, 1]).all():
        raise ValueError(f"a box is three pairs lo < hi, not {box}")
    return tuple((float(lo), float(hi)) for lo, hi in ends)
