"""Coefficients and modified wavenumbers: formal order, and the values that Lele (1992) publishes."""

import numpy as np
import pytest

from tensorpde.schemes import central, lele1992

FIRST = [central.first(p) for p in (2, 4, 6, 8)] + [lele1992.first(*key) for key in lele1992._FIRST]
SECOND = [central.second(p) for p in (2, 4, 6, 8)] + [lele1992.second(*key) for key in lele1992._SECOND]
STAGGERED = [central.staggered(p) for p in (2, 4, 6, 8)] + [lele1992.staggered(*key) for key in lele1992._STAGGERED]
MIDPOINT = [central.interpolation(p) for p in (2, 4, 6, 8)]
MIDPOINT += [lele1992.interpolation(*key) for key in lele1992._INTERPOLATION]
FILTERS = [lele1992.filter(0.4, p) for p in (2, 4, 6, 8, 10)]
ALL = [*FIRST, *SECOND, *STAGGERED, *MIDPOINT, *FILTERS, lele1992.spectral_like]


@pytest.mark.parametrize("scheme", ALL, ids=lambda s: s.name)
def test_formal_order_by_the_symbol(scheme):
    theta = np.array([0.6, 0.3])
    exact = (1j * theta) ** scheme.derivative
    error = np.abs(scheme.symbol(theta) - exact) / np.abs(exact)
    assert np.log2(error[0] / error[1]) == pytest.approx(scheme.order, abs=0.35)


@pytest.mark.parametrize("scheme", ALL, ids=lambda s: s.name)
def test_symbol_is_the_eigenvalue_of_the_stencil(scheme):
    theta = 0.7
    offsets, rhs = scheme.stencil()
    lhs = scheme.lhs[0] + sum(2 * c * np.cos(k * theta) for k, c in enumerate(scheme.lhs) if k)
    expected = (rhs * np.exp(1j * theta * offsets)).sum() / lhs
    assert scheme.symbol(theta) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("scheme", "published"),
    [
        (central.first(2), (0.25, 0.08, 0.02)),
        (central.first(6), (0.54, 0.35, 0.23)),
        (lele1992.first(4), (0.59, 0.35, 0.20)),
        (lele1992.first_derivative, (0.70, 0.50, 0.35)),
        (lele1992.spectral_like, (0.90, 0.83, 0.79)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_resolving_efficiency_of_lele_table(scheme, published):
    theta = np.linspace(1e-3, np.pi, 20001)
    error = np.abs(scheme.modified_wavenumber(theta) / theta - 1)
    for tolerance, value in zip((0.1, 0.01, 0.001), published):
        assert theta[np.argmax(error > tolerance)] / np.pi == pytest.approx(value, abs=0.01)


def test_largest_modified_wavenumbers():
    theta = np.linspace(0, np.pi, 20001)
    assert lele1992.first(4).modified_wavenumber(theta).max() == pytest.approx(np.sqrt(3), rel=1e-6)
    assert lele1992.first(6).modified_wavenumber(theta).max() == pytest.approx(1.989, abs=1e-3)
    assert lele1992.second(4).symbol(np.pi) == pytest.approx(-6)
    assert lele1992.second(6).symbol(np.pi) == pytest.approx(-48 / 7)
    assert central.second(2).symbol(np.pi) == -4


@pytest.mark.parametrize("scheme", FIRST, ids=lambda s: s.name)
def test_first_derivative_cannot_see_the_shortest_wave(scheme):
    assert scheme.modified_wavenumber(np.pi) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("scheme", FILTERS, ids=lambda s: s.name)
def test_filter_passes_long_waves_and_stops_the_shortest(scheme):
    transfer = scheme.modified_wavenumber(np.linspace(0, np.pi, 101))
    assert transfer[0] == pytest.approx(1) and transfer[-1] == pytest.approx(0, abs=1e-14)
    assert np.all(np.diff(transfer) < 1e-14)


def test_tenth_order_filter_has_the_published_coefficients():
    a = 0.3
    published = ((193 + 126 * a) / 256, (105 + 302 * a) / 512, 15 * (2 * a - 1) / 128, 45 * (1 - 2 * a) / 1024)
    published += (5 * (2 * a - 1) / 512, (1 - 2 * a) / 1024)
    np.testing.assert_allclose(lele1992.filter(a, 10).rhs, published, rtol=1e-14)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: central.first(5), ["5", "[2, 4, 6, 8]"]),
        (lambda: lele1992.first(6, diagonals=5), ["6", "5"]),
        (lambda: lele1992.filter(0.5), ["0.5"]),
        (lambda: lele1992.filter(0.4, 7), ["7"]),
    ],
)
def test_unknown_schemes_are_named(make, words):
    with pytest.raises(ValueError) as error:
        make()
    assert all(word in str(error.value) for word in words)
