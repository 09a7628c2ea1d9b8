"""Communicators: all ranks of the job, and a private channel for the transposes on any communicator."""

from __future__ import annotations

from dataclasses import dataclass

from mpi4py import MPI

from tensorpde._threads import launched_ranks
from tensorpde.parallel.shared import NodeMemory


def world(comm: MPI.Intracomm | None = None) -> MPI.Intracomm:
    """`comm` itself, or the communicator of all ranks of the job for None.

    Raises
    ------
    RuntimeError
        If MPI has another number of ranks than the launcher started: then the ranks do not see each other.
    ValueError
        If `comm` is no communicator that this rank belongs to.
    """
    launched = launched_ranks()
    size = MPI.COMM_WORLD.size
    if launched is not None and launched[0] != size and MPI.Comm.Get_parent() == MPI.COMM_NULL:
        raise RuntimeError(
            f"the launcher started {launched[0]} ranks ({launched[1]}) but MPI has {size}: "
            f"mpirun and mpi4py belong to different MPI libraries ({MPI.Get_library_version().splitlines()[0]})"
        )
    if comm is None:
        return MPI.COMM_WORLD
    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise ValueError(f"comm must be an intracommunicator that this rank belongs to, or None, not {comm!r}")
    return comm


def alone() -> MPI.Intracomm:
    """The communicator of this rank by itself."""
    return MPI.COMM_SELF


@dataclass(frozen=True)
class Channel:
    """The library's own duplicate of a communicator, whose messages no other receive can take, and node memory."""

    comm: MPI.Intracomm
    memory: NodeMemory | None


def _free(comm: MPI.Comm, keyval: int, channel: Channel) -> None:
    if not MPI.Is_finalized():
        channel.comm.Free()


_CHANNEL = MPI.Comm.Create_keyval(delete_fn=_free)


def channel(comm: MPI.Intracomm) -> Channel:
    """The channel of a communicator, which lives as long as that. Collective the first time."""
    found = comm.Get_attr(_CHANNEL)
    if not isinstance(found, Channel):
        duplicate = comm.Dup()
        found = Channel(duplicate, NodeMemory.create(duplicate))
        comm.Set_attr(_CHANNEL, found)
    return found
