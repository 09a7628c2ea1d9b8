"""When a stream is due: every so many steps, so much model time, so much wall time."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tensorpde.io.layout import Region, check_name

ROUND_OFF = 1e-9  # of an interval: t = 3 × 0.1 counts as 0.3


@dataclass(frozen=True)
class Every:
    """A cadence; with several numbers, whichever comes first.

    Parameters
    ----------
    steps
        Due at multiples of this step number.
    time
        Due at the first step at or after each multiple of this model time.
    wall
        Due when so many seconds have passed since the stream was written, by rank 0's clock.

    Raises
    ------
    ValueError
        If no number is given or one is not positive.
    """

    steps: int | None = None
    time: float | None = None
    wall: float | None = None

    def __post_init__(self) -> None:
        given = [value for value in (self.steps, self.time, self.wall) if value is not None]
        if not given or any(not value > 0 for value in given):
            raise ValueError(f"{self}: give one or more positive numbers")

    def due(self, step: int, time: float, waited: float, last: float | None) -> bool:
        """Whether to write now.

        Parameters
        ----------
        step, time
            The run's.
        waited
            Seconds since the stream was last written.
        last
            Model time when it was last written; None for never, which is due.
        """
        if last is None:
            return True
        by_step = self.steps is not None and step % self.steps == 0
        by_time = self.time is not None and _count(time, self.time) > _count(last, self.time)
        return by_step or by_time or (self.wall is not None and waited >= self.wall)


@dataclass(frozen=True)
class Stream:
    """What one series of files keeps, and when.

    Parameters
    ----------
    name
        Of its files: ``<name>_<step>.h5`` and ``<name>.xdmf``; with `probes` the one file ``<name>.h5``.
    every
        Its cadence; None for every call of :meth:`tensorpde.io.Output.write`.
    fields
        Names of the fields it keeps; None for all that are given.
    dtype
        "float32", "float64", or None for each field's precision.
    slices, box, stride
        The points it keeps: :class:`tensorpde.io.layout.Region`.
    probes
        Points (m, d): keep the values there instead, as a time series.

    Raises
    ------
    ValueError
        For an impossible name, or probes together with a region or dtype.
    """

    name: str = "fields"
    every: Every | None = None
    fields: tuple[str, ...] | None = None
    dtype: str | None = None
    slices: Mapping[int | str, float] = field(default_factory=dict)
    box: Mapping[int | str, tuple[float, float]] = field(default_factory=dict)
    stride: int | Mapping[int | str, int] = 1
    probes: Any = None

    def __post_init__(self) -> None:
        check_name(self.name, "stream")
        if self.name == "diagnostics":
            raise ValueError("a stream cannot be named diagnostics: diagnostics.h5 is the run's own")
        if self.dtype not in (None, "float32", "float64"):
            raise ValueError(f"dtype {self.dtype!r} of stream {self.name!r} is neither float32 nor float64")
        if self.probes is not None and (self.slices or self.box or self.stride != 1 or self.dtype):
            raise ValueError(f"stream {self.name!r} has probes: they go with no slices, box, stride or dtype")

    @property
    def region(self) -> Region:
        """The points it keeps."""
        return Region(self.slices, self.box, self.stride)


def _count(time: float, interval: float) -> int:
    """Whole intervals that have passed."""
    return math.floor(time / interval + ROUND_OFF)
