"""One HDF5 file for the fields at one instant."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tensorpde.field import Field, Space
from tensorpde.io import hdf5, layout, slabs
from tensorpde.parallel.errors import agree

KIND = "snapshot"
Fields = Mapping[str, Field | Sequence[Field]]


@dataclass(frozen=True)
class _Part:
    """One dataset: a real component of a field, on the kept points."""

    name: str
    points: Any  # those that are kept, of this rank's block
    pencil: Any
    region: tuple[slice, ...]
    scales: tuple[str, ...]  # one per axis, the dropped ones too
    kept: tuple[int, ...]  # axes that remain dimensions
    dtype: np.dtype
    attributes: Mapping[str, Any]

    @property
    def shape(self) -> tuple[int, ...]:
        whole = slabs.region_shape(self.pencil.shape, self.region)
        return tuple(whole[axis] for axis in self.kept)

    @property
    def dimensions(self) -> tuple[str, ...]:
        return tuple(self.scales[axis] for axis in self.kept)


class Snapshot:
    """One snapshot, laid out: what its datasets are called and hold. `write` writes and publishes it. Collective.

    Parameters
    ----------
    path
        Of the file.
    space
        Its axes are the scales x, y, z, x3….
    fields
        Name → Field, or a sequence of Fields: the components of a vector, each in a Space of its own.
    step, time
        The instant.
    region
        The points to keep; None for all.
    dtype
        "float32" or "float64" for all; None keeps each field's precision.
    root
        Further root attributes, such as ``parameters``.
    attributes
        Field name → attributes of its datasets, such as ``units`` and ``long_name``.

    Raises
    ------
    ValueError
        For an impossible name, type or region.
    """

    def __init__(
        self,
        path: Path,
        space: Space,
        fields: Fields,
        step: int,
        time: float,
        *,
        region: layout.Region | None = None,
        dtype: Any = None,
        root: Mapping[str, str] | None = None,
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.path, self.step, self.time, self._comm, self._root = path, step, time, space.comm, dict(root or {})
        self._scales = _Scales(space, region or layout.Region())
        self._parts = [
            part
            for name, field in fields.items()
            for part in self._scales.parts(layout.check_name(name), field, dtype, (attributes or {}).get(name, {}))
        ]

    def keep(self, take: Callable[[Any, Any], np.ndarray]) -> None:
        """Let go of the fields: from now on the values are what `take` makes of an array and the type to store."""
        self._parts = [
            part if part.points is None else replace(part, points=take(part.points, part.dtype)) for part in self._parts
        ]

    def write(self) -> None:
        """Write the file. Collective.

        Raises
        ------
        OSError
            If it cannot be written; an older file of that name is as it was.
        """
        path, parts = self.path, self._parts
        nbytes = sum(math.prod(part.shape) * part.dtype.itemsize + hdf5.PER_DATASET for part in parts)
        nbytes += sum(map(len, self._root.values()))
        with hdf5.create(path, self._comm, KIND, nbytes, by_all=hdf5.written_by_all()) as file:
            with agree(self._comm, f"writing the header of {path}"):
                if file is not None:
                    file.attrs.update(self._root)
                    hdf5.scale(file, "time", np.float64(self.time), {"units": "1", "long_name": "time"})
                    steps = {"units": "1", "long_name": "number of time steps"}
                    hdf5.scale(file, "step", np.int64(self.step), steps)
                    self._scales.write(file)
                    for part in parts:
                        data = hdf5.variable(file, part.name, part.shape, part.dtype, part.dimensions)
                        data.attrs.update(part.attributes)
            for part in parts:
                _write_values(file, part)


def _write_values(file: Any, part: _Part) -> None:
    """Fill one dataset, by rank 0 or, where all have the file open, by all ranks. Collective."""
    dropped = tuple(axis for axis in range(len(part.scales)) if axis not in part.kept)

    def put(start: int, slab: np.ndarray) -> None:
        rows = (slice(start, start + len(slab)),) if 0 in part.kept else ()
        file[part.name][rows or ...] = slab.squeeze(dropped)

    if not hdf5.written_by_all():
        slabs.gather(part.points, part.pencil, part.region, part.dtype, f"writing {part.name}", put)
        return
    with agree(part.pencil.process_grid.comm, f"writing {part.name}"):
        if (mine := slabs.own(part.points, part.pencil, part.region, part.dtype)) is not None:
            place, values = mine
            file[part.name][tuple(place[axis] for axis in part.kept) or ...] = values.squeeze(dropped)


class _Scales:
    """The coordinates that the datasets of one file use, collected while the fields are laid out."""

    def __init__(self, space: Space, region: layout.Region) -> None:
        self._names = layout.Scales(space.axes)
        self._region = region
        self._dropped = region.dropped(space.ndim)
        self._used: dict[str, tuple[np.ndarray, dict[str, Any]]] = {}

    def parts(self, name: str, field: Field | Sequence[Field], dtype: Any, extra: Mapping[str, Any]) -> list[_Part]:
        """The datasets of a field, or of a sequence of component fields."""
        if not isinstance(field, Field):
            suffixes = layout.component_suffixes((len(field),), field[0].space.ndim)
            return [
                part
                for i, (suffix, component) in enumerate(zip(suffixes, field, strict=True))
                for part in self._component(f"{name}{suffix}", component.local, component, i, dtype, extra)
            ]
        suffixes = layout.component_suffixes(field.lead, field.space.ndim)
        vector = len(field.lead) == 1
        return [
            part
            for suffix, index in zip(suffixes, np.ndindex(*field.lead), strict=True)
            for part in self._component(
                f"{name}{suffix}", field.local[index], field, index[0] if vector else None, dtype, extra
            )
        ]

    def _component(
        self, name: str, local: Any, field: Field, component: int | None, dtype: Any, extra: Mapping[str, Any]
    ) -> list[_Part]:
        axes = field.space.axes
        region = self._region.on(axes)
        scales = tuple(self._names.name(i, axis) for i, axis in enumerate(axes))
        attributes: dict[str, Any] = {"units": "1", "long_name": name}
        for i, (scale, axis) in enumerate(zip(scales, axes, strict=True)):
            chosen = axis.x[region[i]]
            self._used[scale] = (chosen[0] if i in self._dropped else chosen, layout.scale_attributes(i, axis))
            if i not in self._dropped:
                attributes |= layout.boundary_attributes(scale, i, axis, component)
        attributes |= extra
        real = np.dtype(dtype or np.empty(0, field.local.dtype).real.dtype)
        if real.name not in ("float32", "float64"):
            raise ValueError(f"{name!r} cannot be stored as {real}, expected float32 or float64")
        kept = tuple(axis for axis in range(len(axes)) if axis not in self._dropped)
        made = [
            (suffix, slabs.kept(getattr(local, attribute), field.pencil, region))
            for suffix, attribute in layout.parts(np.dtype(field.local.dtype))
        ]
        return [
            _Part(name + suffix, points, field.pencil, region, scales, kept, real, attributes)
            for suffix, points in made
        ]

    def write(self, file: h5py.File) -> None:
        """Write the scales, and the coordinate of each dropped axis as a scalar that ``coordinates`` names too."""
        for name, (values, attributes) in self._used.items():
            hdf5.scale(file, name, values, attributes)
        scalars = [name for name, (values, _) in self._used.items() if not np.ndim(values)]
        file.attrs["coordinates"] = " ".join(["time", "step", *scalars])
