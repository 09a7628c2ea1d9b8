"""Fields of coefficients: interpolation, projection, evaluation, loads, error norms; memory; ranks; errors."""

import json
import tracemalloc

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

D, N = tp.Dirichlet(), tp.Neumann()


def wave(x, y):
    return np.sin(2 * x + 0.3) * np.cos(3 * y) + x * y


def walls(basis, n, m):
    """A space on [0, 1]² with the values of `wave` on some walls, growing with t on one."""
    first = tp.Axis(n, 0.0, 1.0, bc=(tp.Dirichlet(lambda y, t: (1 + t) * wave(0.0, y)), N), basis=basis)
    second = tp.Axis(m, 0.0, 1.0, bc=(N, tp.Dirichlet(lambda x, t: wave(x, 1.0))), basis=basis)
    return tp.Space(tp.Grid(first, second))


@pytest.mark.parametrize(("p", "order"), [(1, 2), (2, 3), (3, 4), (5, 6)])
def test_functions_become_coefficients_with_the_order_of_the_basis(p, order):
    """Lagrange interpolates, splines project; both between walls with data."""
    for basis, sizes in ((tp.Lagrange(p), (4 * p, 8 * p)), (tp.BSpline(p), (7 + p, 15 + p))):
        found = [tp.error_norm(walls(basis, n, n).field(wave), wave) for n in sizes]
        assert np.log2(found[0] / found[1]) > order - 0.35
    nodal = walls(tp.Lagrange(p), 4 * p, 4 * p)
    np.testing.assert_array_equal(nodal.field(wave).gather(), wave(*nodal.grid.coordinates()))


def test_projection_is_orthogonal_to_the_basis():
    space = walls(tp.BSpline(3), 8, 9)
    for t in (0.0, 0.7):
        error = tp.mass(space)(space.field(wave, t=t), t) - tp.load(space, wave)
        assert np.abs(error.gather()).max() < 1e-14
    mixed = space.like(axis=1, n=12, basis=tp.Lagrange(4))
    u = mixed.field(lambda x, y: [wave(x, y), 2.0 * wave(x, y)], lead=(2,))
    assert u.lead == (2,)
    np.testing.assert_allclose(u[0].gather(), mixed.field(wave).gather(), atol=1e-15)
    assert tp.error_norm(u[0], wave) < 2e-4


def test_arrays_and_numbers_are_coefficients():
    space = walls(tp.BSpline(2), 5, 5)
    values = np.arange(25.0).reshape(5, 5)
    np.testing.assert_array_equal(space.field(values).gather(), values)
    assert np.all(space.field(2.0).gather() == 2.0)


def test_values_at_points_count_walls_leading_indices_and_time():
    space = walls(tp.BSpline(4), 14, 15)
    points = np.random.default_rng(0).random((301, 2))
    u = space.field(lambda x, y: [wave(x, y), wave(x, y)], lead=(2,))
    values = u(points)
    assert values.shape == (2, 301)
    np.testing.assert_allclose(values, [wave(*points.T)] * 2, atol=1e-5)
    left = np.stack([np.zeros(9), np.linspace(0, 1, 9)], axis=1)
    np.testing.assert_allclose(u(left, t=1.0)[1], 2 * wave(0.0, left[:, 1]), atol=2e-5)
    assert u(np.zeros((0, 2))).shape == (2, 0)


def test_evaluation_wraps_round_periodic_axes_and_inverts_mappings():
    bump = tp.UserMapping(lambda xi: xi + 0.05 * np.sin(2 * np.pi * xi))
    axes = tp.Axis(24, -1.0, 1.0, mapping=bump, basis=tp.BSpline(5)), tp.Axis(25, 0.0, 2.0, bc=N, basis=tp.Lagrange(6))
    space = tp.Space(tp.Grid(*axes), dtype="complex128")

    def f(x, y):
        return np.exp(1j * np.pi * x) * y**3

    u = space.field(f)
    x = np.random.default_rng(1).uniform([-5, 0], [7, 2], (50, 2))
    np.testing.assert_allclose(u(x), f(*x.T), atol=5e-6)


def test_a_single_unknown_between_walls():
    exact = lambda x, y: 4 * x * (1 - x) + y  # noqa: E731
    narrow = tp.Axis(1, 0.0, 1.0, bc=tp.Dirichlet(lambda y, t: y), basis=tp.BSpline(2))
    wide = tp.Axis(4, 0.0, 1.0, bc=[tp.Dirichlet(lambda x, t, y=y: exact(x, y)) for y in (0, 1)], basis=tp.BSpline(3))
    space = tp.Space(tp.Grid(narrow, wide))
    u = space.field(exact)
    points = np.random.default_rng(4).random((9, 2))
    np.testing.assert_allclose(u(points), exact(*points.T), atol=1e-14)
    assert tp.error_norm(u, exact) < 1e-14
    v = tp.FastDiagonal(tp.stiffness(space)).solve(tp.load(space, 8.0))
    assert tp.error_norm(v, exact) < 1e-13


