"""Reading a snapshot into a Space: the same bits on the same grid, at its order on another."""

import os

import h5py
import numpy as np
import pytest
from mpi import run_ranks
from numpy.polynomial import Polynomial

import tensorpde as tp
from tensorpde import io
from tensorpde.io import slabs
from tensorpde.io.interpolate import line_matrix, stencils

HERE = "io/test_read.py"
PERIOD = 2 * np.pi


def make_space(n, comm=None, **options):
    axes = (
        tp.Axis(n, 0.0, PERIOD),
        tp.Axis(n + 1, -1.0, 1.0, bc=tp.Dirichlet(1.0), mapping=tp.Tanh(1.5)),
        tp.Axis(n + 2, 0.0, 1.0, bc=tp.Neumann(), location="cells"),
    )
    return tp.Space(tp.Grid(*axes), comm, **options)


def smooth(x, y, z):
    return (1.5 + np.sin(3 * x)) * (y**2 - 1) * np.exp(z) + 1.0


def snapshot(directory, space, **fields):
    with io.Output(directory, space) as out:
        return out.write(0, 0.0, **fields)[0]


def test_the_same_grid_gives_the_same_bits(tmp_path):
    space = make_space(8)
    u = space.field(np.random.default_rng(0).standard_normal((3, *space.shape)))
    wave = space.like(dtype="complex128").field(lambda x, y, z: np.exp(1j * x) + y * z)
    path = snapshot(tmp_path, space, u=u, wave=wave)
    assert np.array_equal(io.read(path, "u", space).gather(), u.gather())
    assert np.array_equal(io.read(path, "u_y", space).gather(), u[1].gather())
    assert np.array_equal(io.read(path, "wave", wave.space).gather(), wave.gather())
    assert io.read(path, "u_x", space.like(dtype="float32")).dtype == np.float32


def test_another_grid_at_sixth_order(tmp_path):
    target = make_space(23)
    errors = []
    for n in (12, 24):
        source = make_space(n)
        path = snapshot(tmp_path / str(n), source, f=source.field(smooth))
        errors.append(np.abs(io.read(path, "f", target).gather() - target.field(smooth).gather()).max())
    assert errors[1] < 1e-6 and np.log2(errors[0] / errors[1]) > 5.5


def test_fourier_modes_are_exact_and_refined_runs_keep_them(tmp_path):
    grids = [tp.Grid(*(tp.Axis(n, 0.3, 0.3 + PERIOD) for _ in range(3))) for n in (9, 16, 24)]
    spaces = [tp.Space(grid) for grid in grids]

    def modes(x, y, z):
        return [np.sin(4 * x) * np.cos(3 * y) + np.cos(4 * z), np.cos(x + y - 2 * z)]

    for coarse in spaces[:2]:
        path = snapshot(tmp_path / str(coarse.shape[0]), coarse, u=coarse.field(modes, lead=(2,)))
        for space in spaces:
            u = io.read(path, "u", space)
            assert u.lead == (2,) and np.abs((u - space.field(modes, lead=(2,))).gather()).max() < 1e-13


def test_wall_values_are_used_where_they_are_known():
    x = np.linspace(0, 1, 12)[1:-1]
    targets = np.linspace(0, 1, 57)
    quintic = Polynomial([1.0, -2, 3, 0.5, -4, 2])
    for walls in [(None, None), (quintic(0), None), (quintic(0), quintic(1))]:
        matrix, constant = line_matrix(x, targets, 0.0, 1.0, False, walls)
        assert np.abs(matrix @ quintic(x) + constant - quintic(targets)).max() < 1e-11
    matrix, constant = line_matrix(x, targets, 0.0, 1.0, False, (7.0, 8.0))
    assert np.allclose((matrix @ x + constant)[[0, -1]], [7, 8], rtol=1e-14)


@pytest.mark.parametrize("n", range(1, 9))
def test_short_lines(n):
    x = np.sort(np.random.default_rng(n).random(n))
    for periodic in (False, True):
        matrix, constant = line_matrix(x, np.append(x, 0.5), 0.0, 1.0, periodic)
        assert np.allclose(matrix[:n] + 0 * constant[:n, None], np.eye(n), atol=1e-12)
        assert np.allclose(matrix.sum(axis=1), 1, rtol=1e-12)
        where, weights = stencils(x, np.append(x, 0.5), 1.0 if periodic else None)
        assert np.allclose(weights.sum(axis=1), 1, rtol=1e-9) and np.allclose((weights * x[where])[:n].sum(axis=1), x)


def test_what_does_not_fit_is_refused(tmp_path):
    space = make_space(8)
    path = snapshot(tmp_path, space, u=space.field(1.0), w=space.like(dtype="complex128").field(1j))
    with h5py.File(path, "a") as file:
        file["y"].attrs["hi"] = 0.1
        file.create_dataset("odd", data=np.zeros((2, 2)))
    stretched = space.like(axis=1, hi=2.0)
    longer = space.like(axis=0, hi=7.0)
    for name, where, kind, message in [
        ("u", space, io.Unreadable, r"coordinates 'y' do not increase from -1.0 to 0.1"),
        ("odd", space, io.Unreadable, "'odd' has scales"),
        ("v", space, io.Unreadable, "holds neither 'v' nor its components; it holds .*u"),
    ]:
        with pytest.raises(kind, match=message):
            io.read(path, name, where)
    path = snapshot(tmp_path / "good", space, u=space.field(1.0), w=space.like(dtype="complex128").field(1j))
    plane = tp.Space(tp.Grid(*space.axes[:2]))
    for name, where, message in [
        ("u", stretched, r"outside the data's \[-1.0, 1.0\]"),
        ("u", longer, r"has period 6.28.* along x, the Space 7.0"),
        ("u", plane, "has 3 dimensions, the Space has 2"),
        ("w", space, "part of a complex field, the Space is float64"),
        (
            "u",
            space.like(axis=0, basis=tp.Lagrange(2)),
            "basis None with 8 coefficients along x, .* Lagrange",
        ),
    ]:
        with pytest.raises(ValueError, match=message):
            io.read(path, name, where)
    with pytest.raises(FileNotFoundError):
        io.read(tmp_path / "none.h5", "u", space)
    with pytest.raises(io.Unreadable, match="format is 'tensorpde checkpoint'"):
        io.read(io.save_checkpoint(tmp_path, {"u": space.zeros()}, 0, 0.0), "u", space)
    os.truncate(path, 3000)
    with pytest.raises(io.Unreadable, match="damaged"):
        io.read(path, "u", space)


def read_on_ranks(path):
    from mpi4py import MPI

    slabs.SLAB = 3000
    space = make_space(13, MPI.COMM_WORLD)
    u = io.read(path, "u", space)
    expected = space.field(lambda x, y, z: [smooth(x, y, z), 2 - smooth(x, y, z)], lead=(2,))
    assert np.abs((u - expected).gather()).max() < 1e-4
    alone = io.read(path, "u", make_space(13, MPI.COMM_SELF))
    assert np.abs(u.gather() - alone.gather()).max() < 1e-13
    try:
        io.read(path, "v", space)
    except io.Unreadable as error:
        assert "rank 0, while reading" in str(error)
    else:
        raise AssertionError("read a field that is not there")


def test_reading_on_several_ranks(tmp_path):
    space = make_space(10)
    path = snapshot(tmp_path, space, u=space.field(lambda x, y, z: [smooth(x, y, z), 2 - smooth(x, y, z)], lead=(2,)))
    run_ranks(3, f"{HERE}::read_on_ranks", str(path), timeout=110)
