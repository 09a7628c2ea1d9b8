"""Pencils: which block of a global array each rank owns, and along which axes whole lines are at hand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

from mpi4py import MPI

from tensorpde.backend.workspace import Workspace
from tensorpde.parallel.comm import channel


class ProcessGrid:
    """Ranks of a communicator arranged as a Cartesian array, in C order. Collective.

    Parameters
    ----------
    comm
        The communicator. Transposes use a private duplicate of it.
    dims
        Number of ranks along each direction. Their product may be less than the number of ranks: the ranks left over
        own nothing. () is one rank.

    Raises
    ------
    ValueError
        If a direction is empty or the product of dims exceeds the number of ranks.
    """

    def __init__(self, comm: MPI.Intracomm, dims: Sequence[int]) -> None:
        self.dims = tuple(int(size) for size in dims)
        if any(size < 1 for size in self.dims) or math.prod(self.dims) > comm.size:
            raise ValueError(f"process grid {self.dims} does not fit a communicator of {comm.size} ranks")
        self.comm = comm
        self.channel = channel(comm)
        self.plans: dict = {}
        self._workspaces: dict[str, Workspace] = {}

    def workspace(self, backend: ModuleType) -> Workspace:
        """The work arrays that all operators on this process grid share, for one backend."""
        return self._workspaces.setdefault(backend.name, Workspace(backend))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ProcessGrid) and self.dims == other.dims and self.comm == other.comm

    def __hash__(self) -> int:
        return hash(self.dims)

    def __repr__(self) -> str:
        return f"ProcessGrid({self.dims} of {self.comm.size} ranks)"

    def coordinates(self, rank: int) -> tuple[int, ...] | None:
        """Position of a rank in the process grid; None for a rank left over."""
        if rank >= math.prod(self.dims):
            return None
        place = []
        for size in reversed(self.dims):
            rank, here = divmod(rank, size)
            place.append(here)
        return tuple(reversed(place))

    def home(self, shape: Sequence[int]) -> Pencil:
        """The pencil with axis i over direction i of the process grid, the last axis whole."""
        spread = min(len(self.dims), len(shape) - 1)
        return Pencil(tuple(shape), self, (*range(spread), *[None] * (len(shape) - spread)))


@dataclass(frozen=True)
class Pencil:
    """A distribution of a global array: axis a is cut along direction distribution[a] of a process grid, or is whole.

    The blocks along an axis differ by at most one point, the longer ones first. Where a direction of the process grid
    cuts no axis, only its first ranks own data. A rank that owns nothing has a local shape with one zero in it.

    Parameters
    ----------
    shape
        Global shape.
    process_grid
        The ranks.
    distribution
        For each axis the direction of the process grid that cuts it, or None. Directions of one rank count as None.

    Raises
    ------
    ValueError
        If the distribution does not fit the shape or the process grid, or uses a direction twice.
    """

    shape: tuple[int, ...]
    process_grid: ProcessGrid
    distribution: tuple[int | None, ...]

    def __post_init__(self) -> None:
        dims = self.process_grid.dims
        used = [direction for direction in self.distribution if direction is not None]
        if len(self.distribution) != len(self.shape):
            raise ValueError(f"distribution {self.distribution} does not fit the shape {self.shape}")
        if len(set(used)) != len(used) or any(not 0 <= direction < len(dims) for direction in used):
            raise ValueError(f"distribution {self.distribution} must use each direction of {dims} at most once")
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        canonical = (None if cut is None or dims[cut] == 1 else cut for cut in self.distribution)
        object.__setattr__(self, "distribution", tuple(canonical))

    @property
    def ndim(self) -> int:
        """Number of (distributed) axes."""
        return len(self.shape)

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """This rank's block of the global array."""
        return self.slices_of(self.process_grid.comm.rank)

    @cached_property
    def local_shape(self) -> tuple[int, ...]:
        """Shape of this rank's block."""
        return tuple(part.stop - part.start for part in self.slices)

    @property
    def is_empty(self) -> bool:
        """Whether this rank owns nothing."""
        return 0 in self.local_shape

    def is_whole(self, axis: int) -> bool:
        """Whether lines along `axis` are whole on every rank that owns any."""
        return self.distribution[axis] is None

    def slices_of(self, rank: int) -> tuple[slice, ...]:
        """The block of the global array that `rank` owns."""
        place = self.process_grid.coordinates(rank)
        if place is None or not self._owns(rank):
            cut = [axis for axis in range(self.ndim) if not self.is_whole(axis)]
            nothing = cut[0] if cut else 0
            return tuple(slice(0, 0 if axis == nothing else self._span(axis, 0).stop) for axis in range(self.ndim))
        return tuple(
            self._span(axis, 0 if direction is None else place[direction])
            for axis, direction in enumerate(self.distribution)
        )

    def _owns(self, rank: int) -> bool:
        place = self.process_grid.coordinates(rank)
        return place is not None and all(
            here == 0 or direction in self.distribution for direction, here in enumerate(place)
        )

    def _span(self, axis: int, part: int) -> slice:
        direction = self.distribution[axis]
        parts = 1 if direction is None else self.process_grid.dims[direction]
        least, longer = divmod(self.shape[axis], parts)
        return slice(part * least + min(part, longer), (part + 1) * least + min(part + 1, longer))

    def aligned(self, axis: int) -> Pencil:
        """The nearest pencil with `axis` whole: itself, or `axis` exchanged with a whole axis.

        The other axis is one with a point for every rank if there is any, the closest of those, the first of equals. If
        no other axis is whole (one dimension), the first ranks of the direction collect the lines.
        """
        if not -self.ndim <= axis < self.ndim:
            raise IndexError(f"axis {axis} is none of the {self.ndim} axes of {self.shape}")
        axis %= self.ndim
        direction = self.distribution[axis]
        if direction is None:
            return self
        ranks = self.process_grid.dims[direction]
        whole = [other for other in range(self.ndim) if self.is_whole(other)]
        changed = list(self.distribution)
        changed[axis] = None
        if whole:
            other = min(whole, key=lambda other: (self.shape[other] < ranks, abs(other - axis), other))
            changed[other] = direction
        return Pencil(self.shape, self.process_grid, tuple(changed))

    def reshaped(self, shape: Sequence[int]) -> Pencil:
        """The same distribution of an array of another shape with as many axes."""
        return Pencil(tuple(shape), self.process_grid, self.distribution)

    def without(self, axis: int) -> Pencil:
        """The distribution of what is left when a whole `axis` has been reduced away."""
        axis = range(self.ndim)[axis]
        if not self.is_whole(axis):
            raise ValueError(f"axis {axis} is cut by direction {self.distribution[axis]}: it cannot be reduced")
        keep = [other for other in range(self.ndim) if other != axis]
        return Pencil(
            tuple(self.shape[other] for other in keep),
            self.process_grid,
            tuple(self.distribution[other] for other in keep),
        )
