"""Transposes: move a distributed array from one pencil to any other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from mpi4py import MPI
from mpi4py.util import dtlib

from tensorpde import backend
from tensorpde.parallel.pencil import Pencil
from tensorpde.parallel.remote import Box
from tensorpde.parallel.shared import NodeMemory, Part, Route
from tensorpde.parallel.staging import Staging
from tensorpde.parallel.traffic import given

_LARGEST_COUNT = 2**30


class Transpose:
    """A plan to move blocks of shape lead + a.local_shape to lead + b.local_shape and back.

    Any two pencils of one shape on one process grid: every value goes straight from its owner in `a` to its owner in
    `b`, all leading dimensions together. What stays on the rank is copied; what stays on the node goes through its
    memory (see `shared`); the rest is one message per pair of ranks, described to MPI by subarray types, so that there
    are no buffers and a message has a count of one however large it is.

    Parameters
    ----------
    a, b
        The pencils.

    Raises
    ------
    ValueError
        If the shapes or the process grids differ.
    """

    def __init__(self, a: Pencil, b: Pencil) -> None:
        if a.shape != b.shape or a.process_grid != b.process_grid:
            raise ValueError(
                f"a transpose needs one shape and process grid, not {a.shape} on {a.process_grid} "
                f"and {b.shape} on {b.process_grid}"
            )
        self.a, self.b = a, b
        self._comm, self._memory = a.process_grid.channel.comm, a.process_grid.channel.memory
        self._parts = {True: _parts(a, b), False: _parts(b, a)}  # of this rank's block in a, and in b
        self._sent = {side: _others(parts, self._comm.rank) for side, parts in self._parts.items()}
        self._types: dict = {}
        self._routes: dict = {}

    @staticmethod
    def between(a: Pencil, b: Pencil) -> Transpose:
        """The plan kept on the process grid for this pair of pencils."""
        plans = a.process_grid.plans
        if (a, b) not in plans:
            plans[a, b] = Transpose(a, b)
        return plans[a, b]

    @property
    def sent(self) -> int:
        """How many values this rank gives to others in `forward`, for each leading index."""
        return self._sent[True]

    def forward(self, source: Any, out: Any) -> Any:
        """Fill `out`, shape lead + b.local_shape, from `source`, shape lead + a.local_shape. Collective."""
        return self._move(source, out, from_a=True)

    def backward(self, source: Any, out: Any) -> Any:
        """Fill `out`, shape lead + a.local_shape, from `source`, shape lead + b.local_shape. Collective."""
        return self._move(source, out, from_a=False)

    def _move(self, source: Any, out: Any, from_a: bool) -> Any:
        start, end = (self.a, self.b) if from_a else (self.b, self.a)
        lead = source.shape[: source.ndim - start.ndim]
        if source.shape != lead + start.local_shape or out.shape != lead + end.local_shape or source.dtype != out.dtype:
            raise ValueError(
                f"a transpose from blocks {start.local_shape} to {end.local_shape} got {source.dtype} of shape "
                f"{source.shape} and {out.dtype} of shape {out.shape}"
            )
        given["transposes"] += self._sent[from_a] * math.prod(lead) * source.dtype.itemsize
        if not backend.of(source).on_host:
            self._through_buffers(source, out, from_a, lead)
            return out
        outgoing = self._messages(from_a, lead, source.dtype)
        incoming = self._messages(not from_a, lead, source.dtype)
        requests = [self._comm.Irecv([out, 1, kind], peer) for peer, kind in incoming]
        requests += [self._comm.Isend([source, 1, kind], peer) for peer, kind in outgoing]
        if self._memory is None:
            self._stay(source, out, from_a)
        else:
            route = self._route(self._memory, from_a, lead, source.dtype)
            self._memory.exchange(route, source, out, lambda: self._stay(source, out, from_a))
        MPI.Request.Waitall(requests)
        return out

    def _stay(self, source: Any, out: Any, from_a: bool) -> None:
        """Copy what stays on this rank."""
        me = self._comm.rank
        if me in self._parts[from_a]:
            copy = backend.of(source).blocks.copy_block
            copy(source[(..., *self._parts[from_a][me])], out[(..., *self._parts[not from_a][me])])

    def _through_buffers(self, source: Any, out: Any, from_a: bool, lead: tuple[int, ...]) -> None:
        """The same for arrays of a device."""
        kernels, me = backend.of(source), self._comm.rank
        views = [
            [(peer, array[(..., *part)]) for peer, part in self._parts[side].items() if peer != me]
            for side, array in ((from_a, source), (not from_a, out))
        ]
        key = (from_a, lead, source.dtype.char, kernels.name)
        if key not in self._routes:
            outgoing, incoming = ([(peer, view.shape) for peer, view in side] for side in views)
            self._routes[key] = Staging(self._comm, kernels, outgoing, incoming, source.dtype)
        sources, targets = ([view for _, view in side] for side in views)
        self._routes[key].exchange(sources, targets, lambda: self._stay(source, out, from_a))

    def _route(self, memory: NodeMemory, from_a: bool, lead: tuple[int, ...], dtype: np.dtype) -> Route:
        """The way through the node's memory, kept from the first use."""
        key = (from_a, lead, dtype.char)
        if key not in self._routes:
            start, end = (self.a, self.b) if from_a else (self.b, self.a)
            self._routes[key] = memory.route(lambda p, q: _part(start, p, end, q), lead, dtype)
        return self._routes[key]

    def _messages(self, of_a: bool, lead: tuple[int, ...], dtype: np.dtype) -> list[tuple[int, MPI.Datatype]]:
        """(rank, MPI type of the part) for each rank elsewhere that shares the block, kept from the first use."""
        key = (of_a, lead, dtype.char)
        if key not in self._types:
            shape = lead + (self.a if of_a else self.b).local_shape
            nearby = [self._comm.rank] if self._memory is None else self._memory.ranks
            element = dtlib.from_numpy_dtype(dtype)
            self._types[key] = [
                (peer, element.Create_subarray(shape, *_box(lead, part)).Commit())
                for peer, part in self._parts[of_a].items()
                if peer not in nearby and 0 not in lead
            ]
        return self._types[key]


