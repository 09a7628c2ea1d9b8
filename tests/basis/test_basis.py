"""Bases on axes: counting, points, values against scipy, derivatives, tables, impossible combinations."""

import numpy as np
import pytest
from scipy.interpolate import BSpline as ScipySpline

import tensorpde as tp
from tensorpde.basis.lagrange import differentiation, lobatto

D, N, P = tp.Dirichlet(), tp.Neumann(), tp.Periodic()
UNEVEN = (0, 0, 0, 0, 1, 1, 1.5, 3, 4, 4, 4, 4)
RATIONAL = tp.BSpline(2, (0, 0, 0, 1, 1, 2, 4, 4, 4), (1, 2, 0.5, 2, 1, 3))
ALL = [
    (tp.Lagrange(1), 4, N), (tp.Lagrange(3), 9, P), (tp.Lagrange(4), 9, N), (tp.Lagrange(3), 8, (D, D)),
    (tp.BSpline(1), 5, P), (tp.BSpline(2), 7, P), (tp.BSpline(3), 7, (D, N)), (tp.BSpline(4), 5, N),
    (tp.BSpline(3, UNEVEN), 7, (N, D)), (tp.BSpline(2, (0, 1, 1, 2, 4, 5)), 5, P), (RATIONAL, 6, N),
    (RATIONAL, 5, (D, N)), (tp.BSpline(2, (0, 0.5, 1, 1, 2, 4), (1, 2, 1, 3, 2)), 5, P),
]  # fmt: skip


def axes():
    return [tp.Axis(n, -1.0, 2.0, bc=bc, basis=basis) for basis, n, bc in ALL]


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("axis", axes(), ids=str)
def test_table_is_a_partition_of_unity_with_matching_slopes(axis, mapped):
    if mapped:
        axis = axis.like(mapping=tp.UserMapping(lambda xi: xi + 0.1 * np.sin(2 * np.pi * xi)))
    table = axis.basis.table(axis, 5)
    elements = axis.intervals
    assert table.values.shape == table.slopes.shape == (elements, 5, axis.basis.p + 1)
    assert table.points.shape == table.weights.shape == (elements, 5) and table.first.shape == (elements,)
    np.testing.assert_allclose(table.values.sum(axis=2), 1, atol=1e-13)
    np.testing.assert_allclose(table.slopes.sum(axis=2), 0, atol=1e-11)
    assert np.all(np.diff(table.points.ravel()) > 0) and np.all(np.diff(table.first) > 0)
    assert table.functions == axis.n + sum(axis.known) and table.periodic == axis.periodic
    step = 1e-6
    xi = axis.reference(table.points.ravel() + step * np.array([[-1], [1]]))
    near = [axis.basis.evaluate(axis, part)[1] for part in xi]
    np.testing.assert_allclose((near[1] - near[0]) / (2 * step), table.slopes.reshape(near[0].shape), atol=1e-6)


@pytest.mark.parametrize("axis", axes(), ids=str)
def test_points_increase_and_weights_integrate(axis):
    assert axis.x.shape == axis.weights.shape == (axis.n,) and np.all(np.diff(axis.x) > 0)
    assert np.all((axis.x >= -1) & (axis.x <= 2))
    table = axis.basis.table(axis, 9)
    totals = np.zeros(table.functions)
    np.add.at(totals, table.columns, np.einsum("eq,eqk->ek", table.weights, table.values))
    assert totals.sum() == pytest.approx(3.0, rel=1e-13)
    rational = isinstance(axis.basis, tp.BSpline) and axis.basis.weights is not None
    np.testing.assert_allclose(axis.weights, totals[table.unknowns], rtol=0.04 if rational else 1e-12)


@pytest.mark.parametrize("derivative", [0, 1, 2])
@pytest.mark.parametrize("weights", [None, (1, 1, 1, 1, 1, 1, 1, 1)])
def test_splines_are_those_of_scipy(derivative, weights):
    axis = tp.Axis(8, 0.0, 4.0, bc=N, basis=tp.BSpline(3, UNEVEN, weights))
    xi = np.linspace(0, 1, 41)[:-1]
    first, values = axis.basis.evaluate(axis, xi, derivative)
    twin = ScipySpline(np.array(UNEVEN), np.eye(8), 3).derivative(derivative)(4 * xi) * 4.0**derivative
    whole = np.zeros((40, 8))
    np.put_along_axis(whole, first[:, None] + np.arange(4), values, axis=1)
    np.testing.assert_allclose(whole, twin, rtol=0, atol=1e-12 * 4**derivative)


def test_rational_derivatives_are_those_of_the_quotient():
    axis = tp.Axis(6, 0.0, 4.0, bc=N, basis=RATIONAL)
    xi = np.linspace(0.012, 0.992, 23)
    step = 1e-4
    for derivative in (1, 2):
        lower = [axis.basis.evaluate(axis, xi + s, derivative - 1)[1] for s in (-step, step)]
        found = axis.basis.evaluate(axis, xi, derivative)[1]
        np.testing.assert_allclose((lower[1] - lower[0]) / (2 * step), found, rtol=1e-5, atol=1e-3)
    weights, plain = np.array(RATIONAL.weights), axis.like(basis=tp.BSpline(2, RATIONAL.knots))
    first, values = plain.basis.evaluate(plain, xi)
    share = values * weights[first[:, None] + np.arange(3)]
    np.testing.assert_allclose(
        axis.basis.evaluate(axis, xi)[1], share / share.sum(axis=1, keepdims=True), rtol=1e-14, atol=1e-16
    )


