"""Sums that are bitwise the same on any number of ranks and in any pencil; extrema.

One fixed order: lines along the last axis, then along the one before it, and so on. A line is always summed whole, by
an algorithm that depends on its length only, so it does not matter which rank sums it. Only the sums of lines, one axis
less each time, travel between ranks; the data themselves do only where the last axis is cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from tensorpde import backend
from tensorpde.parallel.pencil import Pencil
from tensorpde.parallel.transpose import Transpose, gather


def dot(pencil: Pencil, a: Any, b: Any | None = None, weights: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """Σ w conj(a) b over the grid, w the tensor product of `weights` (1 for None). Collective.

    Parameters
    ----------
    pencil
        Where the blocks are.
    a, b
        Blocks of shape lead + pencil.local_shape. Without b: Σ w a.
    weights
        One real array of the global length per axis.

    Returns
    -------
    numpy.ndarray
        Shape lead, float64 or complex128, the same on every rank.
    """
    last = pencil.ndim - 1
    whole = pencil.aligned(last)
    same = b is a
    a = _moved(a, pencil, whole)
    if b is not None:
        b = a if same else _moved(b, pencil, whole)
    factor = None if weights is None else weights[last][whole.slices[last]]
    sums = backend.of(a).to_host(backend.of(a).reductions.line_sums(a, b, factor))
    pencil = whole.without(last)
    for axis in range(last - 1, -1, -1):
        whole = pencil.aligned(axis)
        sums = _moved(sums, pencil, whole)
        sums = np.add.reduce(sums if weights is None else sums * weights[axis][whole.slices[axis]], axis=-1)
        pencil = whole.without(axis)
    total = np.array(sums)
    pencil.process_grid.comm.Bcast(total, 0)
    return total


def marginal(
    pencil: Pencil, a: Any, over: Sequence[int], weights: Sequence[np.ndarray], b: Any | None = None
) -> np.ndarray:
    """Σ w a b over some of the axes, on the host of every rank; real blocks. Collective.

    Parameters
    ----------
    pencil
        Where the blocks are.
    a, b
        Real blocks of shape lead + pencil.local_shape. Without b: Σ w a.
    over
        The axes that are summed over, not all.
    weights
        One real array of the global length per axis; only those of `over` count.

    Returns
    -------
    numpy.ndarray
        Shape lead + the other axes, float64, the same bits on any number of ranks.
    """
    lead = a.ndim - pencil.ndim
    sums = np.asarray(backend.of(a).to_host(a if b is None else a * b), float)
    for axis in sorted(over, reverse=True):
        whole = pencil.aligned(axis)
        sums = _moved(sums, pencil, whole)
        lines = np.ascontiguousarray(
            np.moveaxis(sums, lead + axis, -1)
        )  # whole lines, so that sums depend on them alone
        sums = np.add.reduce(lines * weights[axis], axis=-1)
        pencil = whole.without(axis)
    return gather(pencil, sums, np.empty((*sums.shape[:lead], *pencil.shape)))


def extremum(pencil: Pencil, block: Any, largest: bool) -> Any:
    """The largest or smallest value of a real block over all ranks; NaN if there is any. Collective."""
    if np.dtype(block.dtype).kind == "c":
        raise TypeError(f"complex values ({block.dtype}) have no order: take the real part or the modulus first")
    sign = 1.0 if largest else -1.0
    has_values = 0 not in block.shape
    best = sign * float(block.max() if largest else block.min()) if has_values else -np.inf
    found = np.array([-np.inf if np.isnan(best) else best, float(np.isnan(best))])
    result = np.empty_like(found)
    pencil.process_grid.comm.Allreduce(found, result, op=MPI.MAX)
    return float("nan") if result[1] else sign * float(result[0]) + 0.0


def _moved(block: Any, start: Pencil, end: Pencil) -> Any:
    if start == end:
        return block
    lead = block.shape[: block.ndim - start.ndim]
    out = backend.of(block).empty(lead + end.local_shape, block.dtype)
    return Transpose.between(start, end).forward(block, out)


def largest(comm: Any, value: float) -> float:
    """The largest of one number per rank; NaN if there is any. Collective."""
    found = np.array([-np.inf if np.isnan(value) else value, float(np.isnan(value))])
    result = np.empty_like(found)
    comm.Allreduce(found, result, op=MPI.MAX)
    return float("nan") if result[1] else float(result[0])


def total(comm: Any, values: np.ndarray) -> np.ndarray:
    """Σ of one host array per rank, on every rank; to round-off the same on any number of them. Collective."""
    values = np.ascontiguousarray(values)
    result = np.empty_like(values)
    comm.Allreduce(values, result)
    return result
