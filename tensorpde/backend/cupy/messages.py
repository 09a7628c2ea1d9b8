"""Messages from device to device by NCCL, where CuPy has it and every rank has a device of its own."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from typing import Any

import cupy

try:
    from cupy.cuda import nccl
except ImportError:
    nccl = None


class Links:
    """The ranks of one communicator as NCCL knows them.

    Parameters
    ----------
    comm
        An NcclCommunicator with their numbers.
    """

    def __init__(self, comm: Any) -> None:
        self._comm = comm

    def exchange(self, outgoing: Sequence[tuple[int, Any]], incoming: Sequence[tuple[int, Any]]) -> None:
        """Send contiguous arrays to peers and fill others from them, all at once, in the order of the stream."""
        stream = cupy.cuda.get_current_stream().ptr
        nccl.groupStart()
        for move, messages in ((self._comm.send, outgoing), (self._comm.recv, incoming)):
            for peer, array in messages:
                move(array.data.ptr, array.nbytes, nccl.NCCL_CHAR, peer, stream)
        nccl.groupEnd()


def connect(comm: Any) -> Links | None:
    """Links between the ranks of a communicator; None where MPI is the way. Collective.

    That is where CuPy comes without NCCL, where ranks share a device, or with TENSORPDE_NCCL=0.
    """
    usable = nccl is not None and nccl.available and os.environ.get("TENSORPDE_NCCL") != "0"
    places = comm.allgather((platform.node(), cupy.cuda.Device().pci_bus_id) if usable else None)
    if comm.size == 1 or None in places or len(set(places)) < comm.size:
        return None
    identifier = comm.bcast(nccl.get_unique_id() if comm.rank == 0 else None, root=0)
    return Links(nccl.NcclCommunicator(comm.size, identifier, comm.rank))
