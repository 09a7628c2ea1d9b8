"""Reading another process of this node: a system call of Linux copies many runs of bytes from its memory to ours.

Compared with a window this saves a copy: no other memory is touched than the source and the target. The call costs as
much for each run as a few kilobytes do, so it serves only long ones.
"""

from __future__ import annotations

import ctypes
import os
import secrets
from collections.abc import Sequence
from math import prod

import numpy as np
from mpi4py import MPI

_MOST_RUNS = 1024  # of one call
_MOST_BYTES = 1 << 30  # of one call; the system stops at 2 GiB
_SET_TRACER = 0x59616D61

Box = tuple[slice, ...]


def longest_run(shape: Sequence[int], box: Box, itemsize: int) -> int:
    """Bytes of the longest runs that lie together in memory, of a box of a C-contiguous array; at most 2³⁰."""
    length = itemsize
    for n, part in zip(reversed(shape), reversed(box), strict=True):
        size = part.stop - part.start
        if length * size > _MOST_BYTES:
            break
        length *= size
        if size < n:
            break
    return length


class RemoteBlock:
    """A box of an array of another process that is copied to a box of ours.

    Parameters
    ----------
    process
        Number of the process.
    theirs, ours
        Shape of the whole C-contiguous array and the box in it, for either side. The boxes have one shape.
    itemsize
        Bytes of a value.
    """

    def __init__(
        self, process: int, theirs: tuple[Sequence[int], Box], ours: tuple[Sequence[int], Box], itemsize: int
    ) -> None:
        self._process = process
        length = min(longest_run(*theirs, itemsize), longest_run(*ours, itemsize))
        self._offsets = [_starts(*side, itemsize, length) for side in (theirs, ours)]
        self._vectors = [np.full((len(offsets), 2), length, np.uint64) for offsets in self._offsets]
        self._step = max(1, min(_MOST_RUNS, _MOST_BYTES // length))

    def read(self, address: int, target: int) -> None:
        """Copy from the array at `address` in the other process to the one at `target` in this.

        Raises
        ------
        OSError
            If the system does not let us read.
        """
        theirs, ours = self._vectors
        for vector, offsets, base in zip(self._vectors, self._offsets, (address, target), strict=True):
            np.add(offsets, np.uint64(base), out=vector[:, 0])
        for start in range(0, len(ours), self._step):
            _read(self._process, theirs[start : start + self._step], ours[start : start + self._step])


def can_read_each_other(node: MPI.Comm, processes: Sequence[int]) -> bool:
    """Whether all processes of a node may read all others. Collective.

    Where a process may read only its descendants, permission is first asked for those of our parent, the launcher.
    """
    secret = np.frombuffer(secrets.token_bytes(16), np.uint64).copy()
    known = np.empty((node.size, 3), np.uint64)
    node.Allgather(np.array([*secret, secret.ctypes.data], np.uint64), known)

    def all_succeed() -> bool:
        found = np.array([all(map(_knows, processes, known))], dtype=np.int8)
        node.Allreduce(MPI.IN_PLACE, found, op=MPI.MIN)
        return bool(found[0])

    if all_succeed():
        return True
    if hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_SET_TRACER, ctypes.c_ulong(os.getppid()), *[ctypes.c_ulong(0)] * 3)
    node.Barrier()
    return all_succeed()


def _knows(process: int, known: np.ndarray) -> bool:
    """Whether that process has its secret where it says: it might be another one by that number, of a container."""
    found = np.zeros(2, np.uint64)
    try:
        _read(process, np.array([[known[2], 16]], np.uint64), np.array([[found.ctypes.data, 16]], np.uint64))
    except OSError:
        return False
    return bool((found == known[:2]).all())


def _starts(shape: Sequence[int], box: Box, itemsize: int, length: int) -> np.ndarray:
    """Byte offsets, in C order, of the runs of so many bytes that a box of a C-contiguous array is made of."""
    starts = np.zeros(1, np.uint64)
    for axis, part in enumerate(box):
        together = length >= itemsize * prod(other.stop - other.start for other in box[axis:])
        stop = part.start + 1 if together else part.stop
        along = np.arange(part.start, stop, dtype=np.uint64) * np.uint64(itemsize * prod(shape[axis + 1 :]))
        starts = np.add.outer(starts, along).ravel()
    return starts


_LIBC = ctypes.CDLL(None, use_errno=True)


def _read(process: int, theirs: np.ndarray, ours: np.ndarray) -> None:
    if not hasattr(_LIBC, "process_vm_readv"):
        raise OSError(0, "this system has no process_vm_readv")
    wanted = int(ours[:, 1].sum())
    call = _LIBC.process_vm_readv
    call.restype = ctypes.c_ssize_t
    vectors = [
        part for side in (ours, theirs) for part in (ctypes.c_void_p(side.ctypes.data), ctypes.c_ulong(len(side)))
    ]
    got = call(ctypes.c_int(process), *vectors, ctypes.c_ulong(0))
    if got != wanted:
        code = ctypes.get_errno() if got < 0 else 0
        raise OSError(code, f"read {max(got, 0)} of {wanted} bytes of process {process}: {os.strerror(code)}")
