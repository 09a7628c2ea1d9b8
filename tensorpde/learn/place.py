"""Where a batch of fields lies: whole on this rank, or one block on each rank of a Space."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.parallel import Pencil
from tensorpde.parallel.reduce import total


@dataclass(frozen=True)
class Place:
    """The grid of a batch, and which part of it this rank has.

    Parameters
    ----------
    shape
        Global shape of the grid.
    space
        The Space whose home pencil holds the blocks; None for whole arrays.
    """

    shape: tuple[int, ...]
    space: Space | None = None

    @staticmethod
    def of(x: Any, ndim: int) -> tuple[Any, Place]:
        """The block (batch, channels, …) of an array or Field in its home pencil, and its place. Collective for Fields.

        Raises
        ------
        ValueError
            If x has not two leading dimensions before `ndim` axes.
        """
        lead, shape = (x.lead, x.space.shape) if isinstance(x, Field) else (x.shape[:2], x.shape[2:])
        if len(lead) != 2 or len(shape) != ndim:
            raise ValueError(
                f"a batch for {ndim} axes has shape (batch, channels, …), not lead {lead} and grid {shape}"
            )
        if isinstance(x, Field):
            return x.to(x.space.pencil).local, Place(x.space.shape, x.space)
        return x, Place(tuple(shape))

    def wrap(self, block: Any) -> Any:
        """The array itself, or the Field of a block."""
        return block if self.space is None else Field(self.space, block)

    @property
    def pencil(self) -> Pencil | None:
        """The distribution of the blocks; None for whole arrays."""
        return None if self.space is None else self.space.pencil

    @property
    def slices(self) -> tuple[slice, ...]:
        """This rank's part of the grid."""
        return tuple(slice(0, n) for n in self.shape) if self.space is None else self.space.pencil.slices

    @property
    def local_shape(self) -> tuple[int, ...]:
        """The shape of this rank's part."""
        return tuple(part.stop - part.start for part in self.slices)

    @property
    def points(self) -> int:
        """Number of points of the whole grid."""
        return prod(self.shape)

    def total(self, values: Any) -> Any:
        """Σ of small arrays over the ranks of the Space; the array itself if it is whole. Collective."""
        if self.space is None or self.space.comm.size == 1:
            return values
        backend = self.space.backend
        return backend.asarray(total(self.space.comm, backend.to_host(values)), values.dtype)

    def totals(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The same for many arrays, in one message for each type. Collective."""
        if self.space is None or self.space.comm.size == 1:
            return dict(values)
        found: dict[str, Any] = {}
        for dtype in sorted({str(value.dtype) for value in values.values()}):
            names = [name for name in sorted(values) if values[name].dtype == dtype]
            flat = self.total(np.concatenate([values[name].reshape(-1) for name in names]))
            ends = np.cumsum([values[name].size for name in names])[:-1]
            parts = np.split(flat, ends)
            found |= {name: part.reshape(values[name].shape) for name, part in zip(names, parts, strict=True)}
        return found
