"""Pencils partition the array; alignment; the default process grid."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from mpi import run_ranks

from tensorpde.parallel import Pencil, ProcessGrid, world
from tensorpde.parallel.layout import default_dims, factorizations, tuned_dims

SHAPES = [(5,), (7, 3), (1, 4), (6, 5, 4), (2, 1, 9), (3, 4, 2, 5)]


def distributions(directions: int, axes: int) -> list[tuple[int | None, ...]]:
    """Every way to cut some axes along all directions, or along all but one."""
    used = [range(directions), *([range(directions - 1)] if directions else [])]
    return sorted(
        {order for some in used for order in itertools.permutations([*some, *[None] * (axes - len(some))])}, key=str
    )


def check_partition() -> None:
    size = world().size
    for shape in SHAPES:
        grids = {dims for count in range(len(shape)) for total in range(1, size + 1) for dims in _dims(total, count)}
        for dims in sorted(grids):
            for distribution in distributions(len(dims), len(shape)):
                _check_one(Pencil(shape, ProcessGrid(world(), dims), distribution))


def _dims(total: int, count: int) -> list[tuple[int, ...]]:
    return factorizations(total, count) if count else [()]


def _check_one(pencil: Pencil) -> None:
    owners = np.zeros(pencil.shape, dtype=int)
    for rank in range(world().size):
        block = owners[pencil.slices_of(rank)]
        block += 1
        for axis in range(pencil.ndim):
            if pencil.is_whole(axis) and block.size:
                assert block.shape[axis] == pencil.shape[axis]
    assert (owners == 1).all(), pencil
    assert pencil.local_shape == owners[pencil.slices].shape
    assert pencil.is_empty == (math.prod(pencil.local_shape) == 0)
    for axis in range(pencil.ndim):
        aligned = pencil.aligned(axis)
        assert aligned.is_whole(axis)
        assert aligned.is_whole(axis - pencil.ndim)
        assert (aligned == pencil) == pencil.is_whole(axis)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 6])
def test_every_point_has_one_owner(ranks: int) -> None:
    run_ranks(ranks, "parallel/test_pencil.py::check_partition")


def test_blocks_differ_by_at_most_one_point() -> None:
    run_ranks(4, "parallel/test_pencil.py::check_balance")


def check_balance() -> None:
    process_grid = ProcessGrid(world(), (4,))
    for n in range(12):
        pencil = Pencil((n, 3), process_grid, (0, None))
        sizes = [part.stop - part.start for part in (pencil.slices_of(rank)[0] for rank in range(4))]
        assert sum(sizes) == n
        assert sorted(sizes, reverse=True) == sizes
        assert max(sizes) - min(sizes) <= 1
    assert Pencil((8, 8), process_grid, (0, None)) == Pencil((8, 8), ProcessGrid(world(), (4,)), (0, None))
    assert tuned_dims((8, 8, 8), world(), np.dtype(float)) in [(1, 4), (2, 2), (4, 1)]


@pytest.mark.parametrize(
    ("shape", "ranks", "dims"),
    [
        ((9,), 4, ()),
        ((8, 8), 4, (4,)),
        ((2, 8), 4, (4,)),
        ((64, 64, 64), 4, (4, 1)),
        ((8, 8, 8), 32, (4, 8)),
        ((64, 4, 64), 8, (2, 4)),
        ((4, 4, 4, 4), 64, (4, 4, 4)),
        ((2, 2, 2), 7, (1, 7)),
    ],
)
def test_default_process_grid(shape: tuple, ranks: int, dims: tuple) -> None:
    assert default_dims(shape, ranks) == dims


def test_errors_name_both_values() -> None:
    with pytest.raises(ValueError, match=r"\(3, 2\).*of 1 ranks"):
        ProcessGrid(world(), (3, 2))
    process_grid = ProcessGrid(world(), (1, 1))
    with pytest.raises(ValueError, match=r"\(0, None\).*\(4, 4, 4\)"):
        Pencil((4, 4, 4), process_grid, (0, None))
    with pytest.raises(ValueError, match=r"\(0, 0, None\).*\(1, 1\)"):
        Pencil((4, 4, 4), process_grid, (0, 0, None))
