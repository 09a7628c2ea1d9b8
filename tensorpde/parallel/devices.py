"""A backend on all ranks: each with a device of its node."""

from __future__ import annotations

from types import ModuleType

from mpi4py import MPI

from tensorpde import backend as backends
from tensorpde.parallel.errors import agree

_ON_NODE = MPI.Comm.Create_keyval()


def prepared(name: str, comm: MPI.Intracomm) -> ModuleType:
    """The backend called `name`, with a device for this rank. Collective, but on the host.

    Raises
    ------
    ValueError, Unavailable
        As `backend.get`; what one rank lacks is an error on all of them.
    """
    if name == "numpy":
        return backends.get(name)
    place = _rank_on_node(comm)  # before anything that may fail on one rank alone
    with agree(comm, f"preparing backend={name!r}"):
        backend = backends.get(name)
        backend.attach(place)
    return backend


def _rank_on_node(comm: MPI.Intracomm) -> int:
    """The number of this rank among those of `comm` on its node."""
    found = comm.Get_attr(_ON_NODE)
    if not isinstance(found, int):
        node = comm.Split_type(MPI.COMM_TYPE_SHARED, key=comm.rank)
        found = node.rank
        node.Free()
        comm.Set_attr(_ON_NODE, found)
    return found
