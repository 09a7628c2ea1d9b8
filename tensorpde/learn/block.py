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

    z: layers.Input  # what the convolution, the skip and the gate got
    modes: dict[str, Any]
    entrance: Merged | None
    middle: Merged
    end: Merged

    @property
    def result(self) -> layers.Input:
        """What the layer made, for the adjoint of the next one; an activation needs no array of its own."""
        return layers.Input(self.end.v, self.end.active)


def forward(
    block: Block,
    params: Mapping[str, Any],
    transforms: Transforms,
    place: Place,
    x: Any,
    keep: bool = True,
    before: layers.Input | None = None,
) -> tuple[Any, Saved | None]:
    """y and, if `keep`, what the adjoint needs; x is (batch, channels, points). Collective on pencils.

    Parameters
    ----------
    before
        Where the adjoint may have x from; None: from x.
    """
    entrance, z = None, x
    if block.preactivation:
        nothing = layers.Skip("", None, x)
        z, entrance = merge(params, None, block.norm(0), backends.of(x).copy(x), nothing, True, place, keep)
    origin = layers.Input(z) if block.preactivation or before is None else before
    field = z.reshape(*z.shape[:2], *place.local_shape)
    s, modes = convolve(block.weights, block.stored(params), block.number, transforms, field)
    skip, gate = (layers.Skip(f"{block.name}.{n}", kind, z) for n, kind in (("skip", block.skip), ("gate", block.gate)))
    bias, norm = f"{block.name}.spectral.bias", block.norm(int(block.preactivation))
    u, middle = merge(params, bias, norm, s.reshape(z.shape), skip, block.active, place, keep)
    del s
    active, own = block.active and not block.preactivation, f"{block.name}.mlp"
    if block.end[1] is None and block.gate != "linear":
        y = backends.of(u).recycling.empty(u.shape, u.dtype) if keep and active else None
        m = layers.mlp(params, own, u, *gate.addend(params), y, active)
        y, end = m if y is None else y, Merged(m, active, None)
    else:
        m = layers.mlp(params, own, u, bias=False)
        y, end = merge(params, *block.end, m, gate, active, place, keep)
    return y, Saved(origin, modes, entrance, middle, end) if keep else None


def backward(
    block: Block, params: Mapping[str, Any], transforms: Transforms, place: Place, saved: Saved, dy: Any
) -> tuple[Any, dict[str, Any]]:
    """dx and the gradients of the layer's parameters; uses up dy. Collective on pencils."""
    name, grads, z = block.name, dict[str, Any](), saved.z
    shape = z.array.shape
    fused = block.end[1] is None
    if saved.end.active and not fused:
        backends.of(dy).activations.gelu_backward(saved.end.v, dy)
    dm = merge_backward(params, block.end[1], saved.end, dy, place, grads)
    v = saved.end.v if fused and saved.end.active else None
    u = layers.Input(saved.middle.v, saved.middle.active)
    du = layers.mlp_backward(params, f"{name}.mlp", u, dm, grads, v)
    ds = merge_backward(params, block.norm(int(block.preactivation)), saved.middle, du, place, grads)
    field = ds.reshape(*shape[:2], *place.local_shape)
    dz, found = convolve_backward(block.weights, block.stored(params), block.number, transforms, saved.modes, field)
    grads |= {f"{block.spectral}.{own}": grad for own, grad in found.items()}
    dz = dz.reshape(shape)
    skips = [
        (layers.Skip(f"{name}.skip", block.skip, z.array), du),
        (layers.Skip(f"{name}.gate", block.gate, z.array), dy),
    ]
    sums = layers.skips_backward(params, skips, z, grads, dz)
    grads[f"{name}.spectral.bias"] = layers.channel_sums(ds) if sums is None or ds is not du else sums
    if saved.entrance is not None:
        backends.of(dz).activations.gelu_backward(saved.entrance.v, dz)
        dz = merge_backward(params, block.norm(0), saved.entrance, dz, place, grads)
    return dz, grads
