"""Pictures of what an operator was given, what it should have said, what it said, and the difference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tensorpde.run import plot

NAMES = ("input", "target", "output", "error")


def file_and_datasets(text: str) -> tuple[str, str, str]:
    """The parts of FILE:INPUT:OUTPUT.

    Raises
    ------
    ValueError
        If it is something else.
    """
    file, *names = text.rsplit(":", 2)
    if len(names) != 2 or not all((file, *names)):
        raise ValueError(f"{text!r} is not FILE:INPUT:OUTPUT")
    return file, names[0], names[1]


def predictions(samples: Sequence[Sequence[np.ndarray]], out: str | Path, title: str = "") -> Path:
    """Draw the first channel of (input, target, output) arrays (channels, *grid), a few samples beside each other.

    One dimension: curves. Two: planes. More: the middle plane of the first two axes.
    """
    drawn = [[*(values[0] for values in sample), sample[2][0] - sample[1][0]] for sample in samples]
    return rows(drawn, NAMES, out, title)


def rows(samples: Sequence[Sequence[np.ndarray]], names: Sequence[str], out: str | Path, title: str = "") -> Path:
    """Draw named arrays on the same grid for each sample: a panel, or planes one below the other."""
    if samples[0][0].ndim == 1:
        x = np.arange(len(samples[0][0])) / len(samples[0][0])
        panels = [
            plot.Panel({name: (x, values) for name, values in zip(names, row, strict=True)}, {}, "x", f"sample {k}")
            for k, row in enumerate(samples)
        ]
        return plot.panels(panels, out, title)
    made = []
    for number, name in enumerate(names):  # a row per name, so that samples share its colours
        row = []
        for k, sample in enumerate(samples):
            values = sample[number]
            plane = values[(..., *(n // 2 for n in values.shape[2:]))]
            x, y = (np.arange(n) / n for n in plane.shape)
            row.append(plot.Plane(x, y, plane, "x", "y", f"{name}, sample {k}"))
        made.append(row)
    return plot.planes(made, out, title)
