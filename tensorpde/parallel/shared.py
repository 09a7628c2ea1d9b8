"""Exchange between the ranks of one node: long runs of bytes are read from the peer, short ones pass through windows.

A part whose runs are long in both arrays is copied by the reader straight from the writer's array to its place (see
`remote`). Other parts pass through windows of shared memory that stay in cache: a rank packs a piece for each peer into
its window and counts up a flag; the peers copy from the window straight to where the values belong and count up theirs.
A window has two halves, used in turn, so packing a piece overlaps with reading the one before. Compared with messages
this saves a copy, or two, and lets the last one pass by the cache.

Flags are plain stores seen in program order, which x86-64 guarantees. On other processors, on nodes with very many
ranks, without enough /dev/shm, or with TENSORPDE_SHARED_MEMORY=0 on rank 0, everything travels by messages.
"""

from __future__ import annotations

import mmap
import os
import platform
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from mpi4py import MPI

from tensorpde.backend.numpy.blocks import copy_block
from tensorpde.parallel.remote import Box, RemoteBlock, can_read_each_other, longest_run

_MOST_RANKS = 16
_NODE_BYTES = 1 << 24  # all windows of a node together: a part of the shared cache
_LEAST_BYTES, _MOST_BYTES = 1 << 16, 1 << 21  # one half of one window
_LEAST_RUN = 1 << 14  # bytes; shorter ones are faster through a window
_LINE = 64
_FLAGS = 5
_PACKED, _DONE, _READY, _READ, _ADDRESS = range(_FLAGS)
_FLAG_BYTES = _FLAGS * _LINE  # of a rank: each flag has a line of the cache to itself

Part = tuple[tuple[tuple[int, ...], Box], tuple[tuple[int, ...], Box]]
"""What one rank sends another: the shape of the whole block and the box in it, for the sender and the receiver."""


@dataclass(frozen=True)
class Route:
    """What this rank does in an exchange.

    In each round it packs (reader, both places in its window, part of the source) and unpacks (writer, both places in
    the writer's window, part of the target). Besides, it reads blocks of `direct` writers, and is read by `readers`.
    """

    outgoing: list[list[tuple[int, list[np.ndarray], Box]]]
    incoming: list[list[tuple[int, list[np.ndarray], Box]]]
    direct: list[tuple[int, RemoteBlock]]
    readers: list[int]


