"""The prolate functions against the integral equation that defines them."""

import numpy as np
import pytest

from tensorpde.electro.prolate import concentrated, prolate


@pytest.mark.parametrize("band", [3.0, 11.5, 30.0])
def test_it_is_its_own_transform(band):
    psi = prolate(band)
    x, weights = np.polynomial.legendre.leggauss(160)
    omega = np.linspace(-band, band, 41)
    transform = (weights * psi(x)) @ np.cos(np.outer(x, omega))
    np.testing.assert_allclose(transform, 2 * psi.half * psi(omega / band), atol=1e-13)
    beyond = (weights * psi(x)) @ np.cos(np.outer(x, np.linspace(1.01 * band, 2 * band, 41)))
    assert np.abs(beyond).max() < 2 * psi.edge
    assert psi(np.zeros(1)) == pytest.approx(1.0)
    assert psi.integral(np.array([-2.0, 0.0, 1.0, 3.0])) == pytest.approx([-1, 0, 1, 1])
    h = 1e-5
    slope = (psi.integral(0.3 + h) - psi.integral(0.3 - h)) / (2 * h)
    assert slope == pytest.approx(psi(0.3) / psi.half, rel=1e-6)


def test_the_smallest_band():
    for error in (1e-3, 1e-8, 1e-12):
        found = concentrated(error)
        assert found.edge <= error < prolate(found.band - 0.5).edge
    with pytest.raises(ValueError, match="edge of 1e-30: 1e-15 is the least"):
        concentrated(1e-30)
