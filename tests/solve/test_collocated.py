"""Poisson and Helmholtz on collocation axes in 1–3 dimensions: spectral decay, orders, sparse twins, ranks."""

import hashlib

import numpy as np
import pytest
import scipy.sparse.linalg
from mpi import run_ranks
from twins import random, sparse

import tensorpde as tp
from tensorpde.schemes import chebyshev, lele1992

D, N, R = tp.Dirichlet(), tp.Neumann(), tp.Robin(2.0, 3.0)


def wave(*x):
    return np.prod(np.broadcast_arrays(*(np.sin(1.3 * part + 0.4) for part in x)), axis=0)


def condition(letter, wall):
    value, slope = np.sin(1.3 * wall + 0.4), (2 * wall - 1) * 1.3 * np.cos(1.3 * wall + 0.4)
    here = {"D": value, "N": slope, "R": 2 * value + 3 * slope}[letter]
    make = {"D": tp.Dirichlet, "N": tp.Neumann, "R": lambda g: tp.Robin(2.0, 3.0, g)}[letter]
    return make(lambda *others: (1 + others[-1]) * here * (wave(*others[:-1]) if others[:-1] else 1.0))


def box(names, sizes, basis):
    axes = [
        tp.Axis(n, 0.0, 1.0, bc=tuple(condition(letter, float(side)) for side, letter in enumerate(name)), basis=basis)
        for name, n in zip(names, sizes, strict=True)
    ]
    return tp.Space(tp.Grid(*axes))


def error(names, n, basis, scheme=lele1992.second_derivative):
    s = box(names, [n + k for k in range(len(names))], basis)
    u = tp.FastDiagonal(tp.laplacian(s, scheme)).solve(s.field(lambda *x: -1.5 * 1.69 * len(x) * wave(*x)), t=0.5)
    return np.abs((u - 1.5 * s.field(wave)).gather()).max()


MIXES = [("DD",), ("NR",), ("DN", "RD"), ("DD", "NR"), ("DD", "DN", "RR"), ("ND", "DR", "NN")]


@pytest.mark.parametrize("names", MIXES, ids="-".join)
def test_poisson_by_chebyshev_converges_like_an_exponential(names):
    errors = [error(names, n, tp.Chebyshev()) for n in (3, 5, 7, 12)]
    assert errors[0] / errors[1] > 60 and errors[1] / errors[2] > 200 and errors[-1] < 1e-12, errors


@pytest.mark.parametrize("names", MIXES, ids="-".join)
@pytest.mark.parametrize("p", [2, 3, 4, 5])
def test_poisson_by_splines_has_its_order(p, names):
    errors = [error(names, n, tp.Greville(p)) for n in (14, 28)]
    assert np.log2(errors[0] / errors[1]) > p - p % 2 - 0.4, errors


def mixed(dtype="float64"):
    """A periodic axis of differences, Chebyshev points, a spline."""
    return tp.Space(
        tp.Grid(
            tp.Axis(8, 0.0, 1.0),
            tp.Axis(7, -1.0, 1.0, bc=(D, N), basis=tp.Chebyshev()),
            tp.Axis(9, 0.0, 2.0, bc=(R, D), basis=tp.Greville(3)),
        ),
        dtype=dtype,
    )


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("shift", [0.0, 2.0 + 1j])
def test_axes_of_all_kinds_on_one_grid_equal_a_sparse_solve(shift, dtype):
    s = mixed(dtype)
    L = tp.laplacian(s, lele1992.second_derivative)
    x = random(s.shape, dtype=dtype)
    matrix = sparse(L)
    np.testing.assert_allclose((L @ s.field(x)).gather().ravel(), matrix @ x.ravel(), rtol=0, atol=1e-10)
    wanted = scipy.sparse.linalg.spsolve((matrix - shift * scipy.sparse.eye_array(x.size)).tocsc(), x.ravel())
    u = tp.FastDiagonal(L, shift).solve(s.field(x))
    np.testing.assert_allclose(u.gather().ravel(), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())


def test_single_precision():
    s = mixed("float32")
    L = tp.laplacian(s)
    x = s.field(random(s.shape))
    u = tp.FastDiagonal(L).solve(L @ x)
    assert u.dtype == np.float32
    assert (u - x).norm() < 1e-3 * x.norm()


def test_a_singular_problem_fixes_the_mean():
    walls = tp.Axis(12, 0.0, 2.0, bc=(tp.Neumann(-1.0), tp.Neumann(5.0)), basis=tp.Chebyshev())
    s = tp.Space(tp.Grid(walls, tp.Axis(11, 0, 1, bc=N, basis=tp.Greville(4))))
    solver = tp.FastDiagonal(tp.laplacian(s), mean=1.0)
    u = solver.solve(s.field(lambda x, y: 2.0 + 0 * x * y))
    assert solver.nullity == 1 and solver.removed < 1e-12
    exact = s.field(lambda x, y: x + x**2 + 0 * y)
    assert np.abs((u - exact - (1.0 - exact.mean())).gather()).max() < 1e-11
    assert u.mean() == pytest.approx(1.0, abs=1e-13)


def test_long_chebyshev_axes_by_transforms_solve_what_they_apply():
    axis = tp.Axis(40, -1.0, 1.0, bc=D, basis=tp.Chebyshev())
    s = tp.Space(tp.Grid(axis, axis))
    L = tp.laplacian(s, chebyshev.second("dct"))
    x = s.field(lambda x, y: np.sin(np.pi * x) * (1 - y**2) * np.exp(y))
    u = tp.FastDiagonal(L).solve(L @ x)
    assert np.abs((u - x).gather()).max() < 1e-10


def digest():
    """Solutions to 10 digits (products of matrices by BLAS), and bits of what bands and transforms apply."""
    s = mixed()
    L = tp.laplacian(s, lele1992.second_derivative)
    f = s.field(random(s.shape))
    u = tp.FastDiagonal(L, 0.5).solve(f)
    found = [f"{np.abs(u.gather()).sum():.9e}", f"{np.abs(L(f, 1.0).gather()).sum():.9e}"]
    for basis, scheme in ((tp.Greville(4), lele1992.second_derivative), (tp.Chebyshev(), chebyshev.second("dct"))):
        axes = tp.Axis(9, 0.0, 1.0, bc=D, basis=basis), tp.Axis(6, 0.0, 1.0), tp.Axis(8, 0.0, 1.0, bc=D, basis=basis)
        t = tp.Space(tp.Grid(*axes))
        g = t.field(random(t.shape))
        M = tp.derivative(t, 0, scheme) + tp.derivative(t, 2, scheme)
        found.append(hashlib.sha256((M @ g.align(1)).gather().tobytes()).hexdigest())
    if tp.parallel.world().rank == 0:
        print("digest", *found)
    return found


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_same_on_any_ranks(ranks):
    out = run_ranks(ranks, "solve/test_collocated.py::digest").stdout
    line = next(line for line in out.splitlines() if line.startswith("digest"))
    assert line.split()[1:] == digest()
