"""Array backends: one package per kind of array, all with the same modules, names and signatures.

A backend has ``name``, ``empty``, ``zeros``, ``asarray``, ``to_host`` and the modules ``lines``,
``transforms`` and ``pointwise``. A Space chooses one; operators find it from the array they get.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

NAMES = ("numpy", "cupy")


def get(name: str) -> ModuleType:
    """The backend package called `name`.

    Raises
    ------
    ValueError
        For an unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"backend {name!r} is unknown; known are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")


def of(array: Any) -> ModuleType:
    """The backend package that an array belongs to, by the package that defines its type."""
    return get(type(array).__module__.partition(".")[0])
