"""Draw what is in a file: planes or lines of its fields up to the walls, energy spectra, time series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from tensorpde.io import view
from tensorpde.run import plot
from tensorpde.run.contents import heading
from tensorpde.run.spectra import shell_spectrum

Array = np.ndarray
MAX_ROWS = 6  # fields in one picture unless they are named


def draw(
    path: str | Path,
    out: str | Path,
    fields: Sequence[str] = (),
    at: Mapping[str, float] | None = None,
    spectrum: bool = False,
    limit: float | None = None,
    share: float = 1.0,
) -> Path:
    """Draw a file of tensorpde: a time series, or planes (2-D and 3-D), lines (1-D) or spectra of fields.

    Parameters
    ----------
    path
        A snapshot or a time series.
    out
        The picture: .png, .pdf or .svg.
    fields
        Names of the datasets to draw; default all, of a snapshot at most six.
    at
        Coordinate of the cut across an axis, such as ``{"z": 0.5}``; default the middle. With it, a 3-D field is
        cut across these axes only.
    spectrum
        Draw the shell-averaged energy spectrum over the periodic axes instead; components of a vector are summed.
    limit, share
        Colours of planes span −limit to limit, or what this share of the values have: so that a few peaks do not leave
        the rest pale.

    Raises
    ------
    ValueError
        If there is no such field or axis, or nothing to draw.
    """
    contents = view.describe(path)
    names = _chosen(path, contents, fields)
    title = heading(path, contents)
    if spectrum:
        return plot.spectra(_spectra(path, names), out, title=title)
    dimensions = {name: contents["variables"][name]["dimensions"] for name in names}
    if contents["kind"] == "series" or all(len(d) == 1 for d in dimensions.values()):
        return plot.lines(*_lines(path, names), out, title)
    rows = [_planes(path, name, d, at or {}) for name, d in dimensions.items() if len(d) > 1]
    return plot.planes(rows, out, title, limit, share)


def _chosen(path: str | Path, contents: Mapping, names: Sequence[str]) -> list[str]:
    if contents["kind"] == "checkpoint":
        raise ValueError(f"{path} is a checkpoint, which has no coordinates: draw a snapshot or a time series")
    series = contents["kind"] == "series"
    known = [n for n, entry in contents["variables"].items() if "time" in entry["dimensions"] or not series]
    missing = [name for name in names if name not in known]
    if missing or not known:
        raise ValueError(f"no field {', '.join(missing)} in {path}: it has {', '.join(known) or 'none'}")
    return list(names) or (known if series else known[:MAX_ROWS])


def _lines(path: str | Path, names: Sequence[str]) -> tuple[dict[str, tuple[Array, Array]], str]:
    """Curves (x, y) by label, one per probe where there are probes, and the label of x."""
    curves: dict[str, tuple[Array, Array]] = {}
    for name in names:
        line = view.load(path, name).with_walls()
        x, units = line.coordinates[line.dimensions[0]], line.attributes.get("units")
        many = (
            [("", line.values)]
            if line.values.ndim == 1
            else [(f" at probe {j}", v) for j, v in enumerate(line.values.T)]
        )
        curves |= {plot.label(name + which, units): (x, values) for which, values in many}
    return curves, _axis_label(line, line.dimensions[0])


def _axis_label(variable: view.Variable, scale: str) -> str:
    return plot.label(scale, variable.scale_attributes[scale].get("units"))


def _planes(path: str | Path, name: str, dimensions: Sequence[str], at: Mapping[str, float]) -> list[plot.Plane]:
    """A 2-D field itself; a 3-D one cut across each axis of ``at``, or across all; of more, the last two axes."""
    unknown = [scale for scale in at if scale not in dimensions]
    if unknown:
        raise ValueError(f"{name} has the axes {', '.join(dimensions)}, not {', '.join(unknown)}")
    if len(dimensions) == 3:
        cuts = [[scale] for scale in reversed(dimensions) if scale in at or not at]
    else:
        cuts = [list(dimensions[:-2])]
    return [_plane(path, name, {scale: at.get(scale, _middle(path, scale)) for scale in cut}) for cut in cuts]


def _middle(path: str | Path, scale: str) -> float:
    x = view.load(path, scale).values
    return float(x[len(x) // 2])


def _plane(path: str | Path, name: str, cut: Mapping[str, float]) -> plot.Plane:
    plane = view.load(path, name, cut).with_walls()
    first, second = plane.dimensions
    where = ", ".join(f"{scale} = {float(plane.coordinates[scale]):.4g}" for scale in cut)
    title = plot.label(name, plane.attributes.get("units")) + (f" at {where}" if where else "")
    x, y = plane.coordinates[first], plane.coordinates[second]
    return plot.Plane(x, y, plane.values, _axis_label(plane, first), _axis_label(plane, second), title)


def _spectra(path: str | Path, names: Sequence[str]) -> dict[str, tuple[Array, Array]]:
    """One curve per vector (datasets ``u_x``, ``u_y``, … on the same points) or scalar with a periodic axis."""
    groups: dict[str, list[str]] = {}
    for name in names:
        stem, _, end = name.rpartition("_")
        groups.setdefault(stem if stem and end in ("x", "y", "z") else name, []).append(name)
    curves = {}
    for group, members in groups.items():
        parts = [view.load(path, member) for member in members]
        periods = {axis: length for axis in range(parts[0].values.ndim) if (length := _period(parts[0], axis))}
        if periods:
            curves[group] = shell_spectrum([p.values for p in parts], list(periods.values()), list(periods))
    if not curves:
        raise ValueError(f"a spectrum needs a whole, uniform, periodic axis: {', '.join(names)} have none")
    return curves


def _period(variable: view.Variable, axis: int) -> float | None:
    """The period along an axis that is periodic and equally spaced over all of it; None for any other."""
    scale = variable.dimensions[axis]
    about, x = variable.scale_attributes[scale], variable.coordinates[scale]
    if not about.get("periodic"):
        return None
    length = about["hi"] - about["lo"]
    return length if np.allclose(np.diff(x), length / len(x), rtol=1e-5) else None
