"""Every value arrives, whatever the pencils, the leading dimensions and the type."""

from __future__ import annotations

import itertools
import random
import tracemalloc

import numpy as np
import pytest
from mpi import run_ranks

from tensorpde.parallel import Pencil, ProcessGrid, Transpose, world
from tensorpde.parallel.layout import factorizations

SHAPES = [(5,), (7, 3), (1, 4), (6, 5, 4), (2, 1, 9), (3, 4, 2, 5)]


def whole_array(lead: tuple, shape: tuple, dtype: str) -> np.ndarray:
    values = np.random.default_rng(1).random((*lead, *shape))
    return (values + (1j * values**2 if dtype in "FD" else 0)).astype(dtype)


def pencils(shape: tuple, process_grid: ProcessGrid) -> list[Pencil]:
    directions = range(len(process_grid.dims))
    orders = set(itertools.permutations([*directions, *[None] * (len(shape) - len(directions))]))
    return sorted({Pencil(shape, process_grid, order) for order in orders}, key=str)


def check_transposes() -> None:
    comm, chance = world(), random.Random(0)  # the same choices on every rank
    for shape in SHAPES:
        for used in {comm.size, max(1, comm.size - 1)}:
            for dims in factorizations(used, min(2, len(shape) - 1)) if len(shape) > 1 else [()]:
                layouts = pencils(shape, ProcessGrid(comm, dims))
                pairs = list(itertools.product(layouts, layouts))
                for a, b in chance.sample(pairs, min(len(pairs), 6)):
                    check_pair(a, b, chance.choice([(), (2,), (2, 3), (0,)]), chance.choice("fdFD"))


def check_pair(a: Pencil, b: Pencil, lead: tuple, dtype: str) -> None:
    whole = whole_array(lead, a.shape, dtype)
    source, wanted = (np.ascontiguousarray(whole[(..., *pencil.slices)]) for pencil in (a, b))
    out, back = np.empty_like(wanted), np.empty_like(source)
    plan = Transpose.between(a, b)
    assert plan is Transpose.between(a, b)
    assert np.array_equal(plan.forward(source, out), wanted)
    assert np.array_equal(plan.backward(out, back), source)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 6])
def test_transposes(ranks: int) -> None:
    run_ranks(ranks, "parallel/test_transpose.py::check_transposes")


def check_sub_communicators() -> None:
    comm = world()
    part = comm.Split(comm.rank % 2, comm.rank)
    process_grid = ProcessGrid(part, (part.size,))
    check_pair(Pencil((9, 8), process_grid, (0, None)), Pencil((9, 8), process_grid, (None, 0)), (3,), "d")
    assert ProcessGrid(part, (1,)).channel is process_grid.channel
    part.Free()


def check_no_allocation() -> None:
    """After the first call nothing of the arrays' size is allocated."""
    process_grid = ProcessGrid(world(), (world().size,))
    a, b = Pencil((64, 64, 16), process_grid, (0, None, None)), Pencil((64, 64, 16), process_grid, (None, 0, None))
    source, out = np.zeros(a.local_shape), np.zeros(b.local_shape)
    plan = Transpose.between(a, b)
    plan.forward(source, out)
    tracemalloc.start()
    plan.forward(source, out)
    plan.backward(out, source)
    assert tracemalloc.get_traced_memory()[1] < 16_000


def test_sub_communicators_and_allocation() -> None:
    run_ranks(3, "parallel/test_transpose.py::check_sub_communicators")
    run_ranks(2, "parallel/test_transpose.py::check_no_allocation")


def test_errors_name_both_values() -> None:
    process_grid = ProcessGrid(world(), (1,))
    a = Pencil((4, 5), process_grid, (0, None))
    with pytest.raises(ValueError, match=r"\(4, 5\).*\(5, 4\)"):
        Transpose(a, Pencil((5, 4), process_grid, (0, None)))
    with pytest.raises(ValueError, match=r"\(4, 5\).*float64.*\(4, 6\)"):
        Transpose(a, a).forward(np.zeros((4, 6)), np.zeros((4, 5)))
    with pytest.raises(ValueError, match=r"float64.*float32"):
        Transpose(a, a).forward(np.zeros((4, 5)), np.zeros((4, 5), "f"))
