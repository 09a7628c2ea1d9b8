"""Galerkin operators against dense quadrature and scipy.sparse.kron, their boundary data, loads, errors, memory."""

import functools

import numpy as np
import pytest
import scipy.sparse

import tensorpde as tp
from tensorpde.line import weak

D, N, P = tp.Dirichlet(), tp.Neumann(), tp.Periodic()
WAVY = tp.UserMapping(lambda xi: xi + 0.1 * np.sin(2 * np.pi * xi))
AXES = {
    "elements": tp.Axis(8, 0.0, 1.0, bc=(D, N), basis=tp.Lagrange(2)),
    "periodic elements": tp.Axis(6, 0.0, 2.0, basis=tp.Lagrange(3)),
    "splines": tp.Axis(5, -1.0, 1.0, bc=D, basis=tp.BSpline(3)),
    "periodic splines": tp.Axis(5, 0.0, 1.0, basis=tp.BSpline(2)),
    "periodic, short": tp.Axis(5, 0.0, 1.0, basis=tp.BSpline(4)),
    "lower continuity": tp.Axis(5, 0.0, 4.0, bc=(N, D), basis=tp.BSpline(2, (0, 0, 0, 1, 1, 2.5, 4, 4, 4))),
    "rational": tp.Axis(5, 0.0, 1.0, bc=N, basis=tp.BSpline(2, None, (1, 2, 0.5, 1, 3))),
    "stretched": tp.Axis(7, 0.0, 1.0, bc=N, mapping=tp.Tanh(1.5), basis=tp.BSpline(3)),
    "wavy": tp.Axis(6, 0.0, 1.0, mapping=WAVY, basis=tp.BSpline(3)),
    "robin": tp.Axis(5, 0.0, 1.0, bc=(tp.Robin(2.0, 3.0), tp.Robin(1.0, -4.0)), basis=tp.Lagrange(4)),
}


def dense(axis, test, trial, q=None):
    """∫ φ_i^(test) φ_j^(trial) by plain loops over functions and a dense set of functions at points."""
    table = axis.basis.table(axis, q)
    functions = [np.zeros((table.points.size, table.functions)) for _ in range(2)]
    for values, entries in zip(functions, (table.values, table.slopes)):
        for e in range(len(table.first)):
            for g in range(entries.shape[1]):
                for k in range(entries.shape[2]):
                    values[e * entries.shape[1] + g, (table.first[e] + k) % table.functions] += entries[e, g, k]
    matrix = functions[test].T @ (table.weights.ravel()[:, None] * functions[trial])
    return matrix[table.unknowns, table.unknowns]


def robin(axis):
    """a/b at the ends that have Robin conditions."""
    ends = np.zeros(axis.n)
    for place, bc in zip((0, -1), axis.sides):
        ends[place] += bc.a / bc.b if isinstance(bc, tp.Robin) else 0.0
    return np.diag(ends)


def kron(parts):
    return functools.reduce(scipy.sparse.kron, parts)


@pytest.mark.parametrize("name", AXES)
def test_bands_of_an_axis_are_those_of_dense_quadrature(name):
    axis = AXES[name]
    space = tp.Space(axis)
    for operator, parts in (
        (tp.mass(space), [dense(axis, 0, 0)]),
        (tp.stiffness(space, 0.7), [0.7 * (dense(axis, 1, 1) + robin(axis))]),
        (tp.advection(space, -1.3), [-1.3 * dense(axis, 0, 1)]),
    ):
        (term,) = operator.terms
        made = term.coefficient * term.factors[0].matrix()
        np.testing.assert_allclose(made, parts[0], rtol=0, atol=1e-14 * np.abs(parts[0]).max())
    table = axis.basis.table(axis)
    np.testing.assert_allclose(
        weak.tests(table, 1).matrix(), (weak.values(table, 1).matrix() * table.weights.reshape(-1, 1)).T, atol=1e-14
    )


@pytest.mark.parametrize("names", [("elements", "periodic splines"), ("splines", "robin", "wavy"), ("rational",) * 2])
def test_operators_are_those_of_scipy_kron(names):
    axes = [AXES[name] for name in names]
    space = tp.Space(tp.Grid(*axes))
    rng = np.random.default_rng(1)
    values = rng.standard_normal(space.shape)
    kappa = [0.5 + k for k in range(space.ndim)]
    masses = [dense(axis, 0, 0) for axis in axes]
    stiff = [dense(axis, 1, 1) + robin(axis) for axis in axes]
    slopes = [dense(axis, 0, 1) for axis in axes]
    wanted = {
        "mass": (tp.mass(space), kron(masses)),
        "stiffness": (tp.stiffness(space, kappa), _sum(kappa, stiff, masses)),
        "advection": (tp.advection(space, kappa), _sum(kappa, slopes, masses)),
    }
    for operator, matrix in wanted.values():
        twin = matrix @ values.ravel()
        result = (operator @ space.field(values)).gather().ravel()
        np.testing.assert_allclose(result, twin, rtol=0, atol=1e-13 * np.abs(twin).max())
    M = tp.mass(space)
    back = M.inverse() @ (M @ space.field(values))
    np.testing.assert_allclose(back.gather(), values, rtol=0, atol=1e-11)


def _sum(kappa, own, masses):
    return sum(
        factor * kron([own[k] if k == axis else masses[k] for k in range(len(own))])
        for axis, factor in enumerate(kappa)
    )


@pytest.mark.parametrize("bc", [P, N], ids=["periodic", "open"])
@pytest.mark.parametrize("p", [2, 5, 8, 10])
def test_masses_of_high_degree_are_solved(p, bc):
    """Also where going round a periodic line never settles below the round-off that the elimination amplifies."""
    for basis, n in ((tp.BSpline(p), 2 * p + 3), (tp.BSpline(p), p + 1), (tp.Lagrange(p), 3 * p + (bc is N))):
        space = tp.Space(tp.Axis(n, 0.0, 1.0, bc=bc, basis=basis))
        values = np.random.default_rng(p).standard_normal(n)
        M = tp.mass(space)
        back = M.inverse() @ (M @ space.field(values))
        np.testing.assert_allclose(back.gather(), values, rtol=0, atol=2e-15 * 8**p)


def test_terms_share_their_line_operators():
    space = tp.Space(tp.Grid(*[AXES["splines"]] * 3))
    one, two, three = tp.stiffness(space).terms
    assert (
        one.factors[1] is three.factors[1] and two.factors[0] is three.factors[0] and one.factors[2] is two.factors[2]
    )
