"""What a run says about itself in words: its layout, its memory, its files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.io import Every, Stream


def times(numbers: Sequence[int]) -> str:
    """``64 × 64 × 65``."""
    return " × ".join(map(str, numbers))


def size(number: float) -> str:
    """A number of bytes with three digits and a decimal unit."""
    if not math.isfinite(number):
        return "?"
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.4g} TB"


def layout(space: Any, ranks: int) -> str:
    """One line: points, type, ranks, process grid."""
    grid = times(space.process_grid.dims) or "1"
    return f"{times(space.shape)} points, {np.dtype(space.dtype)}, process grid {grid} on {ranks} rank(s)"


def memory(space: Any, largest: Sequence[int], arrays: float) -> str:
    """One line: bytes of so many arrays on the rank with the largest block, and in all; whether a device has them."""
    one = np.dtype(space.dtype).itemsize * arrays
    most, whole = one * math.prod(largest), one * math.prod(space.shape)
    line = f"largest block {times(largest)}, memory {arrays:g} arrays: {size(most)} on that rank, {size(whole)} in all"
    if (room := space.backend.memory()) is None:
        return line
    verdict = "fits" if most <= room[0] else "does not fit"
    return f"{line}; it {verdict} the device: {size(room[0])} of {size(room[1])} free"


def files(
    space: Any,
    state: Mapping[str, int],
    streams: Sequence[Stream],
    derived: Mapping[str, int],
    t_end: float | None,
    steps: float | None,
) -> str:
    """A table of the files to come: name, number ("?" where it depends on the clock or the steps), bytes of each."""
    points, components = math.prod(space.shape), dict(state) | dict(derived)
    rows: list[tuple[str, float | None, float]] = []
    for stream in streams:
        number = _number(stream.every, t_end, steps)
        values = sum(components[name] for name in stream.fields or components)
        if stream.probes is not None:
            records = np.nan if number is None else number
            rows.append((f"{stream.name}.h5", 1, records * len(np.atleast_2d(stream.probes)) * values * 8))
            continue
        kept = math.prod(len(range(n)[part]) for n, part in zip(space.shape, stream.region.on(space.axes)))
        real = np.dtype(stream.dtype or np.empty(0, space.dtype).real.dtype)
        parts = 2 if space.dtype.kind == "c" else 1
        rows.append((f"{stream.name}_*.h5", number, kept * values * parts * real.itemsize))
    rows.append(("checkpoints/*.h5", 2, points * sum(state.values()) * space.dtype.itemsize))
    lines = [
        f"  {name:<28} {'?' if number is None else f'{number:.0f}':>6} × {size(each)}" for name, number, each in rows
    ]
    known = sum(number * each for _, number, each in rows if number is not None and each == each)
    return "\n".join([*lines, f"  {'in all, as far as known':<28} {size(known):>8}"])


def _number(every: Every | None, t_end: float | None, steps: float | None) -> float | None:
    """How often a stream is written, the first time included; None if that is not known before the run."""
    if every is None:
        return None if steps is None else steps + 1
    number = 1.0
    for interval, total in ((every.steps, steps), (every.time, t_end), (every.wall, None)):
        if interval is not None and total is None:
            return None
        if interval is not None and total is not None:
            number += math.floor(total / interval + 1e-6)
    return number


def listing(out: Path) -> str:
    """The files that are there, a numbered series as one row."""
    kinds: dict[str, list[int]] = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        name = path.parent / re.sub(r"\d{4,}", "*", path.name)
        kinds.setdefault(str(name), []).append(path.stat().st_size)
    rows = [f"  {name:<44} {len(each):>5} × {size(sum(each) / len(each))}" for name, each in kinds.items()]
    return "\n".join([f"files in {out}", *rows])
