"""Dense line operators: a copy of their own, products, tall and short, both precisions."""

import tracemalloc

import numpy as np
import pytest

from tensorpde.line import Dense


def test_the_matrix_is_a_read_only_copy():
    matrix = np.eye(3)
    dense = Dense(matrix)
    matrix[0, 0] = 5.0
    assert dense.matrix()[0, 0] == 1.0
    with pytest.raises(ValueError, match="read-only"):
        dense.matrix()[0, 0] = 2.0


def test_it_takes_a_matrix_only():
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        Dense(np.ones(3))


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("kind", [float, complex])
@pytest.mark.parametrize("rows", [1, 4, 9])
def test_tall_and_short(rows, kind, dtype):
    rng = np.random.default_rng(3)
    matrix = rng.standard_normal((rows, 5)) + (1j * rng.standard_normal((rows, 5)) if kind is complex else 0)
    u = rng.standard_normal((2, 5, 3, 4)).astype(dtype)
    result = Dense(matrix).apply(u, 1)
    precision = np.finfo(dtype).eps
    assert result.dtype == np.result_type(dtype, np.complex64 if kind is complex else dtype)
    np.testing.assert_allclose(result, np.einsum("ij,ajbc->aibc", matrix, u), rtol=0, atol=100 * precision)


def test_the_inverse():
    matrix = np.random.default_rng(4).standard_normal((6, 6)) + 4 * np.eye(6)
    u = np.random.default_rng(5).standard_normal((6, 7))
    np.testing.assert_allclose(Dense(matrix).solve(u, 0), np.linalg.solve(matrix, u), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_adding_to_what_is_there_allocates_nothing(axis, dtype):
    rng = np.random.default_rng(6)
    dense, u, out = (
        Dense(rng.standard_normal((40, 40))),
        *(rng.standard_normal((40, 40, 40)).astype(dtype) for _ in "12"),
    )
    wanted = -0.5 * np.moveaxis(np.tensordot(dense.matrix(), u, (1, axis)), 0, axis) + 2.0 * out
    dense.apply(u, axis, np.zeros_like(u))
    tracemalloc.start()
    dense.apply(u, axis, out, alpha=-0.5, beta=2.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.05 * u.nbytes
    np.testing.assert_allclose(out, wanted, rtol=0, atol=1000 * np.finfo(dtype).eps)
