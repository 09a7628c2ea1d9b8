"""How kernels are compiled and kept: decorators for entries from Python and for the parts they are made of.

Compiled code is kept between runs in a folder named by the digest of a kernel's module and of those that this
one imports: numba looks only at the file of a kernel to see whether its compiled form is stale, not at the files
of the functions inlined into it. While one process of a machine compiles, the others wait and then load what it made.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import re
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


def _parent() -> Path:
    """Where compiled kernels lie: beside the sources, or in the user's cache; NUMBA_CACHE_DIR names another place."""
    given = os.environ.get("NUMBA_CACHE_DIR")
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tensorpde"
    scratch = Path(tempfile.gettempdir()) / f"tensorpde-{os.getuid()}"
    parents = [Path(given)] if given else [_HERE / "__pycache__", home, scratch]
    return next((p for p in parents if _writable(p)), scratch)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


PARENT = _parent()


_IMPORT = re.compile(r"^from \.(\w*) import (\([^)]*\)|.*)$", re.MULTILINE)


@functools.cache
def _source(module: str) -> bytes:
    """The text of a module of this package; nothing if there is none of this name."""
    path = _HERE / f"{module}.py"
    return path.read_bytes() if path.exists() else b""


@functools.cache
def made_of(module: str) -> tuple[str, ...]:
    """The modules of this package that `module` imports to any depth and itself, sorted."""
    found: set[str] = set()
    waiting = {module}
    while waiting:
        found.add(name := waiting.pop())
        for source, names in _IMPORT.findall(_source(name).decode()):
            waiting |= {source or word for word in re.findall(r"(\w+)(?: as \w+)?", names)} - found
    return tuple(sorted(found))


@functools.cache
def folder(module: str) -> Path:
    """The folder for the kernels of `module` in this state of the sources they are made of."""
    digest = hashlib.sha256()
    for name in made_of(module):
        digest.update(_source(name))
    return PARENT / f"kernels-{module}-{digest.hexdigest()[:16]}"


part = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy")
"""Decorator of a function that only compiled code calls: half the work of one that Python can call."""

inlined = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy", forceinline=True)
"""The same, always made part of its caller: for short functions with plans, long to pass, among their arguments."""


def kernel(function: Callable) -> Any:
    """Decorator of a function that Python calls: compiled once per machine and type of arguments, and kept."""
    numba.config.CACHE_DIR = str(folder(function.__module__.rpartition(".")[2]))  # read when the cache is made
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
    with (PARENT / "kernels-lock").open("w") as file:
        with suppress(OSError):  # file systems without locks: every process compiles for itself
            fcntl.flock(file, fcntl.LOCK_EX)
        _depth += 1
        try:
            yield
        finally:
            _depth -= 1
