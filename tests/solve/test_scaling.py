"""Variable-coefficient Poisson problems: iterations that do not grow with n, contrasts from 1 to 1e4."""

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.solve import SymmetricScaling, krylov


def kappa(contrast):
    def function(x, y):
        return contrast ** (0.5 + 0.5 * np.sin(2 * np.pi * x) * np.sin(2 * np.pi * y))

    return function


def problem(n, contrast, form):
    """A, A with κ = 1, b."""
    if form == "flux":
        axis = tp.Axis(n - 1, 0.0, 1.0, bc=tp.Dirichlet())
        space = tp.Space(tp.Grid(axis, axis))
        return -1.0 * tp.diffusion(space, kappa(contrast)), -1.0 * tp.laplacian(space), space.field(1.0)
    degree = 3 if n % 3 == 0 else 2
    axis = tp.Axis(n - 1, 0.0, 1.0, bc=tp.Dirichlet(), basis=tp.Lagrange(degree))
    space = tp.Space(tp.Grid(axis, axis))
    return tp.stiffness(space, kappa(contrast)), tp.stiffness(space), tp.load(space, 1.0)


def iterations(n, contrast, form, scaled):
    A, plain, b = problem(n, contrast, form)
    fast = tp.FastDiagonal(plain)
    P = SymmetricScaling(fast, kappa(contrast)) if scaled else fast
    u, history = krylov(A, b, P, rtol=1e-8)
    assert (A @ u - b).norm() <= 1.01e-8 * b.norm()
    return history.iterations


@pytest.mark.parametrize("form", ["flux", "elements"])
def test_iterations_do_not_depend_on_n(form):
    """n = 32 … 128."""
    for contrast, scaled, most in ((1.0, False, 2), (10.0, False, 36), (1e2, True, 14), (1e4, True, 22)):
        found = [iterations(n, contrast, form, scaled) for n in (32, 64, 128)]
        assert max(found) <= most, (contrast, found)
        assert found[2] <= found[1] + 2 + found[1] // 20, (contrast, found)


def test_scaling_beats_the_mean_coefficient_at_high_contrast():
    plain, scaled = (iterations(32, 1e4, "flux", kind) for kind in (False, True))
    assert 5 * scaled < plain


def test_it_is_the_formula_and_symmetric():
    _, plain, b = problem(16, 1.0, "flux")
    space, fast = b.space, tp.FastDiagonal(plain)
    P = SymmetricScaling(fast, kappa(50.0))
    root = space.field(kappa(50.0))
    root.local **= -0.5
    out = space.zeros()
    P.apply(b, out)
    assert (out - root * fast.solve(root * b)).norm() < 1e-13 * out.norm()
    f, g = (space.field(np.random.default_rng(k).standard_normal(space.shape)) for k in (1, 2))
    assert f.dot(P.apply(g, space.zeros())) == pytest.approx(P.apply(f, space.zeros()).dot(g), rel=1e-10)


def test_kappa_must_be_positive():
    _, plain, _ = problem(16, 1.0, "flux")
    with pytest.raises(ValueError, match="kappa must be positive, but it is -0"):
        SymmetricScaling(tp.FastDiagonal(plain), lambda x, y: x - 0.9)


def test_convection_and_diffusion_by_gmres():
    """The preconditioner is the diffusion alone: iterations depend on the Péclet number, not on n."""
    for peclet, most in ((1.0, 8), (20.0, 34)):
        found = []
        for n in (16, 32, 64):
            axis = tp.Axis(n - 1, 0.0, 1.0, bc=tp.Dirichlet())
            space = tp.Space(tp.Grid(axis, axis))
            L = tp.laplacian(space)
            C = L - peclet * tp.derivative(space, 0) - 0.5 * peclet * tp.derivative(space, 1)
            u, history = krylov(C, space.field(1.0), tp.FastDiagonal(L), "gmres", rtol=1e-9, restart=60)
            assert (C @ u - space.field(1.0)).norm() <= 1.01e-9 * n
            found.append(history.iterations)
        assert max(found) <= most, (peclet, found)
        assert found[2] <= found[1] + 1
