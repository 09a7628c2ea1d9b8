"""Draw what is in a file: planes or lines of its fields up to the walls, energy spectra, time series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.run import plot
from tensorpde.run.contents import heading, is_series, opened, quantities, scale_of
from tensorpde.run.spectra import shell_spectrum

Array = np.ndarray
MAX_ROWS = 6  # fields in one picture unless they are named


def draw(
    path: str | Path,
    out: str | Path,
    fields: Sequence[str] = (),
    at: Mapping[str, float] | None = None,
    spectrum: bool = False,
) -> Path:
    """Draw a file of tensorpde: a time series, or planes (2-D and 3-D), lines (1-D) or spectra of fields.

    Parameters
    ----------
    path
        A snapshot or a time series.
    out
        The picture: .png, .pdf or .svg.
    fields
        Names of the datasets to draw; default all, at most six.
    at
        Coordinate of the cut across an axis, such as ``{"z": 0.5}``; default the middle. With it, a 3-D field is
        cut across these axes only.
    spectrum
        Draw the shell-averaged energy spectrum over the periodic axes instead; components of a vector are summed.

    Raises
    ------
    ValueError
        If there is no such field or axis, or nothing to draw.
    """
    with opened(path) as file:
        title, data = heading(file, path), _chosen(file, fields)
        if spectrum:
            picture = partial(plot.spectra, _spectra(data))
        elif is_series(file) or all(d.ndim == 1 for d in data.values()):
            picture = partial(plot.lines, *_lines(data))
        else:
            picture = partial(plot.planes, [_planes(name, d, at or {}) for name, d in data.items() if d.ndim > 1])
    return picture(out=out, title=title)  # not in the block, where an error is one of the file


def _chosen(file: Any, names: Sequence[str]) -> dict[str, Any]:
    known = quantities(file)
    missing = [name for name in names if name not in known]
    if missing or not known:
        raise ValueError(f"no field {', '.join(missing)} in {file.filename}: it has {', '.join(known) or 'none'}")
    return {name: known[name] for name in names or (list(known) if is_series(file) else list(known)[:MAX_ROWS])}


def _lines(data: Mapping[str, Any]) -> tuple[dict[str, tuple[Array, Array]], str]:
    """Curves (x, y) by label, one per probe where there are probes, and the label of x."""
    name, scale = scale_of(next(iter(data.values())), 0)
    points, curves = scale[...], {}
    for key, d in data.items():
        x, values = extend(points, d[...], 0, name, scale.attrs, d.attrs)
        many = [("", values)] if values.ndim == 1 else [(f" at probe {j}", v) for j, v in enumerate(values.T)]
        curves |= {plot.label(key + which, d.attrs.get("units")): (x, v) for which, v in many}
    return curves, plot.label(name, scale.attrs.get("units"))


def _planes(field: str, data: Any, at: Mapping[str, float]) -> list[plot.Plane]:
    """The planes of one dataset: itself if 2-D, else one across each cut axis, through the middle of the others."""
    names = [scale_of(data, axis)[0] for axis in range(data.ndim)]
    unknown = [name for name in at if name not in names]
    if unknown:
        raise ValueError(f"{field} has the axes {', '.join(names)}, not {', '.join(unknown)}")
    points = [scale_of(data, axis)[1][...] for axis in range(data.ndim)]
    index = [int(np.abs(x - at.get(name, 0.5 * (x[0] + x[-1]))).argmin()) for name, x in zip(names, points)]
    last_two = (data.ndim - 2, data.ndim - 1)
    if data.ndim == 2:
        pairs = [last_two]
    elif data.ndim == 3:
        cut = [axis for axis in (2, 1, 0) if not at or names[axis] in at]
        pairs = [(0 if axis else 1, 1 if axis == 2 else 2) for axis in cut]
    else:
        pairs = [last_two]
    return [_plane(field, data, names, points, index, pair) for pair in pairs]


def _plane(
    field: str, data: Any, names: list[str], points: list[Array], index: list[int], pair: tuple[int, int]
) -> plot.Plane:
    values = data[tuple(slice(None) if axis in pair else i for axis, i in enumerate(index))]
    lines = []
    for position, axis in enumerate(pair):
        scale = scale_of(data, axis)[1]
        x, values = extend(points[axis], values, position, names[axis], scale.attrs, data.attrs)
        lines.append((x, plot.label(names[axis], scale.attrs.get("units"))))
    cuts = [f"{names[a]} = {points[a][i]:.4g}" for a, i in enumerate(index) if a not in pair]
    title = plot.label(field, data.attrs.get("units")) + (f" at {', '.join(cuts)}" if cuts else "")
    (x, x_label), (y, y_label) = lines
    return plot.Plane(x, y, values, x_label, y_label, title)


def extend(
    x: Array, values: Array, axis: int, name: str, scale: Mapping[str, Any], data: Mapping[str, Any]
) -> tuple[Array, Array]:
    """Add what lies between the first and last point and the ends of the line, where it is known.

    A periodic line gets its first value once more at the far end; a bounded one gets its wall values. A line that
    was cut out of the middle (a box) is left alone.
    """
    if len(x) < 2 or "lo" not in scale:
        return x, values
    low, high, near = float(scale["lo"]), float(scale["hi"]), 2.0 * float(np.max(np.diff(x)))
    if scale.get("periodic"):
        if x[0] + (high - low) - x[-1] > 0.75 * near:
            return x, values
        first = np.take(values, [0], axis)
        return np.append(x, x[0] + (high - low)), np.concatenate([values, first], axis)
    for end, wall in (("left", low), ("right", high)):
        value = data.get(f"{name}_{end}_value")
        gap = x[0] - wall if end == "left" else wall - x[-1]
        if value is not None and 0.0 < gap <= near:
            face = np.full_like(np.take(values, [0], axis), value)
            before, after = ([wall], face), (x, values)
            if end == "right":
                before, after = after, before
            x, values = np.concatenate([before[0], after[0]]), np.concatenate([before[1], after[1]], axis)
    return x, values


def _spectra(data: Mapping[str, Any]) -> dict[str, tuple[Array, Array]]:
    """One curve per vector (datasets ``u_x``, ``u_y``, … on the same points) or scalar."""
    groups: dict[str, list[Any]] = {}
    for name, d in data.items():
        stem, _, end = name.rpartition("_")
        groups.setdefault(stem if stem and end in ("x", "y", "z") else name, []).append(d)
    curves = {}
    for name, members in groups.items():
        scales = [scale_of(members[0], axis)[1] for axis in range(members[0].ndim)]
        axes = [axis for axis, s in enumerate(scales) if s.attrs.get("periodic") and _uniform(s)]
        if axes:
            lengths = [float(scales[axis].attrs["hi"] - scales[axis].attrs["lo"]) for axis in axes]
            curves[name] = shell_spectrum([d[...] for d in members], lengths, axes)
    if not curves:
        raise ValueError(f"a spectrum needs a whole, uniform, periodic axis: {', '.join(data)} have none")
    return curves


def _uniform(scale: Any) -> bool:
    """Whether the points are equally spaced over the whole period."""
    x = scale[...]
    return np.allclose(np.diff(x), (scale.attrs["hi"] - scale.attrs["lo"]) / len(x), rtol=1e-6)
