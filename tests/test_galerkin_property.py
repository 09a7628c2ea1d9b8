"""Galerkin on drawn sizes, bases, degrees, conditions and ranks, against dense matrices and exact linear functions."""

import functools
import json

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from mpi import run_ranks

import tensorpde as tp

QUICK = settings(max_examples=12, deadline=None, derandomize=True)
FEW = settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])  # mpirun starts in seconds


@st.composite
def lines(draw, straight=False):
    """Plain data of an axis."""
    periodic = not straight and draw(st.booleans())
    p = draw(st.integers(1, 4))
    basis = draw(st.sampled_from(["elements", "splines", "knots", "rational"]))
    fewest = 1 if not periodic else 2 if basis == "elements" else p + 1
    return {
        "basis": basis,
        "p": p,
        "elements": max(draw(st.integers(1, 3)), fewest),
        "conditions": "PP" if periodic else draw(st.text("DNR", min_size=2, max_size=2)),
        "stretched": not periodic and not straight and draw(st.booleans()),
    }


def size(problem):
    """About the number of unknowns, which the dense twin has the square of."""
    return np.prod([line["elements"] * line["p"] + 1 if line["basis"] == "elements" else 7 for line in problem])


PROBLEMS = st.lists(lines(), min_size=1, max_size=3).filter(lambda problem: size(problem) < 1200)


def linear(slopes):
    return lambda *x: 0.3 + sum(s * y for s, y in zip(slopes, x))


def condition(kind, slopes, axis, place):
    """The data that the linear function has on a wall."""
    outward = slopes[axis] * (1 if place else -1)

    def value(*args):
        others = list(args[:-1])
        others.insert(axis, place)
        return linear(slopes)(*others)

    if kind == "D":
        return tp.Dirichlet(value)
    return tp.Neumann(outward) if kind == "N" else tp.Robin(2.0, 0.5, lambda *args: 2 * value(*args) + 0.5 * outward)


def axis_of(line, axis, slopes):
    p, elements, kinds = line["p"], line["elements"], line["conditions"]
    periodic = kinds == "PP"
    if line["basis"] == "elements":
        functions, basis = elements * p + (not periodic), tp.Lagrange(p)
    else:
        functions, knots, weights = elements + (0 if periodic else p), None, None
        if line["basis"] == "knots" and not periodic:  # the first inner knot p times
            inner = [0.3 * (k > 0) + k for k in range(1, elements)]
            inner = [*inner[:1] * p, *inner[1:]]
            knots = [0.0] * (p + 1) + inner + [elements + 1.0] * (p + 1)
            functions = len(knots) - p - 1
        if line["basis"] == "rational":
            weights = 1 + 0.5 * np.cos(np.arange(functions))
        basis = tp.BSpline(p, knots, weights)
    if periodic:
        return tp.Axis(functions, 0.0, 1.0, basis=basis)
    bc = tuple(condition(kind, slopes, axis, place) for kind, place in zip(kinds, (0.0, 1.0)))
    mapping = tp.Algebraic(1.5) if line["stretched"] else tp.Uniform()
    return tp.Axis(max(functions - kinds.count("D"), 1), 0.0, 1.0, bc=bc, mapping=mapping, basis=basis)


def space_of(problem, slopes):
    lines = [line | {"elements": 3} if line["elements"] * line["p"] < 3 else line for line in problem]  # n ≥ 1
    return tp.Space(tp.Grid(*(axis_of(line, k, slopes) for k, line in enumerate(lines))))


def dense(axis, test, trial):
    table = axis.basis.table(axis)
    total = np.zeros((table.functions, table.functions))
    parts = (table.values, table.slopes)
    np.add.at(
        total,
        (table.columns[:, :, None], table.columns[:, None, :]),
        np.einsum("eqi,eq,eqj->eij", parts[test], table.weights, parts[trial]),
    )
    return total[table.unknowns, table.unknowns]


