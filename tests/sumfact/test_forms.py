"""Sum-factorized forms against matrices assembled by plain quadrature, in 1–3 dimensions and all degrees."""

import numpy as np
import pytest
import weak_twins as brute

import tensorpde as tp

D, N, P = tp.Dirichlet(), tp.Neumann(), tp.Periodic()


def elements(p, count, bc=D, **options):
    """An axis of so many Lagrange elements."""
    known = sum(side.wall_is_known for side in (bc if isinstance(bc, tuple) else (bc, bc)))
    n = count * p if isinstance(bc, tp.Periodic) else count * p + 1 - known
    return tp.Axis(n, 0.0, 1.0 + 0.1 * p, bc=bc, basis=tp.Lagrange(p), **options)


def splines(p, count, bc=D, **options):
    """An axis of so many splines that are unknowns."""
    return tp.Axis(count, -0.5, 1.0, bc=bc, basis=tp.BSpline(p, **options))


# Kernels are compiled for the degrees of the axes: few combinations, used by many tests.
BLOCK = [elements(2, 3), elements(2, 2, (N, D)), elements(2, 4, P)]
PATCH = [splines(3, 6), splines(2, 5, N, weights=(1, 2, 0.5, 1, 3))]
ALL_FORMS = {
    "elements": BLOCK,
    "stretched": [elements(2, 1, N), elements(2, 3, mapping=tp.Tanh(1.5)), elements(2, 2, P)],
    "splines, also rational": PATCH,
}
STIFFNESS = {
    "degree 1": [elements(1, 4, N)],
    "degree 4, periodic": [elements(4, 3, P)],
    "degree 7": [elements(7, 3, (D, N))],
    "degree 10": [elements(10, 2)],
    "degree 8, plane": [elements(8, 1, N), elements(8, 2, P)],
    "degrees 6 and 9": [elements(6, 2, (N, D)), elements(9, 2, P)],
    "mixed degrees": [elements(1, 2), elements(5, 2, P), elements(3, 2, N)],
    "periodic splines of few functions": [splines(4, 5, P), splines(2, 6, P)],
    "knots": [splines(2, 5, N, knots=(0, 0, 0, 1, 1, 4, 4, 4)), splines(2, 4, N)],
}


def kappa(*x):
    return 1.5 + sum(np.sin((k + 1) * xk + k) / (k + 2) for k, xk in enumerate(x)) * np.cos(x[0] * x[-1])


def velocity(*x):
    return [np.cos(xk + k) * (1 + x[0]) for k, xk in enumerate(x)]


def apply(operator, values):
    space = operator.domain
    return (operator @ space.field(values)).gather().ravel()


def check(operator, matrix, digits=12):
    """The operator, its transpose and its diagonal against those of a matrix."""
    values = np.random.default_rng(1).standard_normal(operator.domain.shape)
    scale = abs(matrix).sum(axis=1).max()
    for ours, theirs in ((operator, matrix), (operator.T, matrix.T), (2.5 * operator, 2.5 * matrix)):
        np.testing.assert_allclose(apply(ours, values), theirs @ values.ravel(), rtol=0, atol=10.0**-digits * scale)
    np.testing.assert_allclose(operator.diagonal().gather().ravel(), matrix.diagonal(), rtol=0, atol=1e-12 * scale)


@pytest.mark.parametrize("name", ALL_FORMS)
def test_forms_are_those_of_plain_quadrature(name):
    space = tp.Space(tp.Grid(*ALL_FORMS[name]))
    x, _ = brute.points(space)
    d = space.ndim
    check(tp.mass(space, kappa), brute.form(space, kappa(*x)))
    check(tp.stiffness(space, kappa), sum(brute.form(space, kappa(*x), a, a) for a in range(d)))
    check(tp.advection(space, velocity), sum(brute.form(space, velocity(*x)[a], None, a) for a in range(d)))


@pytest.mark.parametrize("name", STIFFNESS)
def test_stiffness_of_other_degrees(name):
    space = tp.Space(tp.Grid(*STIFFNESS[name]))
    x, _ = brute.points(space)
    check(tp.stiffness(space, kappa), sum(brute.form(space, kappa(*x), a, a) for a in range(space.ndim)))


def wavy(*xi):
    return [xk + 0.1 * np.sin(sum(xi) + k) for k, xk in enumerate(xi)]


def wavy_jacobian(*xi):
    return [[(k == a) + 0.1 * np.cos(sum(xi) + k) for a in range(len(xi))] for k in range(len(xi))]


