"""Transposes: move a distributed array from one pencil to any other."""

from __future__ import annotations

from collections.abc import Sequence
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
    `b`, in one message per pair of ranks for all leading dimensions. What stays on the rank is copied without MPI.

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
        ranks = range(self._comm.size)
        self._parts_of_a = _parts(a, [b.slices_of(rank) for rank in ranks])
        self._parts_of_b = _parts(b, [a.slices_of(rank) for rank in ranks])
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
        return self._move(source, out, self.a, self.b, self._parts_of_a, self._parts_of_b)

    def backward(self, source: Any, out: Any) -> Any:
        """Fill `out`, shape lead + a.local_shape, from `source`, shape lead + b.local_shape. Collective."""
        return self._move(source, out, self.b, self.a, self._parts_of_b, self._parts_of_a)

    def _move(self, source: Any, out: Any, start: Pencil, end: Pencil, send: dict, receive: dict) -> Any:
        lead = source.shape[: source.ndim - start.ndim]
        if source.shape != lead + start.local_shape or out.shape != lead + end.local_shape or source.dtype != out.dtype:
            raise ValueError(
                f"a transpose from blocks {start.local_shape} to {end.local_shape} got {source.dtype} of shape "
                f"{source.shape} and {out.dtype} of shape {out.shape}"
            )
        me = self._comm.rank
        requests = [
            self._comm.Irecv([out, 1, self._type(out, lead, part)], peer)
            for peer, part in receive.items()
            if peer != me
        ]
        requests += [
            self._comm.Isend([source, 1, self._type(source, lead, part)], peer)
            for peer, part in send.items()
            if peer != me
        ]
        if me in send:
            out[(..., *receive[me])] = source[(..., *send[me])]
        MPI.Request.Waitall(requests)
        return out

    def _type(self, array: np.ndarray, lead: tuple[int, ...], part: _Slices) -> MPI.Datatype:
        """The committed MPI type of one part of an array, made at its first use."""
        key = (array.shape, array.dtype.char, tuple((piece.start, piece.stop) for piece in part))
        if key not in self._types:
            sizes = [*lead, *(piece.stop - piece.start for piece in part)]
            starts = [*(0 for _ in lead), *(piece.start for piece in part)]
            element = dtlib.from_numpy_dtype(array.dtype)
            self._types[key] = element.Create_subarray(array.shape, sizes, starts).Commit()
        return self._types[key]


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
        out[(..., *part)] = values
    return out


def _parts(pencil: Pencil, others: Sequence[_Slices]) -> dict[int, _Slices]:
    """For each rank whose block in another pencil meets this rank's block: the common part, in local indices."""
    parts = {}
    for rank, other in enumerate(others):
        common = [(max(p.start, q.start), min(p.stop, q.stop)) for p, q in zip(pencil.slices, other, strict=True)]
        if all(start < stop for start, stop in common):
            parts[rank] = tuple(
                slice(start - own.start, stop - own.start)
                for (start, stop), own in zip(common, pencil.slices, strict=True)
            )
    return parts
