"""The exchange within a node: direct reads, windows, many small rounds, several nodes, no memory; streaming copies."""

from __future__ import annotations

import itertools
import os

import numpy as np
import pytest
from mpi import run_ranks

from tensorpde.backend.numpy.blocks import copy_block
from tensorpde.parallel import Pencil, ProcessGrid, Transpose, shared, world

SHAPE = (40, 30, 20)


def check(kind: str) -> None:
    """Kinds: "direct", "no reading", "small windows", "two nodes", "no memory", "default"."""
    if kind == "direct":
        shared._LEAST_RUN = 0
    if kind == "no reading":
        shared.can_read_each_other = lambda node, processes: False
    if kind == "small windows":
        shared._NODE_BYTES = 1
        shared._LEAST_BYTES = 4096
    if kind == "two nodes":
        shared._same_node = lambda comm: comm.Split(comm.rank * 2 // comm.size, comm.rank)
    if kind == "no memory":
        shared._NODE_BYTES = shared._MOST_BYTES = 1 << 50
    size = world().size
    dims = (2, size // 2) if size % 2 == 0 else (size,)
    process_grid = ProcessGrid(world(), dims)
    ranks = [] if process_grid.channel.memory is None else process_grid.channel.memory.ranks
    assert len(ranks) == {"two nodes": size // 2, "no memory": 0}.get(kind, size), (kind, ranks)
    if kind == "direct":
        assert process_grid.channel.memory.readable
    cuts = [*range(len(dims)), *[None] * (3 - len(dims))]
    layouts = [Pencil(SHAPE, process_grid, order) for order in sorted(set(itertools.permutations(cuts)), key=str)]
    for lead, dtype in (((), "d"), ((3,), "F")):
        whole = np.random.default_rng(0).random((*lead, *SHAPE)).astype(dtype)
        for a, b in itertools.permutations(layouts, 2):
            source, wanted = (np.ascontiguousarray(whole[(..., *pencil.slices)]) for pencil in (a, b))
            plan, out = Transpose.between(a, b), np.zeros_like(wanted)
            assert np.array_equal(plan.forward(source, out), wanted)
            assert np.array_equal(plan.backward(out, np.zeros_like(source)), source)


@pytest.mark.parametrize(
    ("kind", "ranks"),
    [("default", 4), ("direct", 3), ("direct", 4), ("no reading", 2), ("small windows", 2), ("small windows", 3),
     ("two nodes", 4), ("no memory", 2)],
)  # fmt: skip
def test_exchange(kind: str, ranks: int) -> None:
    run_ranks(ranks, "parallel/test_shared.py::check", kind)


def check_changing_source() -> None:
    """What was sent may be overwritten as soon as the call returns, and is what was there when it began."""
    shared._LEAST_RUN = 0
    process_grid = ProcessGrid(world(), (world().size,))
    a, b = (Pencil((64, 64, 64), process_grid, cut) for cut in ((0, None, None), (None, 0, None)))
    source, out = np.empty(a.local_shape), np.empty(b.local_shape)
    for turn in range(50):
        source[...] = turn
        Transpose.between(a, b).forward(source, out)
        source[...] = -1
        assert (out == turn).all()


@pytest.mark.parametrize("ranks", [2, 4])
def test_source_is_free_afterwards(ranks: int) -> None:
    run_ranks(ranks, "parallel/test_shared.py::check_changing_source")


def check_switched_off() -> None:
    assert ProcessGrid(world(), (2,)).channel.memory is None


def test_switch() -> None:
    run_ranks(2, "parallel/test_shared.py::check_switched_off", env={"TENSORPDE_SHARED_MEMORY": "0"})


def check_no_name_left() -> None:
    name = f"test-{os.getppid()}"  # mpirun: the same on both ranks
    shared.secrets.token_hex = lambda size: name
    assert ProcessGrid(world(), (2,)).channel.memory is not None
    world().Barrier()
    assert not os.path.exists(f"/dev/shm/tensorpde-{name}")


def test_no_name_is_left_behind() -> None:
    run_ranks(2, "parallel/test_shared.py::check_no_name_left")


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("offset", [0, 16])
@pytest.mark.parametrize("shape", [(64, 64), (3, 40, 128), (2, 3, 20, 128), (2, 30, 129), (100_000,), (5, 0, 7)])
def test_streaming_copy(dtype: str, offset: int, shape: tuple) -> None:
    source = np.random.default_rng(0).random((*shape[:-1], shape[-1] + 5)).astype(dtype)[..., 5:]
    raw = np.zeros(source.size * source.itemsize + 128, np.uint8)
    start = -raw.ctypes.data % 64 + offset
    out = raw[start : start + source.size * source.itemsize].view(dtype).reshape(shape)
    copy_block(source, out)
    assert np.array_equal(out, source)
    assert not raw[:start].any()
    assert not raw[start + out.nbytes :].any()
