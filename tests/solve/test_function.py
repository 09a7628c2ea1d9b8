"""Functions of separable operators: powers, polynomials, exponentials against dense matrix functions."""

import numpy as np
import pytest
import scipy.linalg
from mpi import run_ranks
from twins import box, random, sparse

import tensorpde as tp
from tensorpde.schemes import central, lele1992

FUNCTIONS = {
    "square": (np.square, lambda m: m @ m),
    "fourth order diffusion": (lambda s: 1 + 1e-4 * s**2, lambda m: np.eye(len(m)) + 1e-4 * m @ m),
    "exponential": (lambda s: np.exp(-1e-3 * s), lambda m: scipy.linalg.expm(-1e-3 * m)),
    "unitary": (lambda s: np.exp(-1e-3j * s), lambda m: scipy.linalg.expm(-1e-3j * m)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("names", "shape"), [(("DN",), (9,)), (("P", "DD"), (8, 7)), (("DD", "DN", "P"), (6, 5, 4))])
@pytest.mark.parametrize("scheme", [central.second(2), lele1992.second(4)], ids=["central", "compact"])
@pytest.mark.parametrize("dtype", ["float64", "complex128"])
def test_functions_equal_dense_ones(dtype, scheme, names, shape, name):
    s = box(names, shape, dtype=dtype)
    L = tp.laplacian(s, scheme)
    function, dense = FUNCTIONS[name]
    f = random((2, *shape), dtype=dtype)
    u = tp.FastDiagonal(L, shift=0.5, function=function).solve(s.field(f))
    matrix = dense(sparse(L).toarray() - 0.5 * np.eye(f[0].size))
    wanted = np.linalg.solve(matrix, f.reshape(2, -1).T).T.reshape(f.shape)
    assert u.dtype == wanted.dtype
    np.testing.assert_allclose(u.gather(), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())


def test_eigenvalues_in_complex_pairs_and_single_precision():
    s = box(("DD", "P"), (7, 6), dtype="float32")
    rotation = random((7, 7), 3) - 4 * np.eye(7)
    L = tp.Kron(s, {0: tp.line.Dense(rotation)}) + tp.Kron(s, {1: tp.laplacian(s).terms[1].factors[1]})
    x = s.field(random(s.shape))
    u = tp.FastDiagonal(L, function=np.square).solve(L @ (L @ x))
    assert u.dtype == np.float32
    assert (u - x).norm() < 1e-2 * x.norm()


def test_null_modes_of_a_power_are_those_of_the_operator():
    s = box(("P", "NN"), (8, 7))
    L = tp.laplacian(s)
    solver = tp.FastDiagonal(L, function=np.square, mean=2.0)
    assert solver.nullity == 1
    x = s.field(random(s.shape))
    u = solver.solve(L @ (L @ x))
    assert u.mean() == pytest.approx(2.0, abs=1e-12)
    assert np.ptp((u - x).gather()) < 1e-11
    with pytest.raises(ValueError, match="not compatible: its mean is 1"):
        solver.solve(s.field(1.0))
    assert tp.FastDiagonal(L, function=lambda s: np.exp(-s)).nullity == 0


def test_errors_name_what_disagrees():
    s = box(("DD", "P"), (6, 8))
    L = tp.laplacian(s)
    values = [modes.a for modes in tp.FastDiagonal(L).modes]
    lam = values[0][2] + values[1][1].real
    with pytest.raises(ValueError, match=r"singular, at the eigenvalue -1\d\d\.\d+ of L"):
        tp.FastDiagonal(L, function=lambda s: s**2 - lam**2)
    with pytest.raises(ValueError, match="homogeneous data, but there are banded_axis=0"):
        tp.FastDiagonal(L, function=np.square, banded_axis=0)
    with pytest.raises(ValueError, match="there are boundary data"):
        warm = tp.laplacian(s.like(axis=0, bc=tp.Dirichlet(1.0)))
        tp.FastDiagonal(warm, function=np.square)


def test_no_array_of_eigenvalues_and_no_new_arrays(monkeypatch):
    """Blocks of a few rows, whichever axis is last."""
    s = box(("P", "DD", "DN"), (8, 7, 6))
    L = tp.laplacian(s)
    whole = tp.FastDiagonal(L, function=np.square)
    f = s.field(random(s.shape))
    wanted = whole.solve(f)
    sizes = []

    def square(sigma):
        sizes.append(sigma.size)
        return sigma**2

    monkeypatch.setattr("tensorpde.solve.function.BLOCK", 50)
    solver = tp.FastDiagonal(L, function=square)
    with monkeypatch.context() as patch:
        patch.setattr(s.backend, "empty", None)
        solver.solve(f, out=f)
    assert max(sizes) <= 50
    np.testing.assert_array_equal(f.gather(), wanted.gather())


def digest():
    total = []
    for names, shape in ((("P", "DD", "NN"), (8, 7, 9)), (("DD",), (15,)), (("P", "DD"), (4, 7))):
        s = box(names, shape)
        f = s.field(random(shape))
        u = tp.FastDiagonal(tp.laplacian(s), 0.25, function=lambda s: 1 + s**2).solve(f)
        total.append(u.norm().hex())
    if tp.parallel.world().rank == 0:
        print("digest", *total)
    return total


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_same_bits_on_any_ranks(ranks):
    out = run_ranks(ranks, "solve/test_function.py::digest").stdout
    assert out.split()[1:] == digest()
