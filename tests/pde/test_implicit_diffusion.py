"""Flows with implicit diffusion along some axes, and the constant mass flux."""

from __future__ import annotations

import tracemalloc
from functools import cache

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.stepping import SPALART_MOSER_ROGERS as METHOD
from tensorpde.stepping import WILLIAMSON_RK3

NU = 0.05
WALL = tp.Axis(13, -1.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(1.5))
LID = (tp.NoSlip(), tp.NoSlip((0.5, 0.0)))
BOXES = {
    "channel": [tp.Axis(8, 0.0, 2 * np.pi), WALL],
    "cavity": [WALL.like(n=10), WALL.like(bc=LID)],
    "half a channel": [tp.Axis(7, 0.0, 2 * np.pi), WALL.like(bc=(tp.NoSlip(), tp.FreeSlip()))],
    "planes of symmetry": [tp.Axis(8, 0.0, 2 * np.pi), WALL.like(bc=tp.FreeSlip())],
    "three axes": [tp.Axis(6, 0.0, 2 * np.pi), WALL, tp.Axis(9, 0.0, 2.0)],
}


def flow(box: str, implicit: tuple[int, ...], **options: object) -> tp.pde.NavierStokes:
    return tp.pde.NavierStokes(tp.Space(tp.Grid(*BOXES[box])), NU, implicit=implicit, **options)


def start(solver: tp.pde.NavierStokes) -> tp.Field:
    draw = np.random.default_rng(1)
    return solver.space.field(0.03 * draw.standard_normal((solver.components, *solver.space.shape)))


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("implicit", [(1,), (0, 1)])
def test_divergence_is_at_round_off_and_stiff_modes_decay(box: str, implicit: tuple[int, ...]) -> None:
    solver, explicit = flow(box, implicit), flow(box, ())
    u = start(solver)
    before = solver.diagnostics(u)["divergence"]
    solver.project(u)
    energy, dt = solver.diagnostics(u)["energy"], solver.dt(u)
    assert dt > 2 * explicit.dt(u)
    for _ in range(5):
        solver.step(u, dt)
        assert solver.diagnostics(u)["divergence"] < 1e-12 * before
    assert solver.diagnostics(u)["energy"] < (0.02 if box == "cavity" else energy)  # a lid drives


def smooth(solver: tp.pde.NavierStokes) -> tp.Field:
    def values(x: np.ndarray, y: np.ndarray) -> list:
        vortex = [(1 - y**2) * (1 + 0.3 * np.sin(x)), 0.2 * np.cos(x) * (1 - y**2) ** 2]
        return [*vortex, np.sin(x) * (1 - y**2)][: solver.components]

    return solver.project(solver.space.field(values, lead=(solver.components,)))


@cache
def reference() -> np.ndarray:
    """The explicit method with steps so small that the implicit ones' errors stand out."""
    solver = flow("channel", (), scalars=[HEAT])
    u = smooth(solver)
    for _ in range(60):
        solver.step(u, 0.4 / 60)
    return u.gather()


HEAT = tp.pde.Scalar(2 * NU, walls={1: (tp.Dirichlet(0.3), tp.Neumann(0.0))}, buoyancy=(0.0, 1.0))


@pytest.mark.parametrize("implicit", [(1,), (0, 1)])
def test_second_order_in_time_of_velocity_and_scalar(implicit: tuple[int, ...]) -> None:
    """Walls and pressure cost no order: both are solved for together, stage by stage."""
    errors = []
    for steps in (6, 12):
        solver = flow("channel", implicit, scalars=[HEAT])
        u = smooth(solver)
        for _ in range(steps):
            solver.step(u, 0.4 / steps)
        errors.append([np.linalg.norm(part) for part in u.gather() - reference()])
    orders = np.log2(np.array(errors[0]) / errors[1])
    assert np.all(orders > 1.8), (errors, orders)
    assert max(errors[1]) < 1e-4 * np.linalg.norm(reference())


def matrix(operator: tp.Kron) -> np.ndarray:
    factors = [operator.factors.get(k) for k in range(operator.domain.ndim)]
    lines = [np.eye(n) if f is None else f.matrix() for f, n in zip(factors, operator.domain.shape, strict=True)]
    return operator.coefficient * np.kron(*lines)


