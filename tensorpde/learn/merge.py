"""Normalisation, and the pass that ends a half of a layer: norm, bias, skip and activation together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tensorpde import backend as backends
from tensorpde.learn.layers import Skip, channel_sums, join, rows
from tensorpde.learn.place import Place

NORMS = (None, "instance", "group", "layer")
_SMALL = 1e-5  # added to variances


class Normalised(NamedTuple):
    """What the adjoint of a normalisation needs."""

    x: Any
    mean: Any
    over: Any


def normalise(params: Mapping[str, Any], name: str, groups: int, x: Any, place: Place) -> tuple[Any, Any, Normalised]:
    """(alpha, beta, saved): the normalised x is alpha·x + beta per sample and channel. Collective on pencils.

    x̂ = (x − mean) / √(variance + 1e-5) over the points of the grid and the channels of a group, of each sample; then
    scale x̂ + shift where there are such parameters.
    """
    backend, (batch, channels, _) = backends.of(x), x.shape
    count, wide = place.points * (channels // groups), x.reshape(batch, groups, -1)
    mean = place.total(wide.sum(axis=2, dtype="float64")) / count
    centred = wide - mean[:, :, None]
    over = (place.total((centred * centred).sum(axis=2)) / count + _SMALL) ** -0.5
    mean, over = (backend.asarray(v.repeat(channels // groups, axis=1), x.dtype) for v in (mean, over))
    alpha, beta = over, -mean * over
    if f"{name}.scale" in params:
        scale = params[f"{name}.scale"]
        alpha, beta = alpha * scale, beta * scale + params[f"{name}.shift"]
    return backend.asarray(alpha), backend.asarray(beta), Normalised(x, mean, over)


def normalise_backward(
    params: Mapping[str, Any], name: str, groups: int, saved: Normalised, dy: Any, place: Place, grads: dict[str, Any]
) -> Any:
    """dx, and the gradients of scale and shift. Collective on pencils."""
    batch, channels, _ = dy.shape
    dots = backends.of(dy).products.row_dots
    x = (saved.x - saved.mean[:, :, None]) * saved.over[:, :, None]
    if f"{name}.scale" in params:
        grads[f"{name}.scale"] = dots(dy, x).sum(axis=0)
        grads[f"{name}.shift"] = channel_sums(dy)
        dy = dy * params[f"{name}.scale"][None, :, None]
    found = []
    for sums in (dy.sum(axis=2), dots(dy, x)):
        total = place.total(sums.reshape(batch, groups, -1).sum(axis=2)) / (place.points * (channels // groups))
        found.append(total.repeat(channels // groups, axis=1).astype(dy.dtype)[:, :, None])
    return saved.over[:, :, None] * (dy - found[0] - x * found[1])


class Merged(NamedTuple):
    """What the adjoint of `merge` needs: the sum before the activation, if there is one, and the normalisation."""

    v: Any
    active: bool
    norm: Normalised | None


def merge(
    params: Mapping[str, Any], bias: str | None, norm: tuple[str, int] | None, s: Any, skip: Skip,
    active: bool, place: Place, keep: bool,
) -> tuple[Any, Merged]:  # fmt: skip
    """y = act(v), v = norm(s + bias) + skip. Collective on pencils with a norm.

    Parameters
    ----------
    bias
        The name of the bias per channel; None for none.
    norm
        The name of the norm's parameters and the number of groups of channels; None for none.
    s
        Used up: it becomes v, or y.
    keep
        Whether the adjoint will be wanted: then y is an array of its own.
    """
    backend, batch = backends.of(s), len(s)
    shift = backend.zeros(s.shape[:2], s.dtype) if bias is None else rows(params[bias], batch)
    alpha, saved = None, None
    if norm is not None:
        if bias is not None:
            backend.activations.combine(s, shift, active=False)
        alpha, shift, saved = normalise(params, *norm, s, place)
        s = backend.copy(s) if keep else s
    y = backend.recycling.empty(s.shape, s.dtype) if keep and active else None
    join(params, skip, s, shift, alpha, y, active)
    return s if y is None else y, Merged(s, active, saved)


def merge_backward(
    params: Mapping[str, Any], norm: tuple[str, int] | None, saved: Merged, dv: Any, place: Place, grads: dict[str, Any]
) -> Any:
    """ds for the gradient dv of the sum before the activation; without a norm it is dv. Collective on pencils."""
    if norm is None or saved.norm is None:
        return dv
    return normalise_backward(params, *norm, saved.norm, dv, place, grads)
