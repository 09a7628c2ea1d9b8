"""Problems solved with sum-factorized forms: boundary data, orders of convergence, ranks, memory."""

import tracemalloc
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
import scipy.sparse.linalg
import weak_twins as brute
from mpi import run_ranks

import tensorpde as tp

N = tp.Neumann()


def kappa(x, y):
    return 1.0 + 0.5 * np.sin(x + 2 * y)


def u(x, y):
    return np.sin(1.3 * x + 0.4) * np.exp(0.5 * y)


def source(x, y):
    """−∇·(κ ∇u)."""
    value = u(x, y)
    du = 1.3 * np.cos(1.3 * x + 0.4) * np.exp(0.5 * y), 0.5 * value
    dk = 0.5 * np.cos(x + 2 * y), np.cos(x + 2 * y)
    return -(kappa(x, y) * (-(1.3**2) + 0.25) * value + dk[0] * du[0] + dk[1] * du[1])


def box(basis, elements):
    """Given values on three sides, a given slope on the fourth; the data grow with time."""
    sides = [
        (tp.Dirichlet(lambda y, t: (1 + t) * u(0.0, y)), tp.Dirichlet(lambda y, t: (1 + t) * u(1.0, y))),
        (
            tp.Dirichlet(lambda x, t: (1 + t) * u(x, 0.0)),
            tp.Neumann(lambda x, t: (1 + t) * 0.5 * u(x, 1.0)),
        ),
    ]
    lagrange = isinstance(basis, tp.Lagrange)
    functions = elements * basis.p + 1 if lagrange else elements + basis.p
    return tp.Space(
        tp.Grid(*(tp.Axis(functions - known, 0.0, 1.0, bc=bc, basis=basis) for known, bc in zip((2, 1), sides)))
    )


def solved(K, b):
    """K u = b by conjugate gradients with Jacobi's preconditioner."""
    A, d = K.as_linear_operator(), K.diagonal().local.ravel()
    inverse = scipy.sparse.linalg.LinearOperator(A.shape, matvec=lambda x: x / d, dtype=float)
    x, info = scipy.sparse.linalg.cg(A, b.local.ravel(), rtol=1e-13, maxiter=5000, M=inverse)
    assert info == 0
    return tp.Field(K.domain, x.reshape(K.domain.shape))


@pytest.mark.parametrize("basis", [tp.Lagrange(2), tp.BSpline(2)])
def test_varying_coefficient_with_boundary_data_has_the_order_of_the_basis(basis):
    errors = []
    t = 0.5
    for elements in (4, 8, 16):
        space = box(basis, elements)
        K = tp.stiffness(space, kappa)
        b = (1 + t) * tp.load(space, source) - K.lifting(t)
        found = solved(K, b)
        errors.append(tp.error_norm(found, lambda x, y: (1 + t) * u(x, y), t=t))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert orders[-1] > basis.p + 0.8, orders


@pytest.mark.parametrize(("kind", "mapped"), [(tp.Lagrange, False), (tp.BSpline, True)])
def test_errors_fall_exponentially_with_the_degree(kind, mapped):
    geometry, errors = tp.SmoothMap(annulus), []
    for p in range(1, 5):
        basis = kind(p)
        if mapped:
            space = on_annulus(basis, 2, np.pi / 2)
            K, b = tp.stiffness(space, geometry=geometry), tp.load(space, geometry.density(space, minus_laplacian))
            sides = [(axis.lo, axis.hi) for axis in space.axes]
            exact = partial(on_the_box, geometry, sides)
        else:
            space, exact = box(basis, 2), u
            K = tp.stiffness(space, kappa)
            b = tp.load(space, source) - K.lifting(0.0)
        errors.append(tp.error_norm(solved(K, b), exact, t=0.0))
    assert all(later < 0.3 * earlier for earlier, later in pairwise(errors)), errors
    assert errors[-1] < 4e-3 * errors[0], errors


def on_the_box(geometry, sides, *xi):
    return bump(*geometry.at([np.ravel(line) for line in xi], sides)[0])


def annulus(r, a):
    return r * np.cos(a), r * np.sin(a)


