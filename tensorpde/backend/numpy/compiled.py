"""How kernels are compiled and kept: decorators for entries from Python and for the parts they are made of.

Compiled code is kept between runs in a folder named by the digest of this package's sources: numba looks only
at the file of a kernel to see whether its compiled form is stale, not at the files of the functions inlined
into it. While one process of a machine compiles, the others wait and then load what it made.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numba
from numba import njit

_HERE = Path(__file__).parent
_depth = 0
_listener: Callable[[], object] | None = None


def _folder() -> Path:
    """The folder of this state of the sources; NUMBA_CACHE_DIR moves its parent."""
    digest = hashlib.sha256()
    for source in sorted(_HERE.glob("*.py")):
        digest.update(source.read_bytes())
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tensorpde"
    scratch = Path(tempfile.gettempdir()) / f"tensorpde-{os.getuid()}"
    parents = [Path(given)] if given else [_HERE / "__pycache__", home, scratch]
    return next((p for p in parents if _writable(p)), scratch) / f"kernels-{digest.hexdigest()[:16]}"


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


FOLDER = _folder()
numba.config.CACHE_DIR = str(FOLDER)

part = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")
"""Decorator of a function that only compiled code calls: half the work of one that Python can call."""

inlined = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy", forceinline=True)
"""The same, always made part of its caller: for short functions with plans, long to pass, among their arguments."""


def kernel(function: Callable) -> Any:
    """Decorator of a function that Python calls: compiled once per machine and type of arguments, and kept."""
    dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
    compile_now = dispatcher.compile

    def compile_in_turn(signature: Any) -> Any:
        kept = _is_kept(dispatcher, signature)
        if kept:
            return compile_now(signature)  # which loads it: nobody needs to wait
        if kept is False:
            _tell()
        with _turn():
            return compile_now(signature)

    dispatcher.compile = compile_in_turn
    return dispatcher


def before_compiling(listener: Callable[[], object] | None) -> None:
    """Have `listener` called once, before the first kernel that this process must compile or wait for."""
    global _listener
    _listener = listener


def _tell() -> None:
    global _listener
    listener, _listener = _listener, None
    if listener is not None:
        listener()


def _is_kept(dispatcher: Any, signature: Any) -> bool | None:
    """Whether the folder has this kernel for these types; None if this numba does not let us see it."""
    with suppress(Exception):
        cache = dispatcher._cache
        return cache._index_key(signature, dispatcher.targetctx.codegen()) in cache._cache_file._load_index()
    return None


@contextmanager
def _turn() -> Iterator[None]:
    """Hold the machine-wide lock; kernels that are compiled for another one go with it."""
    global _depth
    if _depth:
        yield
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as file:
        with suppress(OSError):  # file systems without locks: every process compiles for itself
            fcntl.flock(file, fcntl.LOCK_EX)
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1
