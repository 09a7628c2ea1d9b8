"""Orders h^(p+1) in L² and h^p in H¹, spectral decay in p: Poisson and Helmholtz with all conditions, in 1-D to 3-D."""

from itertools import pairwise

import numpy as np
import pytest

import tensorpde as tp

TIME = 0.4


class Wave:
    """u = Π sin(k x + δ) + t Σ x with its gradient and −∇·∇u."""

    def __init__(self, *waves):
        self.waves = waves

    def __call__(self, *args):
        *x, t = args
        return np.prod([np.sin(k * y + k / 3) for k, y in zip(self.waves, np.broadcast_arrays(*x))], axis=0) + t * sum(
            x
        )

    def slope(self, axis):
        def function(*args):
            *x, t = args
            x = np.broadcast_arrays(*x)
            parts = [np.sin(k * y + k / 3) for k, y in zip(self.waves, x)]
            parts[axis] = self.waves[axis] * np.cos(self.waves[axis] * x[axis] + self.waves[axis] / 3)
            return np.prod(parts, axis=0) + t

        return function

    def source(self, reaction):
        def function(*args):
            *x, t = args
            total = sum(k**2 for k in self.waves)
            return total * (self(*x, t) - t * sum(x)) + reaction * self(*x, t)

        return function

    def on(self, axis, place, value, normal):
        """value·u + normal·∂u/∂x on the wall x_axis = place, as boundary data."""

        def data(*args):
            *x, t = args
            x.insert(axis, np.array(place))
            return value * self(*x, t) + normal * self.slope(axis)(*x, t)

        return data

    def condition(self, kind, axis, place):
        outward = 1.0 if place else -1.0
        if kind == "D":
            return tp.Dirichlet(self.on(axis, place, 1.0, 0.0))
        if kind == "N":
            return tp.Neumann(self.on(axis, place, 0.0, outward))
        return tp.Robin(2.0, 3.0, self.on(axis, place, 2.0, 3.0 * outward))


def axis_of(basis, p, elements, conditions, **options):
    """An axis from 0 to 1 with so many elements of a basis."""
    known = sum(isinstance(condition, tp.Dirichlet) for condition in conditions)
    functions = elements * p + 1 if basis is tp.Lagrange else elements + p
    return tp.Axis(functions - known, 0.0, 1.0, bc=tuple(conditions), basis=basis(p), **options)


def errors(space, u, reaction=0.0):
    K = tp.stiffness(space)
    b = tp.load(space, now(u.source(reaction)))
    v = tp.FastDiagonal(K, shift=-reaction).solve(b, TIME)
    residual = K(v, TIME) + reaction * tp.mass(space)(v, TIME) - b
    assert residual.norm() < 1e-9 * b.norm()
    return tp.error_norm(v, now(u), [now(u.slope(k)) for k in range(space.ndim)], TIME)


def now(function):
    """A function of the coordinates at TIME."""
    return lambda *x: function(*x, TIME)


def assert_orders(found, p, slack=0.3):
    """Orders between the last two of some refinements by 2."""
    (l2, h1) = np.log2(np.array(found[-2]) / found[-1])
    assert p + 1 - slack < l2 < p + 2 and p - slack < h1 < p + 1, (l2, h1)


DEGREES = [1, 2, 3, 4, 5, 6]
BASES = pytest.mark.parametrize("basis", [tp.Lagrange, tp.BSpline], ids=["elements", "splines"])


@BASES
@pytest.mark.parametrize("p", DEGREES)
@pytest.mark.parametrize("kinds", ["DD", "DN", "RD", "RR"])
def test_orders_in_1d(basis, p, kinds):
    u = Wave(4.0)
    found = []
    for elements in (5, 10) if p > 4 else (8, 16):
        ends = [u.condition(kind, 0, place) for kind, place in zip(kinds, (0.0, 1.0))]
        found.append(errors(tp.Space(axis_of(basis, p, elements, ends)), u))
    assert_orders(found, p)


@BASES
@pytest.mark.parametrize("p", DEGREES)
@pytest.mark.parametrize("reaction", [0.0, 5.0])
def test_orders_in_2d(basis, p, reaction):
    u = Wave(3.0, 4.0)
    kinds = "DR", "ND"
    found = []
    for elements in (4, 8):
        axes = [
            axis_of(basis, p, elements, [u.condition(kind, k, place) for kind, place in zip(pair, (0.0, 1.0))])
            for k, pair in enumerate(kinds)
        ]
        found.append(errors(tp.Space(tp.Grid(*axes)), u, reaction))
    assert_orders(found, p, 0.45)


@BASES
@pytest.mark.parametrize("p", [1, 2, 4])
def test_orders_in_3d(basis, p):
    u = Wave(2.0, 3.0, 2.5)
    kinds = "DD", "DN", "RD"
    found = []
    for elements in (3, 6):
        axes = [
            axis_of(basis, p, elements, [u.condition(kind, k, place) for kind, place in zip(pair, (0.0, 1.0))])
            for k, pair in enumerate(kinds)
        ]
        found.append(errors(tp.Space(tp.Grid(*axes)), u, 1.0))
    assert_orders(found, p, 0.5)


