"""Integrating factors: exact where there is nothing else, of the order of the tableau with the rest."""

from __future__ import annotations

import numpy as np
import pytest
from local import local

import tensorpde as tp
from tensorpde.stepping import CARPENTER_KENNEDY_RK4, WILLIAMSON_RK3, IntegratingFactor, LowStorage

RATES = np.array([0.5, 3.0, 40.0])


def propagate(u: tp.Field, tau: float) -> None:
    u.local[...] *= u.space.backend.asarray(np.exp(-tau * RATES))


def riccati(u: tp.Field, t: float, out: tp.Field) -> None:
    out.local[...] = -(u.local**2)


def at(t: float, start: float = 1.0) -> np.ndarray:
    """Exact u' = −r u − u²."""
    decay = np.exp(-RATES * t)
    return start * decay / (1 + start * (1 - decay) / RATES)


def end(tableau: LowStorage, steps: int, slope=riccati) -> np.ndarray:
    space = tp.Space(tp.Axis(3, 0.0, 1.0))
    u = space.field(1.0)
    step = IntegratingFactor(slope, propagate, tableau)
    for k in range(steps):
        assert step(u, k / steps, 1 / steps) is u
    return local(u)


@pytest.mark.parametrize("tableau", [WILLIAMSON_RK3, CARPENTER_KENNEDY_RK4], ids=lambda t: t.name)
def test_order(tableau: LowStorage) -> None:
    errors = [np.abs(end(tableau, n)[:2] - at(1.0)[:2]).max() for n in (8, 16, 32)]
    orders = np.log2(np.divide(errors[:-1], errors[1:]))
    assert np.abs(orders - tableau.order).max() < 0.35, orders


def test_the_linear_part_is_exact_for_any_step() -> None:
    def nothing(u: tp.Field, t: float, out: tp.Field) -> None:
        out.local[...] = 0

    np.testing.assert_allclose(end(CARPENTER_KENNEDY_RK4, 1, nothing), np.exp(-RATES), rtol=1e-14)


def test_times_that_go_back_are_refused() -> None:
    back = LowStorage(
        name="back", order=2, a=(0.0, -0.5), b=(0.5, 1.0), c=(0.5, 0.2), imaginary=1.0, real=1.0, citation=""
    )
    with pytest.raises(ValueError, match=r"increase, back has \(0.5, 0.2\)"):
        IntegratingFactor(riccati, propagate, back)
