"""HDF5 files made and opened safely: publication of whole files, readers that accept only what they expect."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tensorpde.io import publish
from tensorpde.parallel.errors import agree

FORMAT_VERSION = 1
LIBVER = ("v110", "v110")  # all metadata carry checksums; HDF5 1.10 of 2016 and everything newer reads it
FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}  # never a plug-in
MARGIN = 1 << 18  # bytes set aside for metadata besides those of each dataset
PER_DATASET = 4096  # bytes of metadata of one dataset
END_OF_FILE = 28  # where the superblock (versions 2 and 3) keeps the length of the file


class Unreadable(ValueError):
    """A file is damaged, is not one that this suite wrote, or does not hold what is asked of it."""


def version() -> str:
    """The version of the installed tensorpde; "unknown" when it runs from a folder that was not installed."""
    try:
        return metadata.version("tensorpde")
    except metadata.PackageNotFoundError:
        return "unknown"


def written_by_all() -> bool:
    """Whether all ranks write their own blocks of snapshots: TENSORPDE_PARALLEL_HDF5=1, with an h5py built for MPI.

    Raises
    ------
    RuntimeError
        If the variable is 1 and h5py is not built for MPI.
    """
    wanted = os.environ.get("TENSORPDE_PARALLEL_HDF5", "0") == "1"
    if wanted and not h5py.get_config().mpi:
        raise RuntimeError("TENSORPDE_PARALLEL_HDF5=1, but this h5py is built without MPI")
    return wanted


@contextmanager
def create(path: Path, comm: Any, kind: str, nbytes: int, by_all: bool = False) -> Iterator[Any]:
    """Write a new file and publish it when the block ends: a file of this name is always a whole one. Collective.

    Parameters
    ----------
    path
        Where it becomes visible; an older file of that name is replaced in one step.
    kind
        Stored as the root attribute ``format``: "tensorpde " and this word.
    nbytes
        Bytes of data that will be written, an upper bound; room for metadata is added.
    by_all
        Open it on all ranks, by MPI: then all ranks create datasets and attributes alike, and each writes its data.

    Yields
    ------
    h5py.File or None
        The file on rank 0 (`by_all`: on all ranks), else None. An error on any rank in the block removes the
        unfinished file and becomes the same error on all.
    """
    part, file = publish.temporary(path), None
    try:
        with agree(comm, f"creating {path}"):
            if comm.rank == 0:
                publish.require(path.parent, nbytes + MARGIN)
                part.touch()
        with agree(comm, f"creating {path}"):
            if by_all:
                file = h5py.File(part, "w", libver=LIBVER, driver="mpio", comm=comm)
            elif comm.rank == 0:
                file = h5py.File(part, "w", libver=LIBVER, locking=False)
            if file is not None:
                stamp(file, kind)
                file.flush()
            if comm.rank == 0:
                publish.reserve(part, nbytes + MARGIN)
        with agree(comm, f"writing {path}"):
            yield file
        with agree(comm, f"closing {path}"):
            if file is not None:
                file.close()
        with agree(comm, f"publishing {path}"):
            if comm.rank == 0:
                publish.commit(part, path, _end_of_file(part))
    except BaseException:
        if file is not None:
            _abandon(file)
        if comm.rank == 0:
            publish.discard(part)
        raise


def stamp(file: h5py.File, kind: str) -> None:
    """The root attributes that every file has."""
    file.attrs.update({"format": f"tensorpde {kind}", "format_version": FORMAT_VERSION, "tensorpde_version": version()})


def variable(
    file: h5py.File, name: str, shape: tuple[int, ...], dtype: Any, dimensions: Sequence[str] = (), **options: Any
) -> h5py.Dataset:
    """Create a dataset without filling it, each dimension with the scale of that name; `options` as h5py's."""
    data = file.create_dataset(name, shape, dtype, fill_time="never", **options)
    for i, scale_name in enumerate(dimensions):
        data.dims[i].attach_scale(file[scale_name])
    return data


def scale(file: h5py.File, name: str, values: np.ndarray | np.generic, attributes: Mapping[str, Any]) -> None:
    """Write a coordinate: the dimension scale of that name, or a plain scalar."""
    data = file.create_dataset(name, data=values)
    data.attrs.update(attributes)
    if data.ndim:
        data.make_scale(name)


def _end_of_file(path: Path) -> int:
    """Bytes of the closed file that HDF5 uses; what was set aside beyond them is given back."""
    with open(path, "rb") as stream:
        stream.seek(END_OF_FILE)
        return struct.unpack("<Q", stream.read(8))[0]


