"""Make a file visible only when it is whole: temporary name, blocks reserved, fsync, rename, fsync of the directory.

Everything here runs on one rank. The caller agrees on failure (:func:`tensorpde.parallel.errors.agree`).
"""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path

SUFFIX = ".part"


def temporary(path: Path) -> Path:
    """The hidden name beside `path` under which it is written; the same every time, so that it is reused."""
    return path.with_name(f".{path.name}{SUFFIX}")


def require(directory: Path, nbytes: int) -> None:
    """Check that `directory` has room for `nbytes` more.

    Raises
    ------
    OSError
        Saying how much is free and how much is needed.
    """
    status = os.statvfs(directory)
    free = status.f_bavail * status.f_frsize
    if nbytes > free:
        raise OSError(errno.ENOSPC, f"disk full: {directory} has {size(free)} free and {size(nbytes)} are needed")


def reserve(path: Path, nbytes: int) -> None:
    """Have the file system set `nbytes` aside for the file at `path`, so that no later write finds the disk full.

    A write that fails for want of space inside HDF5 can take the interpreter with it; this fails before.

    Raises
    ------
    OSError
        When they are not to be had (quota, another writer since :func:`require`).
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.posix_fallocate(descriptor, 0, nbytes)
    finally:
        os.close(descriptor)


def commit(part: Path, path: Path, length: int | None = None) -> None:
    """Publish the finished `part` as `path`, cut to `length` bytes; when this returns, a power cut cannot undo it."""
    descriptor = os.open(part, os.O_RDWR)
    try:
        if length is not None:
            os.ftruncate(descriptor, length)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    os.replace(part, path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make renames and removals in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def discard(part: Path) -> None:
    """Remove a `part` that will not be published; one that is not there, or cannot be reached, is no error."""
    with suppress(OSError):
        part.unlink()


def sweep(directory: Path, pattern: str) -> None:
    """Remove the parts that killed runs have left of files whose names match the regular expression `pattern`."""
    whole = re.compile(rf"\.(?:{pattern}){re.escape(SUFFIX)}")
    for part in directory.iterdir():
        if whole.fullmatch(part.name):
            discard(part)


def publish_text(path: Path, text: str) -> None:
    """Write a small text file, whole or not at all."""
    part = temporary(path)
    try:
        part.write_text(text, encoding="utf-8")
        commit(part, path)
    except BaseException:
        discard(part)
        raise


def size(nbytes: float) -> str:
    """`nbytes` for a reader: 1536 -> '1.5 KiB'."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(nbytes) < 1024 or unit == "TiB":
            return f"{nbytes:.0f} B" if unit == "B" else f"{nbytes:.1f} {unit}"
        nbytes /= 1024
    raise AssertionError("unreachable")