def quarter():
    """The quarter of an annulus with radii from 1 to 2 by its exact NURBS."""
    axes = [tp.Axis(2, 1.0, 2.0, bc=N, basis=tp.BSpline(1)), tp.Axis(3, 0.0, 1.0, bc=N, basis=tp.BSpline(2))]
    corner = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    points = np.stack([corner, 2 * corner], axis=1)
    weights = np.tile([1.0, np.sqrt(0.5), 1.0], (2, 1))
    return tp.Nurbs(axes, points, weights)


def on_annulus(basis, elements, hi):
    functions = elements * basis.p + 1 if isinstance(basis, tp.Lagrange) else elements + basis.p
    axes = [tp.Axis(functions - 2, lo, end, bc=tp.Dirichlet(), basis=basis) for lo, end in ((1.0, 2.0), (0.0, hi))]
    return tp.Space(tp.Grid(*axes))


def bump(x, y):
    """Zero on the sides of the quarter."""
    r2 = x * x + y * y
    return x * y * (r2 - 1) * (r2 - 4)


def minus_laplacian(x, y):
    """−Δ of x y (r² − 1)(r² − 4): with g(r²), Δ(x y g) = x y (12 g' + 4 r² g'')."""
    r2 = x * x + y * y
    return -x * y * (12 * (2 * r2 - 5) + 4 * r2 * 2)


@pytest.mark.parametrize("basis", [tp.Lagrange(2), tp.BSpline(2)])
@pytest.mark.parametrize("smooth", [True, False])
def test_mapped_poisson_has_the_order_of_the_basis(basis, smooth):
    geometry = tp.SmoothMap(annulus) if smooth else quarter()
    errors = []
    for elements in (4, 8, 16):
        space = on_annulus(basis, elements, np.pi / 2 if smooth else 1.0)
        found = solved(tp.stiffness(space, geometry=geometry), tp.load(space, geometry.density(space, minus_laplacian)))
        sides = [(axis.lo, axis.hi) for axis in space.axes]
        errors.append(tp.error_norm(found, partial(on_the_box, geometry, sides)))
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert orders[-1] > basis.p + 0.8, orders


def test_a_nurbs_of_the_annulus_is_the_annulus():
    points = [np.linspace(1, 2, 5), np.linspace(0, 1, 7)]
    x, jacobian = quarter().at(points, [(1.0, 2.0), (0.0, 1.0)])
    np.testing.assert_allclose(np.hypot(*x), np.broadcast_to(points[0][:, None], (5, 7)), atol=1e-14)
    step = 1e-6
    ahead = quarter().at([points[0][1:-1], points[1][1:-1] + step], [(1.0, 2.0), (0.0, 1.0)])[0]
    behind = quarter().at([points[0][1:-1], points[1][1:-1] - step], [(1.0, 2.0), (0.0, 1.0)])[0]
    np.testing.assert_allclose(jacobian[:, 1, 1:-1, 1:-1], (ahead - behind) / (2 * step), atol=1e-8)
    with pytest.raises(ValueError, match="maps the box"):
        quarter().at(points, [(0.0, 2.0), (0.0, 1.0)])


def test_lifting_is_the_form_on_the_known_functions():
    """K over all functions, applied to the interpolant of the wall values, on the rows of the unknowns."""
    axis = tp.Axis(5, 0.0, 1.0, bc=(tp.Dirichlet(lambda y, t: 1 + y * t), tp.Dirichlet(2.0)), basis=tp.Lagrange(2))
    other = tp.Axis(6, 0.0, 2.0, bc=(tp.Dirichlet(lambda x, t: 1 + x), N), basis=tp.Lagrange(2))
    space = tp.Space(tp.Grid(axis, other))
    whole = tp.Space(tp.Grid(axis.with_all(), other.with_all()))
    values = np.zeros(whole.shape)
    values[:, 0] = 1 + whole.axes[0].x
    values[0, :], values[-1, :] = 1 + whole.axes[1].x * 0.3, 2.0
    x, _ = brute.points(whole)
    matrix = sum(brute.form(whole, kappa(*x), a, a) for a in range(2))
    expected = (matrix @ values.ravel()).reshape(whole.shape)[1:-1, 1:]
    np.testing.assert_allclose(tp.stiffness(space, kappa).lifting(0.3).gather(), expected, atol=1e-12)


