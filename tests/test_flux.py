"""Variable coefficients on point values: the flux form and products with a function."""

import numpy as np
import pytest
import scipy.sparse as sp
from local import local
from mpi import run_ranks

import tensorpde as tp

D, N, P = tp.Dirichlet(), tp.Neumann(), tp.Periodic()


def kappa(x, y):
    return 1.0 + 0.5 * np.sin(2 * np.pi * x) * np.cos(2 * np.pi * y) + x * (1 - x)


def square(n, bc, location="nodes", mapping=None):
    more = {"mapping": mapping} if mapping else {}
    return tp.Space(tp.Grid(*(tp.Axis(n + k, 0.0, 1.0, bc=bc, location=location, **more) for k in (0, 1))))


def dense(L):
    space = L.domain
    units = np.eye(np.prod(space.shape)).reshape(-1, *space.shape)
    return local(L @ space.field(units)).reshape(len(units), -1).T


@pytest.mark.parametrize(("bc", "location"), [(D, "nodes"), (N, "nodes"), (D, "cells"), (N, "cells"), (P, "nodes"),
                                              (P, "cells"), (tp.Even(), "nodes"), (tp.Odd(), "cells")])  # fmt: skip
def test_a_constant_coefficient_gives_the_laplacian(bc, location):
    space = square(7, bc, location)
    A, B = dense(tp.diffusion(space, 2.5)), dense(2.5 * tp.laplacian(space))
    np.testing.assert_allclose(A, B, atol=1e-10)


@pytest.mark.parametrize(("bc", "location"), [(D, "nodes"), (D, "cells"), (N, "cells"), (P, "nodes")])
def test_it_is_the_assembled_flux_form(bc, location):
    """Against scipy.sparse.kron of the two-point differences, symmetric and negative semidefinite."""
    space = square(6, bc, location)
    L = tp.diffusion(space, kappa)
    total = 0
    for axis in range(2):
        line = space.axes[axis]
        n, h = line.n, line.spacing
        if bc is P:
            difference = sp.eye(n) - sp.eye(n, k=-1) - sp.eye(n, k=n - 1)
            middle = (line.x - h / 2) % 1.0
            widths = np.ones(n)
        else:
            difference = sp.eye(n + 1, n) - sp.eye(n + 1, n, k=-1)
            middle = (line.x[0] - h / 2) + h * np.arange(n + 1)
            inside = 1.0 if location == "nodes" else (2.0 if bc is D else 0.0)
            widths = np.array([inside, *np.ones(n - 1), inside])
        points = [line.x if k != axis else middle for k, line in enumerate(space.axes)]
        values = np.broadcast_to(kappa(*np.ix_(*points)), tuple(map(len, points)))
        shape = [1, 1]
        shape[axis] = -1
        weight = sp.diags((values * widths.reshape(shape)).ravel() / h**2)
        parts = [sp.eye(m) for m in space.shape]
        parts[axis] = difference
        one = sp.kron(*parts)
        total = total - one.T @ weight @ one
    made = dense(L)
    np.testing.assert_allclose(made, total.toarray(), atol=1e-10)
    np.testing.assert_allclose(made, made.T, atol=1e-10)
    assert np.linalg.eigvalsh(made).max() < 1e-9
    np.testing.assert_allclose(dense(L.T), made.T, atol=1e-10)


@pytest.mark.parametrize("bc", [D, N])
def test_on_stretched_axes_volumes_make_it_symmetric(bc):
    space = square(8, bc, mapping=tp.Tanh(1.3))
    volumes = [np.array(axis.dx) for axis in space.axes]
    for line in volumes if bc is N else ():
        line[[0, -1]] *= 0.5
    matrix = np.outer(*volumes).ravel()[:, None] * dense(tp.diffusion(space, kappa))
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-10)


def exact(x, y, t=0.0):
    return np.sin(1.0 + 2 * x + t) * np.cos(y) + x


def flux_divergence(x, y, t):
    """∇·(κ ∇u) for κ = e^(x + y/2)."""
    k = np.exp(x + 0.5 * y)
    ux, uy = 2 * np.cos(1 + 2 * x + t) * np.cos(y) + 1, -np.sin(1 + 2 * x + t) * np.sin(y)
    laplacian = -5 * np.sin(1 + 2 * x + t) * np.cos(y)
    return k * (laplacian + ux + 0.5 * uy)


