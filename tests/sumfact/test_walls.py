"""Natural conditions of forms with coefficients: Robin and Neumann walls of boxes, mapped or not."""

import numpy as np
import pytest
import weak_twins as brute

import tensorpde as tp

N = tp.Neumann()
WALLS = (tp.Robin(2.0, -3.0, lambda y, t: 1 + y * t), tp.Neumann(lambda y, t: y))
LOOSE = (-2, -1, 0, 1, 2, 3, 4, 5, 5.5, 7)  # several functions are not zero on either wall
SPACES = {
    "a line": [tp.Axis(5, 0.0, 1.0, bc=(tp.Robin(2.0, 3.0, 0.5), tp.Neumann(2.0)), basis=tp.Lagrange(2))],
    "elements": [
        tp.Axis(7, 0.0, 1.0, bc=WALLS, basis=tp.Lagrange(2)),
        tp.Axis(4, 0.0, 2.0, bc=(tp.Dirichlet(1.0), WALLS[0]), basis=tp.Lagrange(2)),
    ],
    "splines": [
        tp.Axis(7, 0.0, 1.0, bc=WALLS, basis=tp.BSpline(2, LOOSE)),
        tp.Axis(6, 0.0, 2.0, bc=WALLS[::-1], basis=tp.BSpline(2)),
    ],
}


def kappa(x, y=0.5):
    return 1.0 + 0.5 * np.sin(x + 2 * y)


@pytest.mark.parametrize("name", SPACES)
def test_a_constant_gives_the_kron_sum_in_all_ways(name):
    space = tp.Space(tp.Grid(*SPACES[name]))
    f = space.field(np.random.default_rng(0).standard_normal(space.shape))
    known = tp.stiffness(space, 2.5)
    at_points = tp.at_points(space).range
    ways = (lambda *x: 2.5, None), (at_points.field(2.5), None), (np.full(at_points.shape, 2.5), None)
    for coefficient, geometry in (*ways, (2.5, lambda *x: x), (at_points.field(2.5), lambda *x: x)):
        K = tp.stiffness(space, coefficient, geometry)
        np.testing.assert_allclose(K(f, 0.7).gather(), known(f, 0.7).gather(), rtol=0, atol=1e-10)
        np.testing.assert_allclose(K.diagonal().gather(), known.diagonal().gather(), rtol=0, atol=1e-10)
    double = known + 2.0 * tp.mass(space, lambda *x: 1.0)
    wanted = (known + 2.0 * tp.mass(space)).diagonal()
    np.testing.assert_allclose(double.diagonal().gather(), wanted.gather(), rtol=0, atol=1e-12)


def warped(x, y):
    return x + 0.2 * np.sin(2 * y), y + 0.3 * x * y


def along(axis, x, y):
    """The derivative of `warped` along an axis."""
    parts = ((1.0, 0.3 * y), (0.4 * np.cos(2 * y), 1 + 0.3 * x))[axis]
    return np.stack([part + 0 * (x + y) for part in parts])


def on_wall(space, axis, side, c, g):
    """∫ c u φ_i and ∫ g φ_i over a wall of the mapped plane, lengths by the tangent."""
    x, weight, functions = brute.on_wall(space, axis, side)
    weight = weight * np.linalg.norm(along(1 - axis, *x), axis=0)
    scaled = functions.multiply((weight * c(*warped(*x))).reshape(-1, 1))
    return (functions.T @ scaled).toarray(), functions.T @ (weight * g(*x)).ravel()


