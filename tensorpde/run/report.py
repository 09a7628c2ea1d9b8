"""What a run says about itself in words: its layout, its memory, its files."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np


def times(numbers: Sequence[int]) -> str:
    """``64 × 64 × 65``."""
    return " × ".join(map(str, numbers))


def size(number: float) -> str:
    """A number of bytes with three digits and a decimal unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 999.5:
            return f"{number:.3g} {unit}"
        number /= 1000
    return f"{number:.4g} TB"


def layout(space: Any, ranks: int) -> str:
    """One line: points, type, ranks, process grid."""
    grid = times(space.pencil.process_grid.dims) or "1"
    return f"{times(space.shape)} points, {np.dtype(space.dtype)}, process grid {grid} on {ranks} rank(s)"


def memory(space: Any, largest: Sequence[int], arrays: float) -> str:
    """One line: the bytes of so many arrays on the rank with the largest block, and in all."""
    one = np.dtype(space.dtype).itemsize * arrays
    most, whole = one * math.prod(largest), one * math.prod(space.shape)
    return f"largest block {times(largest)}, memory {arrays:g} arrays: {size(most)} on that rank, {size(whole)} in all"


def files(out: Path, kinds: Sequence[tuple[str, float, float]]) -> str:
    """A table of the files to come: name, number, bytes of each; the last row is the sum."""
    rows = [f"  {name:<28} {number:>6.0f} × {size(each)}" for name, number, each in kinds]
    total = size(sum(number * each for _, number, each in kinds))
    return "\n".join([f"files in {out}", *rows, f"  {'in all':<28} {total:>8}"])


def listing(out: Path) -> str:
    """The files that are there, a numbered series as one row."""
    kinds: dict[str, list[int]] = {}
    for path in sorted(p for p in out.rglob("*") if p.is_file()):
        name = path.parent / re.sub(r"\d{4,}", "*", path.name)
        kinds.setdefault(str(name), []).append(path.stat().st_size)
    rows = [f"  {name:<44} {len(each):>5} × {size(sum(each) / len(each))}" for name, each in kinds.items()]
    return "\n".join([f"files in {out}", *rows])
