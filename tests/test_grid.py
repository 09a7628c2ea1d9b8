"""Axes: reference points, mappings, quadrature, impossible combinations; grids."""

import numpy as np
import pytest

from tensorpde.boundary import Dirichlet, Even, FreeSlip, Neumann, NoSlip, Periodic, Robin
from tensorpde.grid import Axis, Grid
from tensorpde.mapping import Algebraic, Tanh, TanhOneSided, Uniform, UserMapping

D, N = Dirichlet(), Neumann()
BOUNDED = [(D, D), (D, N), (N, D), (N, N)]
WAVY = UserMapping(lambda xi: xi + 0.1 * np.sin(2 * np.pi * xi))
MAPPINGS = [Uniform(), Tanh(2.0), TanhOneSided(1.5), Algebraic(0.4), WAVY]


@pytest.mark.parametrize(
    ("bc", "location", "points", "offsets"),
    [
        (Periodic(), "nodes", np.arange(6) / 6, None),
        (Periodic(), "cells", (np.arange(6) + 0.5) / 6, None),
        ((D, D), "nodes", np.arange(1, 7) / 7, (1, 1)),
        ((D, N), "nodes", np.arange(1, 7) / 6, (1, 0)),
        ((Robin(1, 2), D), "nodes", np.arange(6) / 6, (0, 1)),
        ((N, Even()), "nodes", np.arange(6) / 5, (0, 0)),
        ((NoSlip(), FreeSlip()), "nodes", np.arange(1, 7) / 6, (1, 0)),
        ((D, N), "cells", (np.arange(6) + 0.5) / 6, (0.5, 0.5)),
    ],
)
def test_reference_points(bc, location, points, offsets):
    axis = Axis(6, -1.0, 2.0, bc=bc, location=location)
    np.testing.assert_allclose(axis.xi, points, rtol=1e-15, atol=0)
    np.testing.assert_allclose(axis.x, -1 + 3 * points, rtol=1e-14)
    assert axis.offsets == offsets
    np.testing.assert_allclose(np.diff(axis.x), axis.spacing, rtol=1e-14)
    np.testing.assert_allclose(axis.dx, axis.spacing)


def test_tanh_is_the_documented_function():
    axis = Axis(65, -1.0, 1.0, bc=(D, D), mapping=Tanh(2.0))
    xi = np.arange(1, 66) / 66
    np.testing.assert_allclose(axis.x, np.tanh(2 * (2 * xi - 1)) / np.tanh(2), atol=1e-15)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda m: type(m).__name__)
def test_slope_is_the_derivative_and_ends_are_fixed(mapping):
    xi, step = np.linspace(0.01, 0.99, 41), 1e-3
    values = mapping(xi[:, None] + step * np.array([-2, -1, 1, 2]))
    difference = values @ np.array([1, -8, 8, -1]) / (12 * step)
    np.testing.assert_allclose(mapping.slope(xi), difference, rtol=1e-9)
    np.testing.assert_allclose(mapping(np.array([0.0, 1.0])), [0, 1], atol=1e-15)


def test_numerical_slope_of_a_user_mapping():
    xi = np.linspace(0, 1, 33)
    np.testing.assert_allclose(WAVY.slope(xi), 1 + 0.2 * np.pi * np.cos(2 * np.pi * xi), atol=1e-11)
    given = UserMapping(lambda xi: xi, derivative=lambda xi: 1.0)
    np.testing.assert_array_equal(given.slope(xi), 1)


