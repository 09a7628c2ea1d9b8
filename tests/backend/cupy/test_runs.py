"""Whole runs on the GPU backend: the same fields as on the CPU, checkpoints of one read by the other."""

import inspect
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import standin

with standin.present():
    import tensorpde as tp
    from tensorpde import backend
    from tensorpde.run import report
    from tensorpde.solve import SymmetricScaling, krylov
    from tensorpde.tucker import compress

PERIODIC, WALLS = tp.Periodic(), (tp.Dirichlet(1.0), tp.Neumann(0.5))
LELE = tp.schemes.lele1992.second_derivative


def space(name, *axes, **options):
    lines = [tp.Axis(n, 0.0, 2 * np.pi if bc is PERIODIC else 1.0, bc=bc) for n, bc in axes]
    return tp.Space(tp.Grid(*lines), backend=name, **options)


def fast_diagonal(name):
    where = space(name, (6, PERIODIC), (5, PERIODIC), (7, WALLS))
    L = tp.laplacian(where, LELE)
    f = where.field(lambda x, y, z: np.sin(x) * np.cos(2 * y) * z + 0.1)
    banded = tp.FastDiagonal(L, shift=1.0, banded_axis=2).solve(f)
    return [L @ f, L(f, 0.0), tp.FastDiagonal(L, shift=1.0).solve(f), banded, tp.FastDiagonal(L, 1 + 1j).solve(f)]


def neumann_poisson(name):
    """Singular: the mean of the solution is given."""
    where = space(name, (6, PERIODIC), (7, (tp.Neumann(), tp.Neumann())))
    f = where.field(lambda x, y: np.sin(x) + 0 * y)
    return [tp.FastDiagonal(tp.laplacian(where), mean=2.0).solve(f)]


def heat_by_adi(name):
    where = space(name, (6, PERIODIC), (7, WALLS))
    step = tp.DouglasGunn(0.3 * tp.laplacian(where, LELE), dt=1e-2)
    u = where.field(lambda x, y: np.sin(x) * y)
    for k in range(100):
        u = step(u, t=k * 1e-2, source=lambda x, y, t: 0 * x + t * y)
    return [u]


def vorticity(name):
    where = space(name, (12, PERIODIC), (16, PERIODIC))
    flow = tp.pde.Vorticity(where, 0.01, drag=0.1)
    modes = flow.start(where.field(lambda x, y: np.sin(x) * np.cos(2 * y) + np.cos(3 * x + y)))
    for _ in range(100):
        modes = flow.step(modes, 0.05)
    energy, spectrum = flow.diagnostics(modes)["energy"], flow.spectrum(modes)[1]
    return [flow.vorticity(modes), where.field(energy), where.field(spectrum.sum())]


def taylor_green(name):
    where = space(name, *[(6, PERIODIC)] * 3)
    flow = tp.pde.NavierStokes(where, nu=0.01)
    v = flow.step(tp.pde.cases.taylor_green(where))
    found = flow.diagnostics(v)
    assert np.isclose(found["energy"], 0.125, rtol=0.1) and found["divergence"] < 1e-13
    return [v, where.field(found["enstrophy"])]


def free_slip_channel(name):
    """Walls with slip, a scalar, and dense modes along them."""
    where = space(name, (6, PERIODIC), (7, (tp.FreeSlip(), tp.FreeSlip())))
    flow = tp.pde.NavierStokes(where, nu=0.05)
    v = flow.project(where.field(lambda x, y: [np.sin(x) * np.cos(np.pi * y), 0 * x * y], lead=(2,)))
    return [flow.step(v, 1e-3)]


def variable_coefficients(name):
    """Conjugate gradients with a direct solver before them, scaled by the coefficient."""
    where = space(name, *[(6, (tp.Dirichlet(), tp.Dirichlet()))] * 2)

    def kappa(x, y):
        return 1.5 + np.sin(3 * x) * y

    A = -1.0 * tp.diffusion(where, kappa)
    P = SymmetricScaling(tp.FastDiagonal(-1.0 * tp.laplacian(where)), kappa)
    return [krylov(A, where.field(lambda x, y: x + y), P, rtol=1e-13)[0]]


def sums(name):
    where = space(name, (4, PERIODIC), (5, WALLS))
    f = where.field(lambda x, y: np.sin(x) * y + 0.2)
    numbers = [f.dot(f), f.norm(), f.integral(), f.mean(), f.max(), f.min(), f.norm("max")]
    g = 2.0 * f - f * f / (1 + f)
    g += f
    return [where.field(number) for number in numbers] + [g, g**2, -g, f.copy()]


