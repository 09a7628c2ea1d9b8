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


def place() -> tuple[str, str] | None:
    """The device of this rank, which no other may share; None where CuPy comes without NCCL, or TENSORPDE_NCCL=0."""
    if nccl is None or not nccl.available or os.environ.get("TENSORPDE_NCCL") == "0":
        return None
    return platform.node(), cupy.cuda.Device().pci_bus_id


def key() -> Any:
    """What the ranks to be connected have from one of them."""
    return nccl.get_unique_id()


def connect(size: int, key: Any, rank: int) -> Links:
    """Links between so many ranks, of which this one has the number `rank`. They all wait for each other."""
    return Links(nccl.NcclCommunicator(size, key, rank))
