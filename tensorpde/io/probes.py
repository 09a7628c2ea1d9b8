"""Values of a distributed field at a few points."""

from __future__ import annotations

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
    space, points = field.space, np.asarray(points, dtype=float)
    if points.ndim != 2 or points.shape[1] != space.ndim:
        raise ValueError(f"points have shape {points.shape}, expected (m, {space.ndim})")
    index, weights = [], []
    for i, axis in enumerate(space.axes):
        if not axis.periodic and not np.all((points[:, i] >= axis.lo) & (points[:, i] <= axis.hi)):
            raise ValueError(f"a point has {axis_name(i)} outside [{axis.lo}, {axis.hi}]")
        where, weight = stencils(axis.x, points[:, i], axis.length if axis.periodic else None)
        index.append(where)
        weights.append(weight)
    values = _collect(field, index)
    if values is None:
        return None
    for weight in reversed(weights):  # values: lead + (m, s, …, s); the last axis goes
        values = (values * weight.reshape(len(points), *[1] * (values.ndim - len(field.lead) - 2), -1)).sum(axis=-1)
    return values


def _collect(field: Field, index: list[np.ndarray]) -> np.ndarray | None:
    """The stencil values lead + (m, s, …, s) on rank 0: each from its one owner, the others add zero. Collective."""
    comm, ndim = field.pencil.process_grid.comm, field.space.ndim
    local, owned = [], []
    for i, (where, block) in enumerate(zip(index, field.pencil.slices, strict=True)):
        shape = (len(where), *[-1 if j == i else 1 for j in range(ndim)])
        local.append((where - block.start).reshape(shape))
        owned.append(((where >= block.start) & (where < block.stop)).reshape(shape))
    mine = np.logical_and.reduce(np.broadcast_arrays(*owned))
    values = np.zeros((*field.lead, *mine.shape), np.result_type(field.local.dtype, np.float64))
    if mine.any():
        package = backend.of(field.local)
        chosen = tuple(package.asarray(np.broadcast_to(where, mine.shape)[mine]) for where in local)
        values[..., mine] = package.to_host(field.local[(..., *chosen)])
    total = np.empty_like(values) if comm.rank == 0 else None
    comm.Reduce(values, total, root=0)
    return total
