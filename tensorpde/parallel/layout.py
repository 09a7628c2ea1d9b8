"""The process grid: by a formula, or the fastest of a few by measurement."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from mpi4py import MPI

from tensorpde.parallel.pencil import ProcessGrid
from tensorpde.parallel.transpose import Transpose


def chosen_dims(
    shape: Sequence[int], comm: MPI.Intracomm, dtype: np.dtype, wanted: Sequence[int] | str | None
) -> Sequence[int]:
    """What a user wants (None: the formula; "tune": measured; or numbers), checked. Collective where measured.

    Raises
    ------
    ValueError
        If the numbers cut more directions than the shape has, or a word is not "tune".
    """
    if wanted is None:
        return default_dims(shape, comm.size)
    if not isinstance(wanted, str):
        if any(size > 1 for size in wanted[len(shape) - 1 :]):
            raise ValueError(f"process grid {tuple(wanted)} has more than {len(shape) - 1} directions to cut {shape}")
        return wanted
    if wanted != "tune":
        raise ValueError(f'process_grid {wanted!r} is neither "tune" nor a tuple of numbers of ranks')
    return tuned_dims(shape, comm, dtype)


def default_dims(shape: Sequence[int], ranks: int) -> tuple[int, ...]:
    """The process grid for a global shape: slabs while every rank gets a plane, else the squarest grid that fits.

    Slabs move each value once per transpose in the longest runs. A grid of k directions fits if both axes that a
    direction cuts in turn have a point for every rank. If none fits, two directions (one in two dimensions) are used.
    """
    directions = len(shape) - 1
    if directions == 0:
        return ()
    limits = [min(shape[axis], shape[axis + 1]) for axis in range(directions)]
    for used in range(1, directions + 1):
        fitting = [dims for dims in factorizations(ranks, used) if all(map(int.__le__, dims, limits))]
        if fitting:
            return (*min(fitting, key=lambda dims: (max(dims), dims)), *[1] * (directions - used))
    used = min(2, directions)
    return (*min(factorizations(ranks, used), key=lambda dims: (max(dims), dims)), *[1] * (directions - used))


def factorizations(number: int, factors: int) -> list[tuple[int, ...]]:
    """All ordered ways to write `number` as a product of so many factors."""
    if factors == 1:
        return [(number,)]
    first = [size for size in range(1, number + 1) if number % size == 0]
    return [(size, *rest) for size in first for rest in factorizations(number // size, factors - 1)]


def tuned_dims(shape: Sequence[int], comm: MPI.Intracomm, dtype: np.dtype) -> tuple[int, ...]:
    """The fastest of all process grids of one or two directions, timed by visiting every alignment and returning.

    Collective. Rank 0's clock decides. TENSORPDE_TUNE=0 on rank 0 uses the formula. Takes two arrays per rank and a few
    transposes per candidate.
    """
    formula = default_dims(shape, comm.size)
    tune = np.array([os.environ.get("TENSORPDE_TUNE", "1") != "0" and len(formula) > 1 and comm.size > 1])
    comm.Bcast(tune, 0)
    if not tune[0]:
        return formula
    candidates = [(*dims, *[1] * (len(formula) - 2)) for dims in factorizations(comm.size, 2)]
    candidates.sort(key=lambda dims: dims != formula)  # first of equals wins
    seconds = np.array([_round_trip(shape, ProcessGrid(comm, dims), dtype) for dims in candidates])
    comm.Bcast(seconds, 0)
    return candidates[int(seconds.argmin())]


def _round_trip(shape: Sequence[int], process_grid: ProcessGrid, dtype: np.dtype) -> float:
    """Seconds to go from the home pencil through alignment along each other axis and back, the best of three."""
    stops = [process_grid.home(shape)]
    for axis in reversed(range(len(shape) - 1)):
        stops.append(stops[-1].aligned(axis))
    stops.append(stops[0])
    best = np.inf
    for _ in range(3):
        process_grid.comm.Barrier()
        start = time.perf_counter()
        block = np.zeros(stops[0].local_shape, dtype)
        for here, there in pairwise(stops):
            if here != there:
                block = Transpose.between(here, there).forward(block, np.empty(there.local_shape, dtype))
        process_grid.comm.Barrier()
        best = min(best, time.perf_counter() - start)
    return best
