"""Checkpoints: the exact state of a run, readable on any number of ranks, loaded only if whole; two are kept."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tensorpde.field import Field, Space
from tensorpde.given import number, whole
from tensorpde.io import hdf5, publish, slabs
from tensorpde.parallel.errors import agree

KIND = "checkpoint"
FILE = re.compile(r"checkpoint_(\d{8,})\.h5")
DTYPES = ("float32", "float64", "complex64", "complex128")
KEPT = 2
PER_CHUNK = 256  # bytes: checksum and index entry


def save_checkpoint(
    directory: str | os.PathLike[str],
    fields: Mapping[str, Field],
    step: int,
    time: float,
    attributes: Mapping[str, Any] | None = None,
) -> Path:
    """Write ``checkpoint_<step>.h5`` and remove all but the last two. Collective.

    The file becomes visible whole or not at all. Checkpoints of later steps belong to a branch that the run has
    left, and are removed too. The values are stored bit for bit, with a fletcher32 per chunk and a SHA-256 per
    field, which do not depend on the number of ranks (docs/format.md). Cost: one pass over the state through rank 0.

    Parameters
    ----------
    directory
        Made if it does not exist.
    fields
        Name → Field; their Spaces may differ but share one communicator.
    step, time
        Where the run stands.
    attributes
        Small further state, such as statistics and tuned choices: what JSON can hold, with text as keys.

    Returns
    -------
    Path
        The new file.

    Raises
    ------
    ValueError
        For no fields, an impossible name, a negative step, or an attribute that JSON cannot hold.
    OSError
        For a full disk or an unwritable directory; earlier checkpoints are as they were.
    """
    directory, step = Path(directory), whole(step, "step")
    if not isinstance(fields, Mapping) or not all(isinstance(field, Field) for field in fields.values()):
        raise TypeError(f"a checkpoint needs a dictionary of Fields by name, not {fields!r:.80}")
    if not fields or step < 0 or not all(re.fullmatch(r"[A-Za-z]\w*", name) for name in fields):
        raise ValueError(
            f"a checkpoint needs fields with plain names and a step ≥ 0, not {list(fields)} at step {step}"
        )
    manifest: dict[str, Any] = {
        "step": step,
        "time": float(number(time, "time")),
        "attributes": _plain(attributes or {}),
        "fields": {name: _describe(field) for name, field in fields.items()},
    }
    comm = next(iter(fields.values())).space.comm
    path = directory / f"checkpoint_{step:08d}.h5"
    with agree(comm, f"preparing {directory}"):
        if comm.rank == 0:
            directory.mkdir(parents=True, exist_ok=True)
            publish.sweep(directory, FILE.pattern)
    with hdf5.create(path, comm, KIND, _bytes(fields)) as file:
        with agree(comm, f"writing the header of {path}"):
            if file is not None:
                for name, field in fields.items():
                    _create(file, name, field)
        for name, field in fields.items():
            manifest["fields"][name]["sha256"] = _write(file, name, field)
        if file is not None:
            seal(file, manifest)
    with agree(comm, f"removing old checkpoints from {directory}"):
        if comm.rank == 0:
            _prune(directory, step)
    return path


def _plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes as JSON gives them back, numpy scalars and arrays as numbers and lists."""
    return json.loads(json.dumps(dict(attributes), default=_as_list))


def _as_list(value: Any) -> Any:
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    raise ValueError(f"a checkpoint attribute must be numbers, text, lists or dictionaries of them, not {type(value)}")


def _describe(field: Field) -> dict[str, Any]:
    """What a Space must agree with to take the field back."""
    return {
        "lead": list(field.lead),
        "dtype": np.dtype(field.local.dtype).name,
        "axes": [[axis.n, axis.lo, axis.hi, axis.location] for axis in field.space.axes],
    }


