"""Initial conditions and exact solutions of flows: a few lines each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorpde.field import Field, Space


def taylor_green(space: Space, velocity: float = 1.0) -> Field:
    """The Taylor–Green vortex on a 2π-periodic box: u = V sin x cos y cos z, v = −V cos x sin y cos z, w = 0.

    G. I. Taylor, A. E. Green, Proc. R. Soc. Lond. A 158 (1937) 499. Also right on the box (0, π)³ between free-slip
    walls, which is an eighth of it. In two dimensions: the decaying vortex, an exact solution. Collective.
    """
    return taylor_green_2d(space, 0.0, 0.0, velocity) if space.ndim == 2 else space.field(
        lambda x, y, z: [
            velocity * np.sin(x) * np.cos(y) * np.cos(z),
            -velocity * np.cos(x) * np.sin(y) * np.cos(z),
            0.0,
        ],
        lead=(3,),
    )  # fmt: skip


def taylor_green_2d(
    space: Space, nu: float, t: float, velocity: float = 1.0, drift: tuple[float, ...] = (0.0, 0.0)
) -> Field:
    """The exact decaying vortex u = V sin x cos y e^(−2νt), v = −V cos x sin y e^(−2νt), carried along by `drift`.

    With one or two more axes it does not depend on their coordinates. Collective.
    """
    decay = velocity * np.exp(-2 * nu * t)
    still = [0.0] * (space.ndim - 2)

    def values(x: np.ndarray, y: np.ndarray, *_: np.ndarray) -> list:
        x, y = x - drift[0] * t, y - drift[1] * t
        return [drift[0] + decay * np.sin(x) * np.cos(y), drift[1] - decay * np.cos(x) * np.sin(y), *still]

    return space.field(values, lead=(space.ndim,))


def kovasznay(reynolds: float) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """The velocity u(x, y), v(x, y) behind a row of obstacles, an exact steady solution with ν = 1/reynolds.

    u = 1 − e^{λx} cos 2πy, v = λ/2π e^{λx} sin 2πy, λ = Re/2 − √(Re²/4 + 4π²): L. I. G. Kovasznay, Math. Proc. Camb.
    Phil. Soc. 44 (1948) 58–62.
    """
    decay, turn = reynolds / 2 - np.hypot(reynolds / 2, 2 * np.pi), 2 * np.pi
    return (
        lambda x, y: 1 - np.exp(decay * x) * np.cos(turn * y),
        lambda x, y: decay / turn * np.exp(decay * x) * np.sin(turn * y),
    )
