"""Scalars, forces and buoyancy: orders on exact solutions, conservation, balance, errors, ranks."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.pde import NavierStokes, Penalization, Scalar, smooth_mask
from tensorpde.stepping import RK4

KAPPA = 0.05


def carried(n: int) -> float:
    """Largest error at t = 0.5 of a wave that a uniform wind carries over a periodic grid."""
    line = tp.Axis(n, 0.0, 2 * np.pi)
    flow = NavierStokes(tp.Space(tp.Grid(line, line)), 0.1, tableau=RK4, scalars=[Scalar(KAPPA)])

    def exact(x: np.ndarray, y: np.ndarray, t: float) -> np.ndarray:
        return np.sin(x - 0.7 * t) * np.cos(y + 0.4 * t) * np.exp(-2 * KAPPA * t)

    v = flow.space.field(lambda x, y: [0.7, -0.4, exact(x, y, 0.0)], lead=(3,))
    for _ in range(25):
        flow.step(v, 0.5 / 25)
    return float(np.abs(v.local[2] - exact(*flow.space.coordinates(), 0.5)).max())


def test_a_carried_scalar_is_of_sixth_order() -> None:
    errors = [carried(n) for n in (12, 18, 24)]
    orders = [np.log(a / b) / np.log(m / n) for a, b, m, n in zip(errors, errors[1:], (18, 24), (12, 18), strict=False)]
    assert min(orders) > 5.6, (errors, orders)


def cooled(n: int, mapping: object) -> float:
    """Error at t = 0.2 between walls at rest: insulated along x, of given temperatures along y."""
    x = tp.Axis(n, 0.0, 1.0, bc=tp.NoSlip(), mapping=mapping)
    y = tp.Axis(n + 1, 0.0, 1.0, bc=tp.NoSlip(), mapping=mapping)
    heat = Scalar(KAPPA, walls={1: (tp.Dirichlet(2.0), tp.Dirichlet(1.0))})
    flow = NavierStokes(tp.Space(tp.Grid(x, y)), KAPPA, scalars=[heat])

    def exact(x: np.ndarray, y: np.ndarray, t: float) -> np.ndarray:
        return 2 - y + np.cos(np.pi * x) * np.sin(np.pi * y) * np.exp(-2 * KAPPA * np.pi**2 * t)

    v = flow.space.field(lambda x, y: [0.0, 0.0, exact(x, y, 0.0)], lead=(3,))
    steps = int(np.ceil(0.2 / flow.dt(v)))
    for _ in range(steps):
        flow.step(v, 0.2 / steps)
    return float(np.abs(v.local[2] - exact(*flow.space.coordinates(), 0.2)).max())


@pytest.mark.parametrize("mapping", [tp.Uniform(), tp.Tanh(1.2)], ids=["uniform", "stretched"])
def test_insulated_and_isothermal_walls_are_of_fourth_order(mapping: object) -> None:
    errors = [cooled(n, mapping) for n in (11, 22)]
    assert np.log2(errors[0] / errors[1]) > 4.0, errors


def test_a_wall_that_heats_and_one_that_loses_heat() -> None:
    """−θ' = 1 on the left, θ + θ' = 0.5 on the right: θ = 2.5 − x stays."""
    x = tp.Axis(9, 0.0, 1.0, bc=tp.NoSlip())
    heat = Scalar(KAPPA, walls={0: (tp.Neumann(1.0), tp.Robin(1.0, 1.0, 0.5))})
    flow = NavierStokes(tp.Space(tp.Grid(x, tp.Axis(8, 0.0, 1.0))), KAPPA, scalars=[heat])
    v = flow.space.field(lambda x, y: [0.0, 0.0, 2.5 - x + 0 * y], lead=(3,))
    start = v.copy()
    for _ in range(20):
        flow.step(v)
    assert (v - start).norm() < 1e-12 * start.norm()
    assert flow.diagnostics(v)["temperature_mean"] == pytest.approx(2.0, rel=1e-12)
    assert flow.diagnostics(v)["temperature_variance"] == pytest.approx(1 / 12, rel=1e-3)


@pytest.mark.parametrize("condition", [tp.Even(), tp.Odd()], ids=str)
def test_between_planes_of_symmetry_a_scalar_is_half_of_a_periodic_one(condition: tp.Even) -> None:
    draw = np.random.default_rng(5)
    k, c = np.arange(3), draw.standard_normal((3, 3))
    parity = np.cos if isinstance(condition, tp.Even) else np.sin

    def theta(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.einsum("ab,axy,bxy->xy", c, *np.broadcast_arrays(*(parity(k[:, None, None] * s) for s in (x, y))))

    states = []
    for n, length, bc in ((16, 2 * np.pi, tp.Periodic()), (9, np.pi, tp.FreeSlip())):
        line = tp.Axis(n, 0.0, length, bc=bc)
        walls = {} if isinstance(bc, tp.Periodic) else {0: condition, 1: condition}
        flow = NavierStokes(tp.Space(tp.Grid(line, line)), KAPPA, scalars=[Scalar(KAPPA, walls)])
        v = flow.space.field(lambda x, y: [np.sin(x) * np.cos(y), -np.cos(x) * np.sin(y), theta(x, y)], lead=(3,))
        for _ in range(5):
            flow.step(v, 0.02)
        states.append(v.local)
    np.testing.assert_allclose(states[1], states[0][:, :9, :9], atol=1e-12)


def test_convection_conserves_the_variance_of_any_scalar() -> None:
    line = tp.Axis(8, 0.0, 1.0)
    flow = NavierStokes(tp.Space(tp.Grid(line, line, line)), 0.0, scalars=[Scalar(0.0), Scalar(0.0, name="dye")])
    v = flow.space.field(np.random.default_rng(2).standard_normal((5, 8, 8, 8)))
    slope = flow.slope(v, 0.0, v.copy())
    for k in (3, 4):
        assert abs(v[k].dot(slope[k])) < 1e-13 * v[k].norm() * slope[k].norm()


def test_a_layer_heated_from_above_rests() -> None:
    """Buoyancy that depends on the height alone is a gradient: the pressure takes it all."""
    y = tp.Axis(12, 0.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(1.0))
    heat = Scalar(1.0, walls={1: (tp.Dirichlet(0.0), tp.Dirichlet(1.0))}, buoyancy=(0.0, 1e4))
    flow = NavierStokes(tp.Space(tp.Grid(tp.Axis(8, 0.0, 2.0), y)), 1.0, scalars=[heat])
    v = flow.space.field(lambda x, y: [0.0, 0.0, y + 0 * x], lead=(3,))
    for _ in range(10):
        flow.step(v)
    assert v[:2].norm() < 1e-11


def test_buoyancy_and_forces_of_space_and_time() -> None:
    """v = t cos x by buoyancy of θ = cos x; u = (1 − cos t) sin y by a force; θ₂ = t by a source; no friction."""
    line = tp.Axis(8, 0.0, 2 * np.pi)
    scalars = [Scalar(0.0, buoyancy=(0.0, 1.0)), Scalar(0.0, source=1.0, name="dye")]
    force = (lambda x, y, t: np.sin(t) * np.sin(y), lambda x, y: 0.0 * x)
    states = []
    for u, given in (0, force), (0, (force[0], 0.0)):
        flow = NavierStokes(tp.Space(tp.Grid(line, line)), 0.0, force=given, scalars=scalars)
        v = flow.space.field(lambda x, y, u=u: [u, 0.0, np.cos(x), 0.0], lead=(4,))
        flow.step(v, 1e-3, 0.0)
        flow.step(v, 1e-3, 1e-3)
        states.append(v)
    x, y = flow.space.coordinates()
    np.testing.assert_allclose(states[0].local, states[1].local, atol=1e-17)
    np.testing.assert_allclose(v.local[0], (1 - np.cos(2e-3)) * np.sin(y) + 0 * x, atol=1e-11)
    np.testing.assert_allclose(v.local[1], 2e-3 * np.cos(x) + 0 * y, atol=2e-9)
    np.testing.assert_allclose(v.local[3], 2e-3, rtol=1e-12)


def test_a_force_is_given_in_three_ways() -> None:
    x, y = tp.Axis(8, 0.0, 2.0), tp.Axis(9, -1.0, 1.0, bc=tp.NoSlip())
    space = tp.Space(tp.Grid(x, y))

    def of_state(u: tp.Field, t: float, out: tp.Field) -> None:
        out.local[0] += 0.1

    states = []
    for force in ((0.1, 0.0), (lambda x, y: 0.1 + 0 * x, 0.0), of_state):
        v = space.zeros((2,))
        NavierStokes(space, 0.05, force=force).step(v, 0.01)
        states.append(v.local)
    assert states[0].max() > 5e-4
    np.testing.assert_array_equal(states[0], states[1])
    np.testing.assert_array_equal(states[0], states[2])


def test_errors_name_what_disagrees() -> None:
    wall, slip, around = tp.Axis(8, 0.0, 1.0, bc=tp.NoSlip()), tp.Axis(8, 0.0, 1.0, bc=tp.FreeSlip()), tp.Axis(8, 0, 1)
    for axes, scalar, message in (
        ((around, wall), Scalar(1.0, {0: tp.Dirichlet()}), r"axis 0.*\[1\]"),
        ((around, wall), Scalar(1.0, {1: tp.NoSlip()}), "NoSlip"),
        ((around, slip), Scalar(1.0, {1: tp.Dirichlet(1.0)}), "free-slip"),
        ((around, wall), Scalar(-1.0, name="dye"), "dye.*-1.0"),
        ((around, wall), Scalar(1.0, buoyancy=(1.0,)), "1 components, the velocity 2"),
    ):
        with pytest.raises(ValueError, match=message):
            NavierStokes(tp.Space(tp.Grid(*axes)), 1.0, scalars=[scalar])
    with pytest.raises(ValueError, match="3 components for a velocity of 2"):
        NavierStokes(tp.Space(tp.Grid(around, wall)), 1.0, force=(1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"1 scalars need lead=\(3,\)"):
        flow = NavierStokes(tp.Space(tp.Grid(around, wall)), 1.0, scalars=[Scalar(1.0)])
        flow.step(flow.space.zeros((2,)))


def digest() -> str:
    """Of the state and diagnostics after three steps with scalars, forces and bodies, on an uneven periodic grid."""
    axes = [tp.Axis(n, 0.0, 2 * np.pi) for n in (12, 10, 14)]
    ball = Penalization(lambda x, y, z: smooth_mask(np.sqrt((x - 3) ** 2 + (y - 3) ** 2 + (z - 3) ** 2) - 1.0, 0.5))
    wind = Penalization(
        lambda x, y, z: np.exp(-(x**2)) + 0 * y * z, (lambda x, y, z, t: 1 + t * np.sin(y), 0, None, 1), 1
    )
    flow = NavierStokes(
        tp.Space(tp.Grid(*axes)), 0.01, force=(lambda x, y, z, t: np.sin(z + t), 0.1, 0.0),
        scalars=[Scalar(0.02, buoyancy=(0.0, 0.0, 1.0), source=lambda x, y, z: np.sin(x))], penalizations=[ball, wind],
    )  # fmt: skip
    v = flow.space.field(lambda x, y, z: [np.sin(y) + np.cos(z), np.sin(z + x), np.cos(x), np.cos(y)], (4,))
    for k in range(3):
        flow.step(v, 0.05, 0.05 * k)
    found = flow.diagnostics(v)
    assert found["divergence"] < 1e-13
    return hashlib.sha256(v.gather().tobytes() + repr(found).encode()).hexdigest()


def check_digest(expected: str) -> None:
    assert digest() == expected


def test_bitwise_on_three_ranks() -> None:
    run_ranks(3, "pde/test_scalars.py::check_digest", digest(), timeout=180)
