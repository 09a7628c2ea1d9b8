"""When to save and when to stop: signals and clocks, read on rank 0 and agreed by one tiny broadcast a step."""

from __future__ import annotations

import enum
import os
import signal
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

import numpy as np

SLURM_MARGIN = 30.0  # seconds kept free before Slurm ends the job: a checkpoint and the way out of mpirun


class Verdict(enum.IntEnum):
    """What all ranks do after this step."""

    GO_ON = 0
    SAVE = 1  # write a checkpoint and go on
    STOP = 2  # write a checkpoint and end


class Watch:
    """Watch the signals and clocks of a run: those of rank 0 decide, the launcher forwards signals to all ranks.

    USR1 and TERM ask for a stop with a checkpoint, and so does the nearer of two deadlines: ``wall_limit``
    seconds from now, or 30 s before the end of the Slurm job (``SLURM_JOB_END_TIME``). A stop is asked for
    as soon as the time left is less than twice the longest step so far, checkpoints included. A second TERM
    ends the process at once, as without this class.

    Parameters
    ----------
    comm
        The communicator of the run.
    wall_limit
        Seconds, or None.
    checkpoint_every
        Wall-clock seconds between two ``SAVE`` verdicts; None for never.
    environ
        Where ``SLURM_JOB_END_TIME`` is looked up.
    """

    def __init__(
        self,
        comm: Any,
        wall_limit: float | None = None,
        checkpoint_every: float | None = None,
        environ: Mapping[str, str] = os.environ,
    ):
        self.comm = comm
        self.checkpoint_every = checkpoint_every or float("inf")
        self.reason = ""  # on rank 0: why STOP was decided, in words
        self._signal: int | None = None
        self._verdict = np.zeros(1, dtype=np.int32)
        start = time.time()
        self._saved = start
        self._last: float | None = None
        self._longest = 0.0
        self._deadlines = []
        if wall_limit is not None:
            self._deadlines.append((start + wall_limit, f"the wall-clock limit of {wall_limit:g} s"))
        if environ.get("SLURM_JOB_END_TIME", "").isdigit():
            self._deadlines.append((int(environ["SLURM_JOB_END_TIME"]) - SLURM_MARGIN, "the end of the Slurm job"))
        self._previous = {number: signal.signal(number, self._on_signal) for number in (signal.SIGUSR1, signal.SIGTERM)}

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._signal = number
        if number == signal.SIGTERM:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def poll(self) -> Verdict:
        """The verdict for this step. Collective: one broadcast of 4 bytes from rank 0."""
        if self.comm.rank == 0:
            self._verdict[0] = self._decide(time.time())
        self.comm.Bcast(self._verdict, root=0)
        return Verdict(int(self._verdict[0]))

    def _decide(self, now: float) -> Verdict:
        if self._last is not None:
            self._longest = max(self._longest, now - self._last)
        self._last = now
        if self._signal is not None:
            self.reason = f"signal {signal.Signals(self._signal).name}"
            return Verdict.STOP
        for deadline, name in self._deadlines:
            if now + 2.0 * self._longest >= deadline:
                self.reason = name
                return Verdict.STOP
        if now - self._saved >= self.checkpoint_every:
            self._saved = now
            return Verdict.SAVE
        return Verdict.GO_ON

    def close(self) -> None:
        """Give the signals back to whoever had them. Not collective."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)
