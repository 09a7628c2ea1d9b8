"""Work arrays: lent once, shared between shapes, and a flow that needs no more than it says."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde import backend
from tensorpde.backend.workspace import Workspace
from tensorpde.parallel.layout import factorizations


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


def flow(n: int, process_grid: tuple[int, ...] | None) -> tuple[tp.pde.NavierStokes, tp.Field]:
    """After a step and diagnostics."""
    line = tp.Axis(n, 0.0, 2 * np.pi)
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(line, line, line), process_grid=process_grid), 0.01)
    u = tp.pde.cases.taylor_green(solver.space)
    solver.step(u, 1e-3)
    solver.diagnostics(u)
    return solver, u


def check_work_arrays() -> None:
    """On every process grid, in arrays of the grid's points; u, slope, register and pressure are ten more."""
    ranks = tp.parallel.world().size
    for dims in factorizations(ranks, 2):
        space = flow(12, dims)[0].space
        held = space.comm.allreduce(space.process_grid.workspace(space.backend).nbytes) / (8 * 12**3)
        assert held == (7 if 1 in dims else 9), (dims, held)


@pytest.mark.parametrize("ranks", [2, 3, 4, 6])
def test_work_arrays_of_a_flow(ranks: int) -> None:
    run_ranks(ranks, "backend/test_workspace.py::check_work_arrays", timeout=170)


def test_memory_of_a_flow() -> None:
    """Peak of numpy's memory, in arrays of the grid's points; the kernels' tiles count here, which do not grow so."""
    flow(8, None)
    tracemalloc.start()
    flow(40, None)
    peak = tracemalloc.get_traced_memory()[1] / (8 * 40**3)
    tracemalloc.stop()
    assert peak <= 14, f"{peak} arrays"
