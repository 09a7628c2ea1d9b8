"""Transposes: move a distributed array from one pencil to any other."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpi4py import MPI
from mpi4py.util import dtlib

from tensorpde.parallel.pencil import Pencil

_LARGEST_COUNT = 2**30
_Slices = tuple[slice, ...]


class Transpose:
    """A plan to move blocks of shape lead + a.local_shape to lead + b.local_shape and back.

    Any two pencils of one shape on one process grid: every value goes straight from its owner in `a` to its owner in
    `b`, in one message per pair of ranks for all leading dimensions. Subarray types describe the messages to MPI, so
    there are no buffers to pack: MPI moves strided parts through fragments that stay in cache, and a message has a
    count of one however large it is. What stays on the rank is copied without MPI.

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
        self._comm = a.process_grid.messages
        self._parts = {True: _parts(a, b), False: _parts(b, a)}  # of this rank's block in a, and in b
        self._types: dict = {}

    @staticmethod
    def between(a: Pencil, b: Pencil) -> Transpose:
        """The plan kept on the process grid for this pair of pencils."""
        plans = a.process_grid.plans
        if (a, b) not in plans:
            plans[a, b] = Transpose(a, b)
        return plans[a, b]

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
        outgoing = self._messages(from_a, lead, source.dtype)
        incoming = self._messages(not from_a, lead, source.dtype)
        requests = [self._comm.Irecv([out, 1, kind], peer) for peer, kind in incoming]
        requests += [self._comm.Isend([source, 1, kind], peer) for peer, kind in outgoing]
        me = self._comm.rank
        if me in self._parts[from_a]:
            out[(..., *self._parts[not from_a][me])] = source[(..., *self._parts[from_a][me])]
        MPI.Request.Waitall(requests)
        return out

    def _messages(self, of_a: bool, lead: tuple[int, ...], dtype: np.dtype) -> list[tuple[int, MPI.Datatype]]:
        """(rank, MPI type of the part) for each other rank that shares this rank's block, kept from the first use."""
        key = (of_a, lead, dtype.char)
        if key not in self._types:
            shape = lead + (self.a if of_a else self.b).local_shape
            element = dtlib.from_numpy_dtype(dtype)
            self._types[key] = [
                (peer, element.Create_subarray(shape, *_box(lead, part)).Commit())
                for peer, part in self._parts[of_a].items()
                if peer != self._comm.rank and 0 not in lead
            ]
        return self._types[key]


def _box(lead: tuple[int, ...], part: _Slices) -> tuple[list[int], list[int]]:
    """Sizes and starts of a part of an array with leading dimensions."""
    sizes = [*lead, *(piece.stop - piece.start for piece in part)]
    return sizes, [*(0 for _ in lead), *(piece.start for piece in part)]


def gather(pencil: Pencil, block: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Fill `out`, shape lead + pencil.shape, on every rank from the host blocks of all. Collective."""
    comm = pencil.process_grid.comm
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


def _parts(pencil: Pencil, other: Pencil) -> dict[int, _Slices]:
    """For each rank whose block in the other pencil meets this rank's block here: the common part, in local indices.

    The ranks after this one come first, so that not all ranks begin with the same one.
    """
    comm = pencil.process_grid.comm
    parts = {}
    for step in range(1, comm.size + 1):
        rank = (comm.rank + step) % comm.size
        block = zip(pencil.slices, other.slices_of(rank), strict=True)
        common = [(max(p.start, q.start), min(p.stop, q.stop)) for p, q in block]
        if all(start < stop for start, stop in common):
            parts[rank] = tuple(
                slice(start - own.start, stop - own.start)
                for (start, stop), own in zip(common, pencil.slices, strict=True)
            )
    return parts