@pytest.mark.parametrize("mapping", MAPPINGS, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("bc", BOUNDED)
@pytest.mark.parametrize(("location", "order"), [("nodes", 4), ("cells", 2)])
def test_quadrature_order(bc, mapping, location, order):
    errors = []
    for n in (40, 80, 160):
        axis = Axis(n, 0.5, 2.0, bc=bc, mapping=mapping, location=location)
        assert axis.weights.sum() == pytest.approx(1.5, rel=1e-14)
        assert axis.weights.min() > 0
        errors.append(abs((axis.weights * np.exp(axis.x)).sum() - np.exp(2.0) + np.exp(0.5)))
    assert max(np.log2(errors[0] / errors[1]), np.log2(errors[1] / errors[2])) > order - 0.2


@pytest.mark.parametrize("n", [1, 2, 3, 4, 6, 9, 15])
@pytest.mark.parametrize("bc", BOUNDED)
def test_quadrature_on_short_axes_is_exact_for_low_powers(n, bc):
    if n == 1 and bc == (N, N):
        return
    axis = Axis(n, 0.0, 1.0, bc=bc)
    for power in range(min(n, 4)):
        assert (axis.weights * axis.x**power).sum() == pytest.approx(1 / (power + 1), rel=1e-12)


@pytest.mark.parametrize("mapping", [Uniform(), WAVY], ids=["uniform", "wavy"])
def test_periodic_quadrature_is_spectral(mapping):
    axis = Axis(48, 0.0, 2 * np.pi, mapping=mapping)
    assert (axis.weights * np.exp(np.sin(axis.x))).sum() == pytest.approx(7.954926521012846, rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"bc": (Periodic(), D)}, ["Periodic()", "Dirichlet"]),
        ({"bc": (D, D, D)}, ["pair"]),
        ({"bc": "periodic"}, ["pair", "periodic"]),
        ({"lo": 1.0, "hi": 1.0}, ["lo=1.0", "hi=1.0"]),
        ({"lo": 0.0, "hi": np.inf}, ["hi", "inf"]),
        ({"n": 0}, ["n=0", "n ≥ 1"]),
        ({"n": 1, "bc": (N, N)}, ["n=1", "n ≥ 2"]),
        ({"location": "faces"}, ["faces", "nodes", "cells"]),
        ({"mapping": Tanh(2.0)}, ["Tanh(beta=2.0)", "Periodic()"]),
        ({"mapping": UserMapping(lambda xi: xi**2 + 1), "bc": N}, ["1.0", "2.0"]),
        ({"mapping": UserMapping(lambda xi: xi + np.sin(2 * np.pi * xi)), "bc": N}, ["slope"]),
    ],
)
def test_impossible_axes_are_named(arguments, words):
    with pytest.raises(ValueError) as error:
        Axis(**{"n": 8, "lo": 0.0, "hi": 1.0} | arguments)
    assert all(word in str(error.value) for word in words), str(error.value)


@pytest.mark.parametrize("beta", [0, -1.0, np.nan])
def test_impossible_stretching(beta):
    with pytest.raises(ValueError, match="beta"):
        Tanh(beta)


def test_axes_are_values():
    axis = Axis(8, 0, 1, bc=(D, D))
    assert axis == Axis(8, 0.0, 1.0, bc=D) and hash(axis) == hash(Axis(8, 0.0, 1.0, bc=D))
    assert axis.like(n=9) == Axis(9, 0.0, 1.0, bc=D)
    with pytest.raises(AttributeError):
        axis.n = 9
    with pytest.raises(ValueError, match="read-only"):
        axis.x[0] = 1


@pytest.mark.parametrize("bc", [*BOUNDED, Periodic()])
def test_staggered_axes_interleave_and_return(bc):
    axis = Axis(7, 0.0, 1.0, bc=bc)
    cells = axis.staggered()
    assert cells.location == "cells" and cells.spacing == axis.spacing
    assert cells.staggered() == axis
    assert abs(cells.x[0] - axis.x[0]) == pytest.approx(axis.spacing / 2)


def test_periodic_positions_continue():
    axis = Axis(8, 1.0, 3.0, mapping=WAVY)
    np.testing.assert_allclose(axis.position(axis.xi - 1), axis.x - 2, atol=1e-14)


def test_grid():
    grid = Grid(Axis(4, 0, 1), Axis(5, 0, 1, bc=N), Axis(6, 0, 1, bc=D))
    assert (grid.shape, grid.ndim) == ((4, 5, 6), 3)
    x, y, z = grid.coordinates()
    assert (x.shape, y.shape, z.shape) == ((4, 1, 1), (1, 5, 1), (1, 1, 6))
    block = grid.coordinates((slice(1, 3), slice(0, 5), slice(2, 2)))
    assert sum(block).shape == (2, 5, 0)
    with pytest.raises(ValueError, match="2 slices for a grid of 3 axes"):
        grid.coordinates((slice(None), slice(None)))
    with pytest.raises(ValueError, match="Axis"):
        Grid(4, 5)