def test_chebyshev_axes_are_evaluated_with_their_walls():
    wall = tp.Dirichlet(lambda y, t: (1 + t) * wave(0.0, y)), N
    first = tp.Axis(17, 0.0, 1.0, bc=wall, mapping=tp.Algebraic(2.0), basis=tp.Chebyshev())
    second = tp.Axis(14, 0.0, 1.0, bc=(N, tp.Dirichlet(lambda x, t: wave(x, 1.0))), basis=tp.BSpline(7))
    points = np.vstack([np.random.default_rng(3).random((60, 2)), [[0.0, 0.4], [first.x[3], 1.0], [1.0, 0.0]]])
    for axes in ((first, second), (first, second.like(n=15, basis=tp.Chebyshev()))):
        u = tp.Space(tp.Grid(*axes)).field(wave)
        np.testing.assert_allclose(u(points), wave(*points.T), atol=1e-7)
        assert u([[0.0, 0.4]], t=1.0)[0] == pytest.approx(2 * wave(0.0, 0.4), abs=1e-7)


def test_integrals_are_those_of_the_function():
    for basis in (tp.Lagrange(3), tp.BSpline(3)):
        axis = tp.Axis(13, 0.0, 1.0, bc=N, basis=basis)
        u = tp.Space(tp.Grid(axis, axis)).field(lambda x, y: x**3 * y)
        assert u.integral() == pytest.approx(1 / 8, rel=1e-13)
        assert u.mean() == pytest.approx(1 / 8, rel=1e-13)


def test_loads_of_numbers_functions_of_time_and_fields():
    space = walls(tp.BSpline(2), 8, 9)
    ones = tp.load(space, 1.0)
    np.testing.assert_allclose(ones.gather(), np.outer(*(axis.weights for axis in space.axes)), atol=1e-16)
    timely = tp.load(space, lambda x, y, t: t * wave(x, y), t=3.0)
    np.testing.assert_allclose(timely.gather(), 3 * tp.load(space, wave).gather(), atol=1e-15)
    other = tp.Space(tp.Grid(*(axis.with_all() for axis in space.axes))).field(wave)
    near = tp.load(space, other)
    assert np.abs((near - tp.load(space, wave)).gather()).max() < 1e-5
    u = space.field(wave)
    np.testing.assert_allclose(tp.load(space, u).gather(), tp.mass(space)(u).gather(), atol=1e-15)
    B = tp.at_points(space, q=4)
    cube = tp.load(space, B(u) ** 3)
    np.testing.assert_allclose(cube.gather(), tp.load(space, lambda x, y: wave(x, y) ** 3).gather(), atol=3e-5)
    x, weights = np.polynomial.legendre.leggauss(20)
    wanted = np.einsum("i,j,ij", weights / 2, weights / 2, wave((1 + x[:, None]) / 2, (1 + x) / 2) ** 2)
    assert (B(u) ** 2).integral() == pytest.approx(wanted, abs=1e-5)


def test_advection_of_a_polynomial_and_its_integral():
    axes = [tp.Axis(11, 0.0, 1.0, bc=N, basis=basis) for basis in (tp.Lagrange(2), tp.BSpline(4))]
    space = tp.Space(tp.Grid(*axes))
    u = space.field(lambda x, y: x**2 * y)
    wanted = tp.load(space, lambda x, y: 3.0 * 2 * x * y - 2.0 * x**2)
    np.testing.assert_allclose((tp.advection(space, (3.0, -2.0)) @ u).gather(), wanted.gather(), atol=1e-14)


def test_single_precision_and_adjoint():
    axis = tp.Axis(9, 0.0, 1.0, bc=(D, N), basis=tp.BSpline(3))
    space = tp.Space(tp.Grid(axis, axis), dtype="float32")
    u = space.field(lambda x, y: np.sin(x) * y)
    K = tp.stiffness(space)
    assert u.dtype == (K @ u).dtype == tp.mass(space).inverse().apply(u).dtype == np.float32
    v = space.field(lambda x, y: x * y)
    assert (K @ u).dot(v) == pytest.approx(u.dot(K.H @ v), rel=1e-5)


