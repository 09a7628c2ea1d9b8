"""RowBand and the factors of a band: L U gives the band back, on open lines and round periodic ones."""

import numpy as np
import pytest

from tensorpde.line import RowBand
from tensorpde.line.factor import sweeps


def periodic_band(m, diagonals):
    """Σ value · (shift by offset), as a dense circulant."""
    return sum(value * np.roll(np.eye(m), offset, axis=1) for offset, value in diagonals.items())


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", [(6, 6), (5, 8), (8, 5), (1, 4), (4, 1)])
def test_a_row_band_holds_any_matrix(shape, periodic):
    matrix = np.random.default_rng(0).standard_normal(shape)
    matrix[np.abs(np.subtract.outer(np.arange(shape[0]), np.arange(shape[1]))) > 2] = 0
    band = RowBand.from_matrix(matrix, periodic)
    np.testing.assert_array_equal(band.matrix(), matrix)
    np.testing.assert_array_equal(band.T.matrix(), matrix.T)
    rows, columns = np.arange(1.0, shape[0] + 1), np.arange(2.0, shape[1] + 2)
    np.testing.assert_allclose(band.scaled(rows, columns).matrix(), rows[:, None] * matrix * columns, rtol=1e-15)


def test_empty_rows_follow_their_neighbours():
    matrix = np.zeros((6, 6))
    matrix[2, 1:4] = matrix[3, 2:5] = 1.0
    band = RowBand.from_matrix(matrix)
    assert band.width == 3 and np.all(np.diff(band.start) >= 0)
    np.testing.assert_array_equal(band.matrix(), matrix)


def test_a_periodic_band_is_narrow_across_the_corners():
    matrix = periodic_band(9, {0: 3.0, 1: 1.0, -1: 1.0, 2: 0.5})
    band = RowBand.from_matrix(matrix, periodic=True)
    assert band.width == 4
    np.testing.assert_array_equal(band.matrix(), matrix)


def test_columns_outside_the_line_are_refused():
    with pytest.raises(ValueError, match=r"columns 2…4 leave the range 0…3"):
        RowBand(np.array([2]), np.ones((1, 3)), 4)
    with pytest.raises(ValueError, match=r"shape \(2,\).*shape \(1, 3\)"):
        RowBand(np.array([0, 1]), np.ones((1, 3)), 4)


@pytest.mark.parametrize("offsets", [(-1, 1), (-2, -1, 1, 2), (-2, 1), (1, 2), (-1,), ()])
def test_open_factors_multiply_to_the_band(offsets):
    m, rng = 12, np.random.default_rng(1)
    band = np.diag(4.0 + rng.random(m)) + sum(np.diag(rng.random(m - abs(k)), k) for k in offsets)
    plan = sweeps(RowBand.from_matrix(band), None)
    lower, upper = np.eye(m), np.eye(m)
    for i in range(m):
        for k, value in enumerate(plan.lower[i]):
            if value:
                lower[i, i - plan.lower.shape[1] + k] = value
        for k, value in enumerate(plan.upper[i]):
            if value:
                upper[i, i + 1 + k] = value
    pivots = 1 / plan.rhs.matrix().diagonal()
    np.testing.assert_allclose(np.diag(pivots) @ lower @ upper, band, rtol=1e-13, atol=1e-13)


def test_periodic_factors_are_those_of_an_endless_line():
    """1/3, 1, 1/3 is c (1 + ℓ E⁻¹)(1 + ℓ E) with ℓ = (3 − √5) / 2, and few rows feel the ends."""
    plan = sweeps(RowBand.from_matrix(periodic_band(200, {0: 1.0, 1: 1 / 3, -1: 1 / 3}), periodic=True), None)
    np.testing.assert_allclose(plan.lower, (3 - np.sqrt(5)) / 2, rtol=1e-14)
    np.testing.assert_allclose(plan.upper, (3 - np.sqrt(5)) / 2, rtol=1e-14)
    assert 30 < len(plan.head) < 60


def test_a_left_hand_side_must_be_square():
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        sweeps(RowBand.from_matrix(np.eye(3, 4)), None)
