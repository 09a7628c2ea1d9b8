"""A model in one HDF5 file: its settings as JSON text, its parameters as flat datasets."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tensorpde.io import hdf5
from tensorpde.parallel import world
from tensorpde.parallel.errors import agree

KIND = "model"
_PARTS = ("_real", "_imag")


def save_model(
    path: str | os.PathLike[str], settings: Mapping[str, Any], params: Mapping[str, np.ndarray], comm: Any = None,
    about: Mapping[str, Any] | None = None,
) -> Path:  # fmt: skip
    """Write settings and parameters, the same on all ranks, as one whole file; rank 0 writes. Collective.

    Parameters
    ----------
    settings
        What JSON can hold.
    params
        Name → host array. Complex ones are stored as two datasets, ``name_real`` and ``name_imag``.
    about
        What else belongs to the model, such as units of its data: what JSON can hold.
    """
    path, comm = Path(path), world(comm)
    size = sum(array.nbytes + 2 * hdf5.PER_DATASET for array in params.values())
    with hdf5.create(path, comm, KIND, size) as file:
        if file is not None:
            file.attrs["settings"] = json.dumps(dict(settings), sort_keys=True)
            file.attrs["about"] = json.dumps(dict(about or {}), sort_keys=True)
            for name, array in params.items():
                for stored, values in _stored(name, np.asarray(array)).items():
                    file.create_dataset(stored, data=values, fletcher32=values.ndim > 0, chunks=_chunks(values))
    return path


def load_model(path: str | os.PathLike[str], comm: Any = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(settings, parameters) of a file, on all ranks. Collective.

    Raises
    ------
    FileNotFoundError, Unreadable
        If there is no such file, or it is not a whole one of a model.
    """
    path, comm = Path(path), world(comm)
    found: tuple[dict[str, Any], dict[str, np.ndarray]] = {}, {}
    with agree(comm, f"reading the model {path}"):
        if comm.rank == 0:
            with hdf5.opened(path, KIND) as file:
                found = _object(file, "settings"), _params(file)
    return comm.bcast(found)


def about_model(path: str | os.PathLike[str], comm: Any = None) -> dict[str, Any]:
    """What `save_model` was given as `about`, on all ranks. Collective.

    Raises
    ------
    FileNotFoundError, Unreadable
        As in :func:`load_model`.
    """
    path, comm = Path(path), world(comm)
    found: dict[str, Any] = {}
    with agree(comm, f"reading the model {path}"):
        if comm.rank == 0:
            with hdf5.opened(path, KIND) as file:
                found = _object(file, "about")
    return comm.bcast(found)


def _object(file: h5py.File, key: str) -> dict[str, Any]:
    found = json.loads(hdf5.text(file, key))
    if not isinstance(found, dict):
        raise hdf5.Unreadable(f"{file.filename}: {key} is {type(found).__name__}, expected an object")
    return found


def _params(file: h5py.File) -> dict[str, np.ndarray]:
    params = {}
    for name in file:
        if name.endswith(_PARTS[1]):
            continue
        values = hdf5.dataset(file, name, "f")[...]
        if name.endswith(_PARTS[0]):
            name = name.removesuffix(_PARTS[0])
            imaginary = hdf5.dataset(file, name + _PARTS[1], "f", values.shape)[...]
            both = np.empty(values.shape, np.result_type(values.dtype, np.complex64))
            both.real, both.imag = values, imaginary
            values = both
        params[name] = values
    return params


def _stored(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    if array.dtype.kind != "c":
        return {name: array}
    return {name + part: np.ascontiguousarray(v) for part, v in zip(_PARTS, (array.real, array.imag), strict=True)}


def _chunks(values: np.ndarray) -> bool | None:
    return True if values.ndim and values.size else None