def _box(lead: tuple[int, ...], part: Box) -> tuple[list[int], list[int]]:
    """Sizes and starts of a part of an array with leading dimensions."""
    sizes = [*lead, *(piece.stop - piece.start for piece in part)]
    return sizes, [*(0 for _ in lead), *(piece.start for piece in part)]


def gather(pencil: Pencil, block: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Fill `out`, shape lead + pencil.shape, on every rank from the host blocks of all. Collective."""
    comm = pencil.process_grid.comm
    given["gathered"] += block.nbytes * (comm.size - 1)
    lead = block.shape[: block.ndim - pencil.ndim]
    for rank in range(comm.size):
        part = pencil.slices_of(rank)
        shape = lead + tuple(piece.stop - piece.start for piece in part)
        if 0 in shape:
            continue
        values = np.ascontiguousarray(block) if rank == comm.rank else np.empty(shape, block.dtype)
        flat = values.reshape(-1)
        for start in range(0, flat.size, _LARGEST_COUNT):
            comm.Bcast(flat[start : start + _LARGEST_COUNT], rank)
        out[(slice(None),) * len(lead) + part] = values
    return out


def _parts(pencil: Pencil, other: Pencil) -> dict[int, Box]:
    """For each rank whose block in the other pencil meets this rank's block here: the common part, in local indices.

    The ranks after this one come first, so that not all ranks begin with the same one.
    """
    me, size = pencil.process_grid.comm.rank, pencil.process_grid.comm.size
    order = [(me + step) % size for step in range(1, size + 1)]
    common = {rank: _common(pencil, me, other, rank) for rank in order}
    return {rank: parts[0] for rank, parts in common.items() if parts is not None}


def _others(parts: dict[int, Box], me: int) -> int:
    """How many values are in the parts of other ranks."""
    return sum(math.prod(part.stop - part.start for part in box) for rank, box in parts.items() if rank != me)


def _common(a: Pencil, p: int, b: Pencil, q: int) -> tuple[Box, Box] | None:
    """What rank p owns in pencil a and rank q in pencil b: in p's and in q's local indices, or None."""
    ours, theirs = a.slices_of(p), b.slices_of(q)
    common = [(max(x.start, y.start), min(x.stop, y.stop)) for x, y in zip(ours, theirs, strict=True)]
    if any(start >= stop for start, stop in common):
        return None
    return _local(common, ours), _local(common, theirs)


def _part(start: Pencil, p: int, end: Pencil, q: int) -> Part | None:
    """What rank p sends to rank q, with the shapes of their blocks."""
    common = _common(start, p, end, q)
    if common is None:
        return None
    shapes = (tuple(piece.stop - piece.start for piece in slices) for slices in (start.slices_of(p), end.slices_of(q)))
    source, target = zip(shapes, common, strict=True)
    return source, target


def _local(common: list[tuple[int, int]], block: Box) -> Box:
    return tuple(slice(start - own.start, stop - own.start) for (start, stop), own in zip(common, block, strict=True))
