"""Reading samples, a few at a time, from HDF5 files that this suite or anybody else has written."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np

from tensorpde.io import hdf5


class SampleFile:
    """Datasets whose first dimension counts samples, in one file that stays open. On each rank for itself.

    Parameters
    ----------
    path
        Any HDF5 file.
    names
        Datasets of real or whole numbers or booleans, by their paths in the file: "x", "train_16/x".

    Attributes
    ----------
    count : number of samples.
    shapes : name → shape of one sample.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Unreadable
        If it is damaged or cut off, has no such dataset, reaches it by links, keeps it elsewhere or behind plug-in
        filters, or has it with other kinds of numbers or other numbers of samples, naming what is there.
    """

    def __init__(self, path: str | os.PathLike[str], names: Sequence[str]) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise FileNotFoundError(f"{path} does not exist or is not a file")
        with hdf5.reading(path):
            self._file = h5py.File(path, "r", locking="best-effort")
            self._data = {name: _dataset(self._file, name) for name in names}
        counts = {name: len(data) for name, data in self._data.items()}
        if len(set(counts.values())) != 1 or 0 in counts.values():
            raise hdf5.Unreadable(f"{path}: numbers of samples are {counts}, expected one number above 0 for all")
        self.count = next(iter(counts.values()))
        self.shapes = {name: tuple(data.shape[1:]) for name, data in self._data.items()}

    def read(self, name: str, sample: int, out: np.ndarray, box: Sequence[slice] = ()) -> np.ndarray:
        """One sample, or the part of it in a box of slices along its first dimensions, in `out`.

        Raises
        ------
        Unreadable
            If the data are damaged.
        """
        with hdf5.reading(self.path):
            out[...] = self._data[name][(sample, *box)]
        return out

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _dataset(file: h5py.File, name: str) -> h5py.Dataset:
    """The dataset at a path of hard links."""
    parts = [part for part in name.split("/") if part]
    for k in range(len(parts)):
        path = "/".join(parts[: k + 1])
        link = file.get(path, getlink=True) if path in file else None
        if link is not None and not isinstance(link, h5py.HardLink):
            raise hdf5.Unreadable(f"{file.filename}: {path!r} is a link, expected a group or a dataset")
    if name in file and not isinstance(file[name], h5py.Dataset):
        raise hdf5.Unreadable(f"{file.filename}: {name!r} is a group of {', '.join(file[name])}, expected a dataset")
    data = hdf5.dataset(file, name, "fiub")
    if data.ndim < 2:
        raise hdf5.Unreadable(f"{file.filename}: {name!r} has shape {data.shape}, expected (samples, points, …)")
    return data