@pytest.mark.parametrize(
    "run",
    [
        fast_diagonal,
        neumann_poisson,
        heat_by_adi,
        vorticity,
        taylor_green,
        free_slip_channel,
        variable_coefficients,
        sums,
    ],
    ids=lambda f: f.__name__,
)
def test_fields_are_those_of_the_cpu(run):
    for found, expected in zip(run("cupy"), run("numpy"), strict=True):
        assert backend.of(found.local).name == "cupy" and found.dtype == expected.dtype
        assert np.abs(found.gather() - expected.gather()).max() <= 1e-12 * np.abs(expected.gather()).max()


@pytest.mark.parametrize(("writer", "reader"), [("cupy", "numpy"), ("numpy", "cupy")])
def test_a_checkpoint_of_one_loads_on_the_other(writer, reader, tmp_path):
    one, other = (space(name, (4, PERIODIC), (5, WALLS)) for name in (writer, reader))
    u = one.field(lambda x, y: np.sin(x) * y)
    tp.io.save_checkpoint(tmp_path, {"u": u}, 3, 0.5)
    fields, step, time = tp.io.load_checkpoint(tmp_path, other)
    assert (step, time) == (3, 0.5) and backend.of(fields["u"].local).name == reader
    assert np.array_equal(fields["u"].gather(), u.gather())


def test_output_and_reading_with_interpolation(tmp_path):
    one, other = space("cupy", (8, PERIODIC), (5, PERIODIC)), space("cupy", (12, PERIODIC), (5, PERIODIC))
    u = one.field(lambda x, y: np.sin(x) + np.cos(y))
    with tp.io.Output(tmp_path / "out", one) as out:
        out.write(step=1, time=0.1, u=u)
    (path,) = (tmp_path / "out").glob("fields_*.h5")
    assert np.array_equal(tp.io.read(path, "u", one).gather(), u.gather())
    finer = other.field(lambda x, y: np.sin(x) + np.cos(y))
    assert (tp.io.read(path, "u", other) - finer).norm("max") < 0.02


def test_a_dry_run_says_whether_the_device_has_room():
    small, large = space("cupy", (6, PERIODIC)), space("cupy", *[(1024, PERIODIC)] * 4)
    assert " it fits the device: " in report.memory(small, small.pencil.local_shape, 20)
    assert " it does not fit the device: " in report.memory(large, large.pencil.local_shape, 1)
    assert "device" not in report.memory(space("numpy", (6, PERIODIC)), (6,), 20)


def test_a_driver_runs_from_start_to_finish(tmp_path, monkeypatch, capsys):
    """Fields, derived ones, slices, diagnostics and a checkpoint, which the CPU goes on from."""
    example = Path(__file__).parents[3] / "examples" / "taylor_green.py"
    first, last = ["--t-end", "0.2", "--backend", "cupy"], ["--t-end", "0.4", "--resume"]
    for flags, words in ((first, "finished: step 1, t = 0.2"), (last, "finished: step 2, t = 0.4")):
        monkeypatch.setattr(sys, "argv", [example.name, "--n", "6", "--out", str(tmp_path), *flags])
        runpy.run_path(str(example), run_name="__main__")
        assert words in capsys.readouterr().out


@pytest.mark.parametrize("tol", [1e-4, 1e-10])
def test_a_field_is_compressed_where_it_is(tol, monkeypatch):
    """By Gram matrices and by QR: no more than the matrices of an axis and the core come to the host."""
    fields = [space(name, (9, PERIODIC), (8, PERIODIC), (7, WALLS)) for name in ("cupy", "numpy")]
    ours, theirs = (where.field(lambda x, y, z: np.exp(np.sin(x) * z) / (2 + np.cos(x - y))) for where in fields)
    largest, get = [], backend.get("cupy").cupy.ndarray.get
    monkeypatch.setattr(backend.get("cupy").cupy.ndarray, "get", lambda a, *p, **o: largest.append(a.size) or get(a))
    found, expected = compress(ours, tol), compress(theirs, tol)
    assert found.rank == expected.rank and max(largest) <= max(81, found.core.size)
    assert (found.field(ours.space) - ours).norm() <= tol * ours.norm()


def test_petsc_takes_no_device_arrays():
    where = space("cupy", (6, PERIODIC))
    with pytest.raises(ValueError, match="PETSc takes host arrays, not those of cupy"):
        krylov(tp.laplacian(where), where.field(1.0), library="petsc")


def test_a_space_takes_its_backend_by_name():
    assert inspect.signature(tp.Space).parameters["backend"].annotation == "str"
    assert space("cupy", (4, PERIODIC)).backend is backend.get("cupy")
