"""Thin matrices applied to many lines, which turn the axes, against numpy; the same bits on any threads."""

import hashlib

import mpi
import numpy as np
import pytest

from tensorpde.backend.numpy import turning

TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


def normal(*shape, dtype="float32", seed=3):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(
    ("parts", "m", "n", "count"),
    [(1, 18, 64, 96), (2, 32, 63, 200), (2, 8, 33, 97), (1, 42, 88, 100), (1, 3, 12, 100), (2, 5, 7, 3), (1, 9, 9, 0)],
)
def test_lines_go_to_the_front_and_back(parts, m, n, count, dtype):
    factors, lines, modes = (normal(*shape, dtype=dtype) for shape in ((parts, m, n), (parts, count, n), (m, count)))
    limit = TOLERANCE[dtype] * max(m, parts * n)
    there = turning.to_front(factors, lines)
    assert there.dtype == dtype
    np.testing.assert_allclose(there, np.einsum("pmn,pcn->mc", factors, lines, optimize=True), atol=limit)
    back = turning.to_back(factors, modes)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, np.einsum("pmn,mc->pcn", factors, modes, optimize=True), atol=limit)


def test_a_line_has_the_same_bits_wherever_it_lies():
    factors, lines = normal(2, 18, 64), normal(2, 300, 64)
    whole, part = turning.to_front(factors, lines), turning.to_front(factors, lines[:, 101:250])
    np.testing.assert_array_equal(whole[:, 101:250], part)
    np.testing.assert_array_equal(turning.to_back(factors, whole)[:, 101:250], turning.to_back(factors, part))


def digests():
    """Prints a number that depends on every bit of the results."""
    factors, lines = normal(2, 18, 63), normal(2, 4099, 63)
    there = turning.to_front(factors, lines)
    back = turning.to_back(factors, there)
    print(hashlib.sha256(there.tobytes() + back.tobytes()).hexdigest())


def test_threads_change_no_bits():
    where = "backend/test_turning.py::digests"
    found = [mpi.run_ranks(1, where, env={"TENSORPDE_THREADS": str(n)}).stdout.split()[-1] for n in (1, 3)]
    assert len(found[0]) == 64 and found[0] == found[1]
