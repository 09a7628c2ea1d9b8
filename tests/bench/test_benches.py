"""Every benchmark runs, gives finite numbers as JSON, and what it compares itself with does the same work."""

import json
import math

import mpi
import numpy as np
import pytest
import scipy.sparse.linalg

import tensorpde as tp
from tensorpde.bench import assembled, line, poisson, transpose
from tensorpde.bench.table import row, table
from tensorpde.line import Banded, BandedSolve, Compact
from tensorpde.run.cli import main
from tensorpde.schemes import assemble, central, lele1992

ROWS = {"adi": 4, "assembled": 9, "line": 38, "transpose": 4, "poisson": 6, "step": 7, "tfno": 2}


SCHEMES = [lele1992.first_derivative, lele1992.second_derivative, central.first(6), lele1992.filter()]


def check(rows, name):
    """The expected number of rows, all of them with finite numbers."""
    assert len(rows) == ROWS[name]
    assert len({r["name"] for r in rows}) == len(rows)
    for r in rows:
        numbers = [r["gb_per_s"], r["copy_ratio"], *r["others"].values(), *r.get("figures", {}).values()]
        assert all(math.isfinite(x) and x > 0 for x in [r["seconds"], *numbers]), r


@pytest.mark.parametrize("name", ROWS)
def test_a_benchmark_gives_finite_rows(capsys, name):
    assert main(["bench", name, "--n", "12", "--repeat", "1", "--json"]) == 0
    check(json.loads(capsys.readouterr().out), name)


@pytest.mark.parametrize("name", ["adi", "transpose", "poisson", "step", "tfno"])
def test_on_two_ranks_one_of_them_prints(name):
    code = "import sys; from tensorpde.run.cli import main; sys.exit(main(sys.argv[1:]))"
    done = mpi.run_ranks(2, code, "bench", name, "--n", 12, "--repeat", 1, "--json", timeout=110)
    check(json.loads(done.stdout), name)


def test_work_and_bytes_of_more_ranks_with_more_points():
    code = "import sys; from tensorpde.run.cli import main; sys.exit(main(sys.argv[1:]))"
    done = mpi.run_ranks(2, code, "bench", "tfno", "--scaling", "--n", 8, "--repeat", 1, "--json", timeout=110)
    one, field, samples = (row["figures"] for row in json.loads(done.stdout))
    assert one["GFlop/rank"] == samples["GFlop/rank"] > field["GFlop/rank"] > 0.2 * one["GFlop/rank"]
    assert one["MB modes/rank"] == samples["MB modes/rank"] == one["MB gradient/rank"] == 0
    # Of 16×8×8 points two ranks exchange, per channel and layer, 8 × 8 × 5 complex modes in halves, four times.
    assert field["MB modes/rank"] == pytest.approx(4 * 4 * 32 * 2 * (8 * 8 * 5 * 16 / 8 / 4) * 4 / 1e6)
    assert field["MB gradient/rank"] == samples["MB gradient/rank"] > 0


def test_the_step_is_set_beside_another_code(capsys):
    assert main(["bench", "step", "--n", "8", "--repeat", "1", "--baseline", "2.5", "--json"]) == 0
    step, *parts = json.loads(capsys.readouterr().out)
    assert step["others"] == {"baseline": 2.5}
    assert step["figures"]["B/cell/stage"] == 8 * (24 + 14 + 8 + 10 + 9)
    assert all(part["others"] == {} for part in parts)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_scipy_does_the_same_along_lines(scheme, axis):
    u = np.random.default_rng(1).standard_normal((14, 14, 14))
    periodic = tp.Axis(14, 0.0, 2.0, bc=tp.Periodic())
    made = assemble(scheme, periodic)
    ours = Banded(made.rhs) if made.lhs is None else Compact(made.lhs, made.rhs)
    scipy = line.ByScipy(scheme, periodic, "float64")
    np.testing.assert_allclose(scipy(u, axis), ours.apply(u, axis), rtol=0, atol=1e-10)
    if made.lhs is not None:
        solve = line.ByScipy(scheme, periodic, "float64", stencil=False)
        np.testing.assert_allclose(solve(u, axis), BandedSolve(made.lhs).apply(u, axis), rtol=0, atol=1e-11)


