"""Values of a distributed field at a few points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorpde import backend
from tensorpde.field import Field
from tensorpde.io.interpolate import stencils
from tensorpde.io.layout import axis_name


def sample(field: Field, points: np.ndarray) -> np.ndarray | None:
    """Interpolate a field to points, by the polynomials through the nearest 6 unknowns per axis: order 6. Collective.

    Bitwise the same on any number of ranks: the 6^d values around each point travel to rank 0 unchanged. For a few
    thousand points; beside a wall the stencil is one-sided and does not use the boundary data.

    Parameters
    ----------
    points
        Shape (m, d), the same on all ranks.

    Returns
    -------
    ndarray or None
        Shape lead + (m,), in float64 or complex128, on rank 0; None on the others.

    Raises
    ------
    ValueError
        For points of the wrong shape or outside the grid.
    """
    return Sample(field, points).collect()


class Sample:
    """What `sample` finds, in two parts: the values that the field has now, and what is made of them."""

    def __init__(self, field: Field, points: np.ndarray) -> None:
        space, points = field.space, np.asarray(points, dtype=float)
        if points.ndim != 2 or points.shape[1] != space.ndim:
            raise ValueError(f"points have shape {points.shape}, expected (m, {space.ndim})")
        index, self._weights = [], []
        for i, axis in enumerate(space.axes):
            if not axis.periodic and not np.all((points[:, i] >= axis.lo) & (points[:, i] <= axis.hi)):
                raise ValueError(f"a point has {axis_name(i)} outside [{axis.lo}, {axis.hi}]")
            where, weight = stencils(axis.x, points[:, i], axis.length if axis.periodic else None)
            index.append(where)
            self._weights.append(weight)
        self._comm, self._lead, self.dtype = field.pencil.process_grid.comm, field.lead, field.dtype
        local, owned = [], []
        for i, (where, block) in enumerate(zip(index, field.pencil.slices, strict=True)):
            shape = (len(where), *[-1 if j == i else 1 for j in range(space.ndim)])
            local.append((where - block.start).reshape(shape))
            owned.append(((where >= block.start) & (where < block.stop)).reshape(shape))
        self._mine = np.logical_and.reduce(np.broadcast_arrays(*owned))
        self._values = None
        if self._mine.any():
            asarray = backend.of(field.local).asarray
            chosen = tuple(asarray(np.broadcast_to(where, self._mine.shape)[self._mine]) for where in local)
            self._values = field.local[(..., *chosen)]

    def keep(self, take: Callable[[Any, Any], np.ndarray]) -> None:
        """Let go of the device: from now on the values are what `take` makes of an array and its type."""
        if self._values is not None:
            self._values = take(self._values, self._values.dtype)

    def collect(self) -> np.ndarray | None:
        """Shape lead + (m,), in float64 or complex128, on rank 0; None on the others. Collective."""
        values = np.zeros((*self._lead, *self._mine.shape), np.result_type(self.dtype, np.float64))
        if self._values is not None:
            values[..., self._mine] = backend.of(self._values).to_host(self._values)
        total = np.empty_like(values) if self._comm.rank == 0 else None
        self._comm.Reduce(values, total, root=0)  # each value from its one owner, the others add zero
        if total is None:
            return None
        for weight in reversed(self._weights):  # values: lead + (m, s, …, s); the last axis goes
            shape = len(weight), *[1] * (total.ndim - len(self._lead) - 2), -1
            total = (total * weight.reshape(shape)).sum(axis=-1)
        return total
