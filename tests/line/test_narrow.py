"""Closure rows that are made narrow: the same solutions, bands as inside, and when they are left alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tensorpde as tp
from tensorpde.line import BandedSolve, Compact, Identity, RowBand
from tensorpde.line.narrow import CLOSURE, extents, narrowed
from tensorpde.schemes import central, lele1992, on_axis

D, N = tp.Dirichlet(), tp.Neumann()


def step(scheme, r, bc=D, n=64):
    """(I − r A)⁻¹ and I − r A as a matrix; r in units of the square of the spacing."""
    axis = tp.Axis(n, 0.0, 1.0, bc=bc)
    A = on_axis(scheme, axis).operator
    r = r * axis.spacing**2
    return (Identity(n) - r * A).inverse(), np.eye(n) - r * A.matrix()


@pytest.mark.parametrize("bc", [D, N, (D, tp.Robin(1.0, 0.7))], ids=["DD", "NN", "DR"])
@pytest.mark.parametrize("r", [0.3, 3.0, 300.0, 2j], ids=str)
def test_a_compact_step_has_three_bands(r, bc):
    solve, matrix = step(lele1992.second(4), r, bc)
    assert solve._sweeps.lower.shape[1] == solve._sweeps.upper.shape[1] == 1
    u = np.random.default_rng(0).standard_normal((3, 64, 2)).astype(np.result_type(r, float))
    wanted = np.linalg.solve(matrix, u.transpose(1, 0, 2).reshape(64, -1)).reshape(64, 3, 2).transpose(1, 0, 2)
    np.testing.assert_allclose(solve.apply(u, 1), wanted, rtol=0, atol=1e-13 * np.linalg.cond(matrix))


def test_rows_are_left_alone_where_digits_would_be_lost():
    """Where r Q cancels the side diagonals of P: nothing inside to subtract; and in bands that fall off steeply."""
    for scheme, r in ((lele1992.second(4), 1 / 12), (central.second(4), 100.0)):
        solve, matrix = step(scheme, r)
        assert solve._sweeps.upper.shape[1] == 4
        u = np.random.default_rng(1).standard_normal(64)
        np.testing.assert_allclose(solve.apply(u, 0), np.linalg.solve(matrix, u), rtol=0, atol=1e-13)


@st.composite
def bands(draw):
    """A dominant band of a few diagonals whose rows at both ends reach further."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, below, above = draw(st.integers(30, 60)), draw(st.integers(0, 2)), draw(st.integers(0, 2))
    matrix = np.triu(np.tril(rng.uniform(0.2, 1.0, (n, n)), above), -below)
    for i in range(draw(st.integers(0, CLOSURE))):
        matrix[i, max(i - below, 0) : i + 1 + above + draw(st.integers(0, 4))] = rng.uniform(-1, 1)
    for i in range(draw(st.integers(0, CLOSURE))):
        matrix[n - 1 - i, n - 1 - i - below - draw(st.integers(0, 4)) : n - i + above] = rng.uniform(-1, 1)
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, 1.5 * np.abs(matrix).sum(axis=1) + 1.0)
    return matrix * (1j if draw(st.booleans()) else 1.0)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(bands())
def test_drawn_bands(matrix):
    lhs = RowBand.from_matrix(matrix)
    found = narrowed(lhs)
    if found is not None:
        transform, narrow = found
        product = transform.matrix() @ matrix
        np.testing.assert_allclose(narrow.matrix(), product, rtol=0, atol=1e-12 * np.abs(product).max())
        inside = slice(CLOSURE, lhs.n - CLOSURE)
        before, after = extents(lhs), extents(narrow)
        assert after[0].min() >= before[0][inside].min() and after[1].max() <= before[1][inside].max()
    u = np.random.default_rng(2).standard_normal((len(matrix), 3)).astype(matrix.dtype)
    rhs = RowBand.from_matrix(np.triu(np.tril(matrix, 1), -1))
    for operator, right in ((BandedSolve(lhs), u), (Compact(lhs, rhs), rhs.matrix() @ u)):
        wanted = np.linalg.solve(matrix, right)
        np.testing.assert_allclose(operator.apply(u, 0), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())
