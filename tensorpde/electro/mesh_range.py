"""The long-range part of many charges on a mesh: windows, Fourier transforms, windows. Cost near-linear in charges."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.polynomial import polynomial

from tensorpde import backend as backends
from tensorpde.electro.prolate import concentrated, prolate
from tensorpde.field import Field, Space
from tensorpde.kron import Kron
from tensorpde.line import Banded, Dense, LineOperator
from tensorpde.line.band import RowBand
from tensorpde.line.modal import Modal
from tensorpde.parallel import agree
from tensorpde.tucker import Tucker, series
from tensorpde.tucker.tucker import index_grid, index_space

OVERSAMPLING = 1.15  # of the mesh: points per shortest wave, over 2
LARGEST_PRIME = 5  # in the lengths of transforms
APART = 3.0  # σ that periodic images are away from everything at least, so that they are smooth where they are cut off
AT_ONCE = 1 << 18  # modes that are transformed along the last axes while they are in cache

Box = Sequence[tuple[float, float]]


class Smooth:
    """L(r) = Φ(r/σ)/r, Φ(x) = ∫₀ˣ ψ / ∫₀¹ ψ: 1/r from σ on, exactly, and without waves shorter than 2πσ/c.

    ψ is the prolate function of band c whose edge is `error`: L has the Fourier transform 4π ψ(kσ/c)/k² up to the wave
    number c/σ, and about `error` beyond. A sum of Gaussians that is as accurate from σ on has twice the band.
    Source: J. Liang, L. Lu, A. Barnett, L. Greengard, S. Jiang, arXiv:2505.09727 (2025).
    """

    def __init__(self, sigma: float, error: float) -> None:
        self.sigma, self.profile = sigma, concentrated(error)

    @property
    def band(self) -> float:
        """The largest wave number."""
        return self.profile.band / self.sigma

    def __call__(self, r: np.ndarray) -> np.ndarray:
        """At any r ≥ 0."""
        r = np.maximum(r, 1e-9 * self.sigma)
        return self.profile.integral(r / self.sigma) / r


class Window:
    """ψ(2x/w) on w points of a mesh of spacing 1, for waves of at most θ per point, with its transform.

    Parameters
    ----------
    error
        What the waves θ − 2π, of which a mesh sees the same, come through with.
    theta
        The largest θ.

    Attributes
    ----------
    width : w.
    series, slopes : (terms, w), the window and its derivative as `backend.mesh` wants them.
    """

    def __init__(self, error: float, theta: float) -> None:
        per_point = np.pi - 0.5 * theta
        self.width = int(np.ceil(concentrated(error).band / per_point))
        self.theta, self.profile = theta, prolate(self.width * per_point)
        self.series = self._series(0.1 * error)
        self.slopes = -2.0 * polynomial.polyder(self.series)

    def _series(self, error: float) -> np.ndarray:
        steps = np.arange(self.width) - 0.5 * self.width
        for degree in range(4, 40, 2):
            places = steps + 0.5 * (series.nodes(degree)[:, None] + 1)
            fitted = series.analysis(degree) @ self.profile(2 / self.width * places)
            if np.abs(fitted[-2:]).max() <= max(error, 1e-15):
                break
        return np.ascontiguousarray(series.to_powers(degree) @ fitted)

    def transform(self, theta: np.ndarray) -> np.ndarray:
        """∫ ψ(2x/w) e^{iθx} dx."""
        return self.width * self.profile.half * self.profile(theta * self.width / (2 * self.profile.band))


_window = functools.lru_cache(maxsize=16)(Window)


class MeshRange:
    """Σ_j q_j L(|x − x_j|) in a box of free space, for a smooth L. Collective.

    Parameters
    ----------
    positions, charges
        All particles, inside the box, the same on all ranks.
    smooth
        L.
    box
        (lo, hi) of each axis.
    error
        What one unit of charge may be wrong by, times σ.
    comm
        The ranks, which share the mesh.
    backend
        Where the mesh is, and is worked on.

    Attributes
    ----------
    rank : the shape of the mesh.

    Notes
    -----
    Charges are spread to a mesh by windows; the mesh is convolved with L by Fourier transforms of twice its length (the
    kernel cut off smoothly where no two points of the box are that far apart) and divided by the windows' transforms;
    the same windows interpolate. O(N w³ + M³ log M) for w points per window and M ∝ edge/σ; lines are transformed one
    pencil after the other, those of the last two axes slab by slab in cache. The same bits on any number of ranks.
    Memory: two complex arrays of the mesh, shared by the ranks, and the mesh itself on every rank.
    Sources: R. W. Hockney, J. W. Eastwood, Computer Simulation Using Particles, 1981; A. H. Barnett, J. Magland,
    L. af Klinteberg, SIAM J. Sci. Comput. 41 (2019) C479–C504.
    """

    def __init__(
        self, positions: np.ndarray, charges: np.ndarray, smooth: Smooth, box: Box, error: float, comm: Any,
        backend: str = "numpy",
    ) -> None:  # fmt: skip
        self.box = tuple((float(lo), float(hi)) for lo, hi in box)
        theta = np.pi / OVERSAMPLING
        self.spacing = theta / smooth.band
        self.window = _window(error, theta)
        edges = np.array([hi - lo for lo, hi in self.box])
        self._backend = backends.get(backend)
        kernels = self._backend.mesh
        counts = (np.ceil(edges / self.spacing) + self.window.width + 1).astype(int)
        self.rank = (int(counts[0]), int(counts[1]), int(counts[2]) + kernels.PADDING)
        self._origin = np.array(self.box)[:, 0] - 0.5 * self.window.width * self.spacing
        space = Space(index_grid(self.rank), comm, backend, process_grid=(_ranks(comm, self.rank),))
        images = _Images(smooth, self.window, self.spacing, edges)
        pencil = space.pencil_for(0)
        block = space.zeros(pencil=pencil)
        with agree(comm, "spreading charges"):
            kernels.spread(
                block.local, pencil.slices[1].start or 0, self._places(positions), charges, self.window.series
            )
        whole = images.convolved(block)
        alone = comm.size == 1
        self.values = whole.to(space.pencil).local if alone else self._backend.asarray(whole.gather())

    def _places(self, points: np.ndarray) -> np.ndarray:
        return (points - self._origin) / self.spacing

    def __repr__(self) -> str:
        return f"MeshRange(mesh {self.rank}, spacing {self.spacing:.3g}, windows of {self.window.width} points)"

    def values_and_gradients(self, points: np.ndarray) -> np.ndarray:
        """Potential and its gradient at points (m, 3) of the box, (m, 4), on the host. Not collective. O(m w³)."""
        places = self._places(points)
        found = self._backend.mesh.interpolate(self.values, places, self.window.series, self.window.slopes)
        found = self._backend.to_host(found)
        found[:, 1:] /= self.spacing
        return found

    def on_grid(self, points: Sequence[np.ndarray]) -> Tucker:
        """Values on a tensor grid as a Tucker tensor: the mesh is its core, windows are its factors."""
        return Tucker(self._backend.to_host(self.values), [self._windows(k, x) for k, x in enumerate(points)])

    def field(self, space: Space) -> Field:
        """The Field of values at the points of a Space inside the box. Collective."""
        small = index_space(space, self.rank, np.result_type(space.dtype, self.values))
        core = Field(small, self._backend.copy(self.values[small.pencil.slices]).astype(small.dtype))
        windows = {k: Dense(self._windows(k, axis.x)) for k, axis in enumerate(space.axes)}
        return Kron(small, windows, range=space) @ core

    def _windows(self, axis: int, x: np.ndarray) -> np.ndarray:
        """The matrix from the mesh to coordinates along one axis."""
        first, values = backends.get("numpy").mesh.lines((x - self._origin[axis]) / self.spacing, self.window.series)
        matrix = np.zeros((len(x), self.rank[axis]))
        np.put_along_axis(matrix, first[:, None] + np.arange(self.window.width), values, axis=1)
        return matrix


def _ranks(comm: Any, shape: Sequence[int]) -> int:
    return int(min(comm.size, *shape))


class _Images:
    """Convolution with L on a mesh: periodic, with images so far away that they do not count."""

    def __init__(self, smooth: Smooth, window: Window, spacing: float, edges: np.ndarray) -> None:
        self.smooth, self.window, self.spacing = smooth, window, spacing
        self.ramp = int(np.ceil(1.25 * smooth.profile.band / np.pi))
        apart = np.maximum(edges, APART * smooth.sigma) / spacing + self.ramp
        self.halves = [_length(int(np.ceil(n))) for n in apart]

    def convolved(self, block: Field) -> Field:
        """The mesh after the convolution, in the pencil that it came in. Collective."""
        space, spectrum = block.space, self._spectrum(block.space)
        modal, m = Modal("rfft", 2 * self.halves[0]), space.shape[0]
        padding = RowBand.from_matrix(np.eye(modal.n, m))
        forward = Kron(space, {0: modal @ Banded(padding)})
        modes = (forward @ block).to(forward.range.pencil)
        self._slabs(modes.local, spectrum)
        backward = Kron(forward.range, {0: Banded(padding.T) @ modal.inverse()}, range=space)
        return backward @ modes.to(block.pencil.reshaped(modes.space.shape))

    def _slabs(self, modes: Any, spectrum: Any) -> None:
        """What is left to do along the last two axes, in place, a few values of the first at a time."""
        (n, m), shape = self.halves[1:], modes.shape[1:]
        along, across = Modal("fft", 2 * n), Modal("fft", 2 * m)
        step = max(1, min(len(modes), AT_ONCE // (4 * n * m)))
        zeros = backends.of(modes).zeros
        tall, wide = zeros((step, 2 * n, shape[1]), complex), zeros((step, 2 * n, 2 * m), complex)
        for first in range(0, len(modes), step):
            here = modes[first : first + step]
            tall[: len(here), : shape[0]], tall[: len(here), shape[0] :] = here, 0.0
            along.apply(tall, 1, out=tall)
            wide[..., : shape[1]], wide[..., shape[1] :] = tall, 0.0
            across.apply(wide, 2, out=wide)
            _mirrored(wide[: len(here)], spectrum[first : first + step])
            across.inverse().apply(wide, 2, out=wide)
            tall[...] = wide[..., : shape[1]]
            along.inverse().apply(tall, 1, out=tall)
            here[...] = tall[: len(here), : shape[0]]

    def _spectrum(self, space: Space) -> Any:
        """This rank's share of the modes 0…n along each axis, of L with images over the transforms of both windows."""
        samples = space.like(grid=index_grid([n + self.ramp + 1 for n in self.halves]))
        squares = [
            (self.spacing * np.arange(part.start, part.stop)) ** 2 for part in map(_known, samples.pencil.slices)
        ]
        r = np.sqrt(squares[0][:, None, None] + squares[1][:, None] + squares[2])
        near = r < self.smooth.sigma
        with np.errstate(divide="ignore"):
            values = 1 / r
        values[near] = self.smooth(r[near])
        transform = Kron(samples, {k: self._cosines(n) for k, n in enumerate(self.halves)})
        return (transform @ Field(samples, space.backend.asarray(values))).to(transform.range.pencil).local

    def _cosines(self, n: int) -> LineOperator:
        """Samples 0…n + ramp of an even function to modes 0…n of its periodic images, over the window twice."""
        j, last = np.arange(n + 1), np.arange(n + self.ramp + 1)
        folded = np.eye(n + 1, len(last))
        back = last[n:]
        np.add.at(folded, (2 * n - back, back), 1.0)
        folded *= 0.5 * (1 - self.smooth.profile.integral((last - n) / self.ramp))
        theta = np.pi / n * j
        kept = theta <= self.window.theta * (1 + 1e-12)
        window = np.where(kept, self.window.transform(np.where(kept, theta, 0.0)), np.inf)
        return Banded.diagonal(1 / window**2) @ Modal("dct1", n + 1) @ Banded(RowBand.from_matrix(folded))


def _known(part: slice) -> slice:
    return slice(part.start or 0, part.stop or 0)


def _mirrored(modes: Any, spectrum: Any) -> None:
    """Multiply modes 0…2n−1 along the last two axes by a spectrum of modes 0…n that is even in both."""
    n, m = spectrum.shape[1] - 1, spectrum.shape[2] - 1
    halves = [[(slice(0, k + 1), slice(None)), (slice(k + 1, None), slice(k - 1, 0, -1))] for k in (n, m)]
    for here, there in halves[0]:
        for along, from_ in halves[1]:
            modes[:, here, along] *= spectrum[:, there, from_]


def _length(n: int) -> int:
    """The next number without prime factors above 5."""
    while True:
        rest = n
        for prime in range(2, LARGEST_PRIME + 1):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 1
