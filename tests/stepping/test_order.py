"""Alternating directions are of second order in time, data on walls that change in time included."""

from __future__ import annotations

import numpy as np
import pytest
from manufactured import box, error_in_time

import tensorpde as tp
from tensorpde.schemes import central, lele1992
from tensorpde.stepping import DouglasGunn, HundsdorferVerwer, ModifiedCraigSneyd, PeacemanRachford

KAPPA = 0.7
COMPACT = lele1992.second(4)
EVERY = [DouglasGunn, PeacemanRachford, ModifiedCraigSneyd, HundsdorferVerwer]


def order(make, space, L, counts=(20, 80), **options):
    errors = [error_in_time(make, space, L, steps, **options) for steps in counts]
    assert errors[-1] < 2e-4
    return np.log(errors[0] / errors[1]) / np.log(counts[1] / counts[0])


BOXES = {
    "1-D": (["dd"], 20),
    "2-D": (["dd", "dd"], 20),
    "2-D, values and slopes": (["dn", "nd"], 20),
    "2-D, slopes": (["nn", "nn"], 20),
    "3-D": (["dd", "dd", "dd"], 10),
    "3-D, values and slopes": (["dn", "nn", "dd"], 10),
}


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.parametrize("name", BOXES)
def test_second_order_with_data_that_change_in_time(method, name):
    kinds, n = BOXES[name]
    if method is PeacemanRachford and len(kinds) > 2:
        pytest.skip("takes no boundary data in three dimensions")
    space = box(n, kinds)
    assert 1.8 < order(method, space, KAPPA * tp.laplacian(space, COMPACT)) < 2.5


def explicit(u, t):
    return np.cos(t) * (u - u**3)


@pytest.mark.parametrize("part", ["mixed", "advection", "explicit"])
@pytest.mark.parametrize("method", [ModifiedCraigSneyd, HundsdorferVerwer])
@pytest.mark.parametrize(("ndim", "n"), [(2, 12), (3, 8)])
def test_mixed_derivatives_advection_and_an_explicit_part(method, part, ndim, n):
    space = box(n, ["dd"] * ndim)
    L = KAPPA * tp.laplacian(space, COMPACT) + 0.5 * tp.kron.Kron(space, {})
    if part == "mixed":
        L = L + 0.4 * tp.mixed_derivative(space, (0, 1), central.first(4))
    if part == "advection":
        L = L - 0.8 * tp.derivative(space, 0, central.first(4))
    N = explicit if part == "explicit" else None
    found = order(lambda L, dt: method(L, dt, explicit=N), space, L, (40, 160), explicit=N)
    assert found == pytest.approx(2, abs=0.2)


def test_without_intermediate_values_the_order_is_lost():
    """Refined in space and time together, data that are only averaged between t and t + dt gain far less."""

    class Averaged(DouglasGunn):
        def _step(self, u, t, source):
            rate = self.dt * self._parts.along
            change = rate.apply(u)
            for time in (t, t + self.dt):
                rate.add_lifting(change, time, 0.5)
            change.local[...] += self.dt * source(*u.space.coordinates(), t + 0.5 * self.dt)
            self._parts.solves.apply(change, out=u, beta=1.0)

    def order_of_both(method):
        errors = []
        for n in (19, 39):
            space = box(n, ["dd", "dd"])
            errors.append(error_in_time(method, space, KAPPA * tp.laplacian(space, COMPACT), n + 1))
        return np.log2(errors[0] / errors[1])

    assert order_of_both(DouglasGunn) > 1.9
    assert order_of_both(Averaged) < 1.3


@pytest.mark.parametrize("method", EVERY)
def test_coefficients_that_change_in_time(method):
    """u' = κ(t) u_xx on (0, π)², u = sin x sin 2y e^{−5∫κ} up to the error of space, which is taken out."""
    axis = tp.Axis(15, 0.0, np.pi, bc=tp.Dirichlet())
    space = tp.Space(tp.Grid(axis, axis))
    L = tp.laplacian(space)
    start = space.field(lambda x, y: np.sin(x) * np.sin(2 * y))
    rate = (L @ start).dot(start) / start.dot(start)
    errors = []
    for steps in (20, 40):
        u, step = start.copy(), method(lambda t: (1.0 + np.sin(4 * t)) * L, 1.0 / steps)
        for k in range(steps):
            step(u, k / steps)
        whole = np.exp(rate * (1.0 + (1 - np.cos(4.0)) / 4))
        errors.append(np.abs((u - whole * start).gather()).max())
    assert 1.8 < np.log2(errors[0] / errors[1]) < 2.7, errors


@pytest.mark.parametrize(("scheme", "order"), [(central.second(2), 2), (COMPACT, 4), (lele1992.second_derivative, 6)])
def test_order_in_space_between_walls(scheme, order):
    """At steps that are short enough; the decaying mode has its wall values imposed."""

    def mode(x, y, t):
        return np.exp(-2 * t) * np.cos(x + 0.3) * np.cos(y - 0.2)

    errors = []
    for n in (9, 19):
        axes = []
        for k in range(2):
            data = [lambda s, t, k=k, w=w: mode(w, s, t) if k == 0 else mode(s, w, t) for w in (0.0, 2.0)]
            axes.append(tp.Axis(n, 0.0, 2.0, bc=tuple(map(tp.Dirichlet, data))))
        space = tp.Space(tp.Grid(*axes))
        step = DouglasGunn(tp.laplacian(space, scheme), 0.1 / 320)
        u = space.field(lambda x, y: mode(x, y, 0.0))
        for k in range(320):
            step(u, k * step.dt)
        errors.append(np.abs((u - space.field(lambda x, y: mode(x, y, 0.1))).gather()).max())
    assert np.log2(errors[0] / errors[1]) > order - 0.35, errors
