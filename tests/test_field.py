"""Space and Field: making, moving, arithmetic, errors."""

from __future__ import annotations

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

PERIODIC = tp.Axis(7, 0, 2 * np.pi)
WALL = tp.Axis(6, 0, 1, bc=tp.Dirichlet())
CELLS = tp.Axis(5, 0, 1, bc=tp.Neumann(), location="cells")
AXES = [(PERIODIC,), (WALL, CELLS), (PERIODIC, WALL, CELLS), (CELLS, PERIODIC, tp.Axis(2, 0, 1), WALL)]


def wave(*x: np.ndarray) -> np.ndarray:
    return sum(np.sin(k + 1 + part) for k, part in enumerate(x)) * np.cos(x[0])


def check_fields() -> None:
    for axes in AXES:
        space = tp.Space(tp.Grid(*axes))
        whole = wave(*space.grid.coordinates())
        f = space.field(wave)
        assert np.array_equal(f.gather(), whole)
        assert np.array_equal(space.field(whole).gather(), whole)
        assert (space.field(2.5).gather() == 2.5).all()
        assert all(f.pencil.local_shape[i] in (1, n.size) for i, n in enumerate(space.coordinates()) if n.size)
        for axis in range(space.ndim):
            g = f.align(axis)
            assert g.pencil.is_whole(axis)
            assert g.local.flags.c_contiguous
            assert g.align(axis) is g
            check_arithmetic(f, g, whole)
        check_components(space, whole)


def check_arithmetic(f: tp.Field, g: tp.Field, whole: np.ndarray) -> None:
    assert np.array_equal((2 * f - g / 4 + 1).gather(), 2 * whole - whole / 4 + 1)
    assert np.array_equal((1 - g * f).gather(), 1 - whole * whole)
    assert np.array_equal((1 / (3 + f**2)).gather(), 1 / (3 + whole**2))
    assert np.array_equal((-g).gather(), -whole)
    assert (g + f).pencil == g.pencil
    assert (np.float64(2) * f).pencil == f.pencil
    h = g.copy()
    h += f
    h *= 3
    h -= g
    h /= 2.0
    assert np.array_equal(h.gather(), ((whole + whole) * 3 - whole) / 2)
    assert g.dot(f) == f.dot(g) == pytest.approx(f.norm() ** 2, rel=1e-14)
    out = f.space.empty(pencil=g.pencil)
    assert f.to(g.pencil, out=out) is out
    assert np.array_equal(out.gather(), whole)
    assert f.to(f.pencil, out=f.space.empty()).max() == f.max()


def check_components(space: tp.Space, whole: np.ndarray) -> None:
    v = space.field(lambda *x: [wave(*x), 2.0, x[-1]], lead=(3,))
    assert v.lead == (3,)
    assert len(v) == 3
    assert np.shares_memory(v[0].local, v.local) or v.local.size == 0
    assert np.array_equal(v[0].gather(), whole)
    moved = v.align(0)
    assert np.array_equal(moved.gather(), v.gather())
    v[1] = moved[0]
    v[2] += 1
    v[0] = 7
    x = np.broadcast_to(space.axes[-1].x, space.shape)
    assert np.array_equal(v.gather(), np.stack([np.full(space.shape, 7.0), whole, x + 1]))
    assert [part.lead for part in v] == [(), (), ()]
    assert np.array_equal((space.field(wave) * v).gather(), whole * v.gather())
    complex_space = space.like(dtype="complex64")
    c = complex_space.field(lambda *x: 1j * wave(*x), lead=())
    assert c.dtype == np.complex64
    assert (c * c).dtype == np.complex64
    assert np.allclose((c * c).gather(), -(whole**2), atol=1e-5)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 6])
def test_fields(ranks: int) -> None:
    run_ranks(ranks, "test_field.py::check_fields")


