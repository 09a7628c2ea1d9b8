"""Assembled schemes by manufactured solutions: orders of the derivative itself, data and metric included."""

import numpy as np
import pytest

from tensorpde.boundary import Dirichlet, Even, FreeSlip, Neumann, Odd, Periodic, Robin
from tensorpde.grid import Axis
from tensorpde.mapping import Algebraic, Tanh, Uniform, UserMapping
from tensorpde.schemes import Assembled, assemble, central, lele1992

D, N, R = Dirichlet(), Neumann(), Robin(1.3, 0.7)
UNIFORM, TANH = Uniform(), Tanh(1.2)
FUNCTIONS = (
    lambda x: np.sin(3 * x + 0.3) + 0.2 * x**2,
    lambda x: 3 * np.cos(3 * x + 0.3) + 0.4 * x,
    lambda x: -9 * np.sin(3 * x + 0.3) + 0.4,
)
FIRST = [central.first(p) for p in (2, 4, 6, 8)] + [lele1992.first(*key) for key in lele1992._FIRST]
SECOND = [central.second(p) for p in (4, 6, 8)] + [lele1992.second(*key) for key in lele1992._SECOND]
STAGGERED = [central.staggered(p) for p in (2, 4, 6, 8)] + [lele1992.staggered(*key) for key in lele1992._STAGGERED]
MIDPOINT = [central.interpolation(p) for p in (2, 4, 6)] + [lele1992.interpolation(4), lele1992.interpolation(6)]


STRETCHED = [central.first(4), lele1992.first(6), lele1992.second(6), lele1992.second(10), lele1992.staggered(6)]
EVERY = FIRST + SECOND + STAGGERED + MIDPOINT
CASES = [(scheme, UNIFORM) for scheme in EVERY] + [(scheme, TANH) for scheme in STRETCHED]
WAVY = UserMapping(lambda xi: xi + 0.04 * np.sin(2 * np.pi * xi))
PERIODIC = [(scheme, UNIFORM) for scheme in EVERY] + [(scheme, WAVY) for scheme in STRETCHED]


def name(value):
    return getattr(value, "name", type(value).__name__)


def apply(made: Assembled, u, left=0.0, right=0.0):
    known = made.rhs.matrix() @ u + made.left * left + made.right * right
    return known if made.lhs is None else np.linalg.solve(made.lhs.matrix(), known)


def datum(bc, x, outward, functions=FUNCTIONS):
    u, slope, _ = functions
    if isinstance(bc, Dirichlet):
        return u(x)
    if isinstance(bc, Neumann):
        return outward * slope(x)
    return bc.a * u(x) + bc.b * outward * slope(x) if isinstance(bc, Robin) else 0.0


def error(scheme, axis, bc=None, functions=FUNCTIONS):
    to = axis.staggered() if scheme.shift else axis
    pair = axis.bc if bc is None else bc
    data = datum(pair[0], axis.lo, -1, functions), datum(pair[1], axis.hi, 1, functions)
    result = apply(assemble(scheme, axis, bc=bc), functions[0](axis.x), *data)
    return np.abs(result - functions[scheme.derivative](to.x)).max()


def measured(scheme, make, sizes, **options):
    """The best slope of the errors over successive sizes: the first may be too coarse, the last at round-off."""
    errors = [error(scheme, make(n), **options) for n in sizes]
    return max(np.log(errors[i] / errors[i + 1]) / np.log(sizes[i + 1] / sizes[i]) for i in range(len(sizes) - 1))


def closure_order(scheme, axis):
    """The lowest order of any row."""
    return min(scheme.order, *(scheme.closure.order_at(axis.location, side.wall_is_known) for side in axis.bc))


@pytest.mark.parametrize("bc", [(R, D), (D, N), None], ids=str)
@pytest.mark.parametrize("location", ["nodes", "cells"])
@pytest.mark.parametrize(("scheme", "mapping"), CASES, ids=name)
def test_order_beside_walls(scheme, mapping, location, bc):
    def make(n):
        return Axis(n, 0.2, 1.5, bc=bc or (D, D), mapping=mapping, location=location)

    expected = closure_order(scheme, make(20))
    sizes = (16, 24, 36) if expected >= 6 else (25, 50, 100)
    assert measured(scheme, make, sizes, bc=None if bc else (None, None)) > expected - 0.35