def test_a_step_solves_the_assembled_saddle_point_problem() -> None:
    """Each stage: (I − β Δt A)(u⁺ − u) + G p = Δt (rate), D u⁺ = 0, by dense matrices of the same operators."""
    solver, dt = flow("channel", (1,)), 0.4
    second = solver.schemes.second
    A = NU * matrix(tp.derivative(solver.space, 1, second, bc=tp.Dirichlet()))
    down = np.hstack([matrix(d) for d in solver.projection.divergence])
    up = np.vstack([matrix(g) for g in solver.projection.gradient])
    u = smooth(solver)
    v, before, n = u.gather().ravel(), 0.0, len(A)
    diffusion = np.kron(np.eye(2), A)
    for gamma, zeta, beta in zip(METHOD.gamma, METHOD.zeta, METHOD.beta, strict=True):
        state = solver.space.field(v.reshape(2, *solver.space.shape), lead=(2,))
        rest = solver.slope(state, 0.0, state.copy()).gather().ravel() - diffusion @ v
        rate = gamma * rest + zeta * before + (gamma + zeta) * diffusion @ v
        implicit = np.eye(2 * n) - beta * dt * diffusion
        saddle = np.block([[implicit, up], [down, np.zeros((len(down), len(down)))]])
        right = np.concatenate([implicit @ v + dt * rate, np.zeros(len(down))])
        v, before = np.linalg.lstsq(saddle, right)[0][: 2 * n], rest
    solver.step(u, dt)
    np.testing.assert_allclose(u.gather().ravel(), v, atol=1e-11)


@pytest.mark.parametrize("implicit", [(), (1,)])
def test_constant_flux(implicit: tuple[int, ...]) -> None:
    """The mean is what it is told to be after every step, and friction's force is found."""
    flux = tp.pde.ConstantFlux(0.7)
    solver = flow("channel", implicit, force=flux)
    u = smooth(solver)
    for _ in range(5):
        solver.step(u)
        assert u[0].mean() == pytest.approx(0.7, rel=1e-14)
        assert solver.diagnostics(u)["divergence"] < 1e-13
    assert flux.force == pytest.approx(2 * NU, rel=0.5)


def test_laminar_limit() -> None:
    """A disturbed flow of constant flux becomes the parabola, whose force is 2ν."""
    flux = tp.pde.ConstantFlux(2 / 3)
    solver = flow("channel", (1,), force=flux)
    u, y = smooth(solver), WALL.x
    flux.mean = solver.space.field(lambda x, y: (1 - y**2) + 0 * x).mean()
    for _ in range(200):
        solver.step(u, 0.3)
    np.testing.assert_allclose(u[0].gather(), np.broadcast_to(1 - y**2, (8, len(y))), atol=1e-4)
    assert flux.force == pytest.approx(2 * NU, rel=1e-4)


def test_budgets_see_the_whole_slope() -> None:
    """`slope` counts implicit diffusion too."""
    ours, theirs = flow("channel", (1,)), flow("channel", ())
    u = smooth(ours)
    ours, theirs = (solver.slope(u, 0.0, u.copy()) for solver in (ours, theirs))
    assert (ours - theirs).norm() < 1e-13 * theirs.norm()


def test_errors_name_what_disagrees() -> None:
    with pytest.raises(ValueError, match="Williamson RK3 is explicit"):
        flow("channel", (1,), tableau=WILLIAMSON_RK3)
    with pytest.raises(ValueError, match="implicit="):
        flow("channel", (), tableau=METHOD)
    with pytest.raises(ValueError, match=r"along \(2,\), but there are 2 axes"):
        flow("channel", (2,))
    with pytest.raises(ValueError, match="not axis 1"):
        flow("channel", (1,), force=tp.pde.ConstantFlux(1.0, axis=1))


def advanced(process_grid: tuple[int, int] | None = None) -> tp.Field:
    space = tp.Space(tp.Grid(*BOXES["three axes"]), process_grid=process_grid)
    solver = tp.pde.NavierStokes(space, NU, implicit=(1,), force=tp.pde.ConstantFlux(0.5))
    u = solver.project(start(solver))
    for _ in range(3):
        solver.step(u, 0.05)
    assert solver.diagnostics(u)["divergence"] < 1e-12
    return u


def check_ranks(total: float, some: list[float]) -> None:
    """Dense modes along the walls: the same to round-off on any ranks, be the implicit axis whole or cut."""
    for process_grid in ((4, 1), (2, 2)):
        u = advanced(process_grid)
        assert u.norm() == pytest.approx(total, rel=1e-12)
        np.testing.assert_allclose(u.gather()[:, 3, 5, :].ravel(), some, rtol=0, atol=1e-12)


def test_the_same_on_any_number_of_ranks() -> None:
    u = advanced()
    some = u.gather()[:, 3, 5, :].ravel().tolist()
    run_ranks(4, "pde/test_implicit_diffusion.py::check_ranks", u.norm(), some, timeout=180)


def test_later_steps_of_one_length_allocate_less_than_two_arrays() -> None:
    axes = [tp.Axis(32, 0.0, 3.0), WALL.like(n=17), tp.Axis(32, 0.0, 1.0)]
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU, implicit=(1,), force=tp.pde.ConstantFlux(0.5))
    u = solver.project(tp.pde.cases.disturbed_channel(solver.space))
    for _ in range(2):
        solver.step(u, 0.02)
    tracemalloc.start()
    solver.step(u, 0.02)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * u[0].local.nbytes
