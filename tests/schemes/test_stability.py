"""What the closures were chosen for: global order of u'' = f, spectra, well-conditioned left-hand sides."""

import numpy as np
import pytest

from tensorpde.boundary import Dirichlet, Even, Neumann, Odd, Robin
from tensorpde.grid import Axis
from tensorpde.mapping import Tanh, Uniform
from tensorpde.schemes import assemble, central, lele1992

D, N, R = Dirichlet(), Neumann(), Robin(1.0, 0.5)
SECOND = [central.second(p) for p in (2, 4, 6, 8)] + [lele1992.second(*key) for key in lele1992._SECOND]
FIRST = [central.first(p) for p in (2, 4, 6, 8)] + [lele1992.first(*key) for key in lele1992._FIRST]
STAGGERED = [central.staggered(p) for p in (2, 4, 6, 8)] + [lele1992.staggered(*key) for key in lele1992._STAGGERED]
MIXES = [(D, D), (D, N), (R, D)]
TANH = [central.second(4), central.second(6), lele1992.second(4), lele1992.second(6), lele1992.second(10)]
CASES = [(scheme, Uniform()) for scheme in SECOND] + [(scheme, Tanh(1.5)) for scheme in TANH]
MAPPINGS = pytest.mark.parametrize("mapping", [Uniform(), Tanh(1.5)], ids=["uniform", "tanh"])
LOCATIONS = pytest.mark.parametrize("location", ["nodes", "cells"])


def name(value):
    return getattr(value, "name", type(value).__name__)


def pair(made):
    m = len(made.left)
    return (np.eye(m) if made.lhs is None else made.lhs.matrix()), made.rhs.matrix()


def matrix(scheme, axis, to=None, bc=None):
    return np.linalg.solve(*pair(assemble(scheme, axis, to, bc)))


def u(x):
    return np.sin(4 * x + 0.4)


def slope(x):
    return 4 * np.cos(4 * x + 0.4)


def datum(bc, x, outward):
    if bc == D:
        return u(x)
    return outward * slope(x) if bc == N else bc.a * u(x) + bc.b * outward * slope(x)


def poisson_error(scheme, axis):
    made = assemble(scheme, axis)
    lhs, rhs = pair(made)
    data = made.left * datum(axis.bc[0], axis.lo, -1) + made.right * datum(axis.bc[1], axis.hi, 1)
    return np.abs(np.linalg.solve(rhs, lhs @ (-16 * u(axis.x)) - data) - u(axis.x)).max()


@LOCATIONS
@pytest.mark.parametrize("bc", MIXES, ids=str)
@pytest.mark.parametrize(("scheme", "mapping"), CASES, ids=name)
def test_second_derivative_keeps_its_order_globally(scheme, bc, location, mapping):
    sizes = {2: (40, 80), 4: (25, 50, 100), 6: (16, 32, 48), 8: (16, 24, 36, 54), 10: (15, 20, 27, 36)}[scheme.order]
    errors = [poisson_error(scheme, Axis(n, 0.0, 1.0, bc=bc, mapping=mapping, location=location)) for n in sizes]
    slopes = [np.log(errors[i] / errors[i + 1]) / np.log(sizes[i + 1] / sizes[i]) for i in range(len(sizes) - 1)]
    tolerance = 0.35 if scheme.order <= 6 else 0.8  # round-off ends the higher ones while their slope still rises
    assert max(slopes) > scheme.order - tolerance, errors


@LOCATIONS
@pytest.mark.parametrize("bc", [*MIXES, (Even(), Odd()), (D, Even())], ids=str)
@pytest.mark.parametrize(("scheme", "mapping"), CASES, ids=name)
def test_second_derivative_has_a_negative_spectrum(scheme, bc, location, mapping):
    for n in (14, 25):
        spectrum = np.linalg.eigvals(matrix(scheme, Axis(n, 0.0, 1.0, bc=bc, mapping=mapping, location=location)))
        assert spectrum.real.max() < 0
        if scheme.order <= 6:
            assert np.abs(spectrum.imag).max() < 1e-6 * np.abs(spectrum).max()


@LOCATIONS
@pytest.mark.parametrize(("scheme", "mapping"), CASES, ids=name)
def test_pure_neumann_has_one_zero_eigenvalue(scheme, location, mapping):
    spectrum = np.linalg.eigvals(matrix(scheme, Axis(24, 0.0, 1.0, bc=(N, N), mapping=mapping, location=location)))
    spectrum = spectrum[np.argsort(np.abs(spectrum))]
    assert abs(spectrum[0]) < 1e-9 and spectrum[1:].real.max() < -9


@LOCATIONS
@pytest.mark.parametrize("scheme", [*FIRST, lele1992.spectral_like], ids=name)
def test_advection_from_a_dirichlet_wall_is_stable(scheme, location):
    for n in (15, 24, 45):
        axis = Axis(n, 0.0, 1.0, bc=(D, N), location=location)
        assert np.linalg.eigvals(-matrix(scheme, axis, bc=(D, None))).real.max() < 0


@MAPPINGS
@pytest.mark.parametrize("scheme", STAGGERED, ids=name)
def test_divergence_of_the_gradient_between_no_slip_walls(scheme, mapping):
    faces = Axis(24, 0.0, 1.0, bc=D, mapping=mapping)
    cells = faces.staggered()
    gradient = matrix(scheme, cells, faces, bc=(None, None))
    spectrum = np.linalg.eigvals(matrix(scheme, faces, cells) @ gradient)
    spectrum = spectrum[np.argsort(np.abs(spectrum))]
    assert abs(spectrum[0]) < 1e-9 and spectrum[1:].real.max() < -9
    assert np.abs(spectrum.imag).max() < 1e-6 * np.abs(spectrum).max()


@MAPPINGS
@LOCATIONS
@pytest.mark.parametrize("bc", [(D, N), (Odd(), Even()), None], ids=str)
@pytest.mark.parametrize("scheme", [s for s in FIRST + SECOND + STAGGERED if len(s.lhs) > 1], ids=name)
def test_elimination_without_pivoting_is_harmless(scheme, bc, location, mapping):
    axis = Axis(30, 0.0, 1.0, bc=bc or (D, D), mapping=mapping, location=location)
    reduced = assemble(scheme, axis, bc=None if bc else (None, None)).lhs.matrix()
    largest = np.abs(reduced).max()
    for k in range(len(reduced) - 1):
        assert abs(reduced[k, k]) > 0.05
        reduced[k + 1 :] -= np.outer(reduced[k + 1 :, k] / reduced[k, k], reduced[k])
        assert np.abs(reduced[k + 1 :, k + 1 :]).max() < 10 * largest