def test_storage_grows_with_the_sum_of_the_sizes():
    def storage(n):
        space = tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 1.0, bc=(D, N), basis=tp.BSpline(3))] * 3))
        tracemalloc.start()
        kept = tp.stiffness(space, 2.0), tp.mass(space), tp.mass(space).inverse()
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert kept[0].domain is space
        return size

    storage(8)
    small, large = storage(60), storage(120)
    assert large < 2.3 * small and large < 0.1 * 8 * 120**3


def answers():
    """A solve with all kinds of data, evaluated; the same on any ranks to round-off."""
    first = tp.Axis(10, 0.0, 1.0, bc=(tp.Dirichlet(lambda y, z, t: y * z + t), N), basis=tp.BSpline(3))
    second = tp.Axis(7, 0.0, 2.0, bc=(N, tp.Robin(1.0, 2.0, lambda x, z, t: x + z)), basis=tp.Lagrange(3))
    third = tp.Axis(6, 0.0, 1.0, bc=tp.Dirichlet(0.5), basis=tp.BSpline(2))
    space = tp.Space(tp.Grid(first, second, third))
    b = tp.load(space, lambda x, y, z: np.cos(x * y) + z)
    u = tp.FastDiagonal(tp.stiffness(space, (1.0, 2.0, 0.5)), shift=-1.0).solve(b, t=0.3)
    w = space.field(lambda x, y, z: x * y + z, t=0.3)
    points = np.random.default_rng(2).random((40, 3))
    return [u.norm(), w.norm(), tp.error_norm(u, lambda x, y, z: 0 * x, t=0.3), *u(points, 0.3), *w(points, 0.3)]


def print_answers():
    found = answers()
    if tp.parallel.world().rank == 0:
        print("answers", json.dumps(found))


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_same_on_any_ranks(ranks):
    out = run_ranks(ranks, "test_coefficients.py::print_answers", timeout=240).stdout
    line = next(line for line in out.splitlines() if line.startswith("answers"))
    np.testing.assert_allclose(json.loads(line.removeprefix("answers")), answers(), rtol=0, atol=1e-11)


def test_errors_name_both():
    space = walls(tp.BSpline(2), 5, 5)
    u = space.field(1.0)
    plain = space.like(axis=1, basis=None)
    for make in (tp.mass, tp.stiffness, lambda s: tp.advection(s, 1.0), lambda s: tp.load(s, 1.0)):
        with pytest.raises(ValueError, match="axis 1 has the basis None"):
            make(plain)
    with pytest.raises(ValueError, match="the basis is None"):
        plain.field(1.0)(np.zeros((1, 2)))
    with pytest.raises(ValueError, match=r"\(4, 3\) given, \(m, 2\)"):
        u(np.zeros((4, 3)))
    with pytest.raises(ValueError, match=r"from 0.0 to 1.5 .* 0.0 to 1.0"):
        u([[0.0, 0.1], [1.5, 0.1]])
    with pytest.raises(ValueError, match="3 values of kappa for 2 axes"):
        tp.stiffness(space, (1.0, 2.0, 3.0))
    with pytest.raises(ValueError, match=r"FreeSlip.*give Dirichlet"):
        tp.stiffness(space.like(axis=0, n=6, bc=tp.FreeSlip()))
    with pytest.raises(ValueError, match="other elements"):
        tp.load(space, walls(tp.BSpline(2), 6, 5).field(1.0))
    with pytest.raises(ValueError, match="exact function or its gradient"):
        tp.error_norm(u)
    with pytest.raises(ValueError, match="3 derivatives for 2 axes"):
        tp.error_norm(u, gradient=[np.sin] * 3)


def test_coefficients_come_back_from_files(tmp_path):
    knots = (0, 0, 0, 0, 0.1, 0.3, 0.3, 0.7, 1, 1, 1, 1)
    space = tp.Space(tp.Grid(*[tp.Axis(8, 0.0, 1.0, bc=N, basis=tp.BSpline(3, knots))] * 2))
    u = space.field(wave)
    with tp.io.Output(tmp_path / "run", space) as out:
        out.write(step=1, time=0.1, u=u)
    (path,) = (tmp_path / "run").glob("fields_*.h5")
    np.testing.assert_array_equal(tp.io.read(path, "u", space).gather(), u.gather())
    with pytest.raises(ValueError, match=r"has basis BSpline\(p=3.* the Space has BSpline\(p=4"):
        tp.io.read(path, "u", space.like(axis=0, basis=tp.BSpline(4)))
    tp.io.save_checkpoint(tmp_path / "kept", {"u": u}, 1, 0.1)
    again = tp.io.load_checkpoint(tmp_path / "kept", space)[0]["u"]
    np.testing.assert_array_equal(again.gather(), u.gather())
