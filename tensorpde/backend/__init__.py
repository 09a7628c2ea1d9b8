"""Array backends: one package per kind of array, all with the same modules, names and signatures.

`SURFACE` is what a backend offers to the layers above; they find it from a Space or from the array they get, and never
ask which it is. Whatever else a backend has is its own business: how kernels are compiled and kept, threads, tiles.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

NAMES = ("numpy", "cupy")

SURFACE: dict[str, tuple[str, ...]] = {
    "": (
        "asarray", "attach", "before_compiling", "copy", "empty", "memory", "name", "on_host", "seen_by_mpi", "timed",
        "to_host", "zeros",
    ),
    "activations": ("combine", "gelu_backward"),
    "blocks": ("copy_block", "download", "pinned", "upload", "wait"),
    "channels": ("join", "join_backward", "mlp", "mlp_backward"),
    "departures": ("HostCopies",),
    "elements": ("add",),
    "graphs": ("Recording",),
    "lines": ("prepare", "sweep"),
    "mesh": ("PADDING", "interpolate", "lines", "spread"),
    "messages": ("connect", "key", "place"),
    "neighbours": ("around", "near"),
    "particles": ("direct",),
    "pointwise": ("axpby", "copy", "courant", "matmul", "two_register_update"),
    "products": ("conjugate", "gram", "matmul", "row_dots", "row_sums", "triangle"),
    "recycling": ("empty",),
    "reductions": ("line_sums",),
    "shifted": ("prepare", "scale", "solve"),
    "tensors": ("gradient", "multiply"),
    "transforms": ("KINDS", "Plan", "Separable", "separable"),
    "transport": ("prepare", "transport"),
    "turning": ("to_back", "to_front"),
    "updates": ("adam", "momentum", "sum_of_squares"),
    "weak_forms": ("form", "lane_count", "line"),
}  # fmt: skip
"""Module → its public names; "" is the package itself."""


class Unavailable(RuntimeError):
    """A backend cannot be used on this machine; the message says in one sentence what is missing."""


@cache
def get(name: str) -> ModuleType:
    """The backend package called `name`.

    Raises
    ------
    ValueError
        For an unknown name.
    Unavailable
        If this machine lacks what the backend needs: a library, a device, a driver that is new enough.
    """
    if name not in NAMES:
        raise ValueError(f"backend {name!r} is unknown; known are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}")


def of(array: Any) -> ModuleType:
    """The backend package that an array belongs to, by the package that defines its type."""
    return get(type(array).__module__.partition(".")[0])