@pytest.mark.parametrize("axes", [BLOCK, PATCH, [elements(7, 3, (D, N))]], ids=["block", "patch", "line"])
def test_mapped_forms_are_those_of_plain_quadrature(axes):
    space = tp.Space(tp.Grid(*axes))
    geometry = tp.SmoothMap(wavy, wavy_jacobian)
    check(tp.stiffness(space, kappa, geometry), brute.mapped(space, wavy, wavy_jacobian, kappa))
    check(tp.stiffness(space, kappa, wavy), brute.mapped(space, wavy, wavy_jacobian, kappa), digits=10)  # derived
    xi, weight = brute.points(space)
    rows = [[np.broadcast_to(entry, weight.shape) for entry in row] for row in wavy_jacobian(*xi)]
    matrices = np.moveaxis(np.array(rows), (0, 1), (-2, -1))
    det, inverse = np.linalg.det(matrices), np.linalg.inv(matrices)
    check(tp.mass(space, kappa, geometry), brute.form(space, kappa(*wavy(*xi)) * det))
    v = np.array(np.broadcast_arrays(*velocity(*wavy(*xi)), weight)[:-1])
    own = [det * sum(inverse[..., a, i] * v[i] for i in range(space.ndim)) for a in range(space.ndim)]
    matrix = sum(brute.form(space, own[a], None, a) for a in range(space.ndim))
    check(tp.advection(space, velocity, geometry), matrix)


def test_more_points_than_functions():
    q, space = 4, tp.Space(tp.Grid(*BLOCK))
    x, _ = brute.points(space, q)
    check(tp.stiffness(space, kappa, q=q), sum(brute.form(space, kappa(*x), a, a, q) for a in range(3)))
    check(tp.stiffness(space, kappa, wavy, q=q), brute.mapped(space, wavy, wavy_jacobian, kappa, q), digits=10)