def check_like() -> None:
    space = tp.Space(tp.Grid(PERIODIC, WALL, CELLS), process_grid=(tp.Space(WALL).comm.size, 1))
    cells = space.like(axis=1, location="cells", n=7)
    assert cells.shape == (7, 7, 5)
    assert cells.axes[1].bc == WALL.bc
    assert cells.process_grid is space.process_grid
    assert cells.pencil.distribution == space.pencil.distribution
    assert space.like(axis=-1, n=9, bc=tp.Dirichlet(1.0)).shape == (7, 6, 9)
    assert space.like(grid=tp.Grid(WALL, WALL, WALL)).shape == (6, 6, 6)
    sub = space.comm.Split(space.comm.rank % 2, space.comm.rank)
    f = tp.Space(tp.Grid(PERIODIC, WALL), comm=sub).field(wave)
    assert np.array_equal(f.align(0).gather(), wave(*f.space.grid.coordinates()))


def test_like_and_sub_communicators() -> None:
    run_ranks(3, "test_field.py::check_like")


def check_error_on_one_rank() -> None:
    space = tp.Space(tp.Grid(PERIODIC, WALL))

    def fails_on_the_last(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        if space.comm.rank == space.comm.size - 1:
            raise FloatingPointError("no value")
        return x + y

    with pytest.raises(FloatingPointError, match="rank 2, while making a field: no value"):
        space.field(fails_on_the_last)
    with pytest.raises(ValueError, match="does not fit"):
        space.field(np.zeros((7, 6 + space.comm.rank)))
    space.comm.Barrier()


def test_an_error_on_one_rank_is_the_same_on_all() -> None:
    run_ranks(3, "test_field.py::check_error_on_one_rank")


def test_errors_name_both_values() -> None:
    space = tp.Space(tp.Grid(PERIODIC, WALL))
    with pytest.raises(ValueError, match=r"\(6, 7\).*\(7, 6\)"):
        space.field(np.zeros((6, 7)))
    with pytest.raises(ValueError, match=r"\(2, 7, 6\).*\(3,\).*\(7, 6\)"):
        space.field(np.zeros((2, 7, 6)), lead=(3,))
    with pytest.raises(ValueError, match=r"\(6,\).*\(6, 7, 6\)"):
        space.field(lambda x, y: np.zeros(6), lead=(6,))
    with pytest.raises(ValueError, match=r"2 components.*3"):
        space.field(lambda x, y: [x, y], lead=(3,))
    with pytest.raises(TypeError, match=r"complex128.*float64"):
        space.field(lambda x, y: 1j * x * y)
    with pytest.raises(ValueError, match=r"\(7, 6\).*\(7, 5\)"):
        space.zeros() + space.like(axis=1, n=5).zeros()
    with pytest.raises(ValueError, match="along axis 1 differ"):
        space.zeros() + space.like(axis=1, location="cells").zeros()
    with pytest.raises(IndexError, match=r"\(3,\)"):
        space.zeros(lead=(3,))[0, 1]
    with pytest.raises(ValueError, match=r"\(7, 5\).*\(7, 6\)"):
        tp.Field(space, np.zeros((7, 5)))
    with pytest.raises(ValueError, match="not C-contiguous"):
        tp.Field(space, np.zeros((6, 7)).T)
    with pytest.raises(ValueError, match="int64"):
        tp.Space(PERIODIC, dtype="int64")
    with pytest.raises(ValueError, match=r"\(2,\).*of 1 ranks"):
        tp.Space(tp.Grid(PERIODIC, WALL), process_grid=(2,))
    with pytest.raises(ValueError, match="'best'"):
        tp.Space(PERIODIC, process_grid="best")
    with pytest.raises(ValueError, match="2 axes"):
        space.like(axis=2, n=3)
    with pytest.raises(TypeError):
        space.zeros() + "a"


def test_tuned_process_grid() -> None:
    grid = tp.Grid(WALL, WALL, WALL)
    assert tp.Space(grid, process_grid="tune").process_grid.dims == (1, 1)
    run_ranks(4, "test_field.py::check_tune", env={"TENSORPDE_TUNE": "0"})


def check_tune() -> None:
    assert tp.Space(tp.Grid(WALL, WALL, WALL), process_grid="tune").process_grid.dims == (4, 1)