@BASES
@pytest.mark.parametrize("p", [1, 2, 3, 5])
def test_orders_of_a_singular_problem(basis, p):
    """Periodic × Neumann with flux through the walls: u = sin 2πx cos 2y, of mean 0 along x."""

    def u(x, y):
        return np.sin(2 * np.pi * x) * np.cos(2 * y)

    def gradient(x, y):
        return 2 * np.pi * np.cos(2 * np.pi * x) * np.cos(2 * y), -2 * np.sin(2 * np.pi * x) * np.sin(2 * y)

    found = []
    for elements in (6, 12):
        line = tp.Axis(elements * p if basis is tp.Lagrange else elements, 0.0, 1.0, basis=basis(p))
        if basis is tp.BSpline and elements <= p:
            continue
        flux = tp.Neumann(lambda x, t: -2 * np.sin(2) * np.sin(2 * np.pi * x))
        space = tp.Space(tp.Grid(line, axis_of(basis, p, elements, [tp.Neumann(), flux])))
        b = tp.load(space, lambda x, y: (4 * np.pi**2 + 4) * u(x, y))
        found.append(tp.error_norm(tp.FastDiagonal(tp.stiffness(space)).solve(b), u, gradient))
    assert_orders(found, p, 0.5)


@pytest.mark.parametrize("p", [2, 3, 4])
def test_orders_on_stretched_axes_and_repeated_knots(p):
    u = Wave(3.0, 4.0)
    found = []
    for elements in (4, 8):
        ends = [u.condition("D", 0, 0.0), u.condition("R", 0, 1.0)]
        stretched = axis_of(tp.BSpline, p, elements, ends, mapping=tp.Tanh(0.8))
        inner = np.repeat(np.arange(1, elements), p - 1) + 0.1 * np.sin(np.repeat(np.arange(1, elements), p - 1))
        knots = np.concatenate([np.zeros(p + 1), inner, np.full(p + 1, elements)])
        ends = u.condition("N", 1, 0.0), u.condition("D", 1, 1.0)
        rough = tp.Axis(len(knots) - p - 2, 0.0, 1.0, bc=ends, basis=tp.BSpline(p, knots))
        found.append(errors(tp.Space(tp.Grid(stretched, rough)), u))
    assert_orders(found, p, 0.5)


def test_rational_splines_keep_the_order():
    """Weights that refine with the knots: those of W(ξ) = 1 + ξ/2, a polynomial, so that every mesh has the same W."""
    u, p = Wave(3.0), 3
    found = []
    for elements in (6, 12):
        plain = axis_of(tp.BSpline, p, elements, [u.condition("D", 0, 0.0), u.condition("N", 0, 1.0)])
        weights = 1 + plain.with_all().xi / 2
        found.append(errors(tp.Space(plain.like(basis=tp.BSpline(p, None, weights))), u))
    assert_orders(found, p)


@BASES
def test_error_decays_exponentially_in_the_degree(basis):
    u = Wave(5.0)
    found = []
    for p in range(2, 15, 3):
        ends = [u.condition("D", 0, 0.0), u.condition("R", 0, 1.0)]
        found.append(errors(tp.Space(axis_of(basis, p, 2, ends)), u)[0])
    assert all(later < before / 15 for before, later in pairwise(found) if before > 1e-11), found
    assert found[-1] < 2e-11


def test_crank_nicolson_with_moving_walls_has_order_2():
    """u_t = ∇²u + f between walls whose values and slopes change in time, mass of the walls included."""

    def exact(x, y, t):
        return np.sin(x + 3 * t) * np.exp(y - t)

    def source(x, y, t):
        return 3 * np.cos(x + 3 * t) * np.exp(y - t) - exact(x, y, t)

    left = tp.Dirichlet(lambda y, t: exact(0.0, y, t)), tp.Dirichlet(lambda y, t: exact(1.0, y, t))
    below = tp.Dirichlet(lambda x, t: exact(x, 0.0, t)), tp.Neumann(lambda x, t: exact(x, 1.0, t))
    axes = axis_of(tp.BSpline, 5, 4, left), axis_of(tp.Lagrange, 5, 2, below)
    space = tp.Space(tp.Grid(*axes))
    M, K = tp.mass(space), tp.stiffness(space)
    found = []
    for steps in (8, 16):
        dt = 0.4 / steps
        solver = tp.FastDiagonal(0.5 * K, shift=-1 / dt)
        u = space.field(lambda x, y: exact(x, y, 0.0))
        for step in range(steps):
            t = step * dt
            b = (tp.load(space, source, t) + tp.load(space, source, t + dt)) * 0.5
            u = solver.solve(b + M(u, t) / dt - 0.5 * K(u, t), t + dt)
        found.append(tp.error_norm(u, exact, t=0.4))
    assert 1.9 < np.log2(found[0] / found[1]) < 2.1 and found[1] < 1e-3
