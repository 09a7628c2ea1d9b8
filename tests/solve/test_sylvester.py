"""Sylvester and Lyapunov equations against scipy.linalg."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
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
    with pytest.raises(ValueError, match=r"\(6, 6\) is given for an axis of 5"):
        sylvester(s, np.eye(6), np.eye(6))
    with pytest.raises(ValueError, match="2 axes, got 3"):
        sylvester(box(("P", "P", "P"), (4, 4, 4)), np.eye(4), np.eye(4))

    def grading(n):
        return np.diag(np.arange(1.0, n + 1)) + 20.0 * np.eye(n, k=1)

    with pytest.raises(ValueError, match=r"condition numbers .*e\+0\d and .*e\+0\d, whose product exceeds 1e\+09"):
        sylvester(s, grading(6), grading(5))


def test_a_multiple_of_the_identity_has_its_eigenvalue():
    s = plane(4, 5)
    with pytest.raises(ValueError, match="A has the eigenvalue 2 and B -2, whose sum vanishes"):
        sylvester(s, 2.0 * np.eye(4), np.diag([-2.0, 1.0, -9.0, 3.0, 4.0]))


KINDS = {
    "any": lambda matrix: matrix,
    "symmetric": lambda matrix: matrix + matrix.T,
    "skew": lambda matrix: matrix - matrix.T,
    "low rank": lambda matrix: np.outer(matrix[0], matrix[-1]),
    "diagonal": lambda matrix: np.diag(np.diag(matrix)),
    "identity": lambda matrix: np.eye(len(matrix)),
    "second difference": lambda matrix: np.eye(len(matrix), k=1) + np.eye(len(matrix), k=-1) - 2 * np.eye(len(matrix)),
    "cyclic": lambda matrix: np.roll(np.eye(len(matrix)), 1, axis=0),
}
QUIET = {"derandomize": True, "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}


@st.composite
def equations(draw, ranks):
    m, n, seed = draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(0, 2**32 - 3))
    kinds = [draw(st.sampled_from(list(KINDS))) for _ in "AB"]
    types = [draw(st.sampled_from(["float64", "complex128"])) for _ in "ABF"]
    A, B = (KINDS[kind](random((k, k), seed + i, types[i])) for i, (kind, k) in enumerate(zip(kinds, (m, n))))
    shift = draw(st.sampled_from([0.0, 1.5, -4.0]))  # eigenvalues of A and −B may meet: then an error is due
    dims = draw(st.sampled_from([(k,) for k in range(1, ranks + 1)]))
    space = box(("DD", "DD"), (m, n), dtype=types[2], process_grid=dims if ranks > 1 else None)
    return space, A + shift * np.eye(m), B, random((2, m, n), seed + 2, types[2])


def check_equation(equation):
    """X is the solution of the dense system where that is well conditioned; a singular one is refused."""
    space, A, B, F = equation
    m, n = space.shape
    sums = np.linalg.eigvals(A)[:, None] + np.linalg.eigvals(B)
    closest, size = np.abs(sums).min(), np.abs(sums).max()
    if closest <= 1e-13 * size:
        with pytest.raises(ValueError, match=r"whose sum vanishes|not diagonalizable"):
            sylvester(space, A, B)
    if closest <= 1e-6 * size:
        return
    solver = sylvester(space, A, B)
    X = solver.solve(space.field(F)).gather()
    whole = np.kron(A, np.eye(n)) + np.kron(np.eye(m), B)
    wanted = np.linalg.solve(whole, F.reshape(2, -1).T).T.reshape(F.shape)
    assert X.dtype == wanted.dtype
    tolerance = 1e-14 * np.prod([modes.condition for modes in solver.modes]) ** 2 * np.linalg.cond(whole)
    np.testing.assert_allclose(X, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())


@settings(max_examples=80, **QUIET)
@given(equations(1))
def test_drawn_equations(equation):
    check_equation(equation)


@settings(max_examples=30, phases=[Phase.generate], **QUIET)
@given(equations(4))
def check_drawn(equation):
    check_equation(equation)


def check():
    check_drawn()
    A, B, F = random((8, 8), 1), random((7, 7), 2), random((8, 7), 3)
    s = plane(8, 7)
    X = sylvester(s, A, B).solve(s.field(F)).gather()
    wanted = scipy.linalg.solve_sylvester(A, B.T, F)
    np.testing.assert_allclose(X, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("ranks", [4])
def test_on_several_ranks(ranks):
    """All ranks draw the same equations, on 1 to 4 of them."""
    run_ranks(ranks, "solve/test_sylvester.py::check")