def test_other_packages_solve_the_same_poisson_problem():
    axis = tp.Axis(12, 0.0, 2 * np.pi, bc=tp.Periodic())
    space = tp.Space(tp.Grid(axis, axis, axis))
    f = space.field(lambda x, y, z: np.sin(x + y) * np.cos(2 * z) + np.cos(3 * y) * np.sin(x))
    scheme = lele1992.second_derivative
    u = tp.FastDiagonal(tp.laplacian(space, scheme)).solve(f).local
    np.testing.assert_allclose(poisson.by_scipy(scheme, f)(), u, atol=1e-13)
    pytest.importorskip("mpi4py_fft")
    np.testing.assert_allclose(poisson.by_mpi4py_fft(scheme, f)(), u, atol=1e-13)


def test_shenfun_solves_the_same_problem_between_walls():
    pytest.importorskip("shenfun")
    axis, walls = tp.Axis(16, 0.0, 2 * np.pi, bc=tp.Periodic()), tp.Axis(24, -1.0, 1.0, bc=tp.Dirichlet())
    found = poisson.by_shenfun(tp.Space(tp.Grid(axis, axis, walls)))()
    z = np.polynomial.legendre.leggauss(24)[0]
    w = z**2 / 5 - 3 / 25 - 2 / 25 * np.cosh(np.sqrt(5) * z) / np.cosh(np.sqrt(5))  # w" − 5 w = 1 − z², w(±1) = 0
    x = axis.x
    exact = np.sin(x)[:, None, None] * np.cos(2 * x)[:, None] * w
    np.testing.assert_allclose(found, exact, rtol=0, atol=1e-10)


def test_mpi4py_fft_makes_the_same_round_trip():
    pytest.importorskip("mpi4py_fft")
    mpi.run_ranks(2, "bench/test_benches.py::same_distribution", timeout=60)


def same_distribution():
    axes = [tp.Axis(n, 0.0, 1.0, bc=tp.Periodic()) for n in (6, 7, 8)]
    space = tp.Space(tp.Grid(*axes))
    values = np.random.default_rng(1).standard_normal((3, 6, 7, 8))
    for whole in (values[0], values):
        home = space.field(whole)
        turned = home.align(0)
        there, back = transpose.by_mpi4py_fft(home, turned)()
        assert np.array_equal(there, turned.local)
        assert np.array_equal(back, home.local)


def test_figures_have_columns_between_copy_and_others():
    text = table([row("step", 1.5, 3e9, 4e9, other=3.0) | {"figures": {"ns/cell": 46.04}}, row("part", 0.5)])
    head, _, first, second = text.splitlines()
    assert head.split() == ["time", "GB/s", "×", "copy", "ns/cell", "other"]
    assert first.split()[3:6] == ["2.0", "2.00", "46.0"]
    assert second.split() == ["part", "500", "ms"]


def test_solves_are_those_of_the_assembled_matrices():
    for name, space, ours, matrix in assembled.solves(6):
        f = space.field(np.random.default_rng(1).standard_normal(space.shape))
        out = f.copy()
        ours(f, out)
        made = matrix()
        if "heat" in name:  # one axis after the other: of second order to the Crank–Nicolson step
            expected = scipy.sparse.linalg.spsolve(made.tocsc(), 2 * f.local.ravel()) - f.local.ravel()
            assert np.abs(out.local.ravel() - expected).max() < 0.1 * np.abs(f.local - out.local).max()
        else:
            np.testing.assert_allclose(made @ out.local.ravel(), f.local.ravel(), atol=1e-11, err_msg=name)


def test_assembled_matrices_are_the_operators():
    for name, operator, matrix in assembled.operators(9):
        f = operator.domain.field(np.random.default_rng(1).standard_normal(operator.domain.shape))
        made = matrix()
        expected = (operator @ f).local.ravel()
        np.testing.assert_allclose(made @ f.local.ravel(), expected, atol=1e-12 * abs(made).max() * 30, err_msg=name)
        assert made.nnz <= assembled.nonzeros(operator) <= 5 * made.nnz, name
