"""What is in a file of tensorpde, in words: ``tensorpde info FILE``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.io import checkpoint, hdf5

KINDS = ("fields", "series")  # of files that describe themselves by dimension scales; a checkpoint has a manifest
SLAB = 1 << 24  # values read at once for the range of a field


def opened(path: str | Path) -> Any:
    """Open a snapshot or a time series for reading, as a context manager. On one rank; raises as the reader in io."""
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
    with hdf5.opened(path, *KINDS, checkpoint.KIND) as file:
        kind = hdf5.text(file, "format")
        made = f"format version {file.attrs['format_version']}, written by tensorpde {file.attrs['tensorpde_version']}"
        if kind == f"tensorpde {checkpoint.KIND}":
            head, body, parameters = _checkpoint(file, path)
        else:
            head, body = heading(file, path), _described(file)
            parameters = hdf5.text(file, "parameters") if "parameters" in file.attrs else ""
    listed = ["", "parameters", *(f"  {line}" for line in parameters.splitlines())] if parameters else []
    return "\n".join([head, f"{kind}, {made}", "", *body, *listed])


def _described(file: Any) -> list[str]:
    series = is_series(file)
    axes = _table(["axis", "points", "from", "to", ""], [_axis(*item) for item in scales(file).items()])
    head = ["name", "shape", "type", "min", "max", "last" if series else "mean", "units"]
    return [*axes, "", *_table(head, [_field(*item, series) for item in quantities(file).items()])]


def _checkpoint(file: Any, path: str | Path) -> tuple[str, list[str], str]:
    """Heading, table of fields, and parameters of a checkpoint."""
    manifest = checkpoint.read_manifest(path)
    rows = []
    for name, stored in manifest["fields"].items():
        axes = ", ".join(f"{n} {location} on [{lo:g}, {hi:g}]" for n, lo, hi, location in stored["axes"])
        rows.append([*_field(name, file[name], series=False)[:-1], axes])
    head = f"{Path(path).name}   step {manifest['step']}, time {manifest['time']:.6g}"
    table = _table(["name", "shape", "type", "min", "max", "mean", "axes"], rows)
    return head, table, str(manifest["attributes"].get("parameters", ""))


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
    """Smallest, largest and mean value, of the magnitude where complex; read slab by slab."""
    if not data.size:
        return np.nan, np.nan, np.nan
    rows = max(1, SLAB * data.shape[0] // data.size)
    low, high, total = np.inf, -np.inf, 0.0
    for start in range(0, data.shape[0], rows):
        slab = np.abs(data[start : start + rows]) if data.dtype.kind == "c" else data[start : start + rows]
        low, high = np.minimum(low, slab.min()), np.maximum(high, slab.max())  # a NaN stays visible
        total += slab.sum(dtype=np.float64)
    return low, high, total / data.size


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]