def sides(kind):
    """Conditions of both axes that the exact solution meets."""

    def slope(x, y, t):
        return 2 * np.cos(1 + 2 * x + t) * np.cos(y) + 1, -np.sin(1 + 2 * x + t) * np.sin(y)

    def condition(axis, end, normal):
        at = (lambda o, t: (end, o, t)) if axis == 0 else (lambda o, t: (o, end, t))
        if kind == "Dirichlet":
            return tp.Dirichlet(lambda o, t: exact(*at(o, t)))
        gradient = lambda o, t: normal * slope(*at(o, t))[axis]  # noqa: E731
        if kind == "Neumann":
            return tp.Neumann(gradient)
        return tp.Robin(2.0, 1.0, lambda o, t: 2 * exact(*at(o, t)) + gradient(o, t))

    return [(condition(axis, 0.0, -1.0), condition(axis, 1.0, 1.0)) for axis in range(2)]


@pytest.mark.parametrize(
    ("kind", "location", "mapping"),
    [("Dirichlet", "nodes", None), ("Dirichlet", "cells", None), ("Neumann", "nodes", None), ("Neumann", "cells", None),
     ("Robin", "cells", None), ("Dirichlet", "nodes", tp.Tanh(1.2))],
)  # fmt: skip
def test_second_order_with_boundary_data(kind, location, mapping):
    errors = []
    more = {"mapping": mapping} if mapping else {}
    for n in (15, 31):
        axes = [tp.Axis(n, 0.0, 1.0, bc=bc, location=location, **more) for bc in sides(kind)]
        if kind == "Neumann":
            axes[1] = axes[1].like(bc=sides("Dirichlet")[1])
        space = tp.Space(tp.Grid(*axes))
        L = tp.diffusion(space, lambda x, y: np.exp(x + 0.5 * y))
        right = space.field(lambda x, y: flux_divergence(x, y, 0.3))
        P = tp.FastDiagonal(tp.laplacian(space))
        u, _ = tp.solve.krylov(L, right, P, "gmres", rtol=1e-9, t=0.3)
        errors.append(np.abs((u - space.field(lambda x, y: exact(x, y, 0.3))).gather()).max())
    assert 1.8 < np.log2(errors[0] / errors[1]) < 2.3


def test_compact_schemes_are_of_their_order_on_periodic_axes():
    errors = []
    scheme = tp.schemes.lele1992.staggered(6)
    for n in (16, 32):
        axis = tp.Axis(n, 0.0, 2 * np.pi)
        space = tp.Space(tp.Grid(axis, axis))
        L = tp.diffusion(space, lambda x, y: 2 + np.sin(x) * np.cos(y), scheme)
        u = space.field(lambda x, y: np.sin(x + y))
        wanted = space.field(
            lambda x, y: np.cos(x) * np.cos(y) * np.cos(x + y) - np.sin(x) * np.sin(y) * np.cos(x + y)
            - 2 * (2 + np.sin(x) * np.cos(y)) * np.sin(x + y)
        )  # fmt: skip
        errors.append((L @ u - wanted).norm() / n)
    assert 5.7 < np.log2(errors[0] / errors[1]) < 6.5


def test_anisotropic_and_complex():
    space = square(6, D).like(dtype="complex128")
    L = tp.diffusion(space, [2.0, lambda x, y: 1 + x])
    u = space.field(np.random.default_rng(0).standard_normal(space.shape) * (1 + 2j))
    one = 2.0 * tp.derivative(space, 0, tp.schemes.central.second_derivative) @ u
    other = space.field(lambda x, y: 1 + x) * (tp.derivative(space, 1, tp.schemes.central.second_derivative) @ u)
    assert (L @ u - one - other).norm() < 1e-10 * one.norm()
    a = tp.Multiplication(space.field(1j))
    assert u.dot(a @ u) == pytest.approx((a.H @ u).dot(u))
    assert ((2 * a) @ u - 2j * u).norm() == 0


def test_errors():
    space = square(6, tp.Robin(1.0, 2.0))
    with pytest.raises(ValueError, match=r'axis 0 has Robin.*location="cells"'):
        tp.diffusion(space, 1.0)
    with pytest.raises(ValueError, match="staggered first derivative, not central second derivative"):
        tp.diffusion(space, 1.0, tp.schemes.central.second_derivative)
    with pytest.raises(ValueError, match="3 coefficients for 2 axes"):
        tp.diffusion(space, [1.0, 2.0, 3.0])


def digest():
    axes = [tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet(1.0)) for n in (9, 4, 7)]
    space = tp.Space(tp.Grid(*axes))
    L = tp.diffusion(space, lambda x, y, z: 1 + x * y + z)
    u = space.field(lambda x, y, z: [np.sin(k + x * y) * z for k in (1, 2)], lead=(2,))
    found = [L(v).gather().tobytes().hex() for v in (u, u.align(0), u.align(1))]
    assert found[0] == found[1] == found[2]
    if space.comm.rank == 0:
        print("digest", found[0])
    return found[0]


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_same_bits_on_any_ranks(ranks):
    out = run_ranks(ranks, "test_flux.py::digest").stdout
    assert next(line for line in out.splitlines() if line.startswith("digest")).split()[1] == digest()