WAVE = (lambda x: np.exp(np.sin(x)), lambda x: np.cos(x) * np.exp(np.sin(x)))
WAVE += (lambda x: (np.cos(x) ** 2 - np.sin(x)) * np.exp(np.sin(x)),)


@pytest.mark.parametrize("location", ["nodes", "cells"])
@pytest.mark.parametrize(("scheme", "mapping"), PERIODIC, ids=name)
def test_order_on_periodic_axes(scheme, location, mapping):
    def make(n):
        return Axis(n, 0.0, 2 * np.pi, mapping=mapping, location=location)

    assert measured(scheme, make, (24, 48, 72), functions=WAVE) > scheme.order - 0.5


@pytest.mark.parametrize("scheme", EVERY, ids=name)
@pytest.mark.parametrize("location", ["nodes", "cells"])
def test_periodic_matrix_has_the_symbol_as_its_eigenvalue(scheme, location):
    n, mode = 20, 3
    axis = Axis(n, 0.0, 1.0, location=location)
    to = axis.staggered() if scheme.shift else axis
    result = apply(assemble(scheme, axis), np.exp(2j * np.pi * mode * axis.x))
    eigenvalue = scheme.symbol(2 * np.pi * mode / n) * n**scheme.derivative
    np.testing.assert_allclose(result, eigenvalue * np.exp(2j * np.pi * mode * to.x), atol=1e-11 * n**scheme.derivative)


COSINE = (lambda x: np.cos(2 * x), lambda x: -2 * np.sin(2 * x), lambda x: -4 * np.cos(2 * x))
SINE = (lambda x: np.sin(2 * x), lambda x: 2 * np.cos(2 * x), lambda x: -4 * np.sin(2 * x))


@pytest.mark.parametrize(("bc", "functions"), [(Even(), COSINE), (Odd(), SINE)], ids=["even", "odd"])
@pytest.mark.parametrize("location", ["nodes", "cells"])
@pytest.mark.parametrize("scheme", EVERY, ids=name)
def test_reflections_have_the_symbol_as_their_eigenvalue(scheme, location, bc, functions):
    axis = Axis(17, 0.0, np.pi, bc=bc, location=location)
    to = axis.staggered() if scheme.shift else axis
    result = apply(assemble(scheme, axis), functions[0](axis.x))
    symbol = scheme.symbol(2 * axis.spacing) / axis.spacing**scheme.derivative
    ratio = (symbol.imag if scheme.derivative == 1 else symbol.real) / (1, 2, -4)[scheme.derivative]
    np.testing.assert_allclose(result, ratio * functions[scheme.derivative](to.x), atol=1e-11)


@pytest.mark.parametrize("mapping", [TANH, Algebraic(1.0)], ids=["tanh", "algebraic"])
@pytest.mark.parametrize(("bc", "functions"), [(Even(), COSINE), (Odd(), SINE)], ids=["even", "odd"])
@pytest.mark.parametrize("location", ["nodes", "cells"])
@pytest.mark.parametrize("scheme", STRETCHED, ids=name)
def test_reflections_on_stretched_axes(scheme, location, bc, functions, mapping):
    def make(n):
        return Axis(n, 0.0, np.pi, bc=bc, mapping=mapping, location=location)

    assert measured(scheme, make, (16, 24, 48, 96), functions=functions) > scheme.order - 1


def test_interior_rows_are_the_published_coefficients():
    made = assemble(lele1992.first_derivative, Axis(20, 0.0, 21.0, bc=D))
    np.testing.assert_array_equal(made.lhs.matrix()[9, 8:11], [1 / 3, 1, 1 / 3])
    np.testing.assert_allclose(made.rhs.matrix()[9, 7:12], [-1 / 36, -7 / 9, 0, 7 / 9, 1 / 36], rtol=1e-15)


def test_closures_on_uniform_axes_are_rational():
    made = assemble(central.first(4), Axis(12, 0.0, 13.0, bc=(D, D)))
    np.testing.assert_allclose(6 * made.rhs.matrix()[0, :3], [-3, 6, -1], rtol=1e-15)
    assert 6 * made.left[0] == pytest.approx(-2, rel=1e-15)


