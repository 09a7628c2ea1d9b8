"""Makers of samples: what they make solves its equation, and depends on the number of the sample alone."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.parallel import alone
from tensorpde.pde import samples

MAKERS = {
    "darcy": lambda: samples.DarcySamples(7, seed=2),
    "darcy in 3-D": lambda: samples.DarcySamples(5, 3, seed=2),
    "burgers": lambda: samples.BurgersSamples(32, t_end=0.05),
    "heat": lambda: samples.HeatSamples(6, steps=4),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_sample_depends_on_its_number_alone(name: str) -> None:
    make = MAKERS[name]()
    many, one = make(range(3)), make(range(2, 3))
    assert list(many) == list(make.names)
    for key, values in many.items():
        assert values.shape == (3, *make.space.shape) and values.dtype == np.float32
        np.testing.assert_array_equal(values[2:], one[key])
        assert not np.array_equal(values[0], values[1])


@pytest.mark.parametrize("ndim", [1, 2])
def test_darcy_solutions_solve_the_assembled_equation(ndim: int) -> None:
    """Twin: the two-point fluxes written out, the coefficient taken from the field that the sample came from."""
    n, make = 6, samples.DarcySamples(6, ndim, seed=4, rtol=1e-12)
    found = make(range(1))
    fine = np.where(make._field(4, 0).local > 0, 12.0, 3.0)
    inner = np.zeros((n + 2,) * ndim)
    inner[(slice(1, -1),) * ndim] = found["solution"][0]
    for index in np.ndindex(*(n,) * ndim):
        here, flux = np.array(index) + 1, 0.0
        for axis, side in ((a, s) for a in range(ndim) for s in (-1, 1)):
            there = here + side * (np.arange(ndim) == axis)
            flux += fine[tuple(here + there)] * (inner[tuple(there)] - inner[tuple(here)])
        assert flux * (n + 1) ** 2 == pytest.approx(-1.0, abs=2e-4)  # of solutions in single precision
        assert found["coefficient"][0][index] == fine[tuple(2 * here)]


def test_burgers_samples_follow_the_exact_solution_of_cole_and_hopf() -> None:
    """Spectral twin: φ with u = −2ν φ_x/φ obeys the heat equation, whose modes decay by themselves."""
    n, nu, t = 128, 0.02, 0.2
    make = samples.BurgersSamples(n, seed=1, nu=nu, t_end=t)
    u = make._field(1, 0).local
    k = 2 * np.pi * np.fft.rfftfreq(n, 1 / n)
    potential = np.fft.irfft(np.divide(np.fft.rfft(u), 1j * k, out=np.zeros(len(k), complex), where=k > 0), n)
    phi = np.fft.rfft(np.exp(-potential / (2 * nu))) * np.exp(-nu * k**2 * t)
    exact = -2 * nu * np.fft.irfft(1j * k * phi, n) / np.fft.irfft(phi, n)
    assert np.abs(make(range(1))["end"][0] - exact).max() < 1e-3 * np.abs(exact).max()


def test_heat_samples_gain_what_the_source_gives() -> None:
    make = samples.HeatSamples(8, 3, t_end=0.5, steps=50)
    found = make(range(1))
    source, u = (found[name][0].astype(float) for name in make.names)
    assert u.mean() == pytest.approx(0.5 * source.mean(), rel=1e-3)
    space = tp.Space(make.space.grid, alone())  # after so long all but the mean has come to rest
    residual = (tp.laplacian(space) @ space.field(u)).local + source - source.mean()
    assert np.abs(residual).max() < 0.02 * np.abs(source).max()
