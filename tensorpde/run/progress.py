"""How far a run is and when it will end: a bar on a terminal, now and then a line in a log. Rank 0 only."""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import TextIO


def duration(seconds: float) -> str:
    """``0:07``, ``12:34``, ``1:02:03`` or ``3d 04:05:06``; ``?`` where it is not known."""
    if not 0.0 <= seconds < 1e9:
        return "?"
    minutes, s = divmod(round(seconds), 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    if days:
        return f"{days}d {h:02d}:{m:02d}:{s:02d}"
    return f"{h}:{m:02d}:{s:02d}" if h else f"{m}:{s:02d}"


def on_terminal(stream: TextIO) -> bool:
    """Whether somebody watches this stream.

    mpirun gives its ranks a pseudo-terminal even when its own output goes to a file, so that a rank's
    stream is a terminal only if its launcher's is.
    """
    if not stream.isatty():
        return False
    if "OMPI_COMM_WORLD_SIZE" not in os.environ and "PMI_SIZE" not in os.environ:
        return True
    try:
        return os.readlink(f"/proc/{os.getppid()}/fd/1").startswith(("/dev/pts/", "/dev/tty"))
    except OSError:
        return False


class Progress:
    """Report the progress from ``start`` to ``end`` in model time (or in steps, epochs, …).

    Parameters
    ----------
    start, end
        Where this part of the run begins and where it ends.
    every
        In a log: seconds between lines; the first and the last step always get one. A bar moves four times a second.
    active
        False on all ranks but one; an inactive Progress does nothing.
    stream
        Default: standard output.
    """

    def __init__(
        self, start: float, end: float, every: float = 10.0, active: bool = True, stream: TextIO | None = None
    ):
        self.start, self.end, self.active = start, end, active
        self.stream = sys.stdout if stream is None else stream
        self.bar = active and on_terminal(self.stream)
        self.every = 0.25 if self.bar else every
        self.steps = 0
        self._begin = self._shown = time.monotonic()
        self._first: tuple[float, float] | None = None  # clock and model time after the first step

    def update(self, step: int, now: float, **values: float) -> None:
        """Show step ``step`` at model time ``now``, and further named values. Not collective."""
        if not self.active:
            return
        clock = time.monotonic()
        self.steps += 1
        if self._first is None:
            self._first = clock, now
        elif clock - self._shown < self.every and now < self.end:
            return
        self._shown = clock
        text = [f"step {step}", f"t {now:.5g} of {self.end:g}", *(f"{name} {v:.4g}" for name, v in values.items())]
        if self.steps > 1:
            per_step = (clock - self._first[0]) / (self.steps - 1)
            text += [f"{per_step:.3g} s/step", f"ETA {duration(self.remaining(clock, now))}"]
        self._show("  ".join(text), (now - self.start) / (self.end - self.start or 1.0))

    def remaining(self, clock: float, now: float) -> float:
        """Seconds to the end at the mean rate since the first step, which is not counted: it compiles."""
        if self._first is None or now <= self._first[1]:
            return float("nan")
        return (self.end - now) * (clock - self._first[0]) / (now - self._first[1])

    def _show(self, text: str, fraction: float) -> None:
        if not self.bar:
            print(text, file=self.stream, flush=True)
            return
        width = shutil.get_terminal_size().columns - 1
        room = max(min(width - len(text) - 3, 30), 0)
        filled = round(room * min(max(fraction, 0.0), 1.0))
        line = f"[{'█' * filled}{'·' * (room - filled)}] {text}"[:width] if room > 4 else text[:width]
        print(f"\r{line:<{width}}", end="", file=self.stream, flush=True)

    def close(self) -> None:
        """End the bar's line, so that what follows starts on its own. Not collective."""
        if self.bar and self.steps:
            print(file=self.stream, flush=True)

    @property
    def wall(self) -> float:
        """Seconds since this object was made."""
        return time.monotonic() - self._begin