@pytest.mark.parametrize("name", ["elements", "splines"])
def test_mapped_walls_are_those_of_plain_quadrature(name):
    t, zero = 0.7, tp.Dirichlet()
    axes = [axis.like(bc=tuple(s if s in WALLS else zero for s in axis.sides)) for axis in SPACES[name]]
    bare = [axis.like(bc=tuple(N if s in WALLS else zero for s in axis.sides)) for axis in axes]
    space = tp.Space(tp.Grid(*axes))
    K, inside = (tp.stiffness(s, kappa, warped) for s in (space, tp.Space(tp.Grid(*bare))))
    matrix, load = 0, 0
    for axis, line in enumerate(space.axes):
        for side, bc in enumerate(line.sides):
            if bc not in WALLS:
                continue
            a, b = (bc.a, bc.b) if isinstance(bc, tp.Robin) else (0.0, 1.0)

            def data(*x, bc=bc, b=b, axis=axis):
                return -kappa(*warped(*x)) * bc.value(x[1 - axis], t) / b

            parts = on_wall(space, axis, side, kappa, data)
            matrix, load = matrix + a / b * parts[0], load + parts[1]
    values = np.random.default_rng(2).standard_normal(space.shape)
    f = space.field(values)
    found = (K(f, t) - inside(f, t)).gather().ravel()
    np.testing.assert_allclose(found, matrix @ values.ravel() + load, rtol=0, atol=1e-11)
    np.testing.assert_allclose((K.T @ f).gather(), (K @ f).gather(), rtol=0, atol=1e-11)
    found = (K.diagonal() - inside.diagonal()).gather().ravel()
    np.testing.assert_allclose(found, matrix.diagonal(), rtol=0, atol=1e-11)


def u(x, y):
    return np.sin(1.3 * x + 0.4) * np.exp(0.5 * y)


def slope(x, y):
    return np.stack([1.3 * np.cos(1.3 * x + 0.4) * np.exp(0.5 * y), 0.5 * u(x, y)])


def source(x, y):
    """−∇·(κ ∇u)."""
    dk = 0.5 * np.cos(x + 2 * y), np.cos(x + 2 * y)
    return -(kappa(x, y) * (0.25 - 1.3**2) * u(x, y) + dk[0] * slope(x, y)[0] + dk[1] * slope(x, y)[1])


def wall_data(axis, side, value, normal):
    """value·u + normal·∂u/∂n on a wall of the mapped square."""

    def data(other, t):
        xi = [other]
        xi.insert(axis, np.array(float(side)))
        tangent = along(1 - axis, *xi)
        outward = np.stack([tangent[1], -tangent[0]]) / np.linalg.norm(tangent, axis=0)
        outward = outward * (1 if side else -1) * (1 if axis == 0 else -1)
        x = warped(*xi)
        return value * u(*x) + normal * (slope(*x) * outward).sum(axis=0)

    return data


@pytest.mark.parametrize("kind", ["function", "field"])
@pytest.mark.parametrize("basis", [tp.Lagrange(2), tp.BSpline(2)])
def test_order_on_a_mapped_square_with_all_conditions(basis, kind):
    geometry = tp.SmoothMap(warped)
    conditions = [
        (tp.Dirichlet(wall_data(0, 0, 1.0, 0.0)), tp.Robin(2.0, 0.5, wall_data(0, 1, 2.0, 0.5))),
        (tp.Robin(1.0, 3.0, wall_data(1, 0, 1.0, 3.0)), tp.Neumann(wall_data(1, 1, 0.0, 1.0))),
    ]
    errors = []
    for elements in (4, 8):
        functions = elements * 2 + 1 if isinstance(basis, tp.Lagrange) else elements + 2
        axes = [tp.Axis(functions - (k == 0), 0.0, 1.0, bc=pair, basis=basis) for k, pair in enumerate(conditions)]
        space = tp.Space(tp.Grid(*axes))
        given = kappa
        if kind == "field":
            given = tp.at_points(space).range.field(lambda *xi: kappa(*warped(*xi)))
        K = tp.stiffness(space, given, geometry)
        b = tp.load(space, geometry.density(space, source)) - K.lifting()
        columns = np.eye(b.local.size).reshape(-1, *space.shape)
        matrix = (K @ space.field(columns)).gather().reshape(len(columns), -1)
        found = space.field(np.linalg.solve(matrix.T, b.gather().ravel()).reshape(space.shape))
        errors.append(tp.error_norm(found, lambda *xi: u(*warped(*xi))))
    assert np.log2(errors[0] / errors[1]) > basis.p + 0.75, errors