def dense_stiffness(axis):
    matrix = dense(axis, 1, 1)
    for place, bc in zip((0, -1), axis.sides):
        if isinstance(bc, tp.Robin):
            matrix[place, place] += bc.a / bc.b
    return matrix


def twins(space, kappa, velocity):
    """K, M and C assembled."""
    masses = [dense(axis, 0, 0) for axis in space.axes]
    stiff = [dense_stiffness(axis) for axis in space.axes]
    slopes = [dense(axis, 0, 1) for axis in space.axes]

    def total(factors, own):
        return sum(
            c * functools.reduce(np.kron, [own[k] if k == axis else masses[k] for k in range(space.ndim)])
            for axis, c in enumerate(factors)
        )

    return total(kappa, stiff), functools.reduce(np.kron, masses), total(velocity, slopes)


def check_against_dense(problem):
    """Operators, inverse and solver equal their assembled twins to round-off."""
    space = space_of(problem, (0.0,) * 3)
    kappa, velocity = [1.0 + k for k in range(space.ndim)], [0.5 - k for k in range(space.ndim)]
    matrices = twins(space, kappa, velocity)
    K, M, C = tp.stiffness(space, kappa), tp.mass(space), tp.advection(space, velocity)
    values = np.random.default_rng(len(problem)).standard_normal(space.shape)
    f = space.field(values)
    for operator, matrix in zip((K, M, C), matrices):
        result = (operator @ f).gather().ravel()
        np.testing.assert_allclose(result, matrix @ values.ravel(), rtol=0, atol=1e-12 * np.abs(matrix).max() * 50)
    back = (M.inverse() @ (M @ f)).gather()
    np.testing.assert_allclose(back, values, rtol=0, atol=1e-9)
    matrix = matrices[0] + 2.0 * matrices[1]
    u = tp.FastDiagonal(K, shift=-2.0).solve(f).gather().ravel()
    data = (K.lifting() + 2.0 * M.lifting()).gather()
    wanted = np.linalg.solve(matrix, (values - data).ravel())
    np.testing.assert_allclose(u, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())


def check_linear_functions(problem, slopes):
    """A linear function with its own data is reproduced: projected, evaluated, and a solution of Laplace's equation."""
    space = space_of(problem, slopes)
    exact = linear(slopes)
    u = space.field(exact)
    points = np.random.default_rng(1).random((17, space.ndim))
    np.testing.assert_allclose(u(points), exact(*points.T), rtol=0, atol=1e-10)
    gradient = [lambda *x, s=s: s + 0 * x[0] for s in slopes[: space.ndim]]
    assert max(tp.error_norm(u, exact, gradient)) < 1e-9
    K = tp.stiffness(space)
    assert np.abs(K(u).gather()).max() < 1e-9
    reaction = K(u) + 3.0 * tp.mass(space)(u) - tp.load(space, lambda *x: 3.0 * exact(*x))
    assert np.abs(reaction.gather()).max() < 1e-9


def check_all(text):
    """What the tests below check, on the ranks of the job."""
    for problem, straight, slopes in json.loads(text):
        check_against_dense(problem)
        check_linear_functions(straight, slopes)


@QUICK
@given(PROBLEMS)
def test_equals_the_assembled_matrices(problem):
    check_against_dense(problem)


# Rational splines and stretched axes do not hold linear functions.
STRAIGHT = st.lists(lines(straight=True).filter(lambda line: line["basis"] != "rational"), min_size=1, max_size=3)
SLOPES = st.tuples(*[st.integers(-3, 3)] * 3)


@QUICK
@given(STRAIGHT, SLOPES)
def test_linear_functions_are_exact(problem, slopes):
    check_linear_functions(problem, slopes)


@FEW
@given(st.integers(2, 4), st.lists(st.tuples(PROBLEMS, STRAIGHT, SLOPES), min_size=2, max_size=2))
def test_on_several_ranks(ranks, problems):
    run_ranks(ranks, "test_galerkin_property.py::check_all", json.dumps(problems), timeout=240)
