"""Time series in one small HDF5 file: diagnostics, probes. On one rank."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import h5py
import numpy as np

from tensorpde.io import hdf5, publish

KIND = "series"


class Series:
    """Records of (step, time, named values), kept in memory and written as one whole file now and then.

    Steps increase strictly: a record at step k replaces those at step k and after, so that a run restarted from an
    earlier step leaves no duplicates. A value that a record lacks is NaN.

    Parameters
    ----------
    path
        The file; records that are there are continued.
    constants
        Coordinates of the entries of values that are arrays: name → array, with `dimension` as its scale.
    dimension
        Name of the second dimension of values with more than one entry.
    attributes
        Root attributes.

    Raises
    ------
    Unreadable
        If the file exists and is not a whole series.
    """

    def __init__(
        self,
        path: Path,
        constants: Mapping[str, np.ndarray] | None = None,
        dimension: str = "probe",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        self.path = path
        self.constants = dict(constants or {})
        self.dimension = dimension
        self.attributes = dict(attributes or {})
        self._records: list[tuple[int, float, dict[str, np.ndarray]]] = load(path) if path.exists() else []
        self._changed = False
        self._written = -float("inf")

    @property
    def last(self) -> tuple[int, float] | None:
        """(step, time) of the latest record."""
        return self._records[-1][:2] if self._records else None

    def append(self, step: int, time: float, values: Mapping[str, float | np.ndarray]) -> None:
        """Add a record; those at this step and after are dropped first."""
        self.truncate(step - 1)
        self._records.append((int(step), float(time), {k: np.asarray(v, dtype=float) for k, v in values.items()}))
        self._changed = True

    def truncate(self, step: int) -> None:
        """Drop the records after `step`."""
        keep = len(self._records)
        while keep and self._records[keep - 1][0] > step:
            keep -= 1
        self._changed |= keep < len(self._records)
        del self._records[keep:]

    def flush(self, every: float = 0.0) -> None:
        """Write the file, if anything changed and the last time was at least `every` seconds ago."""
        if not self._changed or monotonic() - self._written < every:
            return
        part = publish.temporary(self.path)
        try:
            self._write(part)
            publish.commit(part, self.path)
        except BaseException:
            publish.discard(part)
            raise
        self._changed, self._written = False, monotonic()

    def _write(self, part: Path) -> None:
        columns = self._columns()
        nbytes = sum(column.nbytes + hdf5.PER_DATASET for column in columns.values())
        nbytes += sum(column.nbytes + hdf5.PER_DATASET for column in self.constants.values())
        publish.require(part.parent, nbytes + hdf5.MARGIN)
        with h5py.File(part, "w", libver=hdf5.LIBVER, locking=False) as file:
            hdf5.stamp(file, KIND)
            file.attrs.update({"coordinates": " ".join(["step", *self.constants]), **self.attributes})
            file.flush()
            publish.reserve(part, nbytes + hdf5.MARGIN)
            scales = {"time": columns.pop("time")} | self._second_dimension()
            for name, values in scales.items():
                hdf5.scale(file, name, values, {"units": "1", "long_name": name})
            for name, values in self.constants.items():
                hdf5.variable(file, name, values.shape, values.dtype, [self.dimension])[...] = values
            for name, values in columns.items():
                dimensions = ["time", self.dimension][: values.ndim]
                hdf5.variable(file, name, values.shape, values.dtype, dimensions)[...] = values
                file[name].attrs.update({"units": "1", "long_name": name})

    def _second_dimension(self) -> dict[str, np.ndarray]:
        return {self.dimension: np.arange(len(next(iter(self.constants.values()))))} if self.constants else {}

    def _columns(self) -> dict[str, np.ndarray]:
        """Arrays over time: time, step and every name that any record has."""
        names = dict.fromkeys(name for _, _, values in self._records for name in values)
        columns = {
            "time": np.array([time for _, time, _ in self._records], dtype=float),
            "step": np.array([step for step, _, _ in self._records], dtype=np.int64),
        }
        for name in names:
            shape = next(values[name].shape for _, _, values in self._records if name in values)
            missing = np.full(shape, np.nan)
            columns[name] = np.array([values.get(name, missing) for _, _, values in self._records])
        return columns


def load(path: Path) -> list[tuple[int, float, dict[str, np.ndarray]]]:
    """The records of a series file.

    Raises
    ------
    Unreadable
        If it is not a whole one.
    """
    with hdf5.opened(path, KIND) as file:
        time = hdf5.dataset(file, "time", "f", (None,))[...]
        step = hdf5.dataset(file, "step", "i", time.shape)[...]
        names = [name for name in file if name not in ("time", "step") and over_time(file[name])]
        columns = {name: hdf5.dataset(file, name, "f", (time.size, *file[name].shape[1:]))[...] for name in names}
    return [
        (int(step[k]), float(time[k]), {name: column[k] for name, column in columns.items()}) for k in range(time.size)
    ]


def over_time(data: h5py.Dataset) -> bool:
    """Whether the first dimension of `data` is time."""
    return not data.is_scale and bool(data.ndim) and "time" in data.dims[0]
