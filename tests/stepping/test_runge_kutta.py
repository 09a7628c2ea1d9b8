"""Orders of the Runge–Kutta methods, their stated stability limits, and their memory."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.stepping import CARPENTER_KENNEDY_RK4, RK4, SSP_RK3, WILLIAMSON_RK3, LowStorage, RungeKutta

METHODS = [WILLIAMSON_RK3, CARPENTER_KENNEDY_RK4, SSP_RK3, RK4]
SPACE = tp.Space(tp.Axis(4, 0.0, 1.0))


def nonlinear(u: tp.Field, t: float, out: tp.Field) -> None:
    out.local[...] = u.local * np.cos(t) - u.local**2


def error(method: object, steps: int) -> float:
    """At t = 2 of u' = u cos t − u², u(0) = 1, whose solution is e^sin t / (1 + ∫₀ᵗ e^sin s ds)."""
    u, dt = SPACE.field(1.0), 2.0 / steps
    advance = RungeKutta(nonlinear, method)
    for k in range(steps):
        advance(u, k * dt, dt)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    integral = (weights * np.exp(np.sin(nodes + 1.0))).sum()
    return float(np.abs(u.local - np.exp(np.sin(2.0)) / (1.0 + integral)).max())


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_order(method: object) -> None:
    coarse, fine = error(method, 40), error(method, 80)
    assert np.log2(coarse / fine) == pytest.approx(method.order, abs=0.25)


def growth(method: object, z: complex) -> float:
    """|u(1)| of one step of u' = z u from u = 1."""
    space = SPACE.like(dtype="complex128")
    u = space.field(1.0)

    def slope(u: tp.Field, t: float, out: tp.Field) -> None:
        out.local[...] = z * u.local

    return float(abs(RungeKutta(slope, method)(u, 0.0, 1.0).local).max())


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_stated_stability_limits(method: object) -> None:
    assert growth(method, 0.999j * method.imaginary) <= 1 + 1e-6 < growth(method, 1.02j * method.imaginary)
    assert growth(method, -0.999 * method.real) <= 1 + 1e-6 < growth(method, -1.02 * method.real)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_stages_see_their_times_and_the_constraint(method: object) -> None:
    times, limited = [], []

    def slope(u: tp.Field, t: float, out: tp.Field) -> None:
        times.append(t)
        out.local[...] = 0.0

    RungeKutta(slope, method, lambda u, t: limited.append(t))(SPACE.field(1.0), 10.0, 2.0)
    np.testing.assert_allclose(times, [10.0 + 2.0 * c for c in method.c])
    assert len(limited) == method.stages


def test_low_storage_keeps_two_fields_and_allocates_once() -> None:
    advance = RungeKutta(nonlinear, WILLIAMSON_RK3)
    u = SPACE.field(1.0)
    advance(u, 0.0, 0.1)
    kept = [id(field) for field in advance._work]
    advance(u, 0.1, 0.1)
    assert isinstance(WILLIAMSON_RK3, LowStorage)
    assert [id(field) for field in advance._work] == kept
    assert len(kept) == 2


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_the_implicit_part_has_the_whole_step_and_any_stiffness(method: object) -> None:
    """u' = cos t − λ(u − 1): over a step the implicit parts sum up to Δt, and a large λ leaves u = 1."""

    def relaxed(rate: float, steps: int) -> float:
        def slope(u: tp.Field, t: float, out: tp.Field) -> None:
            out.local[...] = np.cos(t)

        def implicit(u: tp.Field, t: float, dt: float) -> None:
            u.local[...] = (u.local + rate * dt) / (1 + rate * dt)

        u, advance = SPACE.field(0.0), RungeKutta(slope, method, implicit=implicit)
        for k in range(steps):
            advance(u, k / steps, 1 / steps)
        return float(u.local[0])

    exact = (np.cos(1) + np.sin(1) - np.exp(-1)) / 2 + 1 - np.exp(-1)
    coarse, fine = (abs(relaxed(1.0, steps) - exact) for steps in (40, 80))
    assert fine < 0.01
    assert np.log2(coarse / fine) == pytest.approx(1.0, abs=0.1)
    assert relaxed(1e12, 3) == pytest.approx(1.0, abs=1e-9)
