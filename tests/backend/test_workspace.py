"""Work arrays: lent once, shared between shapes, and a flow that needs no more than it says."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde import backend
from tensorpde.backend.workspace import Workspace


def test_what_is_lent_is_not_lent_again() -> None:
    work = Workspace(backend.get("numpy"))
    a, b = work.take((3, 4), "float64"), work.take((3, 4), "float64")
    a[...], b[...] = 1.0, 2.0
    assert not np.shares_memory(a, b)
    assert (a == 1.0).all()


def test_buffers_serve_other_shapes_and_types() -> None:
    work = Workspace(backend.get("numpy"))
    work.give(work.take((3, 10), "float64"))
    small = work.take((5,), "complex64")
    assert work.nbytes == 240
    assert small.shape == (5,)
    assert small.dtype == np.complex64
    work.give(small)
    work.give(work.take((4, 10), "float64"))
    assert work.nbytes == 320  # the smaller one made way


def test_the_smallest_that_fits() -> None:
    work = Workspace(backend.get("numpy"))
    arrays = [work.take((n,), "uint8") for n in (100, 10)]
    for array in arrays:
        work.give(array)
    assert work.take((8,), "uint8").base is not None
    assert work.take((100,), "uint8").shape == (100,)
    assert work.nbytes == 110


def check_flow_memory(process_grid: list | None, limit: float) -> None:
    """Peak of numpy's memory in a run of three steps and diagnostics, in arrays of the grid's points."""
    for warm in (True, False):
        line = tp.Axis(8 if warm else 40, 0.0, 2 * np.pi)
        space = tp.Space(tp.Grid(line, line, line), process_grid=process_grid)
        solver = tp.pde.NavierStokes(space, 0.01)
        if not warm:
            tracemalloc.start()
        u = tp.pde.cases.taylor_green(space)
        for _ in range(3):
            solver.step(u, 1e-3)
        solver.diagnostics(u)
    peak = space.comm.allreduce(tracemalloc.get_traced_memory()[1]) / (8 * 40**3)
    assert peak <= limit, peak


@pytest.mark.parametrize(
    ("ranks", "process_grid", "limit"), [(1, None, 14), (2, None, 20), (4, [4, 1], 20), (4, [2, 2], 23)], ids=str
)
def test_memory_of_a_flow(ranks: int, process_grid: list | None, limit: float) -> None:
    run_ranks(ranks, "backend/test_workspace.py::check_flow_memory", process_grid, limit, timeout=110)
