"""Sides with given velocities, through which fluid may pass: orders on exact flows, divergence, refusals, ranks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.pde.cases import kovasznay
from tensorpde.stepping import RK4

NU, DRIFT = 0.05, (0.7, -0.4)


def vortex(k: int) -> Callable:
    """Component k of a decaying vortex that drifts; 2 for its vorticity, which is carried as a scalar is."""

    def values(x, y, t):
        x, y, decay = x - DRIFT[0] * t, y - DRIFT[1] * t, np.exp(-2 * NU * t)
        if k == 2:
            return 2 * decay * np.sin(x) * np.sin(y)
        return DRIFT[k] + decay * (np.sin(x) * np.cos(y) if k == 0 else -np.cos(x) * np.sin(y))

    return values


def open_box(n: int, comm: object = None) -> tuple[tp.pde.NavierStokes, tp.Field]:
    """A part of the drifting vortex, with all its sides given, moving, and its vorticity as a scalar."""
    lo, hi = (0.3, 3.4), (2.1, 5.0)
    axes, walls = [], {}
    for axis, (start, end) in enumerate(zip(lo, hi, strict=True)):
        given = [[tp.on_side(vortex(k), axis, place) for k in range(3)] for place in (start, end)]
        axes.append(tp.Axis(n + axis, start, end, bc=tuple(tp.NoSlip(tuple(side[:2])) for side in given)))
        walls[axis] = tuple(tp.Dirichlet(side[2]) for side in given)
    omega = tp.pde.Scalar(NU, walls, name="vorticity")
    space = tp.Space(tp.Grid(*axes), comm)
    flow = tp.pde.NavierStokes(space, NU, tableau=RK4, scalars=[omega])
    state = space.field(lambda x, y: [vortex(k)(x, y, 0.0) for k in range(3)], lead=(3,))
    return flow, flow.project(state)


def after(flow: tp.pde.NavierStokes, state: tp.Field, steps: int, end: float) -> tp.Field:
    for k in range(steps):
        flow.step(state, end / steps, k * end / steps)
    return state


def test_moving_sides_let_a_vortex_and_its_vorticity_pass() -> None:
    errors = []
    for n, steps in ((10, 30), (20, 120)):
        flow, state = open_box(n)
        after(flow, state, steps, 0.4)
        exact = flow.space.field(lambda x, y: [vortex(k)(x, y, 0.4) for k in range(3)], lead=(3,))
        errors.append([np.abs(part.local).max() for part in state - exact])
        assert flow.diagnostics(state, 0.4)["divergence"] < 1e-12
    orders = np.log2(np.array(errors[0]) / errors[1])
    assert np.max(errors[1]) < 1e-4 and orders.min() > 3.0, (errors, orders)
    assert np.abs(flow.vorticity(state, 0.4).local - exact[2].local).max() < 1e-2


def check_ranks() -> None:
    values = []
    for comm in (tp.parallel.alone(), None):
        flow, state = open_box(9, comm)
        values.append(after(flow, state, 5, 0.1).gather())
    np.testing.assert_allclose(values[1], values[0], rtol=0, atol=1e-13)


def test_on_ranks() -> None:
    run_ranks(3, "pde/test_given_sides.py::check_ranks", timeout=200)


def steady_error(n: int) -> float:
    """Largest error of Kovasznay's flow, started from it, in a box whose sides cut its cells anywhere."""
    u, v = kovasznay(40.0)
    sides = []
    for axis, ends in enumerate([(-0.5, 1.0), (-0.3, 0.6)]):
        walls = (tp.NoSlip((tp.on_side(u, axis, place), tp.on_side(v, axis, place))) for place in ends)
        sides.append(tp.Axis(n, *ends, bc=tuple(walls)))
    space = tp.Space(tp.Grid(*sides))
    flow = tp.pde.NavierStokes(space, 1 / 40.0, cfl=0.9)
    exact = space.field(lambda x, y: [u(x, y), v(x, y)], lead=(2,))
    state, t = flow.project(exact.copy()), 0.0
    while t < 2.0:
        dt = flow.dt(state)
        flow.step(state, dt, t)
        t += dt
    assert flow.diagnostics(state)["divergence"] < 1e-12
    error = state - exact
    return max(error.max(), -error.min())