def test_left_and_right_mirror_each_other():
    made = assemble(lele1992.second(10), Axis(24, 0.0, 1.0, bc=(D, D), mapping=TANH))
    np.testing.assert_allclose(made.rhs.matrix(), made.rhs.matrix()[::-1, ::-1], rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(made.left, made.right[::-1], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    ("bc", "location", "first_row", "data"),
    [
        (D, "nodes", (-2, 1), 1),
        (D, "cells", (-3, 1), 2),
        (N, "nodes", (-2, 2), 2),
        (N, "cells", (-1, 1), 1),
    ],
)
def test_second_order_is_the_classical_matrix(bc, location, first_row, data):
    axis = Axis(8, 0.0, 1.0, bc=bc, location=location)
    made, h = assemble(central.second_derivative, axis), axis.spacing
    np.testing.assert_allclose(made.rhs.matrix()[0, :2] * h**2, first_row, rtol=1e-14)
    assert made.left[0] * (h**2 if bc == D else h) == pytest.approx(data, rel=1e-14)


def test_filter_leaves_smooth_data_and_stops_the_shortest_wave():
    scheme = lele1992.filter(0.45, 10)
    axis = Axis(40, 0.0, 1.0, bc=(D, D))
    wave = (-1.0) ** np.arange(40)
    smooth = np.cos(2 * axis.x)
    result = apply(assemble(scheme, axis), smooth + 0.01 * wave, 1.0, np.cos(2.0))
    assert np.abs(result - smooth)[8:-8].max() < 3e-4
    np.testing.assert_allclose(apply(assemble(scheme, axis), smooth, 1.0, np.cos(2.0)), smooth, atol=1e-7)
    periodic = Axis(40, 0.0, 1.0)
    np.testing.assert_allclose(apply(assemble(scheme, periodic), wave), 0, atol=1e-13)


@pytest.mark.parametrize("bc", [(D, D), (N, D), (R, N)], ids=str)
@pytest.mark.parametrize("location", ["nodes", "cells"])
def test_shortest_lines_work_and_shorter_ones_say_so(bc, location):
    for scheme in (lele1992.second(6), lele1992.first(10), central.first(8)):
        n = 2
        while True:
            axis = Axis(n, 0.0, 1.0, bc=bc, location=location)
            try:
                made = assemble(scheme, axis)
                break
            except ValueError as raised:
                assert f"n={n}" in str(raised) and "needs n ≥" in str(raised)
                needed = int(str(raised).split("needs n ≥ ")[1].split(",")[0])
                n += 1
        assert n in (2, needed)
        data = datum(bc[0], 0.0, -1, POLYNOMIAL), datum(bc[1], 1.0, 1, POLYNOMIAL)
        expected = POLYNOMIAL[scheme.derivative](axis.x)
        np.testing.assert_allclose(apply(made, POLYNOMIAL[0](axis.x), *data), expected, atol=1e-10)


POLYNOMIAL = (lambda x: x**3 - x + 2, lambda x: 3 * x**2 - 1, lambda x: 6 * x)


def test_short_periodic_lines_wrap():
    axis = Axis(3, 0.0, 2 * np.pi)
    made = assemble(central.second(8), axis)
    eigenvalue = central.second(8).symbol(2 * np.pi / 3) / axis.spacing**2
    np.testing.assert_allclose(apply(made, np.cos(axis.x)), eigenvalue * np.cos(axis.x), atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"scheme": lele1992.staggered(), "to": Axis(12, 0, 1, bc=D)}, ["staggered", "nodes"]),
        ({"to": Axis(12, 0, 1, bc=D, location="cells")}, ["intervals", "13", "12"]),
        ({"to": Axis(12, 0, 2, bc=D)}, ["hi", "1.0", "2.0"]),
        ({"bc": Periodic()}, ["Periodic", "Dirichlet"]),
        ({"bc": FreeSlip()}, ["FreeSlip", "resolve"]),
    ],
)
def test_impossible_assemblies_are_named(arguments, words):
    scheme = arguments.pop("scheme", lele1992.first_derivative)
    with pytest.raises(ValueError) as raised:
        assemble(scheme, Axis(12, 0.0, 1.0, bc=D), **arguments)
    assert all(word in str(raised.value) for word in words), str(raised.value)
