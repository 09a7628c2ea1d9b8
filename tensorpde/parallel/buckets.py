"""Sums over ranks of many arrays, in a few messages that travel while the next arrays are being computed."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from mpi4py import MPI

BYTES = 1 << 22  # of a message: long enough to be worth its start, short enough for several to be under way


class Buckets:
    """Sum named arrays over all ranks: `add` each as soon as it is known, then `finish`. Collective in this order.

    Arrays of one type are put side by side in buckets, in the reverse of the order in which they are named: backward
    passes make the last ones first. A bucket leaves when all its arrays are there, and travels while others are made.
    The memory is taken once; the results are views of it, valid until the next round.

    Parameters
    ----------
    comm
        The ranks. Every one must add all names before `finish`; the order may differ between ranks, since a bucket
        leaves only when all before it have left.
    like
        Name → array (of any backend) of the shape and type to sum; host memory is used in between.
    nbytes
        Length of a bucket.
    rounds
        How many times each array is added before it leaves (gradient accumulation).
    """

    def __init__(self, comm: Any, like: Mapping[str, Any], nbytes: int = BYTES, rounds: int = 1) -> None:
        self.comm, self.rounds = comm.Dup(), rounds  # no other message can come between ours
        self.sums: dict[str, np.ndarray] = {}
        self._bucket: dict[str, int] = {}
        self._buffers: list[np.ndarray] = []
        self._members: list[int] = []
        for kind in dict.fromkeys(np.dtype(array.dtype) for array in like.values()):
            names = [name for name in reversed(list(like)) if np.dtype(like[name].dtype) == kind]
            self._fill(names, {name: tuple(like[name].shape) for name in names}, kind, nbytes)
        self._requests: list[MPI.Request] = []
        self._restart()

    def _fill(self, names: list[str], shapes: dict[str, tuple[int, ...]], kind: np.dtype, nbytes: int) -> None:
        while names:
            taken: list[str] = []
            size = 0
            while names and (not taken or (size + prod(shapes[names[0]])) * kind.itemsize <= nbytes):
                size += prod(shapes[names[0]])
                taken.append(names.pop(0))
            buffer, start = np.empty(size, kind), 0
            for name in taken:
                stop = start + prod(shapes[name])
                self.sums[name] = buffer[start:stop].reshape(shapes[name])
                self._bucket[name] = len(self._buffers)
                start = stop
            self._buffers.append(buffer)
            self._members.append(len(taken))

    def _restart(self) -> None:
        self._requests.clear()
        self._waiting = [count * self.rounds for count in self._members]
        self._added = dict.fromkeys(self.sums, 0)

    def add(self, name: str, array: Any) -> None:
        """Add this rank's part of a sum; 0 for a rank without one.

        Raises
        ------
        ValueError
            For a name that has its parts already.
        """
        if self._added[name] == self.rounds:
            raise ValueError(f"{name} has been added {self.rounds} times already, expected {self.rounds}")
        part = array if np.isscalar(array) or isinstance(array, np.ndarray) else array.get()
        if self._added[name]:
            self.sums[name] += part
        else:
            self.sums[name][...] = part
        self._added[name] += 1
        self._waiting[self._bucket[name]] -= 1
        self._send()

    def _send(self) -> None:
        """Start the sums that are complete here, in the order of the buckets, which all ranks share."""
        if self.comm.size == 1:
            return
        while (next_one := len(self._requests)) < len(self._buffers) and self._waiting[next_one] == 0:
            self._requests.append(self.comm.Iallreduce(MPI.IN_PLACE, self._buffers[next_one], op=MPI.SUM))
        MPI.Request.Testall(self._requests)  # most libraries move data only inside their own calls

    def finish(self) -> dict[str, np.ndarray]:
        """The sums by name, in memory of this object. Collective.

        Raises
        ------
        ValueError
            If a name was not added, naming it.
        """
        missing = [name for name, count in self._added.items() if count < self.rounds]
        if missing:
            raise ValueError(f"{len(missing)} of {len(self.sums)} arrays have not been added: {', '.join(missing)}")
        MPI.Request.Waitall(self._requests)
        self._restart()
        return self.sums
