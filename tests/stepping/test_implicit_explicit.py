"""Steps implicit in a linear part: orders, one step beside the assembled matrices, stiffness, what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import tensorpde as tp
from tensorpde.stepping import SPALART_MOSER_ROGERS as METHOD
from tensorpde.stepping import ImplicitExplicit

LINE = tp.Axis(9, 0.0, 1.0, bc=tp.Dirichlet(), mapping=tp.Tanh(1.0))
PLANE = tp.Space(tp.Grid(LINE, tp.Axis(7, 0.0, 2.0)))


def nonlinear(u: tp.Field, t: float, out: tp.Field) -> None:
    out.local[...] = u.local * np.cos(t) - u.local**2


def advanced(L: object, u: tp.Field, steps: int, end: float = 1.0) -> tp.Field:
    advance = ImplicitExplicit(nonlinear, L)
    for k in range(steps):
        advance(u, k * end / steps, end / steps)
    return u


def start() -> tp.Field:
    return PLANE.field(lambda x, y: np.sin(np.pi * x) * (1 + 0.3 * np.cos(np.pi * y)))


@pytest.mark.parametrize(("factor", "order"), [(0.0, 3), (0.02, 2)])
def test_order(factor: float, order: int) -> None:
    """Of third order in the explicit part, of second in all, on one axis or split over two."""
    for L in (factor * tp.derivative(PLANE, 0, tp.schemes.lele1992.second_derivative), factor * tp.laplacian(PLANE)):
        coarse, middle, fine = (advanced(L, start(), steps) for steps in (10, 20, 40))
        assert np.log2((coarse - middle).norm() / (middle - fine).norm()) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("dtype", ["float64", "float32", "complex128"])
def test_one_step_beside_the_assembled_matrices(dtype: str) -> None:
    """Two components with operators of their own, one with data on a wall."""
    space = PLANE.like(dtype=dtype)
    held = space.like(axis=0, bc=(tp.Dirichlet(0.5), tp.Dirichlet()))
    second = tp.derivative(space, 0, tp.schemes.lele1992.second_derivative)
    parts = [0.3 * tp.derivative(held, 0, tp.schemes.lele1992.second_derivative), 0.1 * second]
    whole = np.random.default_rng(3).standard_normal((2, *space.shape))
    u, dt = space.field(whole, lead=(2,)), 0.7
    ImplicitExplicit(nonlinear, parts)(u, 0.2, dt)
    rows = []
    for i, L in enumerate(parts):
        (line,) = [sp.csr_array(factor.matrix()) for factor in L.factors.values()]
        A = L.coefficient * sp.kron(line, sp.eye_array(space.shape[1])).toarray()
        data, v, before = L.lifting().gather().real.ravel(), whole[i].ravel(), 0.0
        for gamma, zeta, beta, c in zip(METHOD.gamma, METHOD.zeta, METHOD.beta, METHOD.c, strict=True):
            slope = v * np.cos(0.2 + c * dt) - v**2
            rate = gamma * slope + zeta * before + (gamma + zeta) * (A @ v + data)
            v, before = v + dt * np.linalg.solve(np.eye(len(A)) - beta * dt * A, rate), slope
        rows.append(v.reshape(space.shape))
    tolerance = 3e-5 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(u.gather(), np.stack(rows), atol=tolerance)


def test_stiff_modes_decay_at_any_step() -> None:
    """The step is far beyond the explicit limit; alone, L takes the solution to what its data hold."""
    L = tp.laplacian(tp.Space(tp.Grid(LINE.like(bc=(tp.Dirichlet(1.0), tp.Dirichlet(1.0))), LINE)))
    u = L.domain.field(np.random.default_rng(1).standard_normal(L.domain.shape))
    advance = ImplicitExplicit(lambda u, t, out: out.local.fill(0.0), L)
    for k in range(60):
        advance(u, 0.5 * k, 0.5)
    exact = tp.FastDiagonal(L).solve(L.domain.zeros())
    assert (u - exact).norm() < 1e-5 * exact.norm()


def test_stages_and_constraint() -> None:
    """The constraint is made once for each stage and Δt, and sees the ends of the stages; spans add up to Δt."""
    made, times = [], []

    def constraint(stage: object) -> object:
        made.append(stage.span)
        return lambda u, t: times.append(t)

    advance = ImplicitExplicit(nonlinear, 0.01 * tp.laplacian(PLANE), constraint=constraint)
    u = start()
    for k in range(2):
        advance(u, 0.3 * k, 0.3)
    assert len(made) == 3 and sum(made) == pytest.approx(0.3)
    assert times == pytest.approx([0.16, 0.2, 0.3, 0.46, 0.5, 0.6])


def test_what_cannot_be_implicit_is_refused() -> None:
    with pytest.raises(ValueError, match="several axes at once"):
        ImplicitExplicit(nonlinear, tp.mixed_derivative(PLANE, (0, 1)))
    moving = PLANE.like(axis=0, bc=(tp.Dirichlet(lambda y, t: t + 0 * y), tp.Dirichlet()))
    with pytest.raises(ValueError, match="must be steady"):
        ImplicitExplicit(nonlinear, tp.laplacian(moving))
