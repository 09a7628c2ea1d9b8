"""End-corrected trapezoid rules on equidistant points, with or without a point on the wall."""

from __future__ import annotations

from math import comb

import numpy as np

ORDER = 4
_BERNOULLI = (1.0, -1 / 2, 1 / 6, 0.0, -1 / 30)
ENDS = 8
"""Number of points at each end whose weights differ from 1."""


def bounded(n: int, offsets: tuple[float, float]) -> np.ndarray:
    """Weights in units of the spacing for points at offset, offset + 1, …, between two walls.

    Exact for cubics (n < 4: for as many powers as points). The weights are as near to 1 as that allows.

    Parameters
    ----------
    n
        Number of points.
    offsets
        Distances of the first and last point from their walls in spacings.

    Returns
    -------
    ndarray of shape (n,), positive for n ≥ 6.

    Notes
    -----
    By the Euler–Maclaurin formula the sum over j ≥ 0 of (j+δ)^k misses the integral from the wall by
    −B_{k+1}(δ)/(k+1), B the Bernoulli polynomials; the corrections c_j of the first points make up for it,
    Σ c_j (j+δ)^k = B_{k+1}(δ)/(k+1).
    """
    weights = np.ones(n)
    if n >= 2 * ENDS:
        weights[:ENDS] += _corrections(offsets[0])
        weights[-ENDS:] += _corrections(offsets[1])[::-1]
        return weights
    length = n - 1 + sum(offsets)
    powers = np.arange(min(n, ORDER))[:, None]
    # Scaled to [−1, 1], where the integral of s^k is (1 + (−1)^k) / (k + 1).
    points = 2 * (np.arange(n) + offsets[0]) / length - 1
    wanted = length / 2 * (1 + (-1.0) ** powers[:, 0]) / (powers[:, 0] + 1)
    moments = points**powers
    return weights + np.linalg.lstsq(moments, wanted - moments.sum(axis=1), rcond=None)[0]


def _corrections(offset: float) -> np.ndarray:
    """The c_j of `bounded` for one end."""
    wanted = [
        sum(comb(k, i) * _BERNOULLI[i] * offset ** (k - i) for i in range(k + 1)) / k for k in range(1, ORDER + 1)
    ]
    moments = (np.arange(ENDS) + offset) ** np.arange(ORDER)[:, None]
    return np.linalg.lstsq(moments, np.array(wanted), rcond=None)[0]
