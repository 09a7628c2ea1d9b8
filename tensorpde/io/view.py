"""Look into a file without a Space: what it holds, and whole arrays or planes for plots. On one rank."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from tensorpde.io import checkpoint, hdf5, samples, series, snapshot

KINDS = (snapshot.KIND, series.KIND, samples.KIND, checkpoint.KIND)
REAL = ("float32", "float64")


def describe(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a snapshot, time series, data set or checkpoint holds, as plain Python values.

    Returns
    -------
    dict
        ``kind``, ``tensorpde_version``; ``step`` and ``time`` (of the last record of a series; None if it is
        empty, or a data set);
        ``parameters`` (TOML text, "" if none); ``variables`` and ``coordinates``: name → ``dimensions``, ``shape``,
        ``dtype``, ``attributes``. For a checkpoint ``manifest`` instead of the last three.

    Raises
    ------
    FileNotFoundError, Unreadable
        If there is no such file, or it is damaged or of another kind.
    """
    with hdf5.opened(path, *KINDS) as file:
        kind = hdf5.text(file, "format").removeprefix("tensorpde ")
        contents: dict[str, Any] = {"kind": kind, "tensorpde_version": hdf5.text(file, "tensorpde_version")}
        if kind == checkpoint.KIND:
            manifest = checkpoint.read_manifest(path)
            return contents | {"step": manifest["step"], "time": manifest["time"], "manifest": manifest}
        contents["parameters"] = hdf5.text(file, "parameters") if "parameters" in file.attrs else ""
        for key, letters in (("step", "i"), ("time", "f")):
            if kind == samples.KIND:
                contents[key] = None
                continue
            values = hdf5.dataset(file, key, letters, () if kind == snapshot.KIND else (None,))[...]
            contents[key] = values.ravel()[-1].item() if values.size else None
        scalars = hdf5.text(file, "coordinates").split()
        entries = {name: _entry(hdf5.dataset(file, name, "fi")) for name in file}
        is_coordinate = {name: file[name].is_scale or name in scalars for name in file}
    contents["variables"] = {name: entry for name, entry in entries.items() if not is_coordinate[name]}
    contents["coordinates"] = {name: entry for name, entry in entries.items() if is_coordinate[name]}
    return contents


def _entry(data: h5py.Dataset) -> dict[str, Any]:
    return {
        "dimensions": dimensions(data),
        "shape": list(data.shape),
        "dtype": data.dtype.name,
        "attributes": attributes(data),
    }


def dimensions(data: h5py.Dataset) -> list[str]:
    """Names of the scales of a dataset, which for a scale is itself.

    Raises
    ------
    Unreadable
        If a dimension has no scale, or more than one.
    """
    name = data.name.removeprefix("/")
    if data.is_scale:
        return [name]
    found = [[scale.name.removeprefix("/") for scale in dimension.values()] for dimension in data.dims]
    if any(len(names) != 1 for names in found):
        raise hdf5.Unreadable(f"{data.file.filename}: {name!r} has scales {found}, expected one per dimension")
    return [names[0] for names in found]


def attributes(data: h5py.Dataset) -> dict[str, Any]:
    """The attributes of a dataset that are text or one number."""
    plain = {
        key: value.decode(errors="replace") if isinstance(value, bytes) else value for key, value in data.attrs.items()
    }
    return {
        key: value.item() if isinstance(value, np.number) else value
        for key, value in plain.items()
        if isinstance(value, (str, np.number)) and key not in ("CLASS", "NAME")
    }


@dataclass(frozen=True)
class Variable:
    """Values of one dataset with their coordinates, in host memory.

    Parameters
    ----------
    name
        Of the dataset.
    values
        One dimension per entry of `dimensions`.
    dimensions
        Names of the scales.
    coordinates
        Scale → coordinates along that dimension, and the place of each axis that was dropped.
    attributes
        Of the dataset: units, long_name, boundary conditions (docs/format.md).
    scale_attributes
        Scale → its attributes: lo, hi, periodic, …
    time, step
        The instant; None for a series.
    """

    name: str
    values: np.ndarray
    dimensions: tuple[str, ...]
    coordinates: Mapping[str, np.ndarray]
    attributes: Mapping[str, Any]
    scale_attributes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    time: float | None = None
    step: int | None = None

    def with_walls(self) -> Variable:
        """A copy that reaches from lo to hi along each dimension, where what is there is known.

        Periodic: the first values once more at the end. A wall whose value is a number: that value. Where the first
        or last point lies on the wall already, the wall value is not known, or the file holds only a part of the axis,
        nothing is added.
        """
        values, coordinates = self.values, dict(self.coordinates)
        for axis, scale in enumerate(self.dimensions):
            about = self.scale_attributes.get(scale, {})
            if about.get("points") == len(coordinates[scale]):
                values, coordinates[scale] = self._extended(values, axis, scale, about)
        return Variable(
            self.name,
            values,
            self.dimensions,
            coordinates,
            self.attributes,
            self.scale_attributes,
            self.time,
            self.step,
        )

    def _extended(
        self, values: np.ndarray, axis: int, scale: str, about: Mapping[str, Any]
    ) -> tuple[np.ndarray, np.ndarray]:
        x, lo, hi = self.coordinates[scale], about["lo"], about["hi"]
        plane = values.take([0], axis)
        if about["periodic"]:
            return np.concatenate([values, plane], axis), np.append(x, x[0] + (hi - lo))
        left, right = (self.attributes.get(f"{scale}_{side}_value") for side in ("left", "right"))
        before = [np.full_like(plane, left)] if left is not None and x[0] > lo else []
        after = [np.full_like(plane, right)] if right is not None and x[-1] < hi else []
        ends = ([lo] * len(before), [hi] * len(after))
        return np.concatenate([*before, values, *after], axis), np.concatenate([ends[0], x, ends[1]])


def load(path: str | os.PathLike[str], name: str, slices: Mapping[str, float] | None = None) -> Variable:
    """Read one dataset of a snapshot, time series or data set, or a part of it.

    Parameters
    ----------
    slices
        {scale: coordinate}: read only the nearest plane; the dimension is dropped.

    Raises
    ------
    FileNotFoundError, Unreadable
        As in :func:`describe`; also for a slice along a dimension that the dataset has not.
    """
    with hdf5.opened(path, snapshot.KIND, series.KIND, samples.KIND) as file:
        data = hdf5.dataset(file, name, "fi")
        names, slices = dimensions(data), slices or {}
        chosen: list[int | slice] = []
        coordinates, about = {}, {}
        if unknown := set(slices) - set(names):
            raise hdf5.Unreadable(
                f"{path}: {name!r} has dimensions {', '.join(names)}, none is {', '.join(sorted(unknown))}"
            )
        for scale in names:
            x, about[scale] = hdf5.dataset(file, scale, "fi", (None,))[...], attributes(file[scale])
            if scale in slices:
                nearest = int(np.abs(x - slices[scale]).argmin())
                chosen.append(nearest)
                coordinates[scale] = x[nearest]
            else:
                chosen.append(slice(None))
                coordinates[scale] = x
        values = data[tuple(chosen)]
        kept = tuple(scale for scale in names if scale not in slices)
        instant = hdf5.text(file, "format") == f"tensorpde {snapshot.KIND}"
        time, step = (file[key][()].item() if instant else None for key in ("time", "step"))
        return Variable(name, np.asarray(values), kept, coordinates, attributes(data), about, time, step)