def test_kovasznay_flow_through_all_sides() -> None:
    coarse, fine = steady_error(12), steady_error(24)
    assert fine < 2e-4 and np.log(coarse / fine) / np.log(25 / 13) > 3.8, (coarse, fine)


@pytest.mark.parametrize("mapping", [tp.Uniform(), tp.Tanh(1.2)], ids=["uniform", "stretched"])
def test_divergence_is_at_round_off_in_three_dimensions(mapping: object) -> None:
    """A jet through a box, swinging, with one axis periodic and one between free-slip walls."""

    def jet(y, z, t):
        return np.sin(y) * (1 + 0.5 * np.cos(z + t))

    through = tp.NoSlip((jet, 0.0, lambda y, z: 0.1 * np.sin(2 * y) + 0 * z))
    axes = [
        tp.Axis(9, 0.0, 1.0, bc=(through, through), mapping=mapping),
        tp.Axis(8, 0.0, np.pi, bc=tp.FreeSlip(), location="cells"),
        tp.Axis(8, 0.0, 2 * np.pi),
    ]
    flow = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU)
    state = flow.space.field(np.random.default_rng(1).standard_normal((3, *flow.space.shape)))
    before = flow.diagnostics(state)["divergence"]
    flow.project(state)
    for k in range(3):
        flow.step(state, 0.01, 0.01 * k)
        assert flow.diagnostics(state, 0.01 * (k + 1))["divergence"] < 1e-12 * before


def test_a_uniform_stream_stays() -> None:
    stream = tp.NoSlip((1.0, -0.5))
    axis = tp.Axis(9, 0.0, 1.0, bc=stream)
    flow = tp.pde.NavierStokes(tp.Space(tp.Grid(axis, axis)), NU)
    state = after(flow, flow.space.field(lambda x, y: [1.0 + 0 * x * y, -0.5], lead=(2,)), 10, 0.1)
    np.testing.assert_allclose(state.gather() - np.reshape([1.0, -0.5], (2, 1, 1)), 0.0, atol=1e-13)


def test_what_cannot_be_is_refused() -> None:
    axis = tp.Axis(8, 0.0, 1.0, bc=(tp.NoSlip((1.0, 0.0)), tp.NoSlip((0.5, 0.0))))
    space = tp.Space(tp.Grid(axis, tp.Axis(8, 0.0, 1.0)))
    with pytest.raises(ValueError, match=r"at t = 0 1 flows in through the sides and 0.5 out"):
        tp.pde.NavierStokes(space, NU)
    space = space.like(axis=0, bc=tp.NoSlip((1.0, 0.0)))
    with pytest.raises(ValueError, match=r"dye, axis 0: Neumann.* where fluid passes through.*give Dirichlet"):
        tp.pde.NavierStokes(space, NU, scalars=[tp.pde.Scalar(NU, name="dye")])


def test_steady_data_need_no_time() -> None:
    """A function of the other coordinates alone is the same as one that ignores t: in operators and flows."""
    fields = []
    for data in (lambda y: np.sin(np.pi * y), lambda y, t: np.sin(np.pi * y)):
        axes = tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet(data)), tp.Axis(9, 0.0, 1.0, bc=tp.Dirichlet())
        L = tp.laplacian(tp.Space(tp.Grid(*axes)))
        u = tp.DouglasGunn(L, dt=0.1)(L.domain.zeros(), t=0.0)
        fields.append([L.lifting(0.3).local, u.local])
    for one, other in zip(*fields, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-14)
    assert np.abs(fields[0][0]).max() > 1
