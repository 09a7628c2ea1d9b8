"""One error on one rank: the same error on all ranks, or the end of the job. Never a hang."""

from __future__ import annotations

import json
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import Any

import numpy as np
from mpi4py import MPI

from tensorpde._threads import launched_ranks

_AGREED = "_tensorpde_agreed"

PATIENCE = 60.0
"""Seconds for blocks with other collective calls inside, such as operators that users wrote."""

BEFORE_RANK_0 = 0.5
"""Seconds that another rank waits before it reports an error of its own: wrong input raises on all ranks at once."""


class CollectiveError(RuntimeError):
    """An error of another rank whose own type cannot be made from a message."""


class agree:
    """Context manager: an exception on one rank becomes the same error on all ranks, naming the rank. Collective.

    When all is well it costs one Allreduce of one integer. Of several failing ranks the lowest is reported: by its own
    type if that takes a message, else CollectiveError. A rank that failed keeps its own error as the cause.

    The body may hold other `agree` blocks on the same communicator: a rank that fails early meets the others at their
    next agreement. If the body holds other collective calls, they may wait for it in one of these and never come:
    such a block must state its patience.

    Parameters
    ----------
    comm
        The communicator whose ranks all enter.
    what
        What is being done, for the message: "rank 2, while `what`: message".
    patience
        Seconds after which a rank that failed no longer waits for the others, but ends the job with its error. None:
        it waits as long as they work.
    """

    def __init__(self, comm: MPI.Intracomm, what: str, patience: float | None = None) -> None:
        self.comm, self.what, self.patience = comm, what, patience

    def __enter__(self) -> agree:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and not isinstance(error, Exception):
            return  # an interrupt or exit is no result to agree on: the abort hook ends the job
        if self.comm.size == 1 or self._handle in getattr(error, _AGREED, ()):
            return  # every rank of this communicator has this very error already
        failed = np.array([self.comm.rank if error is not None else self.comm.size])
        first = np.empty_like(failed)
        self._meet(self.comm.Iallreduce(failed, first, op=MPI.MIN), error)
        if first[0] == self.comm.size:
            return
        found = json.loads(broadcast_text(self.comm, int(first[0]), self._describe(error)))
        place = found.pop("place")
        agreed = _rebuild(**found)
        agreed.add_note(place)
        setattr(agreed, _AGREED, (*getattr(error, _AGREED, ()), self._handle))
        raise agreed from error

    def _meet(self, request: MPI.Request, error: Exception | None) -> None:
        """Wait for the others; with an error, no longer than this block's patience."""
        if error is None or self.patience is None:
            request.Wait()
            return
        deadline = time.monotonic() + self.patience
        while not request.Test():
            if time.monotonic() > deadline:
                _abort(error, lambda: traceback.print_exception(error))
            time.sleep(1e-3)

    @property
    def _handle(self) -> int:
        return self.comm.py2f()

    def _describe(self, error: Exception | None) -> str:
        """The type, message and place of this rank's error as text, the rank named unless an inner agreement did."""
        if error is None:
            return ""
        message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        if not hasattr(error, _AGREED):
            message = f"rank {self.comm.rank}, while {self.what}: {message}"
        place = traceback.extract_tb(error.__traceback__)[-1]
        return json.dumps(
            {
                "module": type(error).__module__,
                "name": type(error).__qualname__,
                "message": message,
                "number": getattr(error, "errno", None) if isinstance(error, OSError) else None,
                "place": f"raised on rank {self.comm.rank} in {place.name}, {place.filename}:{place.lineno}",
            }
        )


def broadcast_text(comm: MPI.Intracomm, root: int, text: str) -> str:
    """The text of rank `root`. Collective."""
    data = np.frombuffer(text.encode(), dtype=np.uint8).copy()
    size = np.array([data.size])
    comm.Bcast(size, root)
    if comm.rank != root:
        data = np.empty(int(size[0]), dtype=np.uint8)
    comm.Bcast(data, root)
    return data.tobytes().decode()


def _rebuild(module: str, name: str, message: str, number: int | None) -> Exception:
    """An exception of the named type with this message, or a CollectiveError if there is no such thing."""
    kind: Any = sys.modules.get(module)
    for part in name.split("."):
        kind = getattr(kind, part, None)
    try:
        error = kind(message) if number is None else kind(number, message)
        if isinstance(error, Exception) and message in (str(error), *error.args):
            return error
    except Exception:
        pass
    return CollectiveError(f"{name}: {message}")


def install_abort_hooks() -> None:
    """End the whole job with a non-zero status when an exception escapes on any rank.

    Covers the main thread (an interrupt from the keyboard too), other threads and functions run at exit. An error that
    all ranks agreed on, or have at the same time, is printed once, by rank 0. Does nothing in a process that neither
    has other ranks nor was started by an MPI launcher.
    """
    if launched_ranks() is None and MPI.COMM_WORLD.size == 1:
        return
    sys_hook, thread_hook, unraisable_hook = sys.excepthook, threading.excepthook, sys.unraisablehook

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _abort(error, lambda: sys_hook(kind, error, trace))

    def thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is SystemExit:
            thread_hook(args)  # ends that thread only, as Python has it
        else:
            _abort(args.exc_value, lambda: thread_hook(args))

    def unraisable(args: Any) -> None:
        if "atexit" in (args.err_msg or ""):
            _abort(args.exc_value, lambda: unraisable_hook(args))
        else:
            unraisable_hook(args)

    sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, unraisable


def _abort(error: BaseException | None, report: Any) -> None:
    alive = MPI.Is_initialized() and not MPI.Is_finalized()
    world = MPI.COMM_WORLD
    if not alive or world.size == 1:
        report()
        return
    agreed = hasattr(error, _AGREED)
    if world.rank > 0:
        # Rank 0 has the same error if they agreed on it, and most likely if not: let it print and end the job.
        time.sleep(2 if agreed else BEFORE_RANK_0)
    if world.rank == 0 or not agreed:
        print(f"[rank {world.rank} of {world.size} ends the job]", file=sys.stderr)
        report()
    sys.stdout.flush()
    sys.stderr.flush()
    world.Abort(130 if isinstance(error, KeyboardInterrupt) else 1)
