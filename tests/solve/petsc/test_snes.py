"""Newton's method without matrices: Bratu's problem and the p-Laplacian."""

import math

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.solve import Newton, NotConverged, newton

pytest.importorskip("petsc4py")


def line(n):
    return tp.Space(tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet()))


class Bratu:
    """∇²u + λ e^u = 0, u = 0 on the walls."""

    def __init__(self, space, strength):
        self.space, self.strength = space, strength
        self.L = tp.laplacian(space)

    def residual(self, u, out):
        out.local[...] = self.strength * np.exp(u.local)
        self.L.apply(u, out, 1.0)

    def jacobian(self, u):
        return self.L + tp.Multiplication(tp.Field(self.space, self.strength * np.exp(u.local), u.pencil))


def exact(x, strength):
    """On the unit interval: u = −2 ln(cosh((x − ½)θ/2) / cosh(θ/4)), θ = √(2λ) cosh(θ/4), the lower branch."""
    theta = 1.0
    for _ in range(200):
        theta = np.sqrt(2 * strength) * np.cosh(theta / 4)
    return -2 * np.log(np.cosh((x - 0.5) * theta / 2) / np.cosh(theta / 4))


@pytest.mark.parametrize("by_hand", [True, False])
def test_bratu_is_solved_to_second_order(by_hand):
    errors = []
    for n in (31, 63):
        case = Bratu(line(n), 2.0)
        u, history = newton(
            case.residual, case.space.zeros(), case.jacobian if by_hand else None, tp.FastDiagonal(case.L)
        )
        errors.append(np.abs(u.gather() - exact(case.space.axes[0].x, 2.0)).max())
        assert history.reason.startswith("CONVERGED")
        assert history.iterations <= 6
        assert history.inner >= history.iterations
        assert history.residuals[-1] <= 1e-10 * history.residuals[0]
    assert 1.9 < np.log2(errors[0] / errors[1]) < 2.1


def test_newton_converges_quadratically_by_hand():
    case = Bratu(line(40), 3.0)
    tight = tp.solve.Settings("gmres", rtol=1e-12)
    _, history = newton(
        case.residual, case.space.zeros(), case.jacobian, tp.FastDiagonal(case.L), rtol=1e-13, linear=tight
    )
    size = history.residuals / history.residuals[0]
    assert np.all(size[2:4] < 10 * size[1:3] ** 2)


def test_bratu_beyond_its_fold_has_no_solution():
    case = Bratu(line(31), 8.0)  # the fold is at λ = 3.5138
    with np.errstate(over="ignore"), pytest.raises(NotConverged, match=r"DIVERGED_\w+ after") as caught:
        newton(case.residual, case.space.zeros(), case.jacobian, tp.FastDiagonal(case.L), limit=15)
    assert caught.value.history.reason.startswith("DIVERGED")


class PLaplacian:
    """−∇·(|∇u|^(p−2) ∇u) = f by elements: F is the gradient of the energy at quadrature points."""

    def __init__(self, space, p, f):
        self.space, self.p = space, p
        self.slopes = [tp.at_points(space, axis) for axis in range(space.ndim)]
        self.load = tp.load(space, f)
        points = self.slopes[0].range
        self.weights = points.field(math.prod(np.ix_(*(axis.weights for axis in points.axes))))
        self.epsilon = 1e-10

    def square(self, u):
        g = [slope(u) for slope in self.slopes]
        return g, sum(part.local**2 for part in g) + self.epsilon

    def residual(self, u, out):
        g, square = self.square(u)
        out.local[...] = -self.load.to(out.pencil).local
        for slope, part in zip(self.slopes, g, strict=True):
            part.local[...] *= square ** (self.p / 2 - 1) * self.weights.to(part.pencil).local
            slope.T.apply(part, out, 1.0)

    def jacobian(self, u):
        g, square = self.square(u)
        weights = self.weights.to(g[0].pencil).local
        case = self

        class Action:
            def apply(self, v, out):
                h = [slope @ v for slope in case.slopes]
                along = sum(a.local * b.local for a, b in zip(g, h, strict=True))
                out.local[...] = 0
                for slope, a, b in zip(case.slopes, g, h, strict=True):
                    b.local[...] = weights * square ** (case.p / 2 - 1) * (
                        b.local + (case.p - 2) * along / square * a.local
                    )  # fmt: skip
                    slope.T.apply(b, out, 1.0)

        return Action()


def p_laplacian(n, p):
    """−(|u'|^(p−2) u')' = 1 with u(±1) = 0 has the solution (1 − |x|^q)/q, q = p/(p − 1)."""
    axis = tp.Axis(n, -1.0, 1.0, bc=tp.Dirichlet(), basis=tp.Lagrange(1))
    space = tp.Space(axis)
    case = PLaplacian(space, p, 1.0)
    solver = tp.FastDiagonal(tp.stiffness(space))
    guess = solver.solve(case.load)
    u, history = newton(case.residual, guess, case.jacobian, solver, rtol=1e-9, limit=60)
    q = p / (p - 1)
    return np.abs(u.gather() - (1 - np.abs(space.axes[0].x) ** q) / q).max(), history


def test_p_laplacian_against_its_solution():
    errors = [p_laplacian(n, 3.0)[0] for n in (31, 63)]
    assert np.log2(errors[0] / errors[1]) > 1.3


def test_the_action_derived_by_hand_is_the_derivative():
    axis = tp.Axis(7, 0.0, 1.0, bc=tp.Dirichlet(), basis=tp.Lagrange(2))
    space = tp.Space(tp.Grid(axis, axis))
    case = PLaplacian(space, 4.0, 1.0)
    rng = np.random.default_rng(0)
    u, v = (space.field(rng.standard_normal(space.shape)) for _ in "uv")
    up, down, found = space.zeros(), space.zeros(), space.zeros()
    case.residual(u + 1e-5 * v, up)
    case.residual(u - 1e-5 * v, down)
    case.jacobian(u).apply(v, found)
    assert (found - (up - down) * 5e4).norm() < 1e-7 * found.norm()


def test_errors():
    space = line(8)
    with pytest.raises(ValueError, match="needs a jacobian"):
        Newton(space, lambda u, out: None, P=lambda u: None)


def check_ranks():
    axis = tp.Axis(11, 0.0, 1.0, bc=tp.Dirichlet())
    space = tp.Space(tp.Grid(axis, axis.like(n=7)))
    case = Bratu(space, 5.0)
    found = []
    for jacobian in (case.jacobian, None):
        u, _ = newton(case.residual, space.zeros(pencil=space.pencil_for(0)), jacobian, tp.FastDiagonal(case.L))
        found += list(u.gather().sum(axis=1))

    def wrong(u, out):
        out.local[...] = 1 + np.exp(u.local)
        if space.comm.rank == space.comm.size - 1:
            raise ZeroDivisionError("not this one")

    try:
        newton(wrong, space.zeros(), case.jacobian)
    except ZeroDivisionError as error:
        assert space.comm.size == 1 or f"rank {space.comm.size - 1}, while evaluating the residual" in str(error)
    else:
        raise AssertionError
    if space.comm.rank == 0:
        print("digest", *(f"{value:.17g}" for value in found))
    return found


def test_the_same_on_three_ranks():
    out = run_ranks(3, "solve/petsc/test_snes.py::check_ranks").stdout
    digest = next(line for line in out.splitlines() if line.startswith("digest")).split()[1:]
    np.testing.assert_allclose(np.array(digest, float), check_ranks(), rtol=1e-7)