def _bytes(fields: Mapping[str, Field]) -> int:
    """Bytes of the datasets, the last chunk filled up, and their checksums."""
    total = 0
    for field in fields.values():
        shape, itemsize = field.space.shape, field.local.dtype.itemsize
        rows = slabs.rows_per_slab(shape, itemsize)
        chunks = -(-shape[0] // rows) * int(np.prod(field.lead, dtype=int))
        total += chunks * (rows * itemsize * int(np.prod(shape[1:], dtype=int)) + PER_CHUNK)
    return total


def _create(file: h5py.File, name: str, field: Field) -> None:
    """The dataset of one field, its chunks the slabs that are written and checked."""
    shape, dtype = field.space.shape, np.dtype(field.local.dtype)
    chunk = (*[1] * len(field.lead), slabs.rows_per_slab(shape, dtype.itemsize), *shape[1:])
    file.create_dataset(name, (*field.lead, *shape), dtype, chunks=chunk, fletcher32=True, fill_time="never")


def _write(file: Any, name: str, field: Field) -> str:
    """Write one field; its SHA-256 on rank 0: of the concatenated SHA-256 of its slabs, in order. Collective."""
    shape, dtype = field.space.shape, np.dtype(field.local.dtype)
    digest = sha256()
    for index in np.ndindex(*field.lead):

        def write(start: int, slab: np.ndarray, index: tuple[int, ...] = index) -> None:
            digest.update(sha256(slab.data).digest())
            file[name][(*index, slice(start, start + len(slab)))] = slab

        region = [slice(0, n, 1) for n in shape]
        slabs.gather(field.local[index], field.pencil, region, dtype, f"writing {name}", write)
    return digest.hexdigest()


def seal(file: h5py.File, manifest: Mapping[str, Any]) -> None:
    """Store the manifest, which names every dataset with its checksum, and its own checksum."""
    text = json.dumps(manifest).encode()
    file.attrs["manifest"] = np.bytes_(text)
    file.attrs["manifest_sha256"] = np.bytes_(sha256(text).hexdigest())


def _prune(directory: Path, step: int) -> None:
    ordered = sorted(_found(directory), reverse=True)
    obsolete = [path for number, path in ordered if number > step]
    obsolete += [path for number, path in ordered if number <= step][KEPT:]
    for path in obsolete:
        path.unlink()
    if obsolete:
        publish.sync_directory(directory)


def _found(directory: Path) -> list[tuple[int, Path]]:
    return [(int(match[1]), path) for path in directory.iterdir() if (match := FILE.fullmatch(path.name))]


def load_checkpoint(
    directory: str | os.PathLike[str], space: Space | Mapping[str, Space], attributes: dict[str, Any] | None = None
) -> tuple[dict[str, Field], int, float]:
    """The latest whole checkpoint of a directory. Collective.

    A damaged one is passed over with a warning that names the file and the reason.

    Parameters
    ----------
    space
        The Space of all fields, or the Space of each by name. Any number of ranks and process grid will do.
    attributes
        A dictionary that takes the further state given to :func:`save_checkpoint`.

    Returns
    -------
    fields, step, time

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint at all.
    Unreadable
        If none is whole: each file with its reason.
    ValueError
        If a whole one does not fit the Spaces, naming both values.
    """
    directory = Path(directory)
    comm = (next(iter(space.values())) if isinstance(space, Mapping) else space).comm
    with agree(comm, f"looking for checkpoints in {directory}"):
        ordered = sorted(_found(directory), reverse=True) if comm.rank == 0 else []
        if comm.rank == 0 and not ordered:
            raise FileNotFoundError(f"{directory} holds no checkpoint")
    reasons = []
    for path in comm.bcast([path for _, path in ordered]):
        try:
            return _load(path, comm, space, attributes)
        except hdf5.Unreadable as error:
            reasons.append(str(error))
            if comm.rank == 0:
                warnings.warn(f"checkpoint passed over: {error}", stacklevel=2)
    raise hdf5.Unreadable(f"no checkpoint in {directory} is whole: {'; '.join(reasons)}")


def _load(
    path: Path, comm: Any, space: Space | Mapping[str, Space], attributes: dict[str, Any] | None
) -> tuple[dict[str, Field], int, float]:
    """One checkpoint. Collective; damage raises Unreadable on all ranks."""
    manifest = None
    with agree(comm, f"reading {path}"):
        if comm.rank == 0:
            manifest = read_manifest(path)
    manifest = comm.bcast(manifest)
    if isinstance(space, Mapping) and (missing := set(manifest["fields"]) - set(space)):
        raise ValueError(f"{path} holds {', '.join(sorted(missing))}, but Spaces are given only for {', '.join(space)}")
    spaces = {name: space[name] if isinstance(space, Mapping) else space for name in manifest["fields"]}
    for name, stored in manifest["fields"].items():
        _check_fit(path, name, stored, spaces[name])
    fields = {name: _read(path, name, stored, spaces[name]) for name, stored in manifest["fields"].items()}
    if attributes is not None:
        attributes.clear()
        attributes.update(manifest["attributes"])
    return fields, manifest["step"], manifest["time"]


def read_manifest(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a checkpoint holds: step, time, attributes, and for each field its type, axes and SHA-256. On one rank.

    Raises
    ------
    Unreadable
        If the file or its manifest is damaged, or a dataset does not have the type and shape that it names.
    """
    with hdf5.opened(path, KIND) as file:
        text = hdf5.text(file, "manifest")
        if sha256(text.encode()).hexdigest() != hdf5.text(file, "manifest_sha256"):
            raise hdf5.Unreadable(f"{path}: the manifest does not match its SHA-256")
        manifest = json.loads(text)
        if [type(manifest[key]) for key in ("step", "time", "attributes", "fields")] != [int, float, dict, dict]:
            raise hdf5.Unreadable(f"{path}: the manifest lacks step, time, attributes or fields")
        for name, stored in manifest["fields"].items():
            if stored["dtype"] not in DTYPES:
                raise hdf5.Unreadable(f"{path}: {name!r} has element type {stored['dtype']}, expected one of {DTYPES}")
            data = hdf5.dataset(file, name, "fc", (*stored["lead"], *(axis[0] for axis in stored["axes"])))
            if data.dtype != np.dtype(stored["dtype"]):
                raise hdf5.Unreadable(f"{path}: {name!r} has element type {data.dtype}, expected {stored['dtype']}")
    return manifest


def _check_fit(path: Path, name: str, stored: Mapping[str, Any], space: Space) -> None:
    axes = [[axis.n, axis.lo, axis.hi, axis.location] for axis in space.axes]
    if axes != stored["axes"]:
        raise ValueError(f"{path}: {name!r} has axes (n, lo, hi, location) {stored['axes']}, its Space has {axes}")
    if np.dtype(space.dtype).name != stored["dtype"]:
        raise ValueError(f"{path}: {name!r} is {stored['dtype']}, its Space is {np.dtype(space.dtype).name}")


def _read(path: Path, name: str, stored: Mapping[str, Any], space: Space) -> Field:
    """One field, its checksum verified on the way. Collective."""
    field = space.empty(lead=tuple(stored["lead"]))
    digest = sha256()
    with hdf5.shared(path, space.comm, KIND) as file:
        for index in np.ndindex(*field.lead):

            def read(start: int, slab: np.ndarray, index: tuple[int, ...] = index) -> None:
                with hdf5.reading(path):
                    file[name].read_direct(slab, (*index, slice(start, start + len(slab))))
                digest.update(sha256(slab.data).digest())

            slabs.scatter(read, field.local[index], field.pencil, stored["dtype"], f"reading {path}")
    with agree(space.comm, f"reading {path}"):
        if space.comm.rank == 0 and digest.hexdigest() != stored["sha256"]:
            raise hdf5.Unreadable(f"{path}: {name!r} does not match its SHA-256")
    return field
