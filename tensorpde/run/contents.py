"""What is in a file of tensorpde, in words: ``tensorpde info FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.io import hdf5

KINDS = ("fields", "series", "checkpoint")
SLAB = 1 << 24  # values read at once for the range of a field


def opened(path: str | Path) -> Any:
    """Open any file of tensorpde for reading, as a context manager. On one rank; raises as the reader in io does."""
    return hdf5.opened(path, *KINDS)


def quantities(file: Any) -> dict[str, Any]:
    """The datasets that hold fields or series, without the coordinates."""
    return {name: d for name, d in file.items() if d.ndim and not d.is_scale and name != "step"}


def scales(file: Any) -> dict[str, Any]:
    """The datasets that hold the coordinates along a dimension."""
    return {name: d for name, d in file.items() if d.ndim and d.is_scale}


def scale_of(data: Any, axis: int) -> tuple[str, Any]:
    """Name and dataset of the coordinates along one dimension of a dataset."""
    scale = data.dims[axis][0]
    return scale.name.rpartition("/")[2], scale


def is_series(file: Any) -> bool:
    """Whether the file is a time series rather than fields at one time."""
    return hdf5.text(file, "format") == "tensorpde series"


def heading(file: Any, path: str | Path) -> str:
    """File name, and step and time where the file is of one time."""
    when = [f"{name} {file[name][()]:.6g}" for name in ("step", "time") if name in file and not file[name].ndim]
    return "   ".join([Path(path).name, ", ".join(when)]).rstrip()


def describe(path: str | Path) -> str:
    """Kind, grid, fields with their ranges, time and parameters of a snapshot, a checkpoint or a time series."""
    with opened(path) as file:
        made = f"format version {file.attrs['format_version']}, written by tensorpde {file.attrs['tensorpde_version']}"
        lines = [heading(file, path), f"{hdf5.text(file, 'format')}, {made}", ""]
        lines += _table(["axis", "points", "from", "to", ""], [_axis(*item) for item in scales(file).items()])
        series = is_series(file)
        head = ["name", "shape", "type", "min", "max", "last" if series else "mean", "units"]
        lines += ["", *_table(head, [_field(*item, series) for item in quantities(file).items()])]
        if "parameters" in file.attrs:
            lines += ["", "parameters", *(f"  {line}" for line in hdf5.text(file, "parameters").splitlines())]
        return "\n".join(lines)


def _axis(name: str, scale: Any) -> list[str]:
    x = scale[...]
    if not x.size:
        return [name, "0", "", "", ""]
    attrs = scale.attrs
    words = [f"on [{attrs['lo']:g}, {attrs['hi']:g}]"] if "lo" in attrs else []
    words += ["periodic"] if attrs.get("periodic") else []
    words += [str(attrs[key]) for key in ("location", "mapping", "basis") if key in attrs]
    return [name, str(x.size), f"{x[0]:.6g}", f"{x[-1]:.6g}", ", ".join(words)]


def _field(name: str, data: Any, series: bool) -> list[str]:
    low, high, mean = _range(data)
    numbers = [low, high, np.mean(data[-1]) if series and data.size else mean]
    shape = " × ".join(map(str, data.shape))
    return [name, shape, str(data.dtype), *(f"{v:.6g}" for v in numbers), str(data.attrs.get("units", ""))]


def _range(data: Any) -> tuple[float, float, float]:
    """Smallest, largest and mean value, read slab by slab."""
    if not data.size:
        return np.nan, np.nan, np.nan
    rows = max(1, SLAB * data.shape[0] // data.size)
    low, high, total = np.inf, -np.inf, 0.0
    for start in range(0, data.shape[0], rows):
        slab = data[start : start + rows]
        low, high = np.minimum(low, slab.min()), np.maximum(high, slab.max())  # a NaN stays visible
        total += slab.sum(dtype=np.float64)
    return low, high, total / data.size


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]
