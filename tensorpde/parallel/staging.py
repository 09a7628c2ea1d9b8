"""Messages between arrays that MPI may not read where they lie, or only where they are contiguous: those of devices.

Parts are packed on the device, one buffer for each peer, and unpacked there. Between the two they go through pinned
memory of the host, or straight from device to device: by MPI where it sees its memory (TENSORPDE_GPU_AWARE_MPI=1), else
by links of the backend where it has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from mpi4py import MPI
from mpi4py.util import dtlib

from tensorpde.parallel.errors import PATIENCE, agree

_LINKS = MPI.Comm.Create_keyval()


def _linked(comm: MPI.Intracomm, backend: ModuleType) -> Any:
    """The backend's own links between the ranks of a channel, made once; None where there are none. Collective."""
    found = comm.Get_attr(_LINKS)
    if not isinstance(found, dict):
        comm.Set_attr(_LINKS, found := {})
    if backend.name not in found:
        found[backend.name] = _connected(comm, backend.messages)
    return found[backend.name]


def _connected(comm: MPI.Intracomm, messages: ModuleType) -> Any:
    """Links if every rank has a device of its own, else None. Collective; what fails on one rank fails on all."""
    with agree(comm, "looking for links between devices"):
        place = messages.place()
    places = comm.allgather(place)
    if comm.size == 1 or None in places or len(set(places)) < comm.size:
        return None
    with agree(comm, "linking devices"):
        key = messages.key() if comm.rank == 0 else None
    key = comm.bcast(key, root=0)
    with agree(comm, "linking devices", PATIENCE):  # the others may wait in there for a rank that failed
        return messages.connect(comm.size, key, comm.rank)


class Staging:
    """Buffers for one kind of exchange, used again each time. Made by all ranks of the channel together.

    Parameters
    ----------
    comm
        The channel.
    backend
        Of the arrays.
    outgoing, incoming
        (peer, shape) of each message that this rank sends and gets; between two ranks they keep their order.
    dtype
        Of the values.
    """

    def __init__(
        self, comm: MPI.Intracomm, backend: ModuleType, outgoing: Sequence[tuple[int, tuple[int, ...]]],
        incoming: Sequence[tuple[int, tuple[int, ...]]], dtype: Any,
    ) -> None:  # fmt: skip
        self._comm, self._backend, self._element = comm, backend, dtlib.from_numpy_dtype(np.dtype(dtype))
        self._links = None if backend.seen_by_mpi else _linked(comm, backend)
        self._outgoing = [self._buffers(peer, shape, dtype) for peer, shape in outgoing if 0 not in shape]
        self._incoming = [self._buffers(peer, shape, dtype) for peer, shape in incoming if 0 not in shape]

    def _buffers(self, peer: int, shape: tuple[int, ...], dtype: Any) -> tuple[int, Any, Any, MPI.Datatype]:
        """The peer, the buffer on the device, that which MPI reads or writes, and the type of all of it."""
        packed = self._backend.empty(shape, dtype)
        direct = self._backend.seen_by_mpi or self._links is not None
        seen = packed if direct else self._backend.blocks.pinned(shape, dtype)
        kind = self._element.Create_subarray(shape or (1,), shape or (1,), [0] * max(len(shape), 1)).Commit()
        return peer, packed, seen, kind

    def exchange(self, sources: Sequence[Any], targets: Sequence[Any], here: Callable[[], object]) -> None:
        """Send views of device arrays and fill others, in the order of the plan; here() is done meanwhile. Collective.

        Empty views are left out, as empty messages are.
        """
        blocks = self._backend.blocks
        if self._links is not None:
            self._along(self._links, sources, targets, here)
            return
        requests = [self._comm.Irecv([seen, 1, kind], peer) for peer, _, seen, kind in self._incoming]
        for source, (_, packed, seen, _) in zip(_with_values(sources), self._outgoing, strict=True):
            blocks.copy_block(source, packed)
            if seen is not packed:
                blocks.download(packed, seen)
        blocks.wait()
        sent = [self._comm.Isend([seen, 1, kind], peer) for peer, _, seen, kind in self._outgoing]
        here()
        waiting = dict(enumerate(_with_values(targets)))
        while waiting:
            number = MPI.Request.Waitany(requests)
            _, packed, seen, _ = self._incoming[number]
            if seen is not packed:
                blocks.upload(seen, packed)
            blocks.copy_block(packed, waiting.pop(number))
        blocks.wait()  # the buffers may be filled again after this
        MPI.Request.Waitall(sent)

    def _along(self, links: Any, sources: Sequence[Any], targets: Sequence[Any], here: Callable[[], object]) -> None:
        """The exchange in the order of the device's stream, which the host does not wait for."""
        copy = self._backend.blocks.copy_block
        outgoing, incoming = (
            [(peer, packed) for peer, packed, *_ in side] for side in (self._outgoing, self._incoming)
        )
        for source, (_, packed) in zip(_with_values(sources), outgoing, strict=True):
            copy(source, packed)
        links.exchange(outgoing, incoming)
        here()
        for target, (_, packed) in zip(_with_values(targets), incoming, strict=True):
            copy(packed, target)


def _with_values(views: Sequence[Any]) -> list[Any]:
    return [view for view in views if view.size]
