"""Pairs of input and target streamed from a file: in an order that no number of ranks changes, shared by the ranks."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.boundary import Boundary, Periodic
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.io.batches import SampleFile
from tensorpde.parallel import agree, alone
from tensorpde.parallel.blocks import collected, own, share
from tensorpde.parallel.rank_grid import RankGrid

Numbers = Sequence[int] | np.ndarray
SLAB = 1 << 20  # values that the pass over the data holds at a time


@dataclass(frozen=True)
class Normaliser:
    """(x − mean)/deviation per channel, and back.

    Parameters
    ----------
    mean, deviation
        One number per channel.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    def encode(self, x: Any) -> Any:
        """Normalised values: mean 0, deviation 1."""
        return self._scaled(x, [1 / s for s in self.deviation], [-m / s for m, s in self._pairs()])

    def decode(self, y: Any) -> Any:
        """Values in their own units."""
        return self._scaled(y, self.deviation, self.mean)

    def decode_adjoint(self, dy: Any) -> Any:
        """The gradient by normalised values, from that by values in their own units."""
        return self._scaled(dy, self.deviation, [0.0] * len(self.mean))

    def _pairs(self) -> Iterator[tuple[float, float]]:
        return zip(self.mean, self.deviation, strict=True)

    def _scaled(self, x: Any, factors: Sequence[float], shifts: Sequence[float]) -> Any:
        values = x.local if isinstance(x, Field) else x
        if values.shape[1] != len(self.mean):
            raise ValueError(f"a normaliser of {len(self.mean)} channels for {values.shape[1]} of them")
        shape = (-1,) + (1,) * (values.ndim - 2)
        factor, shift = (backends.of(values).asarray(np.reshape(v, shape), values.dtype) for v in (factors, shifts))
        values = values * factor + shift
        return Field(x.space, values, x.pencil) if isinstance(x, Field) else values


