"""Numbered blocks of work shared by the ranks, and sums over them that do not depend on who did which.

What belongs to particles or to terms of a sum has no grid. It is cut into blocks whose size never depends on the
number of ranks; a rank works on consecutive ones, and their results are put together in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from mpi4py import MPI

from tensorpde.parallel.traffic import given

_LARGEST_COUNT = 1 << 30
_BITS = 61  # of the sum of the absolute values of all parts


def own(comm: MPI.Intracomm, count: int) -> range:
    """The numbers, of 0…count−1, of this rank's blocks: consecutive, shared out evenly."""
    return range(count * comm.rank // comm.size, count * (comm.rank + 1) // comm.size)


def share(comm: MPI.Intracomm, count: int) -> slice:
    """This rank's part of `count` things in order, as `own`."""
    mine = own(comm, count)
    return slice(mine.start, mine.stop)


def pieces(count: int, size: int) -> list[slice]:
    """Slices of at most `size` that make up 0…count−1."""
    return [slice(start, min(start + size, count)) for start in range(0, count, size)]


def collected(comm: MPI.Intracomm, part: np.ndarray) -> np.ndarray:
    """The rows of all ranks, one rank's after the other's, on every rank. Collective.

    The parts have the same dtype and shape but for their length.
    """
    part = np.ascontiguousarray(part)
    given["collected"] += part.nbytes * (comm.size - 1)
    lengths = np.zeros(comm.size, np.int64)
    comm.Allgather(np.array([len(part)], np.int64), lengths)
    whole = np.empty((int(lengths.sum()), *part.shape[1:]), part.dtype)
    stops = np.cumsum(lengths)
    for rank, (start, stop) in enumerate(zip(stops - lengths, stops, strict=True)):
        if rank == comm.rank:
            whole[start:stop] = part
        flat = whole[start:stop].reshape(-1)
        for first in range(0, flat.size, _LARGEST_COUNT):
            comm.Bcast(flat[first : first + _LARGEST_COUNT], rank)
    return whole


def computed(comm: MPI.Intracomm, count: int, size: int, row: Sequence[int], work: Callable[[slice], Any]) -> Any:
    """Rows 0…count−1, shape (count, *row), from work(slice) on blocks of `size` rows, on every rank. Collective."""
    blocks = pieces(count, size)
    mine = [work(blocks[number]) for number in own(comm, len(blocks))]
    return collected(comm, np.concatenate([np.empty((0, *row)), *mine]))


def same(comm: MPI.Intracomm, array: np.ndarray) -> np.ndarray:
    """Rank 0's values of an array that all have to round-off. Collective."""
    array = np.array(array, order="C")
    comm.Bcast(array, 0)
    return array


def exact_total(comm: MPI.Intracomm, parts: Iterable[np.ndarray], shape: Sequence[int], bound: float) -> np.ndarray:
    """Σ of all parts of all ranks, the same bits in whatever order and wherever they were made. Collective.

    Parameters
    ----------
    parts
        Real arrays of `shape`; any number on each rank.
    bound
        The same on all ranks, no less than the sum of the absolute values of any entry over all parts.

    Returns
    -------
    numpy.ndarray
        Float64, the same on every rank.

    Notes
    -----
    Values are rounded once, to multiples of about 2⁻⁶¹ bound, and summed as integers, which is exact.
    """
    quantum = 2.0 ** (np.ceil(np.log2(bound)) - _BITS) if bound > 0 else 1.0
    ours = np.zeros(shape, np.int64)
    for part in parts:
        ours += np.rint(part / quantum).astype(np.int64)
    result = np.empty_like(ours)
    comm.Allreduce(ours, result)
    return result * quantum


def triangle(comm: MPI.Intracomm, rows: np.ndarray) -> np.ndarray:
    """R with RᴴR = Σ over ranks of rowsᴴ rows, by a QR factorization of what the ranks hold (TSQR). Collective.

    Parameters
    ----------
    rows
        This rank's rows, shape (any number, n); real or complex, of one dtype on all ranks.

    Returns
    -------
    numpy.ndarray
        Shape (min(n, …), n), the same on every rank.

    Notes
    -----
    Unlike the Gram matrix it keeps singular values down to round-off. O(m n²) for m rows, and log₂(ranks) messages of
    n² values and QR factorizations of 2n × n along the longest path. Source: J. Demmel, L. Grigori, M. Hoemmen,
    J. Langou, SIAM J. Sci. Comput. 34 (2012) A206–A239.
    """
    if comm.size == 1:
        return r_factor(rows)
    n = rows.shape[1]
    held = _padded(r_factor(rows), n)
    step = 1
    while step < comm.size:
        if comm.rank % (2 * step) == step:
            comm.Send(held, comm.rank - step)
        elif comm.rank % (2 * step) == 0 and comm.rank + step < comm.size:
            other = np.empty_like(held)
            comm.Recv(other, comm.rank + step)
            held = _padded(r_factor(np.concatenate((_filled(held), _filled(other)))), n)
        step *= 2
    comm.Bcast(held, 0)
    return _filled(held)


def r_factor(rows: np.ndarray) -> np.ndarray:
    """R of a QR factorization."""
    return np.asarray(np.linalg.qr(rows, mode="r"))


def _padded(r: np.ndarray, n: int) -> np.ndarray:
    """An n × n array with R in its first rows."""
    whole = np.zeros((n, n), r.dtype)
    whole[: len(r)] = r
    return whole


def _filled(padded: np.ndarray) -> np.ndarray:
    """The rows up to the last one that is not zero."""
    return padded[: 1 + np.flatnonzero(padded.any(axis=1)).max(initial=0)]
