"""What does not fit a model is one clear error before any work, the same on all ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field
from tensorpde.learn.layers import SKIPS
from tensorpde.learn.merge import NORMS
from tensorpde.learn.padding import KINDS
from tensorpde.learn.place import Place
from tensorpde.learn.weights import FORMATS

if TYPE_CHECKING:
    from tensorpde.learn.model import TFNO

CHOICES: dict[str, tuple[Any, ...]] = {
    "factorization": FORMATS,
    "implementation": ("factorized", "reconstructed"),
    "skip": SKIPS,
    "gate": SKIPS,
    "norm": NORMS,
    "positional_embedding": (None, "grid"),
    "padding": KINDS,
    "dtype": ("float32", "float64"),
}
MOST_AXES = 8


def check_settings(model: TFNO) -> None:
    """Raise ValueError for the first setting that is impossible, naming it and what is possible."""
    for name, choices in CHOICES.items():
        if getattr(model, name) not in choices:
            raise ValueError(f"{name}={getattr(model, name)!r} is none of {choices}")
    for name in ("in_channels", "out_channels", "hidden_channels", "n_layers", "norm_groups"):
        if not isinstance(getattr(model, name), int) or getattr(model, name) < 1:
            raise ValueError(f"{name}={getattr(model, name)!r} is not a whole number of at least 1")
    for name in ("lifting_ratio", "projection_ratio", "mlp_ratio"):
        if round(getattr(model, name) * model.hidden_channels) < 1:
            raise ValueError(f"{name}={getattr(model, name)} of {model.hidden_channels} channels leaves none")
    if not 1 <= len(model.n_modes) <= MOST_AXES or any(modes < 1 for modes in model.n_modes):
        raise ValueError(f"n_modes={model.n_modes} are not 1 to {MOST_AXES} numbers of at least 1")
    if model.norm == "group" and model.hidden_channels % model.norm_groups:
        raise ValueError(f"{model.hidden_channels} channels do not divide into norm_groups={model.norm_groups}")
    active = model.active_modes
    if active is not None and (
        len(active) != len(model.n_modes) or any(not 1 <= a <= m for a, m in zip(active, model.n_modes, strict=True))
    ):
        raise ValueError(f"active_modes={active} are not between 1 and n_modes={model.n_modes}")
    padding = model.domain_padding
    fractions = padding if isinstance(padding, tuple) else (padding,) * len(model.n_modes)
    if len(fractions) != len(model.n_modes) or any(not 0 <= f < 1 for f in fractions):
        raise ValueError(f"domain_padding={padding} is not a number in [0, 1) for each of {len(model.n_modes)} axes")


def check_params(model: TFNO, params: Mapping[str, Any]) -> None:
    """Raise ValueError if names, shapes or types of the parameters are not the model's, naming both."""
    if params.keys() != model.shapes.keys():
        differing = sorted(params.keys() ^ model.shapes.keys())
        raise ValueError(f"parameters and model differ in {', '.join(differing)}")
    for name, shape in model.shapes.items():
        if params[name].shape != shape or params[name].dtype != model.dtypes[name]:
            raise ValueError(
                f"parameter {name} is {params[name].dtype} of shape {params[name].shape}; "
                f"the model has {model.dtypes[name]} of shape {shape}"
            )


def check_input(model: TFNO, x: Any) -> tuple[Any, Place]:
    """The block of x in the model's type, and its place. Collective for Fields.

    Raises
    ------
    ValueError
        If x has another number of axes or channels.
    TypeError
        If it is complex.
    """
    lead, kind = (x.lead, x.dtype.kind) if isinstance(x, Field) else (x.shape[:2], x.dtype.kind)
    block, place = Place.of(x, model.ndim)
    if lead[1] != model.in_channels:
        raise ValueError(f"x has {lead[1]} channels; the model takes {model.in_channels}")
    if kind == "c":
        raise TypeError("x is complex; the model takes real values")
    return backends.of(block).asarray(block, np.dtype(model.dtype)), place
