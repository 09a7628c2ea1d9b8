"""Initial conditions and exact solutions of flows: a few lines each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy  # loads its parts when they are used
from numpy.polynomial import Chebyshev as Polynomial

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


def orr_sommerfeld(
    reynolds: float, alpha: float = 1.0, degree: int = 100
) -> tuple[complex, Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """The wave (û, v̂)(y) e^{iα(x − ct)} that grows fastest, or decays slowest, on the parabola U = 1 − y², |y| ≤ 1.

        (U − c)(v̂″ − α² v̂) − U″ v̂ = (v̂⁗ − 2α² v̂″ + α⁴ v̂) / (iα Re),   v̂ = v̂′ = 0 on the walls,   iα û + v̂′ = 0

    by collocation of v̂ = Σ a_n (1 − y²)² T_n(y). Cost: O(degree³), once.

    Parameters
    ----------
    reynolds
        With the speed in the middle and half the height of the channel.
    alpha
        Wavenumber.
    degree
        Number of polynomials: 100 give eight digits of c up to Re = 10⁴.

    Returns
    -------
    c, u, v
        Complex phase speed; α Im c is the growth rate. Functions of y, the largest |û| is about 1.

    References
    ----------
    S. A. Orszag, Accurate solution of the Orr–Sommerfeld stability equation, J. Fluid Mech. 50 (1971) 689–703.
    """
    y = np.cos(np.pi * (np.arange(degree) + 0.5) / degree)
    walls = Polynomial([3 / 8, 0, -1 / 2, 0, 1 / 8])  # (1 − y²)²
    basis = [walls * Polynomial.basis(n) for n in range(degree)]
    values, second, fourth = (np.stack([f.deriv(k)(y) for f in basis], axis=1) for k in (0, 2, 4))
    bent = second - alpha**2 * values
    friction = (fourth - 2 * alpha**2 * second + alpha**4 * values) / (1j * alpha * reynolds)
    speeds, modes = scipy.linalg.eig((1 - y**2)[:, None] * bent + 2 * values - friction, bent)
    sound = np.isfinite(speeds) & (np.abs(speeds - 0.5) < 2)  # collocation has modes of its own, far away
    grows = int(np.argmax(np.where(sound, speeds.imag, -np.inf)))
    v = sum((factor * f for factor, f in zip(modes[:, grows], basis, strict=True)), 0 * basis[0])
    u = v.deriv() * (1j / alpha)
    largest = np.abs(u(y)).max()
    return complex(speeds[grows]), u / largest, v / largest


def disturbed_channel(space: Space, amplitude: float = 0.2) -> Field:
    """The parabola 1 − y² between walls at y = ±1 with rolls along the stream and waves, which become turbulent.

    The axes are the stream, the height, the span; `amplitude` is about the largest velocity of the rolls. It is to be
    projected. Collective.
    """
    a, b = (2 * np.pi / space.axes[k].length for k in (0, 2))

    def values(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> list:
        shape = amplitude * (1 - y**2) ** 2
        u = np.sin(a * x) * np.cos(b * z) + 0.5 * y * np.cos(a * x + 1) * np.sin(2 * b * z)
        v = np.cos(b * z) + 0.5 * np.cos(a * x) * np.cos(2 * b * z + 1) + 0.5 * np.cos(2 * a * x + 1) * np.sin(b * z)
        w = np.sin(b * z + 0.3) * np.cos(a * x) + 0.5 * y * np.sin(2 * a * x) * np.cos(b * z)
        return [1 - y**2 + shape * u, shape * v, shape * w]

    return space.field(values, lead=(3,))
