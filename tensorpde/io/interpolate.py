"""Interpolation along one line: the small matrices that carry data from one set of points to another."""

from __future__ import annotations

import math

import numpy as np
import scipy  # loads its parts when they are used

DEGREE = 5  # of the splines: order 6
STENCIL = 6  # points of the local polynomial: order 6
UNIFORM = 1e-10  # points this close to equidistant (in lengths of the axis) count as such


def line_matrix(
    x: np.ndarray,
    targets: np.ndarray,
    lo: float,
    hi: float,
    periodic: bool,
    walls: tuple[float | None, float | None] = (None, None),
) -> tuple[np.ndarray, np.ndarray]:
    """The map u(targets) ≈ M u(x) + c along one axis.

    Equidistant periodic points: the trigonometric interpolant, exact for all modes that the n points resolve.
    All others: the interpolating spline of degree 5 (periodic, or not-a-knot), order 6; with fewer than six points
    the polynomial through them. A known wall value is one more point of the spline and gives c.

    Parameters
    ----------
    x
        Increasing points in [lo, hi] where u is known, shape (n,).
    targets
        Points where it is wanted, shape (m,), in [lo, hi] unless periodic.
    walls
        Known values at lo and hi; None where there is none: between the wall and the nearest point the spline is
        extrapolated.

    Returns
    -------
    matrix, constant
        Shapes (m, n) and (m,).

    Raises
    ------
    ValueError
        If a target lies outside [lo, hi] of an axis that is not periodic.
    """
    length = hi - lo
    if periodic:
        if np.abs(x - x[0] - length * np.arange(x.size) / x.size).max() <= UNIFORM * length:
            return _trigonometric((targets - x[0]) / length, x.size), np.zeros(targets.size)
        return _periodic_spline(x, x[0] + np.mod(targets - x[0], length), length), np.zeros(targets.size)
    slack = UNIFORM * length
    if targets.min() < lo - slack or targets.max() > hi + slack:
        raise ValueError(f"points from {targets.min()} to {targets.max()} lie outside the data's [{lo}, {hi}]")
    known = [wall is not None for wall in walls]
    points = np.concatenate([[lo][: known[0]], x, [hi][: known[1]]])
    weights = _spline(points, targets)
    inner = slice(int(known[0]), int(known[0]) + x.size)
    constant = np.zeros(targets.size)
    if known[0]:
        constant += weights[:, 0] * walls[0]
    if known[1]:
        constant += weights[:, -1] * walls[1]
    return weights[:, inner], constant


def _trigonometric(s: np.ndarray, n: int) -> np.ndarray:
    """Row i: the cardinal functions of n equidistant points on a unit circle at s[i]; the mode n/2 is a cosine."""
    distance = s[:, None] - np.arange(n) / n
    distance -= np.round(distance)
    here = np.abs(distance) < 1e-15
    angle = np.pi * np.where(here, 0.25, distance)
    kernel = np.sin(n * angle) / (n * (np.sin(angle) if n % 2 else np.tan(angle)))
    return np.where(here, 1.0, kernel)


def _spline(x: np.ndarray, targets: np.ndarray) -> np.ndarray:
    if x.size == 1:
        return np.ones((targets.size, 1))
    return scipy.interpolate.make_interp_spline(x, np.eye(x.size), k=min(DEGREE, x.size - 1))(targets)


def _periodic_spline(x: np.ndarray, targets: np.ndarray, length: float) -> np.ndarray:
    degree = min(DEGREE, x.size - (x.size + 1) % 2)
    values = np.eye(x.size)[np.append(np.arange(x.size), 0)]
    return scipy.interpolate.make_interp_spline(np.append(x, x[0] + length), values, k=degree, bc_type="periodic")(
        targets
    )


def stencils(x: np.ndarray, targets: np.ndarray, length: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Local interpolation for a few points: u(targets[i]) ≈ Σ_k weights[i, k] u[index[i, k]], order 6.

    The polynomial through the six nearest points (all, where there are fewer).

    Parameters
    ----------
    length
        The period, or None: then stencils beside a wall are one-sided and ignore the wall value.

    Returns
    -------
    index, weights
        Shapes (m, s), s = min(6, n).
    """
    n = x.size
    s = min(STENCIL, n)
    place = targets if length is None else x[0] + np.mod(targets - x[0], length)
    start = np.searchsorted(x, place, side="right") - math.ceil(s / 2)
    if length is None:
        start = np.clip(start, 0, n - s)
    index = start[:, None] + np.arange(s)
    points = x[index % n] + (0.0 if length is None else length * (index // n))
    weights = np.ones((targets.size, s))
    for k in range(s):
        for other in range(s):
            if other != k:
                weights[:, k] *= (place - points[:, other]) / (points[:, k] - points[:, other])
    return index % n, weights
