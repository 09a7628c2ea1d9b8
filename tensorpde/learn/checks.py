"""What does not fit a model is one clear error before any work, the same on all ranks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field
from tensorpde.given import real, whole
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


def plain(value: Any) -> Any:
    """A setting as JSON has it: tuples for lists and arrays, Python's numbers for numpy's, names for their types."""
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return tuple(map(plain, value))
    return np.dtype(value).name if isinstance(value, (np.dtype, type)) else value


def check_settings(model: TFNO) -> None:
    """Raise for the first setting that is impossible, naming it and what is possible.

    Raises
    ------
    TypeError
        If it is no number of the kind that is needed.
    ValueError
        If it is none of what is possible.
    """
    for name, choices in CHOICES.items():
        if getattr(model, name) not in choices:
            raise ValueError(f"{name}={getattr(model, name)!r} is none of {choices}")
    for name in ("in_channels", "out_channels", "hidden_channels", "n_layers", "norm_groups"):
        whole(getattr(model, name), name, least=1)
    for name in ("lifting_ratio", "projection_ratio", "mlp_ratio"):
        ratio = real(getattr(model, name), name, above=0)
        if round(ratio * model.hidden_channels) < 1:
            raise ValueError(f"{name}={ratio} of {model.hidden_channels} channels leaves none")
    _check_axes(model)
    if model.norm == "group" and model.hidden_channels % model.norm_groups:
        raise ValueError(f"{model.hidden_channels} channels do not divide into norm_groups={model.norm_groups}")


def _check_axes(model: TFNO) -> None:
    """The settings that have one number per axis."""
    modes, active, padding = model.n_modes, model.active_modes, model.domain_padding
    if not isinstance(modes, tuple) or not 1 <= len(modes) <= MOST_AXES:
        raise ValueError(f"n_modes={modes} must be one whole number for each of 1 to {MOST_AXES} axes")
    for m in modes:
        whole(m, f"each of n_modes={modes}", least=1)
    if active is not None:
        if not isinstance(active, tuple) or len(active) != len(modes):
            raise ValueError(f"active_modes={active} are not as many as n_modes={modes}")
        for a, m in zip(active, modes, strict=True):
            if whole(a, f"each of active_modes={active}", least=1) > m:
                raise ValueError(f"active_modes={active} are more than n_modes={modes}")
    fractions = padding if isinstance(padding, tuple) else (padding,) * len(modes)
    if len(fractions) != len(modes):
        raise ValueError(f"domain_padding={padding} is not one number for each of {len(modes)} axes")
    for f in fractions:
        real(f, f"domain_padding={padding}", least=0, below=1)


def check_params(model: TFNO, params: Mapping[str, Any]) -> None:
    """Raise ValueError if names, shapes or types of the parameters are not the model's, naming both."""
    if params.keys() != model.shapes.keys():
        differing = sorted(params.keys() ^ model.shapes.keys())
        raise ValueError(f"parameters and model differ in {', '.join(differing)}")
    for name, shape in model.shapes.items():
        if not hasattr(params[name], "dtype"):
            raise ValueError(f"parameter {name} is a {type(params[name]).__name__}, not an array")
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
    x = x if hasattr(x, "dtype") else np.asarray(x)
    lead, kind = (x.lead, x.dtype.kind) if isinstance(x, Field) else (x.shape[:2], x.dtype.kind)
    block, place = Place.of(x, model.ndim)
    if 0 in (*lead, *place.shape):
        raise ValueError(f"x of shape {(*lead, *place.shape)} has no values")
    if lead[1] != model.in_channels:
        raise ValueError(f"x has {lead[1]} channels; the model takes {model.in_channels}")
    if kind not in "fiub":
        raise TypeError(f"x is {x.dtype}; the model takes real values")
    return backends.of(block).asarray(block, np.dtype(model.dtype)), place


def check_gradient(model: TFNO, x: Any, place: Place, dy: Any) -> Any:
    """The block of dy, the gradient by the output of x at a place, in the model's type. Collective for Fields.

    Raises
    ------
    ValueError
        If its kind or shape is not that of the output.
    """
    block, given = Place.of(dy if hasattr(dy, "dtype") else np.asarray(dy), model.ndim)
    if (given.space is None) != (place.space is None):
        kinds = ["an array" if p.space is None else "a Field" for p in (given, place)]
        raise ValueError(f"dy is {kinds[0]}, the output was {kinds[1]}")
    if block.shape[:2] != (len(x), model.out_channels) or given.shape != place.shape:
        wanted = (len(x), model.out_channels, *place.shape)
        raise ValueError(f"dy has shape {(*block.shape[:2], *given.shape)}, the output had {wanted}")
    return backends.of(block).asarray(block, np.dtype(model.dtype))
