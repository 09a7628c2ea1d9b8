"""Bands of any width, on arrays of any shape, against their matrices: narrow ones are unrolled, wide ones are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tensorpde.line import Banded, BandedSolve, RowBand

SHAPES = [((), ()), ((), (5,)), ((5,), ()), ((3,), (40,)), ((70,), ()), ((), (200,)), ((2,), (3,))]
TOLERANCE = {"f4": 2e-5, "f8": 5e-14, "c16": 5e-14}


def band(n, below, above, seed=0):
    """A diagonally dominant matrix."""
    numbers = np.random.default_rng(seed).uniform(-1.0, 1.0, (n, n))
    return np.triu(np.tril(numbers, above), -below) + (below + above + 2.0) * np.eye(n)


def agrees(matrix, shape, dtype, seed=1):
    rng = np.random.default_rng(seed)
    before, after = shape
    u = rng.standard_normal((*before, len(matrix), *after)).astype(dtype)
    if dtype == "c16":
        u = u + 1j * rng.standard_normal(u.shape)
    axis = len(before)
    rows = RowBand.from_matrix(matrix)
    for operator, dense in ((Banded(rows), matrix), (BandedSolve(rows), np.linalg.inv(matrix))):
        wanted = np.moveaxis(np.tensordot(dense, u, (1, axis)), 0, axis)
        np.testing.assert_allclose(
            operator.apply(u, axis), wanted, rtol=0, atol=TOLERANCE[dtype] * max(1.0, np.abs(wanted).max())
        )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("half", range(12))
def test_every_width(half, shape, dtype):
    """Width 17 once ran the code of width 1."""
    agrees(band(40, half, half), shape, dtype)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 150),
    below=st.integers(0, 24),
    above=st.integers(0, 24),
    shape=st.tuples(*2 * [st.lists(st.integers(1, 70), max_size=1).map(tuple)]),
    dtype=st.sampled_from(list(TOLERANCE)),
)
def test_any_band(n, below, above, shape, dtype):
    agrees(band(n, min(below, n - 1), min(above, n - 1)), shape, dtype)