class Pairs:
    """Inputs and targets (samples, [channels,] *grid) in an HDF5 file of anybody's. Collective on the rank grid.

    Parameters
    ----------
    path
        The file.
    inputs, targets
        Paths of datasets in it; of several, the channels one after the other.
    ranks
        Who takes which samples of a batch, and which part of a field; None: this rank all.
    ndim
        Dimensions of the grid; None: all but that of the samples. One more in a dataset counts channels.
    bc
        What holds at the ends of all axes, from 0 to 1, for losses that need to know: periodic points, or cells between
        walls.
    backend, dtype
        Of the arrays.
    whole
        Give whole fields even where ranks share one (they split it into patches themselves); `space` is then that of
        one rank.

    Attributes
    ----------
    count : number of samples.
    shape : points per axis.
    channels : (of the input, of the target).
    space : where fields live, on the ranks that share one; batches are its Fields if these are several.

    Raises
    ------
    FileNotFoundError, Unreadable, ValueError
        If the file does not hold what is asked of it, on every rank.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        inputs: str | Sequence[str],
        targets: str | Sequence[str],
        ranks: RankGrid | None = None,
        ndim: int | None = None,
        bc: Boundary = Periodic(),
        backend: str = "numpy",
        dtype: Any = "float32",
        whole: bool = False,
    ) -> None:
        self.ranks = ranks or RankGrid(alone())
        self.names = tuple((name,) if isinstance(name, str) else tuple(name) for name in (inputs, targets))
        with agree(self.ranks.comm, f"opening {path}"):
            self.file = SampleFile(path, self.names[0] + self.names[1])
            lengths = {name: len(shape) for name, shape in self.file.shapes.items()}
            ndim = ndim or min(lengths.values())
            if not set(lengths.values()) <= {ndim, ndim + 1}:
                raise ValueError(f"{path}: samples of {self.file.shapes} are no fields of {ndim} dimensions")
            grids = {shape[len(shape) - ndim :] for shape in self.file.shapes.values()}
            if len(grids) != 1:
                raise ValueError(f"{path}: fields on different grids: {self.file.shapes}")
            self.shape = next(iter(grids))
        self.count = self.file.count
        self.channels = tuple(sum(self._channels(name) for name in names) for names in self.names)
        location = "nodes" if isinstance(bc, Periodic) else "cells"
        grid = Grid(*(Axis(n, 0.0, 1.0, bc=bc, location=location) for n in self.shape))
        self.space = Space(grid, alone() if whole else self.ranks.pencils, backend, dtype)
        self.spread = self.ranks.pencils.size > 1 and not whole

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """The samples of an epoch in their order, which seed and epoch alone decide."""
        return np.random.Generator(np.random.Philox(key=[seed, epoch])).permutation(self.count)

    def batch(self, numbers: Numbers) -> tuple[Any, Any]:
        """Input and target of this rank's share of these samples: (share, channels, …) arrays, or Fields."""
        mine = self.mine(numbers)
        x, y = (self._read(names, mine) for names in self.names)
        return x, y

    def mine(self, numbers: Numbers) -> Numbers:
        """Those of these samples that are this rank's."""
        return numbers[share(self.ranks.samples, len(numbers))]

    def batches(self, size: int, order: Numbers | None = None, start: int = 0) -> Iterator[np.ndarray]:
        """The numbers of the samples of batch `start` and those after it; the last one may be short."""
        line = np.arange(self.count) if order is None else np.asarray(order)
        return (line[first : first + size] for first in range(start * size, self.count, size))

    def normalisers(self) -> tuple[Normaliser, Normaliser]:
        """Mean and deviation per channel of inputs and targets, in one pass that all ranks share. Collective.

        The same bits on any number of ranks. A channel of one value gets the deviation 1.

        Raises
        ------
        ValueError
            If a value is not finite, naming dataset and samples, on every rank.
        Unreadable
            If the file is damaged, on every rank.
        """
        comm = self.ranks.comm
        samples = own(comm, self.count)
        moments = np.empty((len(samples), sum(self.channels), 2))
        with agree(comm, f"reading {self.file.path}"):
            for k, sample in enumerate(samples):
                moments[k] = [m for names in self.names for name in names for m in self._moments(name, sample)]
        mean, square = np.moveaxis(collected(comm, moments), 2, 0)
        centre = mean.mean(axis=0)
        deviation = np.sqrt(np.mean(square + (mean - centre) ** 2, axis=0))
        deviation = np.where(deviation > 0, deviation, 1.0)
        cut = self.channels[0]
        parts = ((centre[:cut], deviation[:cut]), (centre[cut:], deviation[cut:]))
        one, two = (Normaliser(tuple(m.tolist()), tuple(s.tolist())) for m, s in parts)
        return one, two

    def _channels(self, name: str) -> int:
        shape = self.file.shapes[name]
        return shape[0] if len(shape) > len(self.shape) else 1

    def _read(self, names: Sequence[str], numbers: Numbers) -> Any:
        box = self.space.pencil.slices if self.spread else (slice(None),) * len(self.shape)
        shape = self.space.pencil.local_shape if self.spread else self.shape
        block = np.empty((len(numbers), sum(self._channels(name) for name in names), *shape), self.space.dtype)
        for part, sample in zip(block, numbers, strict=True):
            first = 0
            for name in names:
                last = first + self._channels(name)
                channels = (slice(None),) if len(self.file.shapes[name]) > len(self.shape) else ()
                self.file.read(name, int(sample), part[first:last] if channels else part[first], (*channels, *box))
                first = last
        array = self.space.backend.asarray(block)
        return Field(self.space, array) if self.spread else array

    def _moments(self, name: str, sample: int) -> list[tuple[float, float]]:
        """Mean and mean square deviation of each channel of one sample, a slab of rows at a time."""
        found = []
        rows = max(1, SLAB // int(np.prod(self.shape[1:], dtype=int)))
        for channel in range(self._channels(name)):
            at = (slice(channel, channel + 1),) if len(self.file.shapes[name]) > len(self.shape) else ()
            count, mean, square = 0, 0.0, 0.0
            for start in range(0, self.shape[0], rows):
                part = slice(start, min(start + rows, self.shape[0]))
                slab = np.empty((part.stop - part.start, *self.shape[1:]))
                self.file.read(name, sample, slab[None] if at else slab, (*at, part))
                if not np.isfinite(slab).all():
                    raise ValueError(f"{self.file.path}: {name} is not finite in sample {sample}")
                new, own = slab.mean(), slab.size
                square += ((slab - new) ** 2).sum() + (new - mean) ** 2 * count * own / (count + own)
                mean += (new - mean) * own / (count + own)
                count += own
            found.append((mean, square / count))
        return found
