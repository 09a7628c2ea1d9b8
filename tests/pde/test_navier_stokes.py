"""Navier–Stokes: orders on exact solutions, conservation, divergence, the same bits on any number of ranks."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.parallel.reduce import dot
from tensorpde.pde.cases import taylor_green, taylor_green_2d
from tensorpde.stepping import RK4

NU = 0.05


def flow(
    n: int, bc: object, ndim: int = 3, length: float = 2 * np.pi, nu: float = NU, **axis: object
) -> tp.pde.NavierStokes:
    line = tp.Axis(n, 0.0, length, bc=bc, **axis)
    return tp.pde.NavierStokes(tp.Space(tp.Grid(*[line] * ndim)), nu)


def advected(n: int) -> float:
    """Relative error of the decaying vortex carried across the grid, at t = 0.5; the time step is negligible."""
    line = tp.Axis(n, 0.0, 2 * np.pi)
    space = tp.Space(tp.Grid(line, line))
    solver = tp.pde.NavierStokes(space, NU, tableau=RK4)
    drift = (0.7, -0.4)
    u = solver.project(taylor_green_2d(space, NU, 0.0, drift=drift))
    for _ in range(40):
        solver.step(u, 0.5 / 40)
    exact = taylor_green_2d(space, NU, 0.5, drift=drift)
    return (u - exact).norm() / exact.norm()


def test_advected_vortex_is_of_sixth_order() -> None:
    errors = [advected(n) for n in (12, 18, 24)]
    orders = [np.log(a / b) / np.log(m / n) for a, b, m, n in zip(errors, errors[1:], (18, 24), (12, 18), strict=False)]
    assert min(orders) > 5.6, (errors, orders)


def test_decaying_vortex() -> None:
    solver = flow(32, tp.Periodic(), ndim=2)
    u = taylor_green(solver.space)
    for k in range(50):
        solver.step(u, 0.02, 0.02 * k)
    exact = taylor_green_2d(solver.space, NU, 1.0)
    assert (u - exact).norm() < 3e-9 * exact.norm()


BOXES = [
    (8, tp.Periodic(), {}),
    (9, tp.Periodic(), {}),
    (9, tp.FreeSlip(), {}),
    (9, tp.FreeSlip(), {"mapping": tp.Tanh(1.0)}),
    (8, tp.FreeSlip(), {"location": "cells"}),
    (9, tp.NoSlip(), {}),
    (9, (tp.NoSlip(), tp.FreeSlip()), {}),
    (11, tp.NoSlip(), {"mapping": tp.Tanh(1.5)}),
]


@pytest.mark.parametrize(("n", "bc", "axis"), BOXES, ids=lambda value: str(value))
@pytest.mark.parametrize("ndim", [2, 3])
def test_divergence_is_at_round_off(n: int, bc: object, axis: dict, ndim: int) -> None:
    solver = flow(n, bc, ndim, np.pi, **axis)
    draw = np.random.default_rng(1)
    u = solver.space.field(draw.standard_normal((ndim, *solver.space.shape)))
    before = solver.diagnostics(u)["divergence"]
    solver.project(u)
    assert solver.diagnostics(u)["divergence"] < 1e-12 * before
    for _ in range(3):
        solver.step(u)
        assert solver.diagnostics(u)["divergence"] < 1e-12 * before


@pytest.mark.parametrize("n", [8, 9])
def test_convection_conserves_energy_even_of_a_field_with_divergence(n: int) -> None:
    solver = flow(n, tp.Periodic(), nu=0.0)
    draw = np.random.default_rng(2)
    u = solver.space.field(draw.standard_normal((3, n, n, n)))
    slope = solver.slope(u, 0.0, u.copy())
    assert abs(u.dot(slope)) < 1e-13 * u.norm() * slope.norm()
    solver.project(u)
    solver.project(solver.slope(u, 0.0, slope))
    assert abs(u.dot(slope)) < 1e-13 * u.norm() * slope.norm()


def test_free_slip_box_is_an_eighth_of_the_periodic_one() -> None:
    whole = flow(16, tp.Periodic(), nu=0.01, location="cells")
    eighth = flow(8, tp.FreeSlip(), length=np.pi, nu=0.01, location="cells")
    u, v = taylor_green(whole.space), taylor_green(eighth.space)
    for _ in range(10):
        whole.step(u, 0.05)
        eighth.step(v, 0.05)
    np.testing.assert_allclose(v.local, u.local[:, :8, :8, :8], atol=1e-13)


def test_projection_is_orthogonal_and_idempotent() -> None:
    solver = flow(8, tp.Periodic())
    draw = np.random.default_rng(4)
    u = solver.space.field(draw.standard_normal((3, 8, 8, 8)))
    once = solver.project(u.copy())
    assert abs((u - once).dot(once)) < 1e-12 * u.dot(u)
    assert (solver.project(once.copy()) - once).norm() < 1e-13 * u.norm()


LID = (tp.NoSlip(), tp.NoSlip((1.0, 0.0)))
LIDS = {
    "cavity": [(9, tp.NoSlip(), {}), (11, LID, {})],
    "stretched cavity": [(9, tp.NoSlip(), {}), (12, LID, {"mapping": tp.Tanh(1.5)})],
    "two lids": [(8, tp.NoSlip((0.0, -0.5)), {}), (9, LID, {})],
    "between planes of symmetry": [(9, tp.FreeSlip(), {}), (10, LID, {})],
    "channel": [(8, tp.Periodic(), {}), (11, LID, {})],
    "box": [(9, tp.NoSlip(), {}), (11, (tp.NoSlip((0, 0, 0.4)), tp.NoSlip((1.0, 0, 0.3))), {}), (8, tp.NoSlip(), {})],
}


@pytest.mark.parametrize("name", LIDS)
def test_divergence_is_at_round_off_with_moving_lids(name: str) -> None:
    axes = [tp.Axis(n, 0.0, 1.0, bc=bc, **options) for n, bc, options in LIDS[name]]
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU)
    draw = np.random.default_rng(1)
    u = solver.space.field(draw.standard_normal((len(axes), *solver.space.shape)))
    before = solver.diagnostics(u)["divergence"]
    solver.project(u)
    for _ in range(3):
        assert solver.diagnostics(u)["divergence"] < 1e-12 * before
        solver.step(u)


def test_a_lid_drives_the_fluid_and_mass_is_kept() -> None:
    """Reynolds number 20 from rest to t = 1: a vortex, and no net flux through any upright section."""
    axes = [tp.Axis(n, 0.0, 1.0, bc=bc, **options) for n, bc, options in LIDS["cavity"]]
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU)
    u = solver.space.zeros(lead=(2,))
    for _ in range(50):
        solver.step(u, 0.02)
    along = u[0].gather()
    assert 0.4 < along[4, -1] < 1.0 and -0.25 < along[4].min() < -0.15
    y = np.concatenate([[0.0], axes[1].x, [1.0]])
    profile = np.pad(along, [(0, 0), (1, 1)], constant_values=((0, 0), (0, 1.0)))
    assert np.abs(np.trapezoid(profile, y, axis=1)).max() < 0.1 * np.trapezoid(np.abs(profile[4]), y)


@pytest.mark.parametrize(
    ("mapping", "tolerance"), [(tp.Uniform(), 1e-10), (tp.Tanh(1.2), 2e-3)], ids=["uniform", "stretched"]
)
@pytest.mark.parametrize("ndim", [2, 3])
def test_couette_flow_is_steady(ndim: int, mapping: tp.Uniform, tolerance: float) -> None:
    """Between walls that move along themselves u = y stays, with vorticity −1 (in three dimensions along z).

    On a stretched axis the first derivative is exact for linear functions of ξ only; the second one is exact.
    """
    walls = (tp.NoSlip((-1.0,) + (0.0,) * (ndim - 1)), tp.NoSlip((1.0,) + (0.0,) * (ndim - 1)))
    axes = [tp.Axis(8, 0.0, 2.0), tp.Axis(11, -1.0, 1.0, bc=walls, mapping=mapping), tp.Axis(8, 0.0, 1.0)][:ndim]
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU)
    u = solver.space.field(lambda *x: [x[1] + 0 * x[0], *[0.0] * (ndim - 1)], lead=(ndim,))
    start = u.copy()
    for _ in range(10):
        solver.step(u)
    assert (u - start).norm() < 1e-12 * start.norm()
    vorticity = solver.vorticity(u)
    np.testing.assert_allclose((vorticity if ndim == 2 else vorticity[2]).gather(), -1.0, rtol=0, atol=tolerance)
    assert solver.diagnostics(u)["enstrophy"] == pytest.approx(0.5, rel=5e-3)


def test_poiseuille_flow_is_steady() -> None:
    """Between no-slip walls a constant force keeps the parabola u = ½ f/ν (1 − y²)."""
    x = tp.Axis(8, 0.0, 2.0)
    y = tp.Axis(15, -1.0, 1.0, bc=tp.NoSlip())
    space = tp.Space(tp.Grid(x, y))

    def force(u: tp.Field, t: float, out: tp.Field) -> None:
        out.local[0] += 2 * NU

    solver = tp.pde.NavierStokes(space, NU, force=force)
    u = space.field(lambda x, y: [1 - y**2 + 0 * x, 0.0], lead=(2,))
    start = u.copy()
    for _ in range(20):
        solver.step(u)
    assert (u - start).norm() < 1e-12 * start.norm()


def test_dissipation_two_ways() -> None:
    solver = flow(24, tp.Periodic())
    found = solver.diagnostics(taylor_green(solver.space))
    assert found["energy"] == pytest.approx(0.125, rel=1e-13)
    assert found["dissipation"] == pytest.approx(NU * 0.75, rel=1e-5)
    assert found["dissipation_vorticity"] == pytest.approx(NU * 0.75, rel=1e-5)
    assert found["enstrophy"] == pytest.approx(0.375, rel=1e-5)


def test_vorticity_and_q_criterion_of_the_vortex() -> None:
    solver = flow(32, tp.Periodic())
    x, y, z = solver.space.coordinates()
    u = taylor_green(solver.space)
    omega, q = solver.vorticity(u), solver.q_criterion(u)
    exact = [
        -np.cos(x) * np.sin(y) * np.sin(z),
        -np.sin(x) * np.cos(y) * np.sin(z),
        2 * np.sin(x) * np.sin(y) * np.cos(z),
    ]
    np.testing.assert_allclose(omega.local, np.stack(exact), atol=1e-6)
    gradient = u.space.zeros()
    for i in range(3):
        for j in range(3):
            gradient -= 0.5 * (
                tp.derivative(u.space, j, tp.schemes.lele1992.first_derivative) @ u[i]
            ) * (tp.derivative(u.space, i, tp.schemes.lele1992.first_derivative) @ u[j])  # fmt: skip
    np.testing.assert_allclose(q.local, gradient.local, atol=1e-14)


def test_errors_name_what_disagrees() -> None:
    solver = flow(8, tp.Periodic())
    with pytest.raises(ValueError, match=r"lead=\(3,\)"):
        solver.step(solver.space.zeros(lead=(2,)))
    with pytest.raises(ValueError, match="-1"):
        flow(8, tp.Periodic(), nu=-1.0)
    with pytest.raises(ValueError, match="Neumann"):
        flow(8, tp.Neumann())
    with pytest.raises(ValueError, match='free-slip walls needs location="nodes"'):
        flow(8, tp.FreeSlip(), location="cells", mapping=tp.Tanh(1.0))


def digest() -> str:
    """Of velocity and diagnostics after three steps of a flow without symmetries, on an uneven grid."""
    axes = [tp.Axis(n, 0.0, 2 * np.pi) for n in (12, 10, 14)]
    space = tp.Space(tp.Grid(*axes))
    solver = tp.pde.NavierStokes(space, 0.01)
    u = solver.project(
        space.field(
            lambda x, y, z: [np.sin(y) + np.cos(z) + np.sin(x + 2 * y), np.sin(z + x), np.cos(x) * np.sin(y)], (3,)
        )
    )
    for _ in range(3):
        solver.step(u)
    found = solver.diagnostics(u)
    total = dot(u.pencil, u.local, u.local)
    return hashlib.sha256(u.gather().tobytes() + repr((found, total.tolist())).encode()).hexdigest()


def check_digest(expected: str) -> None:
    assert digest() == expected


def check_cavity(expected: float) -> None:
    """Dense modes between no-slip walls: the same to round-off on any ranks, with the lid's share of the divergence."""
    axes = [tp.Axis(n, 0.0, 1.0, bc=bc, **options) for n, bc, options in LIDS["box"]]
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU)
    u = solver.space.zeros(lead=(3,))
    for _ in range(3):
        solver.step(u, 0.02)
    assert solver.diagnostics(u)["divergence"] < 1e-12
    assert u.norm() == pytest.approx(expected, rel=1e-12)


def test_a_cavity_on_several_ranks() -> None:
    axes = [tp.Axis(n, 0.0, 1.0, bc=bc, **options) for n, bc, options in LIDS["box"]]
    solver = tp.pde.NavierStokes(tp.Space(tp.Grid(*axes)), NU)
    u = solver.space.zeros(lead=(3,))
    for _ in range(3):
        solver.step(u, 0.02)
    check_cavity(u.norm())
    run_ranks(3, "pde/test_navier_stokes.py::check_cavity", u.norm(), timeout=180)


@pytest.mark.parametrize("ranks", [2, 3, 4, 6])
def test_bitwise_on_any_number_of_ranks(ranks: int) -> None:
    run_ranks(ranks, "pde/test_navier_stokes.py::check_digest", digest(), timeout=180)