def rank_case():
    """A block, an argument and the forms: uneven sizes, periodic and open, values on a wall."""
    return [
        tp.Axis(7, 0.0, 1.0, bc=tp.Dirichlet(lambda y, z, t: y + z * t), basis=tp.Lagrange(2)),
        tp.Axis(6, 0.0, 1.0, bc=tp.Periodic(), basis=tp.Lagrange(2)),
        tp.Axis(5, 0.0, 1.0, bc=(tp.Robin(1.0, 2.0, 0.5), tp.Neumann(lambda x, y, t: x + y)), basis=tp.Lagrange(2)),
    ]


def nurbs_tube():
    """A quarter of a tube with radii from 1 to 2 and length 3."""
    line, arc = (tp.Axis(n, 0.0, 1.0, bc=N, basis=tp.BSpline(n - 1)) for n in (2, 3))
    corner = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
    plane = np.stack([corner, 2 * corner], axis=1)
    points = [np.append(plane, np.full((1, 2, 3), height), axis=0) for height in (0.0, 3.0)]
    weights = np.tile([1.0, np.sqrt(0.5), 1.0], (2, 1))
    return tp.Nurbs([line, arc, line], np.stack(points, axis=-1), np.stack([weights] * 2, axis=-1))


def a_line_on_one_rank():
    """Results of a mapped line: all ranks but one own nothing."""
    bc = tp.Robin(1.0, 2.0, 0.5), tp.Neumann(lambda t: 1 + t)
    space = tp.Space(tp.Axis(5, 0.0, 1.0, bc=bc, basis=tp.Lagrange(2)))
    curve = tp.SmoothMap(lambda x: [x + 0.2 * x**2])
    K, f = tp.stiffness(space, lambda x: 1 + x, curve), space.field(lambda x: np.sin(x))
    b = tp.load(space, curve.density(space, np.cos))
    return [field.gather() for field in (K @ f, K(f, 0.5), K.diagonal(), b)]


def on_ranks(folder, process_grid):
    space = tp.Space(tp.Grid(*rank_case()), process_grid=process_grid)
    f = space.field(np.random.default_rng(1).standard_normal(space.shape))

    def k(x, y, z):
        return 1 + 0.3 * np.sin(x + 2 * y + 3 * z)

    def warped(x, y, z):
        return x + 0.1 * y * (1 - y), y + 0.1 * z * x, z + 0.05 * np.sin(x)

    K = tp.stiffness(space, k)
    forms = [K, tp.stiffness(space, space.like(axis=0, bc=N, n=9).field(k), warped), tp.mass(space, k)]
    forms += [tp.advection(space, lambda x, y, z: (y, z, x)), tp.advection(space, lambda x, y, z: (y, z, x)).T]
    tube = nurbs_tube()
    forms += [tp.stiffness(space, geometry=tube), tp.mass(space, k, tube)]
    found = [(form @ f).gather() for form in forms]
    found += [tp.load(space, tube.density(space, k)).gather()]
    for axis in range(3):  # from and to any alignment
        turned = f.align(axis)
        np.testing.assert_array_equal((K @ turned).gather(), found[0])
        np.testing.assert_array_equal(K.apply(f, out=space.zeros(pencil=turned.pencil)).gather(), found[0])
    found += [K.diagonal().gather(), K.lifting(0.5).gather(), *a_line_on_one_rank()]
    if space.comm.rank == 0:
        np.savez(folder, *found)


def test_same_bits_on_any_number_of_ranks(tmp_path):
    on_ranks(str(tmp_path / "alone.npz"), None)
    alone = np.load(tmp_path / "alone.npz")
    assert min(np.abs(values).max() for values in alone.values()) > 0.01
    for ranks, grid in ((2, None), (3, (3, 1)), (4, (2, 2)), (4, (1, 4))):
        run_ranks(ranks, "sumfact/test_problems.py::on_ranks", str(tmp_path / "many.npz"), grid, timeout=200)
        many = np.load(tmp_path / "many.npz")
        for name, values in alone.items():
            np.testing.assert_array_equal(many[name], values, err_msg=f"{name} on {ranks} ranks, {grid}")


def test_applying_allocates_no_arrays():
    axes = [tp.Axis(40, 0.0, 1.0, bc=tp.Periodic(), basis=tp.Lagrange(2))] * 3
    space = tp.Space(tp.Grid(*axes))
    K = tp.stiffness(space, lambda x, y, z: 1 + x)
    f, out = space.field(1.0), space.zeros()
    for _ in range(2):
        K.apply(f, out)
    tracemalloc.start()
    K.apply(f, out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < f.local.nbytes / 10
