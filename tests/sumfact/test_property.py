"""Sum-factorized forms on drawn sizes, bases, conditions, coefficients, maps, ranks: dense matrices, linear functions.

Degree 2 only: kernels are compiled for the degrees of the axes, `test_forms.py` has all of them.
"""

import functools
import json
import operator

import numpy as np
import weak_twins as brute
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from mpi import run_ranks

import tensorpde as tp

QUICK = settings(max_examples=15, deadline=None, derandomize=True)
FEW = settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])  # mpirun starts in seconds
TIME = 0.7


@st.composite
def problems(draw, straight=False):
    """Plain data of a form: per axis the number of elements and the conditions; numbers of a coefficient and a map."""
    splines = draw(st.booleans())
    pairs = st.text("DNR", min_size=2, max_size=2)
    conditions = pairs if straight or splines else st.one_of(pairs, st.just("PP"))
    lines = st.tuples(st.integers(3, 5) if splines else st.integers(2, 5), conditions)
    numbers = st.integers(-3, 3)
    return {
        "splines": splines,
        "lines": draw(st.lists(lines, min_size=1, max_size=2)),
        "waves": draw(st.tuples(numbers, numbers)),
        "slopes": draw(st.tuples(numbers, numbers)),
        "map": draw(st.one_of(st.none(), st.tuples(numbers, numbers))),
        "given": draw(st.sampled_from(["function", "field", "array"])),
    }


def affine(problem):
    """The matrix of the map: the unit one, or a stretching and a shear."""
    d = len(problem["lines"])
    a, b = problem["map"] or (0, 0)
    return np.array([[1 + 0.2 * a, 0.2 * b], [0.1 * a, 1.5 if problem["map"] else 1.0]])[:d, :d]


def mapped(matrix):
    return lambda *xi: [sum(entry * line for entry, line in zip(row, xi)) for row in matrix]


def linear(problem):
    slopes = problem["slopes"]
    return lambda *x: 0.3 + sum(s * y for s, y in zip(slopes, x))


def condition(problem, kind, axis, side):
    """The data that the linear function has on a wall of the mapped box."""
    matrix = affine(problem)
    normal = np.linalg.inv(matrix)[axis] * (1 if side else -1)
    outward = float(np.dot(normal / np.linalg.norm(normal), problem["slopes"][: len(matrix)]))

    def value(*args):
        others = list(args[:-1])
        others.insert(axis, float(side))
        return linear(problem)(*mapped(matrix)(*others)) + 0 * sum(others)

    if kind == "D":
        return tp.Dirichlet(value)
    return tp.Neumann(outward) if kind == "N" else tp.Robin(2.0, 0.5, lambda *args: 2 * value(*args) + 0.5 * outward)


def space_of(problem):
    axes = []
    for axis, (elements, kinds) in enumerate(problem["lines"]):
        periodic = kinds == "PP"
        basis = tp.BSpline(2) if problem["splines"] else tp.Lagrange(2)
        functions = elements + 2 if problem["splines"] else 2 * elements + (not periodic)
        bc = tp.Periodic() if periodic else tuple(condition(problem, k, axis, side) for side, k in enumerate(kinds))
        axes.append(tp.Axis(functions - kinds.count("D"), 0.0, 1.0, bc=bc, basis=basis))
    return tp.Space(tp.Grid(*axes))


def dense(space, kappa, matrix):
    """∫ κ ∇u·∇φ_i and the integrals over Robin walls."""
    move = mapped(matrix)
    total = brute.mapped(space, move, lambda *xi: matrix.tolist(), kappa).toarray()
    inverse, determinant = np.linalg.inv(matrix), np.linalg.det(matrix)
    for axis, line in enumerate(space.axes):
        for side, bc in enumerate(line.sides):
            if isinstance(bc, tp.Robin):
                x, weight, at = brute.on_wall(space, axis, side)
                area = determinant * np.linalg.norm(inverse[axis])
                scale = weight * kappa(*move(*x)) * area * bc.a / bc.b
                total = total + (at.T @ at.multiply(scale.reshape(-1, 1))).toarray()
    return total


def check_against_dense(problem):
    """The operator and its diagonal, with a coefficient given in any way."""
    space, matrix = space_of(problem), affine(problem)
    waves = problem["waves"]

    def kappa(*x):
        return 1.5 + sum(np.sin(w * y + k) for k, (w, y) in enumerate(zip(waves, x))) / 3

    twin = dense(space, kappa, matrix)
    geometry = problem["map"] and tp.SmoothMap(mapped(matrix))
    given, tight = kappa, 1e-10
    if problem["given"] != "function":
        inside = tp.at_points(space).range.field(lambda *xi: kappa(*mapped(matrix)(*xi)))
        given = inside if problem["given"] == "field" else inside.gather()
        # To a Robin wall it is continued by a polynomial, whose order test_walls.py has.
        tight = 0.05 if any(isinstance(side, tp.Robin) for line in space.axes for side in line.sides) else tight
    K = tp.stiffness(space, given, geometry)
    values = np.random.default_rng(1).standard_normal(space.shape)
    scale = np.abs(twin).sum(axis=1).max()
    found = (K @ space.field(values)).gather().ravel()
    np.testing.assert_allclose(found, twin @ values.ravel(), rtol=0, atol=tight * scale)
    np.testing.assert_allclose(K.diagonal().gather().ravel(), twin.diagonal(), rtol=0, atol=tight * scale)


def check_linear_functions(problem):
    """A linear function with its own data solves Laplace's equation."""
    space, move = space_of(problem), mapped(affine(problem))
    u = space.field(lambda *xi: linear(problem)(*move(*xi)) + 0 * functools.reduce(operator.add, xi))
    K = tp.stiffness(space, lambda *x: 1.0, problem["map"] and tp.SmoothMap(move))
    assert np.abs(K(u, TIME).gather()).max() < 1e-9


def check_all(text):
    """What the tests below check, on the ranks of the job."""
    for problem, straight in json.loads(text):
        check_against_dense(problem)
        check_linear_functions(straight)


@QUICK
@given(problems())
def test_equals_the_assembled_matrix(problem):
    check_against_dense(problem)


@QUICK
@given(problems(straight=True))
def test_linear_functions_are_exact(problem):
    check_linear_functions(problem)


@FEW
@given(st.integers(2, 4), st.lists(st.tuples(problems(), problems(straight=True)), min_size=3, max_size=3))
def test_on_several_ranks(ranks, drawn):
    run_ranks(ranks, "sumfact/test_property.py::check_all", json.dumps(drawn), timeout=240)
