"""Fair timing: candidates and baselines in turn, so that all share the drift of the machine, on all ranks at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from tensorpde.backend import NAMES
from tensorpde.field import Field
from tensorpde.parallel.devices import prepared

Call = Callable[[], object]


def add_arguments(parser: Any, n: int, repeat: int) -> None:
    """The flags of every benchmark, with its defaults."""
    parser.add_argument("--n", type=int, default=n, help=f"points per axis (default {n})")
    parser.add_argument("--repeat", type=int, default=repeat, help=f"rounds that are timed (default {repeat})")


def add_backend(parser: Any) -> None:
    """The flag of benchmarks that run on a device too; what they compare themselves with on the host is left out."""
    parser.add_argument("--backend", choices=NAMES, default="numpy", help="where arrays are (default numpy)")


def medians(comm: Any, calls: Mapping[str, Call], repeat: int, backend: str = "numpy") -> dict[str, float]:
    """Median seconds of each call, the slowest rank counting. Collective.

    After one round without the clock (compilation, plans, first touch of memory) every round makes each call once,
    all ranks starting together.

    Parameters
    ----------
    comm
        The ranks that call.
    calls
        What to time, by name; the same names on all ranks.
    repeat
        Number of rounds.
    backend
        By whose clock: on a device by events on the stream.

    Raises
    ------
    ValueError
        If repeat is less than 1.
    """
    if repeat < 1:
        raise ValueError(f"--repeat {repeat}: at least 1 round is needed for a median")
    for call in calls.values():
        call()
    times, timed = np.empty((repeat, len(calls))), prepared(backend, comm).timed
    for this_round in times:
        for k, call in enumerate(calls.values()):
            comm.Barrier()
            this_round[k] = timed(call)
    everywhere = np.empty((comm.size, *times.shape))
    comm.Allgather(times, everywhere)
    return dict(zip(calls, np.median(everywhere.max(axis=0), axis=0).tolist(), strict=True))


def copying(u: Field, out: Field) -> Call:
    """A call that copies this rank's block of u to that of out by a plain compiled loop."""
    copy = u.space.backend.pointwise.copy
    return lambda: copy(u.local, out.local)


def total_bytes(u: Field) -> int:
    """Bytes of a Field on all ranks together."""
    return int(np.prod((*u.lead, *u.space.shape))) * u.dtype.itemsize


def cut_axes(u: Field) -> int:
    """Number of axes that are distributed."""
    return sum(not u.pencil.is_whole(axis) for axis in range(u.space.ndim))


def installed(name: str) -> ModuleType | None:
    """The module of another package, or None where it is not installed."""
    try:
        return import_module(name)
    except ImportError:
        return None
