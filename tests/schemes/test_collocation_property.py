"""Collocation on one axis that hypothesis draws: exact on all functions that the values and data can carry."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline

import tensorpde as tp
from tensorpde.schemes import Collocation, on_axis

CONDITIONS = [tp.Dirichlet(), tp.Neumann(), tp.Robin(2.0, 3.0), tp.Robin(1.0, 0.5), tp.Even()]


def datum(condition, function, wall, sign):
    """What a condition says of a function(x, derivative) at a wall."""
    value, slope = function(wall, 0), sign * function(wall, 1)
    if isinstance(condition, tp.Robin):
        return condition.a * value + condition.b * slope
    return value if isinstance(condition, tp.Dirichlet) else slope


@st.composite
def problems(draw):
    """An axis and a random function of the kind that its basis interpolates with, as function(x, derivative)."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lo, length = draw(st.sampled_from([(0.0, 1.0), (-1.0, 2.0), (3.0, 0.1)]))
    bc = tuple(draw(st.sampled_from(CONDITIONS)) for _ in "12")
    known = sum(isinstance(side, tp.Dirichlet) for side in bc)
    kind = draw(st.sampled_from(["Chebyshev", "open splines", "periodic splines"]))
    if kind == "Chebyshev":
        n = draw(st.integers(3, 24))
        axis = tp.Axis(n, lo, lo + length, bc=bc, basis=tp.Chebyshev())
        degree = n + known - 1 + sum(not isinstance(side, tp.Dirichlet) for side in bc)
        coefficients = rng.standard_normal(degree + 1) / (1 + np.arange(degree + 1)) ** 2
        series = np.polynomial.Chebyshev(coefficients, domain=[lo, lo + length])
        return axis, lambda x, derivative: series.deriv(derivative)(x) if derivative else series(x)
    p, cells = draw(st.integers(2, 6)), draw(st.integers(5, 14))
    breaks = np.cumsum(np.concatenate([[0.0], rng.uniform(0.6, 1.4, cells)]))
    breaks /= breaks[-1]
    if kind == "open splines":
        knots = np.concatenate([[0.0] * p, breaks, [1.0] * p])
        functions = cells + p
        axis = tp.Axis(functions - 2, lo, lo + length, bc=bc, basis=tp.Greville(p, knots))
        spline = BSpline(lo + length * knots, rng.standard_normal(functions), p)
    else:
        n = max(cells, p + 2)
        axis = tp.Axis(n, lo, lo + length, basis=tp.Greville(p))
        knots = lo + length / n * np.arange(-p, n + p + 1)
        c = rng.standard_normal(n)
        spline = BSpline(knots, np.concatenate([c, c[:p]]), p)
    return axis, lambda x, derivative: spline(x, derivative)


@settings(max_examples=120, derandomize=True, database=None, deadline=None)
@given(problems(), st.sampled_from([1, 2]), st.sampled_from(["float64", "complex128"]))
def test_exact_on_the_functions_of_the_basis(problem, derivative, dtype):
    axis, function = problem
    p = getattr(axis.basis, "p", None)
    made = on_axis(Collocation("derivative", derivative), axis)
    data = [0.0, 0.0]
    if not axis.periodic:
        ends = zip(axis.sides, (axis.lo, axis.hi), (-1, 1), strict=True)
        data = [datum(condition, function, np.float64(wall), sign) for condition, wall, sign in ends]
    values = np.stack([function(axis.x, 0), -2.0 * function(axis.x, 0)], axis=1).astype(dtype)
    if dtype == "complex128":
        values *= 1 + 1j
    found = made.operator.apply(values, 0)[:, 0]
    found = found / (1 + 1j) if dtype == "complex128" else found
    found = found + made.left * data[0] + made.right * data[1]
    wanted = function(axis.x, derivative)
    inside = np.ones(axis.n, bool) if p is None or derivative < p - 1 else _off_the_knots(axis)
    size = np.abs(made.operator.matrix()).sum(axis=1).max() * np.abs(values).max()
    np.testing.assert_allclose(found[inside], wanted[inside], rtol=0, atol=1e-12 * size)


def _off_the_knots(axis):
    """Points where the highest derivatives have one value only."""
    knots = np.unique(axis.basis.knots) if axis.basis.knots is not None else np.arange(axis.n + 1) / axis.n
    distance = np.abs(axis.xi[:, None] - knots).min(axis=1)
    return (distance > 1e-9) | (axis.xi < 1e-9) | (axis.xi > 1 - 1e-9)
