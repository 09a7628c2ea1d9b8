"""What the channel is judged by: linear theory, friction at walls, time steps on stretched axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.pde.cases import disturbed_channel, orr_sommerfeld

MALIK = (7500.0, 1.0, 0.24989154 + 0.00223498j)
"""M. R. Malik, T. A. Zang, M. Y. Hussaini, J. Comput. Phys. 61 (1985) 64–88."""
ORSZAG = (10000.0, 1.0, 0.23752649 + 0.00373967j)
"""S. A. Orszag, J. Fluid Mech. 50 (1971) 689–703."""
NEUTRAL = (5772.22, 1.02056, 0.2640 + 0.0j)
"""The critical point, of the same paper."""


@pytest.mark.parametrize(("reynolds", "alpha", "expected"), [MALIK, ORSZAG, NEUTRAL])
def test_orr_sommerfeld(reynolds: float, alpha: float, expected: complex) -> None:
    c, u, v = orr_sommerfeld(reynolds, alpha)
    assert c == pytest.approx(expected, abs=2e-8 if expected.imag else 1e-5)
    y = np.linspace(-1, 1, 201)
    assert 0.9 < np.abs(u(y)).max() < 1.1
    slope = (v(y[1:-1] + 1e-5) - v(y[1:-1] - 1e-5)) / 2e-5
    np.testing.assert_allclose(1j * alpha * u(y[1:-1]), -slope, atol=1e-7)
    for f in (u, v):
        assert np.abs(f(np.array([-1.0, 1.0]))).max() < 1e-10


def flow(lead: float = 0.0, **options: object) -> tp.pde.NavierStokes:
    wall = tp.Axis(17, -1.0, 1.0, bc=(tp.NoSlip(), tp.NoSlip((lead, 0.0, 0.0))), mapping=tp.Tanh(1.5))
    grid = tp.Grid(tp.Axis(8, 0.0, 3.0), wall, tp.Axis(6, 0.0, 1.0))
    return tp.pde.NavierStokes(tp.Space(grid), 0.02, implicit=(1,), **options)


def test_friction_at_the_walls() -> None:
    """Of the parabola 2ν on either side, of Couette flow ∓ν·½; free-slip walls have none."""
    for lead, profile, expected in ((0.0, (1, 0, -1), (2, 2)), (1.0, (0.5, 0.5, 0), (0.5, -0.5))):
        solver = flow(lead)
        statistics = tp.pde.FlowStatistics(solver, (0, 2))
        u = solver.space.zeros(lead=(3,))
        u.local[0] = np.polynomial.Polynomial(profile)(solver.space.coordinates()[1])
        statistics.add(u, 1.0)
        np.testing.assert_allclose(statistics.wall_stress(), 0.02 * np.array(expected), rtol=1e-10)
    line = tp.Axis(8, 0.0, 1.0)
    slippery = tp.pde.NavierStokes(tp.Space(tp.Grid(line, line.like(bc=tp.FreeSlip()))), 0.02)
    statistics = tp.pde.FlowStatistics(slippery, (0,))
    statistics.add(slippery.space.zeros((2,)), 1.0)
    with pytest.raises(ValueError, match="needs walls with NoSlip"):
        statistics.wall_stress()


def test_wall_units() -> None:
    """Of the parabola u_τ² = 2ν; a disturbance of u and v that is odd about the middle is folded with its sign."""
    solver, nu = flow(), 0.02
    statistics = tp.pde.FlowStatistics(solver, (0, 2))
    with pytest.raises(ValueError, match="no statistics of u0"):
        tp.pde.WallUnits(statistics)

    def velocity(x, y, z):
        wave = 0.1 * (1 - y**2) * np.sin(2 * np.pi * x / 3) + 0 * z
        return [1 - y**2 + wave, -wave * y, 0.0]

    statistics.add(solver.space.field(velocity, lead=(3,)), 1.0)
    wall, u_tau = tp.pde.WallUnits(statistics), np.sqrt(2 * nu)
    y = solver.space.axes[1].x[:9]
    assert wall.u_tau == pytest.approx(u_tau, rel=1e-9)
    assert wall.re_tau == pytest.approx(u_tau / nu, rel=1e-9)
    np.testing.assert_allclose(wall.y, (y + 1) * u_tau / nu, rtol=1e-9)
    np.testing.assert_allclose(wall.mean, (1 - y**2) / u_tau, rtol=1e-9)
    np.testing.assert_allclose(wall.stresses["u_rms"], 0.1 * np.sqrt(0.5) * (1 - y**2) / u_tau, rtol=1e-7)
    np.testing.assert_allclose(wall.stresses["-uv"], 0.005 * y * (1 - y**2) ** 2 / u_tau**2, atol=1e-12)
    assert wall.stresses["w_rms"].max() < 1e-7
    expected = -2 * y * 0.005 * y * (1 - y**2) ** 2 * -1  # −⟨uv⟩ dU/dy
    np.testing.assert_allclose(wall.budget["production"], -expected * nu / u_tau**4, atol=2e-5)
    couette = tp.pde.FlowStatistics(flow(1.0), (0, 2))
    couette.add(couette.flow.space.field(lambda x, y, z: [(1 + y) / 2 + 0 * x * z, 0.0, 0.0], lead=(3,)), 1.0)
    with pytest.raises(ValueError, match=r"one sign at both walls, not 0\.01 and -0\.01"):
        tp.pde.WallUnits(couette)


def test_the_pressure_of_an_instant_does_not_see_the_speed_of_the_walls() -> None:
    """The rate of change of Couette flow is zero, and so is the part of it that pressure takes away."""
    solver = flow(1.0)
    couette = solver.space.field(lambda x, y, z: [(1 + y) / 2 + 0 * x * z, 0.0, 0.0], lead=(3,))
    rate = solver.slope(couette, 0.0, couette.copy())
    assert rate.norm() < 1e-11 and solver.projection(rate, at_rest=True).norm() < 1e-11


def test_time_step_by_the_spacing_at_each_point() -> None:
    """A flow along y that is fast in the middle only does not feel how narrow the spacings at the walls are."""
    solver = flow(cfl=1.0)
    y = solver.space.axes[1].x
    speed = np.exp(-((y / 0.3) ** 2))
    v = solver.space.field(lambda x, y, z: [0.0, np.exp(-((y / 0.3) ** 2)) + 0 * x * z, 0.0], lead=(3,))
    gaps = np.diff(y)
    spacing = np.minimum(np.append(gaps[0], gaps), np.append(gaps, gaps[-1]))
    theta = np.linspace(0, np.pi, 400)
    first, second = (np.abs(s.symbol(theta)).max() for s in (solver.schemes.first, solver.schemes.second))
    rate = first / np.sqrt(3) * (speed / spacing).max() + 0.02 * second / 2.5127 * ((8 / 3) ** 2 + 6**2)
    assert 2**-0.126 / rate < solver.dt(v) <= 1.000001 / rate


def test_the_disturbed_channel_has_the_flux_of_the_parabola() -> None:
    solver = flow()
    u = solver.project(disturbed_channel(solver.space, 0.2))
    assert u[0].mean() == pytest.approx(solver.space.field(lambda x, y, z: 1 - y**2 + 0 * x * z).mean(), rel=1e-12)
    assert 0.2 < u[1].max() < 0.5
    assert solver.diagnostics(u)["divergence"] < 1e-13


def advanced(solver: tp.pde.NavierStokes, u: tp.Field, kept: dict, times: range) -> None:
    """Steps of changing length, a sample of statistics after each."""
    statistics = tp.pde.FlowStatistics(solver, (0, 2), kept)
    for k in times:
        dt = solver.dt(u) / (1 + k % 2)
        solver.step(u, dt)
        statistics.add(u, dt)


def test_the_same_bits_after_a_restart(tmp_path: Path) -> None:
    """Velocity and statistics of another solver that goes on from a checkpoint."""
    solvers = [flow(force=tp.pde.ConstantFlux(2 / 3)) for _ in range(2)]
    u, whole, first, read = solvers[0].project(disturbed_channel(solvers[0].space)), {}, {}, {}
    v = u.copy()
    advanced(solvers[0], u, whole, range(4))
    advanced(solvers[0], v, first, range(2))
    tp.io.save_checkpoint(tmp_path, {"u": v}, 2, 0.0, {"statistics": first})
    fields, _, _ = tp.io.load_checkpoint(tmp_path, solvers[1].space, read)
    advanced(solvers[1], fields["u"], read["statistics"], range(2, 4))
    assert np.array_equal(fields["u"].local, u.local)
    assert whole["weight"] == read["statistics"]["weight"] and len(whole["sums"]) > 30
    for name, values in whole["sums"].items():
        assert np.array_equal(read["statistics"]["sums"][name], values), name


def test_the_table_of_the_turbulent_profile_obeys_its_laws() -> None:
    """A slip of the pen would show: U⁺ = y⁺ at the wall, a logarithm beyond 30, the flux of Re = 2800."""
    y, u = known.CHANNEL_Y, known.CHANNEL_U
    assert u[0] == pytest.approx(y[0], rel=0.015)
    assert np.all(np.diff(u) > 0) and np.all(np.diff(u, 2)[3:] < 0.3)
    outer = (y > 30) & (y < 130)
    np.testing.assert_allclose(u[outer], np.log(y[outer]) / 0.40 + 5.5, rtol=0.02)
    whole, places = np.append(0, u), np.append(0, y)
    flux = np.trapezoid(np.append(whole, u[-1]), np.append(places, known.CHANNEL_RE_TAU))
    assert flux == pytest.approx(2800, rel=0.01)