class NodeMemory:
    """The windows and flags of the ranks of a communicator that share this node."""

    def __init__(self, ranks: list[int], me: int, buffer: mmap.mmap, processes: list[int], readable: bool) -> None:
        self.ranks = ranks
        self.readable = readable
        self._me, self._processes = me, processes
        count = len(ranks)
        self._flags = np.frombuffer(buffer, np.int64, count * _FLAG_BYTES // 8).reshape(count, _FLAGS, -1)[:, :, 0]
        windows = np.frombuffer(buffer, np.uint8, offset=count * _FLAG_BYTES)
        self._windows = windows.reshape(count, 2, -1)
        self._sequence = self._exchanges = 0
        self._readers: list[tuple[int, list[int]]] = [(0, []), (0, [])]

    @staticmethod
    def create(comm: MPI.Intracomm) -> NodeMemory | None:
        """The memory that this rank shares, or None if its node has none to offer. Collective."""
        enabled = np.array([os.environ.get("TENSORPDE_SHARED_MEMORY", "1") != "0"], dtype=np.int8)
        comm.Bcast(enabled, 0)
        if not enabled[0] or comm.size == 1:
            return None
        node = _same_node(comm)
        memory = None
        if 1 < node.size <= _MOST_RANKS:
            known = np.empty((node.size, 2), dtype=np.int64)
            node.Allgather(np.array([comm.rank, os.getpid()]), known)
            ranks, processes = known.T.tolist()
            buffer = _map_together(node, _bytes(node.size))
            if buffer is not None:
                memory = NodeMemory(ranks, node.rank, buffer, processes, can_read_each_other(node, processes))
        node.Free()
        return memory

    def route(self, part: Callable[[int, int], Part | None], lead: tuple[int, ...], dtype: Any) -> Route:
        """The rounds of an exchange, and what is read directly.

        Parameters
        ----------
        part
            part(p, q): what rank p sends to rank q, or None.
        lead, dtype
            Leading dimensions and type of the arrays.
        """
        made = Route([], [], [], [])
        for writer, p in enumerate(self.ranks):
            parts = {reader: part(p, q) for reader, q in enumerate(self.ranks) if q != p}
            found = {reader: _with_lead(lead, both) for reader, both in parts.items() if both and 0 not in lead}
            direct = {reader for reader, both in found.items() if self._is_read(both, dtype.itemsize)}
            if writer == self._me:
                made.readers.extend(direct)
            if self._me in direct:
                block = RemoteBlock(self._processes[writer], *found[self._me], dtype.itemsize)
                made.direct.append((writer, block))
            self._add_rounds(made, writer, {reader: found[reader] for reader in found if reader not in direct}, dtype)
        made.direct.sort(key=lambda entry: (entry[0] - self._me) % len(self.ranks))  # not all begin with the same one
        return made

    def _is_read(self, part: Part, itemsize: int) -> bool:
        """Whether the reader takes a part straight from the writer's array."""
        return self.readable and min(longest_run(*side, itemsize) for side in part) >= _LEAST_RUN

    def _add_rounds(self, made: Route, writer: int, parts: dict[int, Part], dtype: Any) -> None:
        """Pieces of the parts that pass through the window of a writer."""
        slot = self._windows.shape[2] // max(1, len(parts)) // _LINE * _LINE
        for number, (reader, ((_, source), (_, target))) in enumerate(parts.items()):
            sizes = [piece.stop - piece.start for piece in source]
            for turn, piece in enumerate(_pieces(sizes, slot // dtype.itemsize)):
                if turn == len(made.outgoing):
                    made.outgoing.append([])
                    made.incoming.append([])
                places = [self._place(writer, half, number * slot, piece, dtype) for half in (0, 1)]
                if writer == self._me:
                    made.outgoing[turn].append((reader, places, _shifted(piece, source)))
                if reader == self._me:
                    made.incoming[turn].append((writer, places, _shifted(piece, target)))

    def exchange(self, route: Route, source: np.ndarray, out: np.ndarray, here: Callable[[], object]) -> None:
        """Move all parts of a route; windows are packed one round ahead. Collective over the node.

        Parameters
        ----------
        route
            Made for these arrays.
        source, out
            The C-contiguous arrays of this rank.
        here
            Called while others may read `source`: what the rank does alone.
        """
        self._exchanges += 1
        os.sched_yield()  # its locked instructions drain stores that passed by the cache, before others read
        self._flags[self._me, _ADDRESS] = source.ctypes.data
        self._flags[self._me, _READY] = self._exchanges
        here()
        rounds = len(route.outgoing)
        for turn in range(rounds + 1):
            if turn < rounds:
                self._pack(route.outgoing[turn], self._sequence + turn + 1, source)
            if turn > 0:
                self._unpack(route.incoming[turn - 1], self._sequence + turn, out)
        self._sequence += rounds
        for writer, block in route.direct:
            self._wait(_READY, [writer], self._exchanges)
            block.read(int(self._flags[writer, _ADDRESS]), out.ctypes.data)
        self._flags[self._me, _READ] = self._exchanges
        self._wait(_READ, route.readers, self._exchanges)

    def _pack(self, pieces: list, number: int, source: np.ndarray) -> None:
        half = number % 2
        if pieces:
            last, readers = self._readers[half]
            self._wait(_DONE, readers, last)
            for _, places, part in pieces:
                copy_block(source[part], places[half], past_cache=False)
            self._readers[half] = number, [reader for reader, _, _ in pieces]
        self._flags[self._me, _PACKED] = number

    def _unpack(self, pieces: list, number: int, out: np.ndarray) -> None:
        for writer, places, part in pieces:
            self._wait(_PACKED, [writer], number)
            copy_block(places[number % 2], out[part])
        self._flags[self._me, _DONE] = number

    def _wait(self, kind: int, ranks: list[int], value: int) -> None:
        for rank in ranks:
            while self._flags[rank, kind] < value:
                os.sched_yield()

    def _place(self, writer: int, half: int, start: int, piece: Box, dtype: Any) -> np.ndarray:
        shape = [part.stop - part.start for part in piece]
        return self._windows[writer, half, start : start + prod(shape) * dtype.itemsize].view(dtype).reshape(shape)


def _same_node(comm: MPI.Intracomm) -> MPI.Comm:
    return comm.Split_type(MPI.COMM_TYPE_SHARED, key=comm.rank)


def _pieces(sizes: list[int], most: int) -> Iterator[Box]:
    """A box cut, in C order, into boxes of at most so many values."""
    axis = next(axis for axis in range(len(sizes)) if prod(sizes[axis + 1 :]) <= most)
    step = max(1, most // prod(sizes[axis + 1 :]))
    rest = [slice(0, n) for n in sizes[axis + 1 :]]
    for index in np.ndindex(*sizes[:axis]):
        for start in range(0, sizes[axis], step):
            middle = slice(start, min(start + step, sizes[axis]))
            yield (*(slice(i, i + 1) for i in index), middle, *rest)


def _with_lead(lead: tuple[int, ...], part: Part) -> Part:
    """The part of arrays with leading dimensions, which are sent whole."""
    (source, piece), (target, place) = part
    whole = tuple(slice(0, n) for n in lead)
    return ((*lead, *source), (*whole, *piece)), ((*lead, *target), (*whole, *place))


def _shifted(piece: Box, box: Box) -> Box:
    return tuple(slice(b.start + p.start, b.start + p.stop) for p, b in zip(piece, box, strict=True))


def _bytes(ranks: int) -> int:
    """Size of the flags and both halves of all windows of a node."""
    half = max(_LEAST_BYTES, min(_MOST_BYTES, _NODE_BYTES // (2 * ranks) // _LINE * _LINE))
    return ranks * (_FLAG_BYTES + 2 * half)


def _map_together(node: MPI.Comm, size: int) -> mmap.mmap | None:
    """One piece of memory mapped by all ranks of a node, or None on all of them. Leaves no name behind."""
    path = np.frombuffer(f"/dev/shm/tensorpde-{secrets.token_hex(8)}".encode(), dtype=np.uint8).copy()
    node.Bcast(path, 0)
    name = path.tobytes().decode()
    buffer = _map(name, size, os.O_CREAT | os.O_EXCL) if node.rank == 0 else None
    node.Barrier()
    if node.rank > 0:
        buffer = _map(name, size, 0)
    works = np.array([buffer is not None], dtype=np.int8)
    node.Allreduce(MPI.IN_PLACE, works, op=MPI.MIN)
    if node.rank == 0 and os.path.exists(name):
        os.unlink(name)
    return buffer if works[0] else None


def _map(name: str, size: int, flags: int) -> mmap.mmap | None:
    if platform.machine() not in ("x86_64", "AMD64"):
        return None
    try:
        file = os.open(name, os.O_RDWR | flags, 0o600)
        try:
            if flags:
                os.posix_fallocate(file, 0, size)  # an error now, where a sparse file would crash later
            return mmap.mmap(file, size)
        finally:
            os.close(file)
    except (OSError, ValueError):  # no such folder, no space; a file left empty for want of space
        return None
