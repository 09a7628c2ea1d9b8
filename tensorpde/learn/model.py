"""Tensorized Fourier neural operators: settings, initial parameters, forward and backward."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property, lru_cache
from math import prod, sqrt
from typing import Any, NamedTuple

import numpy as np

from tensorpde import backend as backends
from tensorpde.learn import block as blocks
from tensorpde.learn import layers
from tensorpde.learn.checks import check_gradient, check_input, check_params, check_settings, plain
from tensorpde.learn.padding import Padding
from tensorpde.learn.place import Place
from tensorpde.learn.spectral import Transforms, stored
from tensorpde.learn.weights import Rank, Weights

Params = dict[str, Any]


class Saved(NamedTuple):
    """What `backward` needs of a forward pass."""

    place: Place
    x: Any
    layers: list[Any]
    last: Any


@dataclass(frozen=True)
class TFNO:
    """A Fourier neural operator with dense or tensorized spectral weights.

    Lifting MLP, `n_layers` Fourier layers (`learn.block`), projection MLP. Parameters are a flat dict of arrays that
    the functions below take; a model holds settings only. Data are (batch, channels, *grid): an array, or a Field with
    lead=(batch, channels) on any pencils, with the same results to round-off (GEMM) on any number of ranks.

    Parameters
    ----------
    n_modes
        M per axis: frequencies −(M//2)…(M−1)//2 are kept, 0…M//2 on the last axis.
    in_channels, out_channels, hidden_channels, n_layers
        Sizes.
    factorization, rank
        Of the spectral weights, see `learn.weights.Weights`.
    implementation
        "factorized": contracted factor by factor; "reconstructed": the dense tensor is rebuilt first.
    joint
        One tensor for all layers, with a dimension of layers.
    separable
        One weight per mode and channel, without mixing of channels.
    skip, gate
        "linear", "identity", "soft-gating" or None: beside the convolution, and beside the MLP of each layer.
    norm, norm_groups
        None, "instance" (per channel, without parameters), "group" (`norm_groups` groups) or "layer" (one group).
    preactivation
        Whether norm and activation go first in a layer.
    lifting_ratio, projection_ratio, mlp_ratio
        Hidden channels of the MLPs, as multiples of hidden_channels.
    positional_embedding
        "grid": the coordinates, j/n per axis, are further input channels; None.
    domain_padding, padding
        The part of each axis that is added at both its ends (a number, or one per axis), and "zero" or "reflect".
    dtype
        "float32" or "float64"; weights of modes are complex in the same precision.
    remat
        Whether layers are computed again in the backward pass instead of being kept: half of the memory of a layer.
    active_modes
        How many of the modes are used, None for all: training may begin with few (`learn.grown_modes`).

    Raises
    ------
    ValueError
        For settings that do not fit, naming them.

    References
    ----------
    Kossaifi, Kovachki, Azizzadenesheli, Anandkumar, Multi-Grid Tensorized Fourier Neural Operator for High-Resolution
    PDEs, arXiv 2310.00120; Li et al., Fourier Neural Operator for Parametric PDEs, arXiv 2010.08895.
    """

    n_modes: tuple[int, ...]
    in_channels: int
    out_channels: int
    hidden_channels: int
    n_layers: int = 4
    factorization: str | None = "tucker"
    rank: Rank = 0.1
    implementation: str = "factorized"
    joint: bool = False
    separable: bool = False
    skip: str | None = "linear"
    gate: str | None = "soft-gating"
    norm: str | None = None
    norm_groups: int = 1
    preactivation: bool = False
    lifting_ratio: float = 2.0
    projection_ratio: float = 2.0
    mlp_ratio: float = 0.5
    positional_embedding: str | None = "grid"
    domain_padding: float | tuple[float, ...] = 0.0
    padding: str = "zero"
    dtype: str = "float32"
    remat: bool = False
    active_modes: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            object.__setattr__(self, field.name, plain(getattr(self, field.name)))
        check_settings(self)
        if self.factorization is not None:
            _ = self.weights.sizes  # ranks that do not fit are an error here

    def settings(self) -> dict[str, Any]:
        """The settings as a dict that JSON can hold; TFNO(**settings) is the model again."""
        return asdict(self)

    def like(self, **changes: Any) -> TFNO:
        """The model with some settings changed, for example dtype or active_modes."""
        return replace(self, **changes)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.n_modes)

    @cached_property
    def weights(self) -> Weights:
        """The form of the spectral weights."""
        channels = (self.hidden_channels,) * (1 if self.separable else 2)
        layers_together = self.n_layers if self.joint else None
        rebuilt = self.implementation == "reconstructed"
        return Weights(stored(self.n_modes), channels, self.factorization, self.rank, layers_together, rebuilt)

    @cached_property
    def blocks(self) -> tuple[blocks.Block, ...]:
        """The Fourier layers."""
        groups = {None: None, "instance": self.hidden_channels, "group": self.norm_groups, "layer": 1}[self.norm]
        return tuple(
            blocks.Block(
                f"blocks.{k}", k, "spectral" if self.joint else f"blocks.{k}.spectral", self.weights, self.skip,
                self.gate, groups, k < self.n_layers - 1, self.preactivation,
            )
            for k in range(self.n_layers)
        )  # fmt: skip

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The shape of every parameter, by names in alphabetical order."""
        hidden = self.hidden_channels
        entering = self.in_channels + (self.ndim if self.positional_embedding else 0)
        found = _mlp("lifting", entering, round(self.lifting_ratio * hidden), hidden)
        found |= _mlp("projection", hidden, round(self.projection_ratio * hidden), self.out_channels)
        for one in self.blocks:
            found |= {f"{one.spectral}.{name}": shape for name, shape in self.weights.shapes.items()}
            found[f"{one.name}.spectral.bias"] = (hidden,)
            found |= _mlp(f"{one.name}.mlp", hidden, round(self.mlp_ratio * hidden), hidden)
            for name, kind in (("skip", self.skip), ("gate", self.gate)):
                if kind in ("linear", "soft-gating"):
                    found[f"{one.name}.{name}.weight"] = (hidden,) * (2 if kind == "linear" else 1)
            if self.norm in ("group", "layer"):
                for number in range(2):
                    found |= {f"{one.name}.norm.{number}.{part}": (hidden,) for part in ("scale", "shift")}
        return dict(sorted(found.items()))

    @cached_property
    def dtypes(self) -> dict[str, np.dtype]:
        """The type of every parameter."""
        real = np.dtype(self.dtype)
        spectral = {f"{one.spectral}.{name}" for one in self.blocks for name in self.weights.indices}
        return {name: np.result_type(real, np.complex64) if name in spectral else real for name in self.shapes}

    def parameter_count(self) -> int:
        """Number of real parameters; complex ones count twice."""
        return sum(prod(shape) * (1 + (self.dtypes[name].kind == "c")) for name, shape in self.shapes.items())

    def init(self, seed: int = 0, backend: str = "numpy") -> Params:
        """Initial parameters, the same on all ranks: each array depends on the seed and its name alone.

        Weights and biases of channels are uniform on ±1/√(channels in); entries of the spectral weights have the
        variance 2/(in + out) in every format; gates and scales are 1, shifts 0.
        """
        kernels, deviation = backends.get(backend), 1 / sqrt(self.hidden_channels)
        params: Params = {}
        for one in self.blocks[: 1 if self.joint else None]:
            stream = _stream(seed, one.spectral)

            def draw(shape: tuple[int, ...], stream: np.random.Generator = stream) -> np.ndarray:
                return (stream.standard_normal(shape) + 1j * stream.standard_normal(shape)) / sqrt(2)

            params |= {f"{one.spectral}.{n}": a for n, a in self.weights.initial(draw, deviation).items()}
        for name, shape in self.shapes.items():
            if name not in params:
                params[name] = self._initial(name, shape, _stream(seed, name), deviation)
        return {name: kernels.asarray(params[name], self.dtypes[name]) for name in self.shapes}

    def _initial(self, name: str, shape: tuple[int, ...], stream: np.random.Generator, deviation: float) -> np.ndarray:
        if name.endswith("spectral.bias"):
            return deviation * stream.standard_normal(shape)
        if name.endswith(".shift"):
            return np.zeros(shape)
        if len(shape) == 1 and not name.endswith(".bias"):  # scales and soft gates
            return np.ones(shape)
        inputs = self.shapes[name.rpartition(".")[0] + ".weight"][1]
        return stream.uniform(-1 / sqrt(inputs), 1 / sqrt(inputs), shape)

    def __call__(self, params: Mapping[str, Any], x: Any) -> Any:
        """y of x, on any grid: frequencies that it has not are left out. Collective for Fields.

        Parameters
        ----------
        params
            As of `init`.
        x
            (batch, in_channels, *grid), an array or a Field.

        Returns
        -------
        (batch, out_channels, *grid), of the same kind.

        Raises
        ------
        ValueError
            If parameters or x do not fit the model, naming both; a value that is not finite makes others so.
        """
        return self._run(params, x, keep=False)[0]

    def forward(self, params: Mapping[str, Any], x: Any) -> tuple[Any, Saved]:
        """(y, what `backward` needs). Collective for Fields.

        Raises
        ------
        ValueError
            If the grid has fewer points than modes along an axis: it would not train their weights.
        """
        y, saved = self._run(params, x, keep=True)
        assert saved is not None
        return y, saved

    def _run(self, params: Mapping[str, Any], x: Any, keep: bool) -> tuple[Any, Saved | None]:
        check_params(self, params)
        block, place = check_input(self, x)
        padding = _padding(place, self._fractions, self.padding)
        outer = padding.outer
        transforms = self._transforms(outer, training=keep)
        entered = self._embedded(block, place)
        h = layers.mlp(params, "lifting", entered)
        h = padding.pad(h) if outer is not place else h
        kept: list[Any] = []
        for one in self.blocks:
            before = kept[-1].result if kept and keep and not self.remat else None
            x = h
            h, saved = blocks.forward(one, params, transforms, outer, x, keep and not self.remat, before)
            kept.append(x if self.remat and keep else saved)
        del x
        h = padding.crop(h) if outer is not place else h
        y = layers.mlp(params, "projection", h)
        y = place.wrap(y.reshape(*y.shape[:2], *place.local_shape))
        return y, Saved(place, entered, kept, h) if keep else None

    def backward(
        self, params: Mapping[str, Any], saved: Saved, dy: Any, ready: Callable[[str, Any], object] | None = None
    ) -> tuple[Any, Params]:
        """(dx, gradients) for the gradient dy of a loss with respect to y. Collective for Fields.

        Gradients of complex parameters z are ∂L/∂Re z + i ∂L/∂Im z. With Fields those of parameters are summed over
        the ranks of the Space, so that all have the same; but not with `ready`.

        Parameters
        ----------
        params, saved, dy
            As `forward` took and gave them.
        ready
            ``ready(name, grad)`` gets this rank's part of each gradient as soon as it is final, and gradients are left
            as parts: what it starts, such as sums over more ranks, goes on beside the rest.
        """
        place, grads = saved.place, Params()
        padding = _padding(place, self._fractions, self.padding)
        transforms = self._transforms(padding.outer, training=True)
        dy = check_gradient(self, saved.x, place, dy).reshape(len(saved.x), self.out_channels, saved.x.shape[2])
        dh = layers.mlp_backward(params, "projection", layers.Input(saved.last), dy, grads)
        told = _tell(ready, grads, frozenset())
        dh = padding.crop_adjoint(dh) if padding.outer is not place else dh
        for one, kept in zip(reversed(self.blocks), reversed(saved.layers), strict=True):
            if self.remat:
                kept = blocks.forward(one, params, transforms, padding.outer, kept)[1]
            dh, found = blocks.backward(one, params, transforms, padding.outer, kept, dh)
            for name, grad in found.items():
                grads[name] = grads[name] + grad if name in grads else grad
            told = _tell(ready, grads, told, "spectral." if self.joint and one.number else None)
        dh = padding.pad_adjoint(dh) if padding.outer is not place else dh
        dx = layers.mlp_backward(params, "lifting", layers.Input(saved.x), dh, grads)
        dx = backends.of(dx).asarray(dx[:, : self.in_channels]).reshape(len(dx), self.in_channels, *place.local_shape)
        _tell(ready, grads, told)
        grads = {name: grads[name] for name in self.shapes}
        return place.wrap(dx), grads if ready is not None else place.totals(grads)

    @property
    def _fractions(self) -> tuple[float, ...]:
        given = self.domain_padding
        return given if isinstance(given, tuple) else (given,) * self.ndim

    def _transforms(self, place: Place, training: bool) -> Transforms:
        active = self.active_modes or self.n_modes
        for axis, (n, modes) in enumerate(zip(place.shape, active, strict=True)):
            if training and modes > n:
                raise ValueError(
                    f"{modes} modes along axis {axis} of a grid of {n} points: train with at most {n} modes"
                )
        return _planned(place, active, self.n_modes)

    def _embedded(self, x: Any, place: Place) -> Any:
        """(batch, channels, points) with the coordinates as further channels."""
        flat = x.reshape(*x.shape[:2], -1)
        if self.positional_embedding is None:
            return flat
        lines = [np.arange(s.start, s.stop) / n for s, n in zip(place.slices, place.shape, strict=True)]
        grid = np.stack(np.meshgrid(*lines, indexing="ij")).reshape(self.ndim, -1)
        backend = backends.of(x)
        out = backend.recycling.empty((len(x), flat.shape[1] + self.ndim, flat.shape[2]), flat.dtype)
        out[:, : self.in_channels], out[:, self.in_channels :] = flat, backend.asarray(grid, flat.dtype)
        return out


def _tell(ready: Any, grads: Params, told: frozenset[str], but: str | None = None) -> frozenset[str]:
    """Hand out the gradients that have not been told, but not those whose names begin so; all that have been now."""
    if ready is None:
        return told
    new = [name for name in grads if name not in told and not (but and name.startswith(but))]
    for name in new:
        ready(name, grads[name])
    return told.union(new)


def _mlp(name: str, entering: int, hidden: int, leaving: int) -> dict[str, tuple[int, ...]]:
    return {
        f"{name}.0.weight": (hidden, entering), f"{name}.0.bias": (hidden,),
        f"{name}.1.weight": (leaving, hidden), f"{name}.1.bias": (leaving,),
    }  # fmt: skip


def _stream(seed: int, name: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())]))


@lru_cache(maxsize=32)
def _planned(place: Place, active: tuple[int, ...], modes: tuple[int, ...]) -> Transforms:
    return Transforms(place, active, modes)


@lru_cache(maxsize=32)
def _padding(place: Place, fractions: tuple[float, ...], kind: str) -> Padding:
    return Padding(place, fractions, kind)
