"""What is in a file of tensorpde, in words: ``tensorpde info FILE``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.io import view


def heading(path: str | Path, contents: Mapping[str, Any]) -> str:
    """File name, and the step and time of the file, or of the last record of a series; a data set has none."""
    if contents["kind"] == "dataset":
        return Path(path).name
    if contents["step"] is None:
        return f"{Path(path).name}   no record yet"
    last = "up to " if contents["kind"] == "series" else ""
    return f"{Path(path).name}   {last}step {contents['step']}, time {contents['time']:.6g}"


def describe(path: str | Path) -> str:
    """Kind, grid, fields with their ranges, time and parameters of a file of any kind.

    Reads every value once; holds one field in memory.
    """
    contents = view.describe(path)
    if contents["kind"] == "checkpoint":
        body = _checkpoint(contents["manifest"]["fields"])
        parameters = str(contents["manifest"]["attributes"].get("parameters", ""))
    else:
        body = [*_axes(path, contents["coordinates"]), "", *_variables(path, contents)]
        parameters = contents["parameters"]
    head = [heading(path, contents), f"{contents['kind']}, written by tensorpde {contents['tensorpde_version']}"]
    listed = ["", "parameters", *(f"  {line}" for line in parameters.splitlines())] if parameters else []
    return "\n".join([*head, "", *body, *listed])


def _axes(path: str | Path, coordinates: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, entry in coordinates.items():
        if not entry["shape"] or name == "step":
            continue
        x, about = view.load(path, name).values, entry["attributes"]
        words = [f"on [{about['lo']:g}, {about['hi']:g}]"] if "lo" in about else []
        words += ["periodic"] if about.get("periodic") else []
        words += [str(about[key]) for key in ("location", "mapping", "basis") if key in about]
        rows.append([name, str(x.size), *((f"{x[0]:.6g}", f"{x[-1]:.6g}") if x.size else ("", "")), ", ".join(words)])
    return _table(["axis", "points", "from", "to", ""], rows)


def _variables(path: str | Path, contents: Mapping[str, Any]) -> list[str]:
    series, rows = contents["kind"] == "series", []
    part = {"sample": 0.0} if contents["kind"] == "dataset" else None  # the whole may be larger than the memory
    for name, entry in contents["variables"].items():
        values = view.load(path, name, part).values
        shown = (values[-1:] if series else values).mean(dtype=np.float64) if values.size else np.nan
        numbers = [values.min(initial=np.inf), values.max(initial=-np.inf), shown]
        shape = " × ".join(map(str, entry["shape"]))
        rows.append([name, shape, entry["dtype"], *(f"{v:.6g}" for v in numbers), entry["attributes"].get("units", "")])
    mean = "last" if series else "mean of sample 0" if part else "mean"
    return _table(["name", "shape", "type", "min", "max", mean, "units"], rows)


def _checkpoint(fields: Mapping[str, Any]) -> list[str]:
    rows = []
    for name, stored in fields.items():
        shape = " × ".join(map(str, [*stored["lead"], *(axis[0] for axis in stored["axes"])]))
        axes = ", ".join(f"{location} on [{lo:g}, {hi:g}]" for _, lo, hi, location in stored["axes"])
        rows.append([name, shape, stored["dtype"], stored["sha256"][:16], axes])
    return _table(["name", "shape", "type", "SHA-256", "axes"], rows)


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows]]
