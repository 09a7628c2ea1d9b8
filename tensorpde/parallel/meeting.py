"""Whether the other ranks are here, where that is not certain: while an error ends a run."""

from __future__ import annotations

import time

from mpi4py import MPI

from tensorpde.parallel.comm import channel


def all_here(comm: MPI.Intracomm, seconds: float) -> bool:
    """Whether all ranks call this within so many seconds of each other; on ranks that wait in vain, False.

    After False no rank may meet others on this communicator again: the job is about to end.
    """
    meeting, deadline = channel(comm).comm.Ibarrier(), time.monotonic() + seconds
    while not meeting.Test():
        if time.monotonic() > deadline:
            return False
        time.sleep(1e-3)
    return True