def _abandon(file: h5py.File) -> None:
    with suppress(OSError, RuntimeError, ValueError):  # the error that brought us here is the one to tell
        file.close()


@contextmanager
def opened(path: str | os.PathLike[str], *kinds: str) -> Iterator[h5py.File]:
    """Open a file of one of these kinds for reading. On one rank.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    Unreadable
        If it is not HDF5, is cut off or damaged, holds anything else than datasets under the root (a link, a group, a
        named type), is of another kind or of a newer format.
    """
    with reading(path), _open(Path(path), kinds) as file:
        yield file


@contextmanager
def shared(path: str | os.PathLike[str], comm: Any, *kinds: str) -> Iterator[Any]:
    """As :func:`opened`, the h5py.File on rank 0 and None on the others. Collective.

    What rank 0 reads in the block it reads under :func:`reading` and an agreement.
    """
    file = None
    with agree(comm, f"opening {path}"):
        if comm.rank == 0:
            with reading(path):
                file = _open(Path(path), kinds)
    try:
        yield file
    finally:
        if file is not None:
            file.close()


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what h5py or a parser raises on a failed checksum or a torn structure into Unreadable, naming the file."""
    try:
        yield
    except (Unreadable, FileNotFoundError):
        raise
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise Unreadable(f"{path} is damaged: {error}") from None


def _open(path: Path, kinds: tuple[str, ...]) -> h5py.File:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist or is not a file")
    file = h5py.File(path, "r", locking="best-effort")
    try:
        _check_root(file, kinds)
    except BaseException:
        file.close()
        raise
    return file


def _check_root(file: h5py.File, kinds: tuple[str, ...]) -> None:
    found = text(file, "format")
    if found not in [f"tensorpde {kind}" for kind in kinds]:
        raise Unreadable(
            f"{file.filename}: format is {found!r}, expected one of {[f'tensorpde {kind}' for kind in kinds]}"
        )
    if (newest := int(number(file, "format_version", "i"))) > FORMAT_VERSION:
        raise Unreadable(f"{file.filename}: format version is {newest}, this tensorpde reads up to {FORMAT_VERSION}")
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise Unreadable(f"{file.filename}: {name!r} is a link, expected a dataset")
        if file.get(name, getclass=True) is not h5py.Dataset:
            raise Unreadable(f"{file.filename}: {name!r} is not a dataset")


def dataset(file: h5py.File, name: str, kinds: str, shape: tuple[int | None, ...] | None = None) -> h5py.Dataset:
    """The dataset `name`, with its data in this file, an element type in `kinds` and the expected shape.

    Parameters
    ----------
    kinds
        NumPy kind letters: "f", "i", "c".
    shape
        None accepts any shape, None for one length accepts any length.

    Raises
    ------
    Unreadable
        Naming what is expected and what is there.
    """
    if name not in file:
        raise Unreadable(f"{file.filename} has no dataset {name!r}; it holds {', '.join(file) or 'none'}")
    data = file[name]
    filters = data.id.get_create_plist()
    codes = {filters.get_filter(i)[0] for i in range(filters.get_nfilters())}
    if data.external or data.is_virtual or not codes <= FILTERS:
        raise Unreadable(
            f"{file.filename}: {name!r} keeps its data in other files or needs a filter that is not built in"
        )
    if data.dtype.kind not in kinds or data.dtype.names or data.dtype.subdtype or data.shape is None:
        raise Unreadable(f"{file.filename}: {name!r} has element type {data.dtype}, expected kind {' or '.join(kinds)}")
    if shape is not None and (
        len(shape) != data.ndim or any(n not in (None, m) for n, m in zip(shape, data.shape, strict=True))
    ):
        raise Unreadable(f"{file.filename}: {name!r} has shape {data.shape}, expected {shape}")
    return data


def text(owner: h5py.File | h5py.Dataset, key: str) -> str:
    """A text attribute.

    Raises
    ------
    Unreadable
        If it is missing or not text.
    """
    value = owner.attrs.get(key)
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if not isinstance(value, str):
        raise Unreadable(f"{owner.file.filename}: attribute {key!r} is {value!r}, expected text")
    return value


def number(owner: h5py.File | h5py.Dataset, key: str, kinds: str = "fi") -> float | int:
    """A number attribute whose kind letter is in `kinds`.

    Raises
    ------
    Unreadable
        If it is missing or something else.
    """
    value = owner.attrs.get(key)
    if not isinstance(value, np.number) or value.dtype.kind not in kinds:
        raise Unreadable(f"{owner.file.filename}: attribute {key!r} is {value!r}, expected a number")
    return value.item()
