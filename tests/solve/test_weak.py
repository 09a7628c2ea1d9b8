"""FastDiagonal on weak forms: generalized eigenproblems per axis, shifts of the mass, singular problems, bands."""

import functools

import numpy as np
import pytest

import tensorpde as tp

D, N, P = tp.Dirichlet(), tp.Neumann(), tp.Periodic()
AXES = {
    "periodic splines": tp.Axis(9, 0.0, 1.0, basis=tp.BSpline(3)),
    "periodic elements": tp.Axis(8, 0.0, 2.0, basis=tp.Lagrange(2)),
    "neumann elements": tp.Axis(7, 0.0, 1.0, bc=N, basis=tp.Lagrange(3)),
    "neumann splines": tp.Axis(7, 0.0, 1.0, bc=N, mapping=tp.Tanh(1.2), basis=tp.BSpline(2)),
    "dirichlet": tp.Axis(6, 0.0, 1.0, bc=(D, N), basis=tp.BSpline(4)),
    "robin": tp.Axis(6, 0.0, 1.0, bc=(tp.Robin(1.0, 2.0), N), basis=tp.Lagrange(5)),
}


def matrix(operator):
    """The assembled matrix."""
    total = 0
    for term in operator.terms:
        parts = [term.factors[k].matrix() for k in range(operator.domain.ndim)]
        total = total + term.coefficient * functools.reduce(np.kron, parts)
    return total


def made(names):
    space = tp.Space(tp.Grid(*(AXES[name] for name in names)))
    return space, np.random.default_rng(3).standard_normal(space.shape)


@pytest.mark.parametrize("banded", [None, 0])
@pytest.mark.parametrize("shift", [0.0, -3.0, 2.0 + 1.0j])
@pytest.mark.parametrize(
    "names", [("dirichlet",), ("robin", "periodic splines"), ("neumann splines", "dirichlet", "periodic elements")]
)
def test_solves_the_assembled_system(names, shift, banded):
    space, f = made(names)
    K, M = tp.stiffness(space, 0.6), tp.mass(space)
    wanted = np.linalg.solve(matrix(K) - shift * matrix(M), f.ravel()).reshape(f.shape)
    solver = tp.FastDiagonal(K, shift, banded_axis=banded)
    u = solver.solve(space.field(f)).gather()
    np.testing.assert_allclose(u, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())
    again = tp.FastDiagonal(2.0 * K - 2 * shift * M, banded_axis=banded).solve(space.field(2.0 * f)).gather()
    np.testing.assert_allclose(again, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())


@pytest.mark.parametrize("banded", [None, 0])
@pytest.mark.parametrize(
    "names",
    [
        ("periodic splines",),
        ("neumann elements",),
        ("periodic splines", "neumann splines"),
        ("neumann elements", "periodic elements"),
        ("neumann splines", "periodic splines", "neumann elements"),
    ],
)
def test_singular_problems_take_out_the_mean(names, banded):
    space, f = made(names)
    K, M = tp.stiffness(space), tp.mass(space)
    whole = matrix(M)
    ones = np.ones(f.size)
    f -= (whole @ ones).reshape(f.shape) * f.sum() / (ones @ whole @ ones)
    solver = tp.FastDiagonal(K, banded_axis=banded, mean=0.7)
    assert solver.nullity == 1
    u = solver.solve(space.field(f))
    assert solver.removed < 1e-12
    assert u.mean() == pytest.approx(0.7, abs=1e-12)
    np.testing.assert_allclose((K @ u).gather(), f, rtol=0, atol=1e-10 * np.abs(f).max())
    # What is not compatible is the part ∫f of the load, shared out like a constant source.
    source = tp.load(space, 1e-3)
    loose = tp.FastDiagonal(K, banded_axis=banded, mean=0.7, tolerance=None).solve(space.field(f) + source)
    np.testing.assert_allclose(loose.gather(), u.gather(), rtol=0, atol=1e-10)
    solver.solve(space.field(f) + source)
    assert solver.removed == pytest.approx(source.norm() / (space.field(f) + source).norm(), rel=1e-6)
    with pytest.raises(ValueError, match="its mean"):
        solver.solve(tp.load(space, 1.0))


def test_a_shift_on_an_eigenvalue_is_reported():
    space, _ = made(("periodic splines", "periodic splines"))
    K, M = tp.stiffness(space), tp.mass(space)
    values = np.sort(np.linalg.eigvals(np.linalg.solve(matrix(M), matrix(K))).real)
    solver = tp.FastDiagonal(K, values[1])
    assert solver.nullity == 4
    with pytest.raises(ValueError, match=rf"shift {values[1]:.4f}\d* is on the eigenvalue|its part on 4 null modes"):
        solver.solve(tp.load(space, lambda x, y: np.cos(2 * np.pi * x)))


def test_wall_values_are_in_the_shift_too():
    axis = tp.Axis(9, 0.0, 1.0, bc=(tp.Dirichlet(1.0), tp.Dirichlet(lambda t: np.exp(1) * t)), basis=tp.BSpline(7))
    space = tp.Space(axis)
    u = tp.FastDiagonal(tp.stiffness(space), -1.0).solve(space.zeros(), t=1.0)  # −u'' + u = 0
    assert tp.error_norm(u, np.exp, t=1.0) < 1e-9
