"""Shell-averaged spectra: known modes, Parseval, periodic axes among others."""

import numpy as np
import pytest

from tensorpde.run.spectra import shell_spectrum


def grid(*points, lengths=None):
    lengths = lengths or [2 * np.pi] * len(points)
    return np.meshgrid(*[np.arange(n) * length / n for n, length in zip(points, lengths)], indexing="ij")


def test_taylor_green_has_all_its_energy_in_one_shell():
    x, y, z = grid(12, 10, 9)
    u = [np.sin(x) * np.cos(y) * np.cos(z), -np.cos(x) * np.sin(y) * np.cos(z)]
    k, energy = shell_spectrum(u, [2 * np.pi] * 3)
    assert np.array_equal(k, [1, 2, 3, 4])
    assert np.allclose(energy, [0, 0.125, 0, 0])  # |κ| = √3


@pytest.mark.parametrize("shape", [(32,), (16, 12), (8, 9, 10), (9, 8, 7)])
def test_the_sum_is_the_mean_energy_when_the_shells_hold_it_all(shape):
    coordinates = grid(*shape)
    rng = np.random.default_rng(1)
    u = sum(rng.standard_normal() * np.cos(m * x + rng.random()) for m in (1, 2) for x in coordinates)
    k, energy = shell_spectrum([u, 2 * u], [2 * np.pi] * len(shape))
    assert energy.sum() * k[0] == pytest.approx(0.5 * np.mean(5 * u**2), rel=1e-12)


def test_other_lengths_scale_the_wavenumbers():
    _, y = grid(16, 16, lengths=[4.0, 2.0])
    k, energy = shell_spectrum([np.sin(2 * np.pi * y / 2.0)], [4.0, 2.0])
    assert k[np.argmax(energy)] == pytest.approx(2 * np.pi / 2.0)
    assert energy.sum() * k[0] == pytest.approx(0.25)


def test_axes_that_are_not_periodic_are_averaged_over():
    x, _ = grid(16, 5)
    profile = np.array([0.0, 1.0, 2.0, 1.0, 0.0])
    _, energy = shell_spectrum([np.sin(3 * x) * profile], [2 * np.pi], axes=[0])
    assert energy[2] == pytest.approx(0.25 * np.mean(profile**2))
    with pytest.raises(ValueError, match="1 lengths for 2"):
        shell_spectrum([x], [1.0])
