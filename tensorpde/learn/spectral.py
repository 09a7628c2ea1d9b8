"""Spectral convolution on arrays and on pencils: transform, a product per mode, transform back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.learn import network
from tensorpde.learn.place import Place
from tensorpde.learn.weights import Weights
from tensorpde.line.fourier import TruncatedFourier
from tensorpde.parallel import Pencil, Transpose


def kept(n: int, modes: int, last: bool) -> slice:
    """Which of the stored frequencies are on a grid of n points: a part of −(M//2)…(M−1)//2, or of 0…M//2."""
    if last:
        return slice(0, min(modes, n) // 2 + 1)
    below, above = min(modes // 2, n // 2), min((modes - 1) // 2, (n - 1) // 2)
    return slice(modes // 2 - below, modes // 2 + above + 1)


def stored(modes: Sequence[int]) -> tuple[int, ...]:
    """How many frequencies are stored along each axis for M modes: M, and M//2 + 1 on the last."""
    return (*modes[:-1], modes[-1] // 2 + 1)


class Transforms:
    """The lowest modes of real fields, and fields of these modes; with the adjoints of both.

    With norm="forward": Z_k = (1/N) Σ_j u_j e^{−ik·x_j}, u_j = Σ_k Z_k e^{ik·x_j}, a sum over the kept k and, for the
    half of them that the last axis leaves out, their conjugates.

    Parameters
    ----------
    place
        The grid and its pencils.
    active
        How many modes are used along each axis; fewer where the grid has fewer.
    modes
        How many are stored.

    Notes
    -----
    Axes go last to first. The last is whole in home pencils; for each of the others the modes of the axis before are
    cut in its stead, so that one transpose per axis moves what is left after all truncations so far.
    """

    def __init__(self, place: Place, active: tuple[int, ...], modes: tuple[int, ...]) -> None:
        self.pencil, self.shape = place.pencil, place.shape
        self._analysis, self._synthesis, self._starts = [], [], []
        for axis, (n, used, all_modes) in enumerate(zip(place.shape, active, modes, strict=True)):
            last = axis == len(modes) - 1
            part, first = kept(n, used, last), 0 if last else -(used // 2)
            frequencies = np.arange(part.start, part.stop) + first
            self._starts.append(int(frequencies[0]) + (0 if last else all_modes // 2))
            twice = np.where((frequencies > 0) & (2 * frequencies < n), 2.0, 1.0) if last else 1.0
            self._analysis.append(TruncatedFourier(n, frequencies, last, 1.0 / n))
            self._synthesis.append(TruncatedFourier(n, frequencies, last, twice))
        self._counts = [len(line.frequencies) for line in self._analysis]

    def slices(self, lead: tuple[int, int]) -> tuple[slice, ...]:
        """Which of the stored modes this rank has."""
        own = [slice(0, count) for count in self._counts]
        end = None if self.pencil is None else self._route(lead)[-1][1]
        if end is not None and not all(map(end.is_whole, range(end.ndim))):  # else who owns nothing has no samples
            own = list(end.slices[: len(own)])
        return tuple(slice(s + p.start, s + p.stop) for s, p in zip(self._starts, own, strict=True))

    def counts(self, lead: tuple[int, int]) -> tuple[float, int]:
        """(multiply-adds, numbers given to other ranks) of this rank for one `analyse`; the others have as many."""
        work, sent, shape = 0.0, 0, self.shape
        if self.pencil is None:
            for axis, line in reversed(list(enumerate(self._analysis))):
                work += line.work * prod(lead) * prod(shape[:axis]) * prod(self._counts[axis + 1 :])
            return work, 0
        for line, (start, end) in zip(reversed(self._analysis), self._route(lead)[:-1], strict=True):
            work += line.work * prod(end.local_shape[:-1])
            sent += Transpose.between(start, end).sent * (1 if line.real else 2) if start != end else 0
        return work, sent

    def analyse(self, u: Any) -> Any:
        """Modes (2, modes…, batch, channels), real and imaginary part, of (batch, channels, …). Collective."""
        return self._to_modes(self._analysis, u)

    def synthesise(self, z: Any, lead: tuple[int, int]) -> Any:
        """The fields of modes; `lead` is (batch, channels). Collective."""
        return self._from_modes(self._synthesis, z, lead)

    def analyse_adjoint(self, z: Any, lead: tuple[int, int]) -> Any:
        """The adjoint of `analyse` in the real inner product. Collective."""
        return self._from_modes(self._analysis, z, lead)

    def synthesise_adjoint(self, u: Any) -> Any:
        """The adjoint of `synthesise`. Collective."""
        return self._to_modes(self._synthesis, u)

    def _to_modes(self, lines: list[TruncatedFourier], u: Any) -> Any:
        if self.pencil is None:
            for line in reversed(lines):
                u = line.to_modes(u)
            return u
        route = self._route(u.shape[:2])
        u = u.reshape(route[0][0].local_shape)  # a rank that owns nothing may have another empty axis there
        for line, (start, end) in zip(reversed(lines), route[:-1], strict=True):
            u = line.to_modes(_moved(u, start, end))
        return u

    def _from_modes(self, lines: list[TruncatedFourier], z: Any, lead: tuple[int, int]) -> Any:
        if self.pencil is None:
            for line in lines:
                z = line.from_modes(z)
            return z
        for line, (start, end) in zip(lines, reversed(self._route(lead)[:-1]), strict=True):
            z = _moved(line.from_modes(z), end, start)
        return z.reshape((*lead, *self.pencil.local_shape))

    def _route(self, lead: tuple[int, ...]) -> list[tuple[Pencil, Pencil]]:
        """For each axis, last to first: the pencil in which it is found and the one in which it is whole; then the end.

        The pencils are of (modes…, batch, channels, axes…): batch and channels are whole.
        """
        return _route(self.pencil, tuple(self._counts), tuple(lead))


@lru_cache(maxsize=64)
def _route(pencil: Pencil, counts: tuple[int, ...], lead: tuple[int, ...]) -> list[tuple[Pencil, Pencil]]:
    grid, shape = pencil.process_grid, (*lead, *pencil.shape)
    cuts: tuple[int | None, ...] = (*[None] * len(lead), *pencil.distribution)
    route = []
    for count in reversed(counts):
        start = Pencil(shape, grid, cuts)
        if cuts[-1] is not None:
            cuts = (cuts[-1], *cuts[1:-1], None)  # in place of the modes that were made last, which are whole
        route.append((start, Pencil(shape, grid, cuts)))
        shape, cuts = (count, *shape[:-1]), (None, *cuts[:-1])
    end = Pencil(shape, grid, cuts)
    return [*route, (end, end)]


def _moved(u: Any, start: Pencil, end: Pencil) -> Any:
    if start == end:
        return u
    lead = u.shape[: u.ndim - start.ndim]
    out = backends.of(u).recycling.empty((*lead, *end.local_shape), u.dtype)
    return Transpose.between(start, end).forward(u, out)


def convolve(
    weights: Weights, params: Mapping[str, Any], layer: int, transforms: Transforms, x: Any
) -> tuple[Any, dict[str, Any]]:
    """y = Σ_k e^{ik·x} W[k] x̂_k, and what the adjoint needs. Collective on pencils.

    Parameters
    ----------
    params
        The stored arrays of `weights` by name.
    layer
        Which of the layers of joint weights.
    x
        (batch, channels, …).
    """
    z = transforms.analyse(x)
    modes = transforms.slices(x.shape[:2])
    known = {name: array[weights.taken(name, layer, modes)] for name, array in params.items()}
    known = network.run(weights.steps, known | {"x": _complex(z)})
    y = known.pop("y")
    for step in weights.own_steps:  # as large as dense weights may be: the adjoint makes them again
        del known[step.result]
    return transforms.synthesise(_planar(y), (x.shape[0], y.shape[-1])), known


def convolve_backward(
    weights: Weights, params: Mapping[str, Any], layer: int, transforms: Transforms, known: Mapping[str, Any], dy: Any
) -> tuple[Any, dict[str, Any]]:
    """dx, and the gradients of the stored arrays from this rank's modes. Collective on pencils."""
    dz, known = transforms.synthesise_adjoint(dy), network.run(weights.own_steps, known)
    found = network.run_backward(weights.steps, known, _complex(dz), ["x", *params])
    lead = known["x"].shape[-2:]
    dx = transforms.analyse_adjoint(_planar(found.pop("x")), lead)
    modes, grads = transforms.slices(lead), {}
    for name, grad in found.items():
        grads[name] = backends.of(grad).zeros(params[name].shape, params[name].dtype)
        grads[name][weights.taken(name, layer, modes)] = grad
    return dx, grads


def _complex(z: Any) -> Any:
    """The complex values of (2, …), real and imaginary part."""
    out = backends.of(z).recycling.empty(z.shape[1:], np.result_type(z.dtype, np.complex64))
    out.real, out.imag = z
    return out


def _planar(z: Any) -> Any:
    """(2, …), real and imaginary part, C-contiguous."""
    out = backends.of(z).recycling.empty((2, *z.shape), z.real.dtype)
    out[0], out[1] = z.real, z.imag
    return out
