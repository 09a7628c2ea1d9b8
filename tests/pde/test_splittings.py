"""The equations that alternate directions: orders in time on exact solutions, coefficients, errors."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp

PERIODIC = tp.Axis(32, 0.0, 2 * np.pi)
SQUARE = tp.Space(tp.Grid(PERIODIC, PERIODIC))


def order(errors):
    return np.log2(errors[0] / errors[1])


def test_heat_with_one_diffusivity_per_axis_and_one_that_changes():
    u = SQUARE.field(lambda x, y: np.sin(x) * np.sin(2 * y))
    for kappa, whole in (([0.5, 0.25], 1.5), (lambda t: 0.1 + t, 5 * 0.6)):
        errors = []
        for steps in (8, 16):
            heat, f = tp.pde.Heat(SQUARE, kappa, 1.0 / steps, tp.schemes.lele1992.second(8, 5)), u.copy()
            for k in range(steps):
                heat.step(f, k / steps)
            errors.append(np.abs((f - np.exp(-whole) * u).gather()).max())
        assert order(errors) == pytest.approx(2, abs=0.2), errors
    assert set(heat.diagnostics(f)) == {"mean", "max", "min"}


def test_carried_spread_and_decaying_wave():
    """sin(2x + y − (2a + b)t) e^{−kDk t − rt}, D with mixed terms."""
    D, c = np.array([[0.1, 0.05], [0.05, 0.2]]), (1.0, -0.5)
    k = np.array([2.0, 1.0])

    def exact(x, y, t):
        return np.sin(2 * x + y - k @ c * t) * np.exp(-(k @ D @ k + 0.3) * t)

    errors = []
    for steps in (20, 40):
        cloud = tp.pde.AdvectionDiffusionReaction(SQUARE, c, D, 1.0 / steps, lambda u, t: -0.3 * u)
        u = SQUARE.field(lambda x, y: exact(x, y, 0.0))
        for step in range(steps):
            cloud.step(u, step / steps)
        errors.append(np.abs((u - SQUARE.field(lambda x, y: exact(x, y, 1.0))).gather()).max())
    assert errors[1] < 2e-3
    assert order(errors) == pytest.approx(2, abs=0.2), errors


def test_interacting_plane_wave():
    """A e^{i(kx − ωt)} with ω = ½k² + g A² solves the cubic equation; the norm stays."""
    space, errors = SQUARE.like(dtype="complex128"), []
    phase = np.exp(-1j * (2.5 + 0.7 * 1.5**2))
    for steps in (20, 40):
        atom = tp.pde.Schrodinger(space, 1.0 / steps, interaction=0.7)
        psi = space.field(lambda x, y: 1.5 * np.exp(1j * (x + 2 * y)))
        norm = psi.norm()
        for _ in range(steps):
            atom.step(psi)
        assert psi.norm() == pytest.approx(norm, rel=1e-13)
        errors.append(np.abs((psi - space.field(lambda x, y: 1.5 * phase * np.exp(1j * (x + 2 * y)))).gather()).max())
    assert order(errors) == pytest.approx(2, abs=0.2), errors
    assert atom.diagnostics(psi)["energy"] == pytest.approx((2.5 + 0.35 * 2.25) * 2.25 * 4 * np.pi**2, rel=1e-5)


def test_phases_separate_and_the_energy_falls():
    cahn = tp.pde.AllenCahn(SQUARE, 0.2, 0.1)
    u = SQUARE.field(0.1 * np.random.default_rng(5).standard_normal(SQUARE.shape))
    energies = [cahn.diagnostics(u)["energy"]]
    for _ in range(80):
        cahn.step(u)
        energies.append(cahn.diagnostics(u)["energy"])
    assert np.all(np.diff(energies) < 0)
    assert u.max() == pytest.approx(1.0, abs=0.02) and u.min() == pytest.approx(-1.0, abs=0.02)


def test_wave_keeps_its_energy():
    wave = tp.pde.Wave(SQUARE, 2.0, 0.3)
    state = wave.start(lambda x, y: np.sin(x) * np.cos(y), lambda x, y: np.cos(2 * x + y))
    energy = wave.diagnostics(state)["energy"]
    for _ in range(20):
        wave.step(state)
    assert wave.diagnostics(state)["energy"] == pytest.approx(energy, rel=1e-12)
    assert energy == pytest.approx(0.5 * (2 * np.pi**2 + 4 * 2 * np.pi**2), rel=0.2)


def test_errors_name_both():
    with pytest.raises(ValueError, match=r"2 axes .* got 3 velocities.*\(2, 2\)"):
        tp.pde.AdvectionDiffusionReaction(SQUARE, (1.0, 0.0, 0.0), 0.1, 0.1)
    with pytest.raises(ValueError, match="symmetric"):
        tp.pde.AdvectionDiffusionReaction(SQUARE, (1.0, 0.0), np.array([[1.0, 0.5], [0.0, 1.0]]), 0.1)
    with pytest.raises(ValueError, match=r"complex Space.*float64"):
        tp.pde.Schrodinger(SQUARE, 0.1)