@pytest.mark.parametrize("p", [1, 2, 3, 7, 12])
def test_lobatto_nodes_and_differentiation(p):
    nodes = lobatto(p)
    assert nodes[0] == -1 and nodes[-1] == 1
    slope = np.polynomial.legendre.Legendre.basis(p).deriv()
    np.testing.assert_allclose(slope(nodes[1:-1]), 0, atol=1e-11 * p**3)
    for power in range(p + 1):
        exact = power * nodes ** max(power - 1, 0)
        np.testing.assert_allclose(differentiation(p) @ nodes**power, exact, atol=1e-12 * p**2)


def test_coefficients_of_nodal_bases_are_values():
    axis = tp.Axis(9, 0.0, 2.0, bc=N, basis=tp.Lagrange(4))
    first, values = axis.basis.evaluate(axis, axis.xi)
    whole = np.zeros((9, 9))
    np.put_along_axis(whole, first[:, None] + np.arange(5), values, axis=1)
    np.testing.assert_allclose(whole, np.eye(9), atol=1e-14)


def test_periodic_points():
    for p, shift in ((1, 0), (2, 0.5), (3, 0), (4, 0.5)):
        axis = tp.Axis(8, 0.0, 1.0, basis=tp.BSpline(p))
        np.testing.assert_allclose(axis.x, (np.arange(8) + shift) / 8, atol=1e-15)
        first, values = axis.basis.evaluate(axis, axis.xi)
        rows = np.zeros((8, 8))
        np.add.at(rows, (np.arange(8)[:, None], (first[:, None] + np.arange(p + 1)) % 8), values)
        assert np.all(rows.argmax(axis=1) == np.arange(8))
        again = axis.basis.evaluate(axis, axis.xi - 3.0)
        np.testing.assert_allclose(again[1], values, atol=1e-13)


def test_knots_may_have_any_units_and_known_walls_drop_functions():
    axis = tp.Axis(6, 5.0, 9.0, bc=D, basis=tp.BSpline(3, UNEVEN))
    same = tp.Axis(6, 5.0, 9.0, bc=D, basis=tp.BSpline(3, 10 + 3 * np.array(UNEVEN)))
    np.testing.assert_allclose(axis.x, same.x)
    full = axis.like(n=8, bc=N)
    np.testing.assert_array_equal(axis.x, full.x[1:-1])
    np.testing.assert_array_equal(axis.weights, full.weights[1:-1])
    assert axis.intervals == 4 and axis.known == (1, 1)


@pytest.mark.parametrize("mapping", [tp.Tanh(2.0), tp.TanhOneSided(1.5), tp.Algebraic(0.1), tp.Uniform()])
def test_reference_inverts_position(mapping):
    axis = tp.Axis(5, -1.0, 3.0, bc=N, mapping=mapping)
    xi = np.linspace(0, 1, 57)
    np.testing.assert_allclose(axis.reference(axis.position(xi)), xi, atol=1e-14)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 9, "basis": tp.Lagrange(3), "bc": N}, r"n=9 .*Lagrange\(p=3\).*n=7 or 10"),
        ({"n": 3, "basis": tp.Lagrange(3), "bc": P}, r"n=3 .*n=6$"),
        ({"n": 4, "basis": tp.BSpline(4), "bc": P}, r"n=4 is too small .*n ≥ 5"),
        ({"n": 7, "basis": tp.BSpline(3, UNEVEN), "bc": N}, r"n=7 .* 12 knots .*n=8"),
        ({"n": 7, "basis": tp.BSpline(3, UNEVEN), "bc": D}, r"n=7 .* 2 known walls .*n=6"),
        ({"n": 6, "basis": tp.BSpline(2, (0, 0, 1, 2, 3, 4, 5, 6, 6, 6)), "bc": (D, N)}, r"left wall is known"),
        ({"n": 7, "basis": tp.BSpline(2, (0, 0, 0, 1, 1, 1, 2, 3, 3, 3)), "bc": N}, r"p=2 times inside"),
        ({"n": 5, "basis": tp.BSpline(2, (0, 0, 0, 1, 2, 3)), "bc": P}, r"p=2 times inside"),
        ({"n": 5, "basis": tp.BSpline(2, None, (1, 1)), "bc": N}, r"2 weights .*5 functions"),
        ({"n": 5, "basis": tp.BSpline(2), "bc": N, "location": "cells"}, r'"nodes", not .cells'),
        ({"n": 5, "basis": 3, "bc": N}, r"not 3"),
    ],
)
def test_errors_name_both(options, words):
    with pytest.raises(ValueError, match=words):
        tp.Axis(lo=0.0, hi=1.0, **options)


def test_impossible_bases():
    with pytest.raises(ValueError, match="p=0"):
        tp.Lagrange(0)
    with pytest.raises(ValueError, match="do not decrease"):
        tp.BSpline(2, (0, 0, 0, 2, 1, 3, 3, 3))
    with pytest.raises(ValueError, match="positive"):
        tp.BSpline(2, weights=(1, 0, 1))
    axis = tp.Axis(5, 0.0, 1.0, bc=N, basis=tp.BSpline(2))
    with pytest.raises(ValueError, match=r"from 0.* to 1.1"):
        axis.basis.evaluate(axis, np.array([0.2, 1.1]))
    with pytest.raises(ValueError, match="staggered"):
        axis.staggered()
    with pytest.raises(ValueError, match="point values"):
        tp.derivative(tp.Space(axis), 0)


def test_bases_are_values():
    assert tp.BSpline(3, UNEVEN) == tp.BSpline(3, np.array(UNEVEN)) != tp.BSpline(3)
    assert hash(tp.Lagrange(2)) == hash(tp.Lagrange(2))
