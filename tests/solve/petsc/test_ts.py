"""Implicit steps of PETSc on the heat equation: its orders, its systems solved at once, its errors."""

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.solve import NotConverged
from tensorpde.solve.petsc import ImplicitSteps

pytest.importorskip("petsc4py")


def exact(x, y, t):
    return np.exp(-(x + y)) * np.cos(x + y - 4 * t)


def box(n):
    sides = [
        (tp.Dirichlet(lambda y, t: exact(0.0, y, t)), tp.Dirichlet(lambda y, t: exact(1.0, y, t))),
        (tp.Dirichlet(lambda x, t: exact(x, 0.0, t)), tp.Dirichlet(lambda x, t: exact(x, 1.0, t))),
    ]
    return tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0, bc=bc) for bc in sides)))


@pytest.mark.parametrize(("method", "order"), [("beuler", 1), ("cn", 2)])
def test_the_heat_driver_in_its_order(method, order):
    """With boundary data that change in time."""
    space = box(20)
    errors = []
    for steps in (8, 16):
        heat = tp.pde.Heat(space, 1.0, 0.4 / steps, method=lambda L, dt: ImplicitSteps(L, dt, method))
        u = space.field(lambda x, y: exact(x, y, 0.0))
        for k in range(steps):
            u = heat.step(u, k * 0.4 / steps)
        errors.append((u - space.field(lambda x, y: exact(x, y, 0.4))).norm())
    assert order - 0.15 < np.log2(errors[0] / errors[1]) < order + 0.2


def test_a_step_is_the_formula():
    axis = tp.Axis(9, 0.0, 1.0, bc=tp.Dirichlet())
    space = tp.Space(tp.Grid(axis, axis.like(n=6)))
    L = tp.laplacian(space)
    u = space.field(np.random.default_rng(0).standard_normal(space.shape))
    stepped = ImplicitSteps(L, 0.02, "beuler")(u.copy(), 0.5, source=lambda x, y, t: x + t)
    right = u + 0.02 * space.field(lambda x, y: x + 0.52)
    wanted = tp.FastDiagonal(-0.02 * L, shift=-1.0).solve(right)
    assert (stepped - wanted).norm() < 1e-9 * wanted.norm()


def test_a_coefficient_that_does_not_separate_and_one_that_changes():
    axis = tp.Axis(15, 0.0, 1.0, bc=tp.Dirichlet())
    space = tp.Space(tp.Grid(axis, axis))
    L = tp.diffusion(space, lambda x, y: 1 + 0.5 * np.sin(3 * x * y))
    plain = tp.laplacian(space)
    step = ImplicitSteps(L, 0.01, P=lambda L, sigma: tp.FastDiagonal(-1.0 * plain, shift=-sigma))
    u = space.field(lambda x, y: x * (1 - x) * y)
    found = step(u.copy())
    one = np.eye(225)
    A = np.stack([(L @ space.field(e.reshape(15, 15))).gather().ravel() for e in one], axis=1)
    wanted = np.linalg.solve(one - 0.005 * A, (one + 0.005 * A) @ u.gather().ravel())
    np.testing.assert_allclose(found.gather().ravel(), wanted, atol=1e-9)
    changing = ImplicitSteps(lambda t: (1 + t) * plain, 0.01, "beuler")(u.copy(), 1.0)
    assert (changing - tp.FastDiagonal(-0.01 * 2.01 * plain, shift=-1.0).solve(u)).norm() < 1e-9


def test_what_fails_says_why():
    axis = tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet())
    space = tp.Space(axis)
    weak = tp.Space(axis.like(basis=tp.Lagrange(1)))
    with pytest.raises(ValueError, match="is a weak form"):
        ImplicitSteps(tp.stiffness(weak), 0.1)
    step = ImplicitSteps(tp.laplacian(space), 0.1, P=lambda L, s: tp.laplacian(space),
                         linear=tp.solve.Settings("gmres", rtol=1e-10, limit=2))  # fmt: skip
    with pytest.raises(NotConverged, match="DIVERGED_MAX_IT"):
        step(space.field(1.0))


COMMAND_LINE = """
import numpy as np, tensorpde as tp
axis = tp.Axis(10, 0.0, np.pi, bc=tp.Dirichlet())
space = tp.Space(tp.Grid(axis, axis))
heat = tp.pde.Heat(space, 1.0, 0.1, tp.schemes.central.second_derivative, method=tp.solve.petsc.ImplicitSteps)
u = heat.step(space.field(lambda x, y: np.sin(x) * np.sin(y)), 0.0)
found = u.norm() / space.field(lambda x, y: np.sin(x) * np.sin(y)).norm()
if space.comm.rank == 0:
    print("factor", found)
"""


def test_options_and_monitor_under_mpirun():
    out = run_ranks(2, COMMAND_LINE, "-ts_type", "beuler", "-ts_monitor").stdout
    assert "TS dt 0.1 time 0.1" in out
    eigenvalue = 8 * (11 / np.pi) ** 2 * np.sin(np.pi / 22) ** 2
    heat = float(out.split("factor ")[1].split()[0])
    assert heat == pytest.approx(1 / (1 + 0.1 * eigenvalue), rel=1e-9)
