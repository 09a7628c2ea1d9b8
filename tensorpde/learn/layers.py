"""Pointwise layers: channels mixed, scaled, normalised, activated; each with its adjoint.

A forward returns its result and what the backward needs; a backward returns the gradients of its arguments. Arrays are
(batch, channels, points), C-contiguous. Gradients of parameters are those of this rank's points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorpde import backend as backends

SKIPS = (None, "linear", "identity", "soft-gating")


class Input(NamedTuple):
    """What a layer got: an array, or where `active` what gelu makes of it, which nobody has kept."""

    array: Any
    active: bool = False

    def value(self) -> Any:
        """The input itself."""
        if not self.active:
            return self.array
        backend = backends.of(self.array)
        out = backend.recycling.empty(self.array.shape, self.array.dtype)
        backend.activations.combine(self.array, backend.zeros(out.shape[:2], out.dtype), out=out)
        return out


class Skip(NamedTuple):
    """What is added to the result of a layer, by the name of its parameters: factor ∘ x, or weight x if `linear`."""

    name: str
    kind: str | None
    x: Any

    def factor(self, params: Mapping[str, Any]) -> Any:
        """One factor per channel of a skip that is not linear."""
        if self.kind == "soft-gating":
            return params[f"{self.name}.weight"]
        return backends.of(self.x).asarray(np.ones(self.x.shape[1]), self.x.dtype)

    def addend(self, params: Mapping[str, Any]) -> tuple[Any, Any]:
        """(array, factor per sample and channel) whose product is to be added; (None, None) without a skip."""
        return (None, None) if self.kind is None else (self.x, rows(self.factor(params), len(self.x)))


def channel_sums(x: Any) -> Any:
    """Σ over samples and points."""
    return backends.of(x).products.row_sums(x).sum(axis=0)


def matrices(params: Mapping[str, Any], name: str) -> tuple[Any, Any, Any]:
    """W₁, b₁, W₂ of an MLP W₂ gelu(W₁ x + b₁) + b₂."""
    return params[f"{name}.0.weight"], params[f"{name}.0.bias"], params[f"{name}.1.weight"]


def mlp(params: Mapping[str, Any], name: str, x: Any, *ending: Any, bias: bool = True) -> Any:
    """The MLP of x; `ending` is as of `channels.mlp`. Its hidden layer is never in memory."""
    backend, weights = backends.of(x), matrices(params, name)
    out = backend.recycling.empty((len(x), len(weights[2]), x.shape[2]), x.dtype)
    beta = rows(params[f"{name}.1.bias"], len(x)) if bias else backend.zeros(out.shape[:2], x.dtype)
    backend.channels.mlp(weights, x, out, beta, *ending)
    return out


def mlp_backward(
    params: Mapping[str, Any], name: str, x: Input, dy: Any, grads: dict[str, Any], v: Any = None, bias: bool = True
) -> Any:
    """The gradient of x.array; adds those of the parameters to `grads`.

    dy is the gradient of what `mlp` made, or of gelu(v) of it if v is given: then dy becomes that of v.
    """
    backend = backends.of(dy)
    dx = backend.recycling.empty(x.array.shape, dy.dtype)
    found = backend.channels.mlp_backward(matrices(params, name), *x, dy, v, dx)
    names = ("0.weight", "0.bias", "1.weight", "1.bias")[: 4 if bias else 3]
    grads |= {f"{name}.{own}": grad for own, grad in zip(names, found, strict=False)}
    return dx


def rows(values: Any, batch: int) -> Any:
    """One value per channel as one per sample and channel."""
    return backends.of(values).asarray(np.broadcast_to(values, (batch, len(values))))


def join(params: Mapping[str, Any], skip: Skip, v: Any, beta: Any, alpha: Any, y: Any, active: bool) -> None:
    """v = alpha·v + beta + skip, then gelu(v) to y if `active`, or in place of v without one."""
    backend = backends.of(v)
    if skip.kind == "linear":
        backend.channels.join(params[f"{skip.name}.weight"], skip.x, v, beta, alpha, y, active)
    else:
        backend.activations.combine(v, beta, *skip.addend(params), alpha, y, active)


def skips_backward(
    params: Mapping[str, Any], skips: Sequence[tuple[Skip, Any]], x: Input, grads: dict[str, Any], dx: Any
) -> Any:
    """Add to dx what comes through skips from x, each with the gradient of its result; the weights' to `grads`.

    Returns
    -------
    Σ over samples and points of the gradient of the first, if it is linear, else None.
    """
    backend, sums = backends.of(dx), None
    plain = [one for one in skips if one[0].kind in ("identity", "soft-gating")]
    for number, (skip, d) in enumerate(skips):
        if skip.kind == "linear":
            other = plain.pop() if plain else None
            ours = (None, None) if other is None else (other[1], other[0].factor(params))
            name = f"{skip.name}.weight"
            grads[name], total, dots = backend.channels.join_backward(params[name], *x, d, dx, *ours)
            sums = total if number == 0 else sums
            if other is not None and other[0].kind == "soft-gating":
                grads[f"{other[0].name}.weight"] = dots
    for skip, d in plain:
        factor = skip.factor(params)
        if skip.kind == "soft-gating":
            grads[f"{skip.name}.weight"] = backend.products.row_dots(d, x.value()).sum(axis=0)
        backend.activations.combine(dx, rows(0 * factor, len(dx)), d, rows(factor, len(dx)), active=False)
    return sums
