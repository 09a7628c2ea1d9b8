"""Truncated transforms: against their matrices, dense and fast alike, with exact adjoints."""

import numpy as np
import pytest

from tensorpde.line.fourier import TruncatedFourier

CASES = [
    (12, [0, 1, 2, 6], True),
    (9, [0, 1, 4], True),
    (8, [-4, -3, -1, 0, 2, 3], False),
    (7, [-3, 0, 3], False),
    (67, [0, 5, 33], True),
]


def lines(n, rest, real, dtype="float64"):
    return np.random.default_rng(1).standard_normal((*(() if real else (2,)), *rest, n)).astype(dtype)


def as_complex(pairs):
    return pairs[0] + 1j * pairs[1]


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("n", "frequencies", "real"), CASES)
def test_modes_are_those_of_the_matrix(n, frequencies, real, fast):
    line = TruncatedFourier(n, frequencies, real, scale=np.arange(1.0, len(frequencies) + 1), fast=fast)
    exact = np.exp(-2j * np.pi / n * np.outer(frequencies, np.arange(n)))
    exact *= np.arange(1.0, len(frequencies) + 1)[:, None]
    np.testing.assert_allclose(line.matrix(), exact, atol=1e-12)
    u = lines(n, (3, 2), real)
    values = u if real else as_complex(u)
    found = line.to_modes(u)
    assert found.shape == (2, len(frequencies), 3, 2)
    np.testing.assert_allclose(as_complex(found), np.einsum("kj,abj->kab", exact, values), atol=1e-11)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("n", "frequencies", "real"), CASES)
def test_from_modes_is_the_adjoint(n, frequencies, real, fast):
    line = TruncatedFourier(n, frequencies, real, scale=0.5, fast=fast)
    u = lines(n, (3, 2), real)
    z = np.random.default_rng(2).standard_normal((2, len(frequencies), 3, 2))
    back = line.from_modes(z)
    assert back.shape == u.shape
    assert np.vdot(line.to_modes(u), z) == pytest.approx(np.vdot(u, back), rel=1e-12)
    sums = np.einsum("kj,kab->abj", line.matrix().conj(), as_complex(z))
    np.testing.assert_allclose(back if real else as_complex(back), sums.real if real else sums, atol=1e-12)


def test_the_way_is_chosen_by_size():
    assert not TruncatedFourier(64, np.arange(9), True).fast
    assert TruncatedFourier(64, np.arange(33), True).fast


@pytest.mark.parametrize(("n", "frequency", "real"), [(8, 5, False), (8, -5, False), (7, 4, True), (8, -1, True)])
def test_a_frequency_that_the_grid_has_not(n, frequency, real):
    with pytest.raises(ValueError, match=f"frequency {frequency} is not one"):
        TruncatedFourier(n, [0, frequency], real)


def test_single_precision_stays():
    line = TruncatedFourier(16, [0, 1, 8], True)
    assert line.from_modes(line.to_modes(lines(16, (4,), True, "float32"))).dtype == np.float32
