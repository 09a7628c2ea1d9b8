"""Sylvester and Lyapunov equations against scipy.linalg."""

import numpy as np
import pytest
import scipy.linalg
from mpi import run_ranks
from twins import box, random

import tensorpde as tp
from tensorpde.solve import sylvester


def plane(m, n, dtype="float64"):
    return box(("DD", "DD"), (m, n), dtype=dtype)


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize(("m", "n"), [(8, 7), (5, 12), (1, 6)])
def test_sylvester(m, n, dtype):
    A, B, F = random((m, m), 1, dtype), random((n, n), 2, dtype), random((m, n), 3, dtype)
    assert dtype == "complex128" or np.any(np.linalg.eigvals(B).imag)
    X = sylvester(plane(m, n, dtype), A, B).solve(plane(m, n, dtype).field(F))
    assert X.dtype == np.dtype(dtype)
    wanted = scipy.linalg.solve_sylvester(A, B.T, F)
    np.testing.assert_allclose(X.gather(), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())


def test_lyapunov():
    A, F = random((9, 9), 4), random((9, 9), 5)
    s = plane(9, 9)
    X = sylvester(s, A, A).solve(s.field(F)).gather()
    np.testing.assert_allclose(X, scipy.linalg.solve_continuous_lyapunov(A, F), rtol=0, atol=1e-10 * np.abs(X).max())
    C = A + 1j * random((9, 9), 6)
    z = plane(9, 9, "complex128")
    Z = sylvester(z, C, C.conj()).solve(z.field(F)).gather()
    np.testing.assert_allclose(C @ Z + Z @ C.conj().T, F, rtol=0, atol=1e-11 * np.abs(Z).max())


def test_line_operators_keep_their_transforms():
    s = plane(7, 6)
    A, B = (term.factors[axis] for axis, term in enumerate(tp.laplacian(s).terms))
    solver = sylvester(s, A, B)
    assert [modes.kind for modes in solver.modes] == ["dst1", "dst1"]
    F = random(s.shape)
    X = solver.solve(s.field(F)).gather()
    np.testing.assert_allclose(A.matrix() @ X + X @ B.matrix().T, F, rtol=0, atol=1e-12)


def test_errors_name_what_disagrees():
    s = plane(6, 5)
    with pytest.raises(ValueError, match="A has the eigenvalue 3 and B -3, whose sum vanishes"):
        sylvester(s, np.diag(np.arange(1.0, 7)), np.diag(np.arange(-3.0, -8, -1)))
    with pytest.raises(ValueError, match="not diagonalizable"):
        sylvester(s, np.eye(6) + np.eye(6, k=1), np.eye(5))
    with pytest.raises(ValueError, match=r"6.*axis 1.*has 5"):
        sylvester(s, np.eye(6), np.eye(6))
    with pytest.raises(ValueError, match="2 axes, got 3"):
        sylvester(box(("P", "P", "P"), (4, 4, 4)), np.eye(4), np.eye(4))

    def grading(n):
        return np.diag(np.arange(1.0, n + 1)) + 20.0 * np.eye(n, k=1)

    with pytest.raises(ValueError, match=r"condition numbers .*e\+0\d and .*e\+0\d, whose product exceeds 1e\+09"):
        sylvester(s, grading(6), grading(5))


def check():
    A, B, F = random((8, 8), 1), random((7, 7), 2), random((8, 7), 3)
    s = plane(8, 7)
    X = sylvester(s, A, B).solve(s.field(F)).gather()
    wanted = scipy.linalg.solve_sylvester(A, B.T, F)
    np.testing.assert_allclose(X, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("ranks", [2, 4])
def test_on_several_ranks(ranks):
    run_ranks(ranks, "solve/test_sylvester.py::check")
