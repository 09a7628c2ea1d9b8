"""Data sets of independent samples: made in batches by all ranks, resumable at any moment, in one chunked HDF5 file.

Each batch is a small whole file that its rank writes in ``<name>.parts``; when all are there, rank 0 streams them into
the data set and removes them. A killed run loses the batches that were being made and no others.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from tensorpde.io import hdf5, publish
from tensorpde.parallel import alone, world
from tensorpde.parallel.errors import agree

KIND = "dataset"
Arrays = Mapping[str, np.ndarray]
PER_CHUNK = 256  # bytes of the index entry of a chunk


class _Header(NamedTuple):
    """What a data set says of itself."""

    recipe: str
    parameters: str
    coordinates: Mapping[str, np.ndarray]


def make_dataset(
    path: str | os.PathLike[str],
    make: Callable[[range], Arrays],
    count: int,
    recipe: Mapping[str, Any],
    coordinates: Mapping[str, np.ndarray],
    batch: int = 16,
    comm: Any = None,
    parameters: str = "",
    after_round: Callable[[int, int], object] | None = None,
) -> Path:
    """Make `count` samples, those batches that are not there yet, and put them in one file. Collective.

    Parameters
    ----------
    path
        The data set. If it is there already, with the same recipe, nothing is done, or where it has fewer samples, the
        further ones are made and put behind those.
    make
        ``make(samples)`` gives for a range of sample numbers one array per name, of shape (len(samples), *the lengths
        of the coordinates). It runs on one rank and must not be collective. What it gives must depend on the numbers of
        the samples alone.
    count, batch
        Number of samples, and how many of them are made at a time.
    recipe
        What the samples depend on, such as seed and viscosity: what JSON can hold. Kept in the file; batches of another
        recipe are refused.
    coordinates
        Name → coordinates of each axis of a sample, in order.
    comm
        The ranks that share the work: batch b is made by rank b mod their number, whichever are missing.
    parameters
        The run's parameters as TOML text.
    after_round
        ``after_round(done, count)``, collective, after every rank has made a batch: progress, and stop on request.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ValueError
        If what is there has another recipe or more samples, or `make` gives arrays of other shapes, or values that are
        not finite, naming the samples.

    Notes
    -----
    An error in `make` is raised on all ranks when the others have written the batches they are at; the next run does
    not make these again. Chunks are single samples.
    """
    path, comm = Path(path), world(comm)
    parts = path.with_name(path.name + ".parts")
    header = _Header(
        json.dumps({"count": count, "batch": batch, **recipe}, sort_keys=True),
        parameters,
        {name: np.asarray(values, float) for name, values in coordinates.items()},
    )
    have, missing = _missing(path, parts, header.recipe, count, batch, comm)
    if have == count:
        return path
    for start in range(0, len(missing), comm.size):
        own = missing[start : start + comm.size]
        with agree(comm, f"making samples for {path}"):
            if comm.rank < len(own):
                samples = _of(own[comm.rank], batch, count)
                _write_part(parts, own[comm.rank], _checked(make(samples), samples, header.coordinates), header)
        if after_round is not None:
            left = missing[start + comm.size :]
            after_round(count - sum(len(_of(number, batch, count)) for number in left), count)
    _join(path, parts, header, have, count, batch, comm)
    return path


def _of(number: int, batch: int, count: int) -> range:
    return range(number * batch, min(count, (number + 1) * batch))


def _missing(path: Path, parts: Path, recipe: str, count: int, batch: int, comm: Any) -> tuple[int, list[int]]:
    """How many samples the data set has, and the batches that are still to be made. Collective."""
    have, found = 0, list[int]()
    with agree(comm, f"looking for samples in {parts}"):
        if comm.rank == 0:
            have = _length(path, recipe)
            if have > count:
                raise ValueError(f"{path} has {have} samples, more than {count}: remove it, or write elsewhere")
            if have < count:
                parts.mkdir(parents=True, exist_ok=True)
                publish.sweep(parts, r"batch_\d{8}\.h5")
                numbers = range(have // batch, -(-count // batch))
                found = [k for k in numbers if _length(_part(parts, k), recipe) != len(_of(k, batch, count))]
    return comm.bcast((have, found))


def _length(path: Path, recipe: str) -> int:
    """How many samples a file of this recipe has, for whatever number of them it was asked; 0 if there is none.

    Raises
    ------
    ValueError
        If there is one of another recipe, naming both.
    """
    if not path.exists():
        return 0
    with hdf5.opened(path, KIND) as file:
        other = hdf5.text(file, "recipe")
        same = [{k: v for k, v in json.loads(text).items() if k != "count"} for text in (other, recipe)]
        length = len(file["sample"] if "sample" in file else next(iter(file.values())))
    if same[0] != same[1]:
        raise ValueError(f"{path} was made by {other}, not by {recipe}: remove it, or write elsewhere")
    return length


def _part(parts: Path, number: int) -> Path:
    return parts / f"batch_{number:08d}.h5"


def _checked(arrays: Arrays, samples: range, coordinates: Mapping[str, np.ndarray]) -> Arrays:
    shape = (len(samples), *(len(values) for values in coordinates.values()))
    for name, values in arrays.items():
        if values.shape != shape:
            raise ValueError(f"{name} of samples {samples} has shape {values.shape}, expected {shape}")
        if not np.isfinite(values).all():
            bad = [k for k, value in zip(samples, values, strict=True) if not np.isfinite(value).all()]
            raise ValueError(f"{name} is not finite in samples {bad}")
    return arrays


def _write_part(parts: Path, number: int, arrays: Arrays, header: _Header) -> None:
    nbytes = sum(values.nbytes + hdf5.PER_DATASET for values in arrays.values())
    with hdf5.create(_part(parts, number), alone(), KIND, nbytes) as file:
        file.attrs["recipe"] = header.recipe
        for name, values in arrays.items():
            file.create_dataset(name, data=values)


def _join(path: Path, parts: Path, header: _Header, have: int, count: int, batch: int, comm: Any) -> None:
    """Stream the samples that there are and all parts into the data set, and remove these. Collective."""
    shapes: dict[str, tuple[tuple[int, ...], np.dtype]] = {}
    with agree(comm, f"reading {parts}"):
        if comm.rank == 0:
            with hdf5.opened(_part(parts, (count - 1) // batch), KIND) as last:
                shapes = {name: ((count, *last[name].shape[1:]), last[name].dtype) for name in last}
    nbytes = sum(np.prod(shape, dtype=int) * kind.itemsize + count * PER_CHUNK for shape, kind in shapes.values())
    with hdf5.create(path, comm, KIND, int(nbytes)) as file:
        if file is not None:
            _head(file, header, count)
            dimensions = ["sample", *header.coordinates]
            for name, (shape, kind) in shapes.items():
                hdf5.variable(file, name, shape, kind, dimensions, chunks=(1, *shape[1:]))
                file[name].attrs.update({"units": "1", "long_name": name})
            for samples, arrays in _sources(path, parts, have, count, batch):
                for name in shapes:
                    file[name][samples.start : samples.stop] = arrays[name]
    with agree(comm, f"removing {parts}"):
        if comm.rank == 0:
            shutil.rmtree(parts)


def _sources(path: Path, parts: Path, have: int, count: int, batch: int) -> Iterator[tuple[range, Arrays]]:
    """Every batch, of the data set as it was or else of its part."""
    for number in range(-(-count // batch)):
        samples = _of(number, batch, count)
        old = samples.stop <= have
        with hdf5.opened(path if old else _part(parts, number), KIND) as file:
            own = slice(samples.start, samples.stop) if old else slice(None)
            yield samples, {name: data[own] for name, data in file.items() if data.ndim > 1}


def _head(file: h5py.File, header: _Header, count: int) -> None:
    file.attrs.update({"recipe": header.recipe, "parameters": header.parameters, "coordinates": ""})
    hdf5.scale(file, "sample", np.arange(count), {"units": "1", "long_name": "sample"})
    for name, values in header.coordinates.items():
        hdf5.scale(file, name, values, {"units": "1", "long_name": name})
