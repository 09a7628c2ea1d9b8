"""Pointwise layers: channels mixed, scaled, normalised, activated; each with its adjoint.

A forward returns its result and what the backward needs; a backward returns the gradients of its arguments. Arrays are
(batch, channels, points), C-contiguous. Gradients of parameters are those of this rank's points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tensorpde import backend as backends

SKIPS = (None, "linear", "identity", "soft-gating")


def mix(weight: Any, x: Any, out: Any = None) -> Any:
    """y = weight x over channels: (out, in) times (batch, in, points), in `out` if it is given."""
    if out is None:
        out = backends.of(x).recycling.empty((x.shape[0], weight.shape[0], x.shape[2]), x.dtype)
    backends.of(x).products.mix(weight, x, out)
    return out


def weight_gradient(x: Any, dy: Any) -> Any:
    """The gradient of the weight of y = weight x; samples are added in their order."""
    return backends.of(x).products.matmul(dy, x.transpose(0, 2, 1)).sum(axis=0)


def channel_sums(x: Any) -> Any:
    """Σ over samples and points."""
    return backends.of(x).products.row_sums(x).sum(axis=0)


def mlp(params: Mapping[str, Any], name: str, x: Any, keep: bool = True) -> tuple[Any, Any]:
    """W₂ gelu(W₁ x + b₁), without the second bias, which the next pass adds; and W₁ x + b₁ if `keep`."""
    backend = backends.of(x)
    hidden = mix(params[f"{name}.0.weight"], x)
    active = backend.recycling.empty(hidden.shape, hidden.dtype) if keep else None
    backend.activations.combine(hidden, rows(params[f"{name}.0.bias"], len(x)), out=active)
    return mix(params[f"{name}.1.weight"], hidden if active is None else active), hidden if keep else None


def mlp_backward(
    params: Mapping[str, Any], name: str, hidden: Any, dy: Any, grads: dict[str, Any], out: Any = None
) -> tuple[Any, Any]:
    """(dx, d hidden), dx in `out` if it is given.

    Adds the gradients to `grads`, but for that of W₁, `weight_gradient(x, d hidden)`.
    """
    backend = backends.of(dy)
    change = mix(params[f"{name}.1.weight"].T, dy)
    active = backend.recycling.empty(hidden.shape, hidden.dtype)
    backend.activations.gelu_backward(hidden, change, active)
    grads[f"{name}.1.weight"] = weight_gradient(active, dy)
    grads[f"{name}.0.bias"] = channel_sums(change)
    return mix(params[f"{name}.0.weight"].T, change, out), change


def end_mlp(params: Mapping[str, Any], name: str, x: Any) -> Any:
    """W₂ gelu(W₁ x + b₁) + b₂, a sample at a time: its wide hidden layer is never there for a whole batch."""
    kernels, weight = backends.of(x), params[f"{name}.1.weight"]
    y = kernels.recycling.empty((len(x), len(weight), x.shape[2]), x.dtype)
    for k in range(len(x)):
        hidden = mix(params[f"{name}.0.weight"], x[k : k + 1])
        kernels.activations.combine(hidden, rows(params[f"{name}.0.bias"], 1))
        kernels.products.mix(weight, hidden, y[k : k + 1])
    kernels.activations.combine(y, rows(params[f"{name}.1.bias"], len(y)), active=False)
    return y


def end_mlp_backward(params: Mapping[str, Any], name: str, x: Any, dy: Any, grads: dict[str, Any]) -> Any:
    """dx of `end_mlp`, whose hidden layer is computed again; adds the gradients of its parameters to `grads`."""
    kernels, first = backends.of(x), params[f"{name}.0.weight"]
    dx = kernels.recycling.empty(x.shape, x.dtype)
    sums: dict[str, Any] = {}
    for k in range(len(x)):
        one, found = x[k : k + 1], dict[str, Any]()
        hidden = mix(first, one)
        kernels.activations.combine(hidden, rows(params[f"{name}.0.bias"], 1), active=False)
        change = mlp_backward(params, name, hidden, dy[k : k + 1], found, dx[k : k + 1])[1]
        found[f"{name}.0.weight"] = weight_gradient(one, change)
        for key, grad in found.items():
            sums[key] = sums[key] + grad if key in sums else grad
    grads |= sums | {f"{name}.1.bias": channel_sums(dy)}
    return dx


def rows(values: Any, batch: int) -> Any:
    """One value per channel as one per sample and channel."""
    return backends.of(values).asarray(np.broadcast_to(values, (batch, len(values))))


def skip(params: Mapping[str, Any], name: str, kind: str | None, x: Any) -> tuple[Any, Any]:
    """(array, factor per sample and channel) whose product is to be added; (None, None) without a skip."""
    if kind is None:
        return None, None
    if kind == "linear":
        mixed = mix(params[f"{name}.weight"], x)
        return mixed, backends.of(x).asarray(np.ones(mixed.shape[:2], x.dtype))
    factor = params[f"{name}.weight"] if kind == "soft-gating" else np.ones(x.shape[1], x.dtype)
    return x, rows(factor, len(x))


def skip_backward(
    params: Mapping[str, Any], name: str, kind: str | None, x: Any, d: Any, grads: dict[str, Any], dx: Any
) -> None:
    """Add to dx what comes through the skip, and the gradient of its weight to `grads`."""
    backend = backends.of(d)
    if kind == "linear":
        grads[f"{name}.weight"] = weight_gradient(x, d)
        dx += mix(params[f"{name}.weight"].T, d)
    elif kind is not None:
        factor = params[f"{name}.weight"] if kind == "soft-gating" else np.ones(x.shape[1], x.dtype)
        if kind == "soft-gating":
            grads[f"{name}.weight"] = backend.products.row_dots(d, x).sum(axis=0)
        backend.activations.combine(dx, rows(0 * factor, len(x)), d, rows(factor, len(x)), active=False)
