"""Halo: the values of other ranks' blocks that a rank needs beside its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise, product
from types import ModuleType
from typing import Any

import numpy as np
from mpi4py import MPI
from mpi4py.util import dtlib

from tensorpde.backend.numpy.blocks import copy_block
from tensorpde.parallel.pencil import Pencil
from tensorpde.parallel.shared import Box
from tensorpde.parallel.staging import Staging

Wanted = Callable[[int], Sequence[np.ndarray]]
"""For a rank the numbers, increasing, along each axis of the values it needs."""


class Halo:
    """A plan to give every rank the part of a distributed array that it needs, wherever it lies. Collective to use.

    The part of a rank is the tensor product of a set of numbers per axis: its own block and some layers of its
    neighbours, or any other. Values come straight from their owners, one message for each contiguous piece, described
    to MPI by subarray types; corners are not passed on by third ranks. Blocks may be smaller than the halo and ranks
    may own or need nothing.

    Parameters
    ----------
    pencil
        The distribution.
    wanted
        What each rank needs; every rank must find the same for all of them.

    Attributes
    ----------
    numbers : per axis what this rank needs.
    shape : shape of that part.
    """

    def __init__(self, pencil: Pencil, wanted: Wanted) -> None:
        self.pencil = pencil
        self._comm = pencil.process_grid.channel.comm
        me = self._comm.rank
        self.numbers = tuple(np.asarray(line, dtype=np.int64) for line in wanted(me))
        self.shape = tuple(len(line) for line in self.numbers)
        ranks = [(me + step) % self._comm.size for step in range(self._comm.size)]
        self._incoming = {rank: _pieces(pencil.slices_of(rank), self.numbers) for rank in ranks}
        self._outgoing = {rank: _pieces(pencil.slices, wanted(rank)) for rank in ranks}
        self._plans: dict[Any, tuple[Any, Any, Any]] = {}

    def fill(self, block: Any, backend: ModuleType) -> Any:
        """The part of this rank, of shape lead + shape, from blocks of shape lead + pencil.local_shape. Collective.

        It lies in memory of the plan, which the next call for the same leading dimensions and type overwrites.

        Raises
        ------
        ValueError
            If the block does not fit the pencil.
        """
        lead = block.shape[: max(block.ndim - self.pencil.ndim, 0)]
        if block.shape != lead + self.pencil.local_shape:
            raise ValueError(f"a block of shape {block.shape} does not end with the local {self.pencil.local_shape}")
        key = lead, np.dtype(block.dtype), backend.name
        if key not in self._plans:
            make = self._plan if backend.on_host else self._staged
            self._plans[key] = make(lead, block.dtype, backend)
        if not backend.on_host:
            self._through_buffers(block, *self._plans[key])
            return self._plans[key][0]
        part, incoming, outgoing = self._plans[key]
        requests = [self._comm.Irecv([part, 1, kind], rank) for rank, kind in incoming]
        requests += [self._comm.Isend([block, 1, kind], rank) for rank, kind in outgoing]
        for source, target in self._incoming[self._comm.rank]:
            copy_block(block[(..., *source)], part[(..., *target)])
        MPI.Request.Waitall(requests)
        return part

    def _staged(self, lead: tuple[int, ...], dtype: Any, backend: ModuleType) -> tuple[Any, Any, Any]:
        """This rank's part, the buffers of an exchange between arrays of a device, and the boxes of it."""
        me = self._comm.rank
        sides = [
            [(rank, both[side]) for rank, boxes in pieces.items() if rank != me for both in boxes]
            for side, pieces in ((0, self._outgoing), (1, self._incoming))
        ]
        outgoing, incoming = (
            [(rank, (*lead, *(piece.stop - piece.start for piece in box))) for rank, box in side] for side in sides
        )
        boxes = [[box for _, box in side] for side in sides]
        return (
            backend.empty((*lead, *self.shape), dtype),
            Staging(self._comm, backend, outgoing, incoming, dtype),
            boxes,
        )

    def _through_buffers(self, block: Any, part: Any, staging: Any, boxes: Any) -> None:
        """Fill the part of a device."""
        outgoing, incoming = boxes

        def stay() -> None:
            for source, target in self._incoming[self._comm.rank]:
                part[(..., *target)] = block[(..., *source)]

        views = [block[(..., *box)] for box in outgoing], [part[(..., *box)] for box in incoming]
        staging.exchange(*views, stay)

    def _plan(self, lead: tuple[int, ...], dtype: Any, backend: ModuleType) -> tuple[Any, list, list]:
        """This rank's part and, for each message, the rank and the MPI type of its place there or in the block."""
        element = dtlib.from_numpy_dtype(np.dtype(dtype))

        def messages(pieces: dict[int, list[tuple[Box, Box]]], side: int, shape: tuple[int, ...]) -> list:
            made = []
            for rank, boxes in pieces.items():
                for both in boxes if rank != self._comm.rank and 0 not in lead else []:
                    sizes = [*lead, *(piece.stop - piece.start for piece in both[side])]
                    starts = [*(0 for _ in lead), *(piece.start for piece in both[side])]
                    made.append((rank, element.Create_subarray([*lead, *shape], sizes, starts).Commit()))
            return made

        part = backend.empty((*lead, *self.shape), dtype)
        return part, messages(self._incoming, 1, self.shape), messages(self._outgoing, 0, self.pencil.local_shape)


def _pieces(owned: Box, wanted: Sequence[np.ndarray]) -> list[tuple[Box, Box]]:
    """What a block and a part have in common, as boxes: (in the block, in the part)."""
    lines = []
    for block, numbers in zip(owned, wanted, strict=True):
        first, stop = np.searchsorted(numbers, [block.start, block.stop])
        inside = np.asarray(numbers)[first:stop]
        cuts = [0, *(np.flatnonzero(np.diff(inside) > 1) + 1), len(inside)]
        lines.append(
            [
                (slice(int(inside[a]) - block.start, int(inside[b - 1]) + 1 - block.start), slice(first + a, first + b))
                for a, b in pairwise(cuts)
                if b > a
            ]
        )
    boxes = product(*lines)
    return [(tuple(source for source, _ in box), tuple(target for _, target in box)) for box in boxes]
