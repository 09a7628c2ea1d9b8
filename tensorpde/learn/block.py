"""One Fourier layer: u = act(norm(spectral(x)) + skip(x)), y = act(norm(mlp(u)) + gate ∘ x), and its adjoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tensorpde import backend as backends
from tensorpde.learn import layers
from tensorpde.learn.merge import Merged, merge, merge_backward
from tensorpde.learn.place import Place
from tensorpde.learn.spectral import Transforms, convolve, convolve_backward
from tensorpde.learn.weights import Weights


@dataclass(frozen=True)
class Block:
    """The settings of a layer.

    Parameters
    ----------
    name
        Its parameters begin with this and a dot.
    number
        Which layer it is.
    spectral
        What the names of the spectral weights begin with.
    weights
        Their form.
    skip, gate
        One of `layers.SKIPS`: what is added to the convolution, and to the MLP.
    groups
        Into how many groups of channels a norm parts them; None: no norm.
    active
        Whether the activations that end u and y are there: both but in the last layer.
    preactivation
        Activation and norm go first, z = act(norm(x)) in place of x, and the layer ends without, y = mlp(u) + gate ∘ z.
    """

    name: str
    number: int
    spectral: str
    weights: Weights
    skip: str | None
    gate: str | None
    groups: int | None
    active: bool
    preactivation: bool

    def norm(self, number: int) -> tuple[str, int] | None:
        """The name and the groups of the first or second norm."""
        return None if self.groups is None else (f"{self.name}.norm.{number}", self.groups)

    @property
    def end(self) -> tuple[str, tuple[str, int] | None]:
        """The bias and the norm that end the layer."""
        return f"{self.name}.mlp.1.bias", None if self.preactivation else self.norm(1)

    def stored(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The arrays of the spectral weights by their own names."""
        return {name: params[f"{self.spectral}.{name}"] for name in self.weights.indices}


class Saved(NamedTuple):
    """What the adjoint of a layer needs."""

    z: Any  # what the convolution, the skip and the gate got
    modes: dict[str, Any]
    entrance: Merged | None
    middle: Merged
    hidden: Any
    end: Merged


def forward(
    block: Block, params: Mapping[str, Any], transforms: Transforms, place: Place, x: Any, keep: bool = True
) -> tuple[Any, Saved | None]:
    """y and, if `keep`, what the adjoint needs; x is (batch, channels, points). Collective on pencils."""
    entrance, z = None, x
    if block.preactivation:
        z, entrance = merge(params, None, block.norm(0), backends.of(x).copy(x), (None, None), True, place, keep)
    field = z.reshape(*z.shape[:2], *place.local_shape)
    s, modes = convolve(block.weights, block.stored(params), block.number, transforms, field)
    added = layers.skip(params, f"{block.name}.skip", block.skip, z)
    bias, norm = f"{block.name}.spectral.bias", block.norm(int(block.preactivation))
    u, middle = merge(params, bias, norm, s.reshape(z.shape), added, block.active, place, keep)
    del added, s
    m, hidden = layers.mlp(params, f"{block.name}.mlp", u, keep)
    added = layers.skip(params, f"{block.name}.gate", block.gate, z)
    y, end = merge(params, *block.end, m, added, block.active and not block.preactivation, place, keep)
    return y, Saved(z, modes, entrance, middle, hidden, end) if keep else None


def backward(
    block: Block, params: Mapping[str, Any], transforms: Transforms, place: Place, saved: Saved, dy: Any
) -> tuple[Any, dict[str, Any]]:
    """dx and the gradients of the layer's parameters; uses up dy. Collective on pencils."""
    name, grads, z = block.name, dict[str, Any](), saved.z
    dm, through_gate, _ = merge_backward(params, *block.end, saved.end, dy, place, grads)
    du, change = layers.mlp_backward(params, f"{name}.mlp", saved.hidden, dm, grads)
    bias, norm = f"{name}.spectral.bias", block.norm(int(block.preactivation))
    u = backends.of(z).recycling.empty(z.shape, z.dtype) if saved.middle.active else None
    ds, through_skip, u = merge_backward(params, bias, norm, saved.middle, du, place, grads, u)
    grads[f"{name}.mlp.0.weight"] = layers.weight_gradient(u, change)
    del u, change
    field = ds.reshape(*z.shape[:2], *place.local_shape)
    dz, found = convolve_backward(block.weights, block.stored(params), block.number, transforms, saved.modes, field)
    grads |= {f"{block.spectral}.{own}": grad for own, grad in found.items()}
    dz = dz.reshape(z.shape)
    layers.skip_backward(params, f"{name}.skip", block.skip, z, through_skip, grads, dz)
    layers.skip_backward(params, f"{name}.gate", block.gate, z, through_gate, grads, dz)
    if saved.entrance is not None:
        dz, _, _ = merge_backward(params, None, block.norm(0), saved.entrance, dz, place, grads)
    return dz, grads
