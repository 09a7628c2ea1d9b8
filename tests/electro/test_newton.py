"""Sums of Gaussians against the kernels they stand for; the Newton kernel in the Chebyshev–Tucker format."""

import numpy as np
import pytest
import scipy.special

from tensorpde.electro.kernels import NEWTON, matern, power, slater, yukawa
from tensorpde.electro.newton import gaussians
from tensorpde.tucker import Canonical, chebtuck

KERNELS = [NEWTON, power(3.0), power(2.0), yukawa(1.0), yukawa(20.0), slater(2.0), matern(1.5, 3.0)]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
@pytest.mark.parametrize("tol", [1e-4, 1e-10])
def test_kernels(kernel, tol):
    g = gaussians(2e-3, 1.5, tol, kernel)
    r = np.random.default_rng(0).uniform(2e-3, 1.5, 500)
    assert (np.abs(g(r) / kernel.value(r) - 1) <= 1.05 * tol).all()
    assert 0 < g.error <= tol
    assert len(g) < 48 - 7 * np.log10(tol)


def test_the_kernels_themselves():
    """Gaussian integrals by adaptive quadrature."""
    for kernel in KERNELS:
        for r in (0.1, 0.7):
            found, _ = scipy.integrate.quad(
                lambda x, r=r, kernel=kernel: np.exp(x) * kernel.density(np.exp(x)) * np.exp(-((r * np.exp(x)) ** 2)),
                -25, 6, limit=400, points=[0],
            )  # fmt: skip
            assert found == pytest.approx(float(kernel.value(np.array(r))), rel=1e-6)
    assert matern(0.5, 2.0).value(np.array(0.3)) == pytest.approx(np.exp(-0.6), rel=1e-12)


def test_terms_grow_with_the_logarithm_of_the_tolerance():
    counts = [len(gaussians(1e-3, 1.0, tol)) for tol in (7e-7, 7e-9, 7e-11)]
    assert counts[0] <= 31
    assert counts[1] <= 41
    assert counts[2] <= 51
    near = gaussians(4.0, 90.0, 1e-8, relative=False)
    assert np.abs(near(np.linspace(4, 90, 99)) - 1 / np.linspace(4, 90, 99)).max() <= 0.25e-8
    assert len(near) < 26


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"a=2\.0, b=1\.0"):
        gaussians(2.0, 1.0, 1e-3)
    with pytest.raises(ValueError, match="tol=1e-15"):
        gaussians(1.0, 2.0, 1e-15)


@pytest.mark.parametrize("tol", [1e-7, 1e-9])
def test_newton_kernel_as_the_authors_have_it(tol):
    """arXiv:2503.01696: sinc rule with s = 1, averaged over the cells of a grid of 1024, the 13 widest Gaussians."""
    n, h = 1024, 0.266
    edges = np.linspace(-1, 1, n + 1)
    t = np.sinh(h * np.arange(13))
    w = 2 / np.sqrt(np.pi) * h * np.cosh(h * np.arange(13))
    w[0] /= 2
    with np.errstate(invalid="ignore", divide="ignore"):
        side = np.sqrt(np.pi) / 2 * np.diff(scipy.special.erf(np.outer(edges, t)), axis=0) * n / 2 / t
    side[:, 0] = 1.0
    given = Canonical(w, [side] * 3)
    c = chebtuck(given, 129, tol)
    assert max(c.rank) <= 13
    middle = np.eye(n)[n // 2 : n // 2 + 1]
    wanted = given.mapped([np.eye(n), np.eye(n), middle]).full()
    found = c.on_grid(n).mapped([None, None, middle]).full()
    assert np.abs(found - wanted).max() <= 2e-8 * np.abs(wanted).max()
