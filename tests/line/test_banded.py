"""Compact operators of the schemes on lines: composition, filters that hardly decay, matrices that need pivoting."""

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.line import Banded, BandedSolve, Compact, RowBand
from tensorpde.schemes import assemble, lele1992

PERIODIC = tp.Periodic()


def operator(scheme, axis):
    made = assemble(scheme, axis)
    return Compact(made.lhs, made.rhs)


@pytest.mark.parametrize("n", [12, 33, 128])
@pytest.mark.parametrize("alpha", [0.3, 0.45, 0.49, 0.499])
def test_filters_with_alpha_near_one_half_close_round_the_line(alpha, n):
    """The factors decay so slowly that every row feels the other end."""
    apply = operator(lele1992.filter(alpha), tp.Axis(n, 0.0, 1.0))
    u = np.random.default_rng(0).standard_normal((5, n, 3))
    wanted = np.einsum("ij,ajb->aib", apply.matrix(), u)
    np.testing.assert_allclose(apply.apply(u, 1), wanted, rtol=0, atol=2e-15 / (0.5 - alpha))
    np.testing.assert_allclose(apply.apply(np.ones((2, n)), 1), 1.0, rtol=0, atol=1e-15 / (0.5 - alpha))


@pytest.mark.parametrize("bc", [PERIODIC, (tp.Dirichlet(), tp.Neumann())])
@pytest.mark.parametrize(
    "scheme", [lele1992.first(6), lele1992.first(10), lele1992.second(6), lele1992.second(8, 5), lele1992.spectral_like]
)
def test_schemes_equal_their_matrices(scheme, bc):
    apply = operator(scheme, tp.Axis(41, 0.0, 1.0, bc=bc))
    matrix = apply.matrix()
    u = np.random.default_rng(1).standard_normal((41, 19))
    scale = np.abs(matrix).sum(axis=1).max()
    for array, axis, wanted in ((u, 0, matrix @ u), (np.ascontiguousarray(u.T), 1, (matrix @ u).T)):
        np.testing.assert_allclose(apply.apply(array, axis), wanted, rtol=0, atol=1e-13 * scale)


def test_constants_have_the_derivative_zero():
    apply = operator(lele1992.first_derivative, tp.Axis(64, 0.0, 1.0))
    assert np.abs(apply.apply(np.full((3, 64), 7.25), 1)).max() < 1e-12


def test_scaled_operators_share_their_factors():
    apply = operator(lele1992.first_derivative, tp.Axis(16, 0.0, 1.0))
    scaled = apply.scaled(-2.5)
    assert scaled.lhs is apply.lhs and apply.scaled(-2.5) is scaled and apply.scaled(1) is apply
    u = np.random.default_rng(2).standard_normal((4, 16))
    np.testing.assert_allclose(scaled.apply(u, 1), -2.5 * apply.apply(u, 1), rtol=1e-13, atol=1e-11)
    for step in range(30):  # many time steps do not pile up operators
        apply.apply(u, 1, alpha=1.0 + step)
    assert len(apply.__dict__["_scaled"]) <= 9


def test_inverses():
    lhs = RowBand.from_matrix(np.diag([4.0] * 6) + np.eye(6, k=1) - np.eye(6, k=-1))
    np.testing.assert_array_equal(BandedSolve(lhs).inverse().matrix(), lhs.matrix())
    np.testing.assert_allclose(Banded(lhs).inverse().matrix(), np.linalg.inv(lhs.matrix()), rtol=1e-12)


def test_a_matrix_that_needs_pivoting_is_refused():
    swap = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    with pytest.raises(ValueError, match=r"pivot 0 in row 0 of 3 against entries up to 1.*Dense"):
        BandedSolve(RowBand.from_matrix(swap))
    small = np.diag([1.0, 1e-12, 1.0]) + np.eye(3, k=1)
    with pytest.raises(ValueError, match="pivot 1e-12 in row 1"):
        BandedSolve(RowBand.from_matrix(small))


def test_a_singular_periodic_band_is_refused():
    ring = np.eye(12) + 0.5 * (np.roll(np.eye(12), 1, axis=1) + np.roll(np.eye(12), -1, axis=1))
    with pytest.raises(ValueError, match="periodic factorization of a band of 12 rows"):
        BandedSolve(RowBand.from_matrix(ring, periodic=True))


def test_sides_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(3, 3\) does not fit .*\(4, 4\)"):
        Compact(RowBand.from_matrix(np.eye(3)), RowBand.from_matrix(np.eye(4)))
    with pytest.raises(ValueError, match="None for both"):
        Compact(None, None)
