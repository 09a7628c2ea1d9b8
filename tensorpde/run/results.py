"""What a driver shows at its end: series that it has recorded, tables beside a reference, pictures of its fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.io import load
from tensorpde.io.series import Series

Array = np.ndarray


class Results:
    """The files of a run, for rank 0 at its end; `Run.finish` makes one.

    Parameters
    ----------
    out
        The directory of the run.
    """

    def __init__(self, out: str | Path) -> None:
        self.out = Path(out)

    def series(self, *names: str) -> tuple[Array, ...]:
        """The times of diagnostics.h5, then the values of these diagnostics, NaN where a record lacks one."""
        found = [load(self.out / "diagnostics.h5", name) for name in names]
        return found[0].coordinates["time"], *(one.values for one in found)

    def keep(self, name: str, step: int, time: float, x: tuple[str, Array], **profiles: Array | float) -> Path:
        """Write statistics to a small file NAME.h5 of series: profiles over the coordinate x = (its name, values).

        Numbers are written beside them. A record of this step or a later one, from an earlier try, is replaced.
        """
        file = Series(self.out / f"{name}.h5", {x[0]: x[1]}, "place")
        file.append(step, time, profiles)
        file.flush()
        return file.path

    def last(self, stream: str = "fields") -> Path:
        """The latest snapshot of a stream."""
        return max(self.out.glob(f"{stream}_*.h5"))

    def draw(self, picture: str, *fields: str, **options: Any) -> None:
        """Draw fields of the last snapshot, as `tensorpde.run.pictures.draw` does, and say where."""
        from tensorpde.run import pictures  # runs without pictures need no matplotlib

        print(pictures.draw(self.last(), self.out / picture, fields, **options))

    def curves(self, picture: str, *names: str, title: str = "") -> None:
        """Draw series over time, one below the other."""
        from tensorpde.run import plot

        time, *values = self.series(*names)
        plot.lines(dict(zip(names, ((time, own) for own in values), strict=True)), "t", self.out / picture, title)

    def newton(self, history: Any, picture: str, title: str = "") -> None:
        """Print and draw the residuals of a `tp.solve.newton`."""
        from tensorpde.run import plot

        steps = np.arange(len(history.residuals))
        for step, size in enumerate(history.residuals):
            print(f"{step:>3}  ‖F(u)‖ = {size:.3e}")
        print(f"{history.reason}: {history.iterations} Newton steps, {history.inner} linear iterations")
        plot.lines({"‖F(u)‖": (steps, history.residuals)}, "Newton step", self.out / picture, title)

    def table(self, columns: Mapping[str, Sequence[Any]], formats: str | Sequence[str] = ".6g") -> None:
        """Print columns under their names; words and numbers, the numbers in a format (one for all, or one each)."""
        given = [formats] * len(columns) if isinstance(formats, str) else list(formats)
        cells = [
            [name, *(value if isinstance(value, str) else format(value, form) for value in values)]
            for (name, values), form in zip(columns.items(), given, strict=True)
        ]
        widths = [max(map(len, column)) for column in cells]
        for row in zip(*cells, strict=True):
            print("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)))

    def at_times(self, times: Iterable[float], *names: str, formats: str | Sequence[str] = ".6g") -> None:
        """Print series at some times, interpolated linearly."""
        time, *values = self.series(*names)
        shown = np.asarray(list(times))
        columns = {name: np.interp(shown, time, own) for name, own in zip(names, values, strict=True)}
        own = [formats] * len(columns) if isinstance(formats, str) else list(formats)
        self.table({"t": shown} | columns, ["g", *own])