def test_constant_coefficients_give_the_kron_sum():
    space = tp.Space(tp.Grid(*BLOCK))
    f = space.field(np.random.default_rng(1).standard_normal(space.shape))
    for ours, theirs in (
        (tp.stiffness(space, lambda x, y, z: 0.7 + 0 * x), tp.stiffness(space, 0.7)),
        (tp.mass(space, lambda x, y, z: 1.0 + 0 * x), tp.mass(space)),
        (tp.advection(space, lambda x, y, z: (1.0, -2.0, 0.5)), tp.advection(space, (1.0, -2.0, 0.5))),
    ):
        expected = (theirs @ f).gather()
        np.testing.assert_allclose((ours @ f).gather(), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_coefficients_as_fields_and_arrays():
    space = tp.Space(tp.Grid(*PATCH))
    x, weight = brute.points(space)
    f = space.field(np.random.default_rng(1).standard_normal(space.shape))
    expected = (tp.stiffness(space, kappa) @ f).gather()
    at_points = tp.at_points(space).range
    drift = (tp.advection(space, velocity) @ f).gather()
    for given in (at_points.field(kappa), np.broadcast_to(kappa(*x), weight.shape)):
        np.testing.assert_array_equal((tp.stiffness(space, given) @ f).gather(), expected)
    for given in (at_points.field(velocity, lead=(2,)), np.array(np.broadcast_arrays(*velocity(*x)))):
        np.testing.assert_array_equal((tp.advection(space, given) @ f).gather(), drift)
    axes = [axis.like(bc=N, n=axis.intervals + 1, basis=tp.BSpline(1)) for axis in PATCH]
    straight = tp.Space(tp.Grid(*axes)).field(lambda x, y: 1.0 + x)  # another basis on the same elements
    given = tp.stiffness(space, lambda x, y: 1.0 + x + 0 * y, q=4)
    found = tp.stiffness(space, straight, q=4)
    np.testing.assert_allclose((found @ f).gather(), (given @ f).gather(), atol=1e-11)
    with pytest.raises(ValueError, match=r"as many points.*\(4, 3\)"):
        tp.stiffness(space, straight)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_other_types_of_data(dtype):
    axes = BLOCK
    space = tp.Space(tp.Grid(*axes), dtype=dtype)
    rng = np.random.default_rng(1)
    values = rng.standard_normal((2, *space.shape))
    if space.dtype.kind == "c":
        values = values + 1j * rng.standard_normal(values.shape)
    double = tp.Space(tp.Grid(*axes), dtype=np.result_type(dtype, "float64"))
    for form, coefficient in ((tp.stiffness, kappa), (tp.mass, kappa)):
        result = form(space, coefficient) @ space.field(values.astype(dtype))
        assert result.dtype == space.dtype
        matrix = form(tp.Space(tp.Grid(*axes)), coefficient)
        real = tp.Space(tp.Grid(*axes))
        expected = np.array([apply(matrix, part.real) + 1j * apply(matrix, part.imag) for part in values])
        expected = expected.reshape(values.shape)
        limit = (3e-6 if dtype in ("float32", "complex64") else 1e-14) * 20 * np.abs(expected).max()
        assert np.abs(result.gather() - expected).max() < limit
        again = form(real, coefficient) @ double.field(values.astype(double.dtype))  # another type than the space's
        np.testing.assert_allclose(again.gather(), expected, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_out_beta_and_sums():
    space = tp.Space(tp.Grid(*BLOCK))
    rng = np.random.default_rng(1)
    f, g = (space.field(rng.standard_normal(space.shape)) for _ in range(2))
    K, M, L = tp.stiffness(space, kappa), tp.mass(space, kappa), tp.mass(space)
    out = g.copy()
    assert K.apply(f, out, beta=-0.5) is out
    np.testing.assert_allclose(out.gather(), ((K @ f) - 0.5 * g).gather(), atol=1e-12)
    once = K.apply(f, g.copy(), beta=0.0).gather()
    np.testing.assert_array_equal(K.apply(f, space.field(np.nan), beta=0.0).gather(), once)
    for both in (K + 2.0 * M, 2.0 * M + K):
        np.testing.assert_allclose((both @ f).gather(), ((K @ f) + 2.0 * (M @ f)).gather(), atol=1e-11)
    expected = ((L @ f) - 3.0 * (K @ f)).gather()
    np.testing.assert_allclose(((L - 3.0 * K) @ f).gather(), expected, atol=1e-11)
    np.testing.assert_allclose(((-3.0 * K + L) @ f).gather(), expected, atol=1e-11)
    np.testing.assert_allclose(((L @ K) @ f).gather(), (L @ (K @ f)).gather(), atol=1e-12)
    np.testing.assert_allclose(((K @ L).T @ f).gather(), (L @ (K @ f)).gather(), atol=1e-12)


def test_symmetry_and_adjoint():
    space = tp.Space(tp.Grid(*BLOCK))
    rng = np.random.default_rng(1)
    f, g = (space.field(rng.standard_normal(space.shape)) for _ in range(2))
    for form in (tp.stiffness(space, kappa, wavy), tp.mass(space, kappa), tp.stiffness(space, kappa)):
        assert form.T is not None
        assert abs((form @ f).dot(g) - f.dot(form @ g)) < 1e-12 * (form @ f).norm() * g.norm()
        assert (form @ f).dot(f) > 0
    C = tp.advection(space, velocity)
    assert abs((C @ f).dot(g) - f.dot(C.H @ g)) < 1e-12 * (C @ f).norm() * g.norm()
    assert abs((C @ f).dot(g) - f.dot(C @ g)) > 1e-3 * abs((C @ f).dot(g))


def test_what_does_not_fit_is_named():
    space = tp.Space(tp.Grid(elements(2, 3), elements(2, 3)))
    with pytest.raises(ValueError, match=r"velocity has 2 values at a point, got 3"):
        tp.advection(space, lambda x, y: (x, y, y))
    with pytest.raises(ValueError, match=r"\(3, 4\).*\(9, 9\)"):
        tp.stiffness(space, np.ones((3, 4)))
    with pytest.raises(TypeError, match="complex"):
        tp.mass(space, lambda x, y: 1j * x * y)
    with pytest.raises(ValueError, match="folds"):
        tp.stiffness(space, kappa, lambda x, y: (-x, y))
    with pytest.raises(ValueError, match="other elements"):
        tp.stiffness(space, tp.Space(tp.Grid(elements(2, 4), elements(2, 3))).field(1.0))
    with pytest.raises(ValueError, match="a Field of 1 axes"):
        tp.stiffness(space, tp.Space(elements(2, 3)).field(1.0))
    with pytest.raises(ValueError, match="out is the argument"):
        tp.stiffness(space, kappa).apply(*[space.field(1.0)] * 2)
    with pytest.raises(TypeError, match="diagonal of the product"):
        (tp.mass(space) @ tp.mass(space, kappa)).diagonal()
    with pytest.raises(ValueError, match="no sum of Kronecker products"):
        tp.FastDiagonal(tp.stiffness(space, kappa))
    with pytest.raises(TypeError, match="real factors"):
        tp.stiffness(space, kappa) * 1j
