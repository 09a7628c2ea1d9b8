"""A matrix times one index of a tensor and the matrix's gradient, against numpy; the same bits on any threads."""

import hashlib

import mpi
import numpy as np
import pytest

from tensorpde.backend.numpy import tensors

TOLERANCE = {"complex64": 1e-5, "complex128": 1e-13, "float32": 1e-5}
RANDOM = np.random.default_rng(2)


def normal(shape, dtype):
    found = RANDOM.standard_normal(shape)
    return (found + 1j * RANDOM.standard_normal(shape) if np.dtype(dtype).kind == "c" else found).astype(dtype)


@pytest.mark.parametrize("shape", [(3, 5, 400), (70, 6, 301), (2, 3, 7)])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_products_and_gradients(dtype, shape):
    matrix, x, d = normal((7, shape[1]), dtype), normal(shape, dtype), normal((shape[0], 7, shape[2]), dtype)
    found, expected = tensors.multiply(matrix, x), matrix @ x
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype] * abs(expected).max())
    found, expected = tensors.gradient(d, x), np.einsum("bmk,bnk->mn", d, x.conj())
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype] * abs(expected).max())
    np.testing.assert_allclose(tensors.multiply(matrix.T, d), matrix.T @ d, atol=TOLERANCE[dtype] * 100)


def digests():
    """Prints a number that depends on every bit of the results."""
    matrix, x, d = normal((7, 6), "complex64"), normal((70, 6, 500), "complex64"), normal((70, 7, 500), "complex64")
    print(hashlib.sha256(tensors.multiply(matrix, x).tobytes() + tensors.gradient(d, x).tobytes()).hexdigest())


def test_threads_change_no_bits():
    where = "backend/test_tensors.py::digests"
    found = [mpi.run_ranks(1, where, env={"TENSORPDE_THREADS": str(n)}).stdout.split()[-1] for n in (1, 3)]
    assert len(found[0]) == 64 and found[0] == found[1]
