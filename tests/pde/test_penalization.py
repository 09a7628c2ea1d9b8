"""Bodies and sponges: implicit at any stiffness, free of divergence, the right flow past a penalized wall."""

from __future__ import annotations

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.pde import NavierStokes, Penalization, Scalar, smooth_mask
from tensorpde.stepping import RK4, WILLIAMSON_RK3

NU = 0.05


def test_the_mask_steps_from_one_inside_to_zero_outside() -> None:
    np.testing.assert_allclose(smooth_mask(np.array([-2.0, -0.5, 0.0, 0.25, 0.5]), 1.0), [1, 1, 0.5, 0.15625, 0])


@pytest.mark.parametrize("tableau", [WILLIAMSON_RK3, RK4], ids=lambda t: t.name)
def test_any_stiffness_at_any_time_step_and_no_divergence(tableau: object) -> None:
    """A ball in a periodic box: a step of the fluid is one past it; what is left in it is of order Δt."""
    line = tp.Axis(16, 0.0, 2 * np.pi)
    ball = Penalization(lambda x, y: smooth_mask(np.hypot(x - 3, y - 3) - 1.2, 0.5), time=1e-12)
    flow = NavierStokes(tp.Space(tp.Grid(line, line)), NU, penalizations=[ball], tableau=tableau)
    x, y = flow.space.coordinates()
    inside = np.hypot(x - 3, y - 3) < 0.8
    left = []
    for dt in (0.1, 0.05):
        v = flow.space.field(lambda x, y: [1.0 + np.sin(y), np.cos(x)], lead=(2,))
        for _ in range(round(1 / dt)):
            flow.step(v, dt)
        assert flow.diagnostics(v)["divergence"] < 1e-12
        left.append(np.abs(v.local[:, inside]).max())
    assert 0 < left[1] < 0.6 * left[0] < 0.15
    free = NavierStokes(flow.space, NU, tableau=tableau)
    assert flow.dt(v) == free.dt(v)


def test_poiseuille_flow_between_penalized_walls() -> None:
    """A periodic box of height 3 whose outer third is solid: u = 1 − y² between, for a force 2ν."""
    x, y = tp.Axis(4, 0.0, 1.0), tp.Axis(60, -1.5, 1.5)
    walls = Penalization(lambda x, y: smooth_mask(1 - abs(y), 0.1) + 0 * x, time=1e-4)
    flow = NavierStokes(tp.Space(tp.Grid(x, y)), 1.0, force=(2.0, 0.0), penalizations=[walls])
    v = flow.space.field(lambda x, y: [np.maximum(1 - y**2, 0.0) + 0 * x, 0.0], lead=(2,))
    for _ in range(300):
        flow.step(v, 8e-4)
    profile, fluid = v.local[0][0], np.abs(y.x) < 0.9
    np.testing.assert_allclose(profile[fluid], 1 - y.x[fluid] ** 2, atol=0.02)
    assert np.abs(profile[np.abs(y.x) > 1.1]).max() < 1e-3


def test_a_sponge_blows_and_heats() -> None:
    """A sponge over the whole box: u → 1 + sin t and θ → 3 at the rate 1/time, v is left alone."""
    line = tp.Axis(6, 0.0, 1.0)
    everywhere = Penalization(lambda x, y: 1.0 + 0 * x * y, (lambda x, y, t: 1 + np.sin(t), None, 3.0), time=1e-8)
    flow = NavierStokes(tp.Space(tp.Grid(line, line)), NU, scalars=[Scalar(NU)], penalizations=[everywhere])
    v = flow.space.field(lambda x, y: [0.0, 0.2, 0.0], lead=(3,))
    flow.step(v, 0.5)
    for part, value in zip(v.local, (1 + np.sin(0.5), 0.2, 3.0), strict=True):
        np.testing.assert_allclose(part, value, rtol=1e-7)


def test_errors_name_what_disagrees() -> None:
    space = tp.Space(tp.Grid(tp.Axis(6, 0.0, 1.0), tp.Axis(6, 0.0, 1.0)))
    with pytest.raises(ValueError, match="-1"):
        Penalization(lambda x, y: x, time=-1.0)
    with pytest.raises(ValueError, match=r"0\.0 to 1\.6"):
        NavierStokes(space, NU, penalizations=[Penalization(lambda x, y: 2 * x + 0 * y)])
    with pytest.raises(ValueError, match="3 targets for 2 velocity components and 0 scalars"):
        NavierStokes(space, NU, penalizations=[Penalization(lambda x, y: x + 0 * y, (0.0, 0.0, 1.0))])
