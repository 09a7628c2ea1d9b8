"""The linear theory of layers beside the figures of others, and its waves as solutions."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.pde import LayerMode
from tensorpde.pde.stability import MICHALKE


def bend(y: np.ndarray) -> np.ndarray:
    return -2 * np.tanh(y) / np.cosh(y) ** 2


def test_michalke() -> None:
    """Without friction, far walls: the fastest wave, and the neutral one at α = 1."""
    alpha, rate = MICHALKE
    here = [LayerMode(np.tanh, bend, a, height=15.0).rate.real for a in (alpha - 0.02, alpha, alpha + 0.02, 0.98)]
    assert here[1] == pytest.approx(rate, abs=5e-5)
    assert here[1] > max(here[0], here[2]) and 0 < here[3] < 0.02


def test_friction_slows_and_sines_converge() -> None:
    rates = [LayerMode(np.tanh, bend, 0.45, 0.01, 8.0, modes).rate.real for modes in (31, 63, 127)]
    assert abs(rates[2] - rates[1]) < 1e-9 < abs(rates[1] - rates[0])
    assert rates[2] < 0.18


def test_the_wave_is_free_of_divergence_and_slips() -> None:
    mode = LayerMode(np.tanh, bend, 0.45, 0.01, 8.0)
    y = np.linspace(-8.0, 8.0, 2001)
    v, u = mode.v(y), mode.u(y)
    assert np.abs(v).max() == pytest.approx(1.0, abs=1e-3)
    assert np.abs(v[[0, -1]]).max() < 1e-12
    residual = 1j * 0.45 * u + np.gradient(v, y, edge_order=2)
    assert np.abs(residual).max() < 1e-3


def test_points_gather() -> None:
    axis = tp.Axis(65, -2.0, 2.0, bc=tp.FreeSlip(), mapping=tp.Gathered(0.6))
    spacings = np.diff(axis.x)
    assert spacings.argmin() in (31, 32)
    assert spacings.min() == pytest.approx(0.4 * 4 / 64, rel=0.01) and spacings.max() == pytest.approx(0.1, rel=0.01)
    with pytest.raises(ValueError, match=r"strength=1\.0"):
        tp.Gathered(1.0)
    around = tp.Axis(64, 0.0, 1.0, mapping=tp.Gathered(0.5, 0.3))
    assert around.weights.sum() == pytest.approx(1.0, abs=1e-14)


def test_steady() -> None:
    space = tp.Space(tp.Grid(tp.Axis(4, 0.0, 1.0)))
    settled, u = tp.pde.Steady(0.5, every=2), space.zeros()
    for step, change in ((1, 0.0), (2, 0.2), (3, 0.0), (4, 0.04)):
        with settled.watch(u, step, 0.1):
            u += change
        assert settled() == (step == 4)
        assert settled.change == (np.inf if step == 1 else pytest.approx(2.0 if step < 4 else 0.4))
