"""Move a distributed array between its owners and rank 0, one slab of rows at a time, never the whole array."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tensorpde import backend
from tensorpde.parallel.errors import agree
from tensorpde.parallel.pencil import Pencil

SLAB = 1 << 22  # bytes of a slab, or one row (all points with one index of the first axis) where that is more
TAG = 7301  # of all messages here, apart from whatever else travels on the communicator


def rows_per_slab(shape: Sequence[int], itemsize: int) -> int:
    """Rows in one slab of an array of this shape: it depends on nothing else, so neither does a checksum of slabs."""
    return min(shape[0], max(1, SLAB // (itemsize * math.prod(shape[1:]))))


def slabs(shape: Sequence[int], itemsize: int) -> Iterator[tuple[int, int]]:
    """(first row, last row + 1) of the slabs, in order."""
    rows = rows_per_slab(shape, itemsize)
    for start in range(0, shape[0], rows):
        yield start, min(start + rows, shape[0])


def region_shape(shape: Sequence[int], region: Sequence[slice]) -> tuple[int, ...]:
    """Shape of what the slices of `region` keep of an array of this shape."""
    return tuple(len(range(n)[part]) for n, part in zip(shape, region, strict=True))


def kept(local: Any, pencil: Pencil, region: Sequence[slice]) -> Any:
    """The points of this rank's block, shape pencil.local_shape, that belong to a region: a view, None for none."""
    mine = _owned(pencil, pencil.process_grid.comm.rank, region)
    if not mine:
        return None
    return local[
        tuple(
            slice(
                own.start + begin * own.step - block.start, own.start + (end - 1) * own.step - block.start + 1, own.step
            )
            for (begin, end), own, block in zip(mine, region, pencil.slices, strict=True)
        )
    ]


def gather(
    points: Any, pencil: Pencil, region: Sequence[slice], dtype: Any, what: str,
    write: Callable[[int, np.ndarray], None],
) -> None:  # fmt: skip
    """Bring a region of a distributed array to rank 0 in order. Collective.

    Parameters
    ----------
    points
        What is `kept` of this rank's block, on any backend; for all points the block itself.
    region
        A slice with positive step per axis of the global array.
    dtype
        Type of the values that travel and arrive.
    what
        What is being done, for the message of an error.
    write
        Called on rank 0 as write(first row, slab); an error there becomes the same error on all ranks, once the
        others are done sending. The slab is reused.
    """
    comm, dtype = pencil.process_grid.comm, np.dtype(dtype)
    shape = region_shape(pencil.shape, region)
    owners = [_owned(pencil, rank, region) for rank in range(comm.size)] if comm.rank == 0 else []
    mine, failure = _owned(pencil, comm.rank, region), None
    rows = rows_per_slab(shape, dtype.itemsize) if comm.rank == 0 else 0
    buffer = np.empty((rows, *shape[1:]), dtype)
    for start, stop in slabs(shape, dtype.itemsize):
        piece = _rows(mine, start, stop)
        values = _host(points[_own_rows(piece, mine)], dtype) if piece else None
        if comm.rank > 0:
            if values is not None:
                comm.Send(values, dest=0, tag=TAG)
            continue
        for rank, owned in enumerate(owners):
            if part := _rows(owned, start, stop):
                if rank > 0:
                    values = np.empty([end - begin for begin, end in part], dtype)
                    comm.Recv(values, source=rank, tag=TAG)
                buffer[_inside(part, start)] = values
        if failure is None:
            failure = _attempt(write, start, buffer[: stop - start])
    with agree(comm, what):
        if failure is not None:
            raise failure


def scatter(read: Callable[[int, np.ndarray], None], local: Any, pencil: Pencil, dtype: Any, what: str) -> None:
    """Deliver a whole array from rank 0 to its owners. Collective.

    Parameters
    ----------
    read
        Called on rank 0, in order, as read(first row, slab), to fill the slab, of type `dtype`. An error there becomes
        the same error on all ranks, once they have all they wait for.
    local
        This rank's block, filled here; its type may be wider than `dtype`.
    """
    comm, dtype = pencil.process_grid.comm, np.dtype(dtype)
    whole = [slice(0, n, 1) for n in pencil.shape]
    owners = [_owned(pencil, rank, whole) for rank in range(comm.size)] if comm.rank == 0 else []
    mine, failure = _owned(pencil, comm.rank, whole), None
    for start, stop in slabs(pencil.shape, dtype.itemsize):
        slab = np.zeros((stop - start if comm.rank == 0 else 0, *pencil.shape[1:]), dtype)
        if comm.rank == 0 and failure is None:
            failure = _attempt(read, start, slab)
        for rank, owned in enumerate(owners):
            if rank > 0 and (part := _rows(owned, start, stop)):
                comm.Send(np.ascontiguousarray(slab[_inside(part, start)]), dest=rank, tag=TAG)
        if piece := _rows(mine, start, stop):
            if comm.rank == 0:
                values = slab[_inside(piece, start)]
            else:
                values = np.empty([end - begin for begin, end in piece], dtype)
                comm.Recv(values, source=0, tag=TAG)
            local[_own_rows(piece, mine)] = backend.of(local).asarray(values)
    with agree(comm, what):
        if failure is not None:
            raise failure


def own(
    points: Any, pencil: Pencil, region: Sequence[slice], dtype: Any
) -> tuple[tuple[slice, ...], np.ndarray] | None:
    """Where what is `kept` of this rank's block belongs in the array of all kept points, and its values; or None."""
    mine = _owned(pencil, pencil.process_grid.comm.rank, region)
    return (_inside(mine, 0), _host(points, dtype)) if mine else None


def _attempt(call: Callable[[int, np.ndarray], None], start: int, slab: np.ndarray) -> Exception | None:
    """The error of a call on rank 0, kept until the other ranks can hear of it."""
    try:
        call(start, slab)
    except Exception as error:
        return error
    return None


def _owned(pencil: Pencil, rank: int, region: Sequence[slice]) -> list[tuple[int, int]]:
    """The part of the region that a rank owns: (begin, end) per axis, counted in kept points; [] for nothing."""
    spans = []
    for n, part, block in zip(pencil.shape, region, pencil.slices_of(rank), strict=True):
        count, first = len(range(n)[part]), part.start
        begin, end = (min(count, max(0, -((first - edge) // part.step))) for edge in (block.start, block.stop))
        if begin >= end:
            return []
        spans.append((begin, end))
    return spans


def _rows(owned: list[tuple[int, int]], start: int, stop: int) -> list[tuple[int, int]]:
    """What of an owned part lies in the rows start … stop − 1."""
    if not owned or (begin := max(owned[0][0], start)) >= (end := min(owned[0][1], stop)):
        return []
    return [(begin, end), *owned[1:]]


def _own_rows(piece: list[tuple[int, int]], owned: list[tuple[int, int]]) -> slice:
    """The rows of a piece among those of the owned part that it belongs to."""
    return slice(piece[0][0] - owned[0][0], piece[0][1] - owned[0][0])


def _inside(part: list[tuple[int, int]], start: int) -> tuple[slice, ...]:
    """Where a part goes in the slab whose first row is `start`."""
    (begin, end), *rest = part
    return (slice(begin - start, end - start), *(slice(*span) for span in rest))


def _host(points: Any, dtype: Any) -> np.ndarray:
    """A contiguous host array of these values."""
    return np.ascontiguousarray(backend.of(points).to_host(points), dtype=dtype)
