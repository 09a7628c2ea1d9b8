"""Chebyshev series Σ c_k T_k(t) on [−1, 1] as columns of coefficients: small matrices that act on them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy
from numpy.polynomial import chebyshev

FIRST_DEGREE = 16
TAIL = 4  # last coefficients of which all must be small, so that odd and even functions are judged alike
LARGEST_DEGREE = 1 << 13


def nodes(degree: int) -> np.ndarray:
    """The Chebyshev–Gauss–Lobatto points −cos(πj/n), j = 0…n, from −1 to 1; 0 for degree 0."""
    return -np.cos(np.pi * np.arange(degree + 1) / max(degree, 1)) if degree else np.zeros(1)


def analysis(degree: int) -> np.ndarray:
    """Matrix from values at `nodes` to coefficients, a cosine transform.

    c_k = (2 / n p_k) Σ_j (1 / p_j) T_k(t_j) u_j with p = 2 for the first and last, else 1.
    """
    if degree == 0:
        return np.ones((1, 1))
    k = np.arange(degree + 1)
    ends = np.where((k == 0) | (k == degree), 0.5, 1.0)
    cosines = np.cos(np.pi / degree * (np.outer(k, degree - k) % (2 * degree)))
    return 2.0 / degree * ends[:, None] * cosines * ends


def coefficients(values: np.ndarray) -> np.ndarray:
    """`analysis` of columns of values by a fast cosine transform, O(n log n)."""
    degree = len(values) - 1
    if degree == 0:
        return values
    found = scipy.fft.dct(values[::-1], type=1, axis=0) / degree
    found[[0, -1]] /= 2
    return found


def synthesis(t: np.ndarray, degree: int) -> np.ndarray:
    """T_k(t), shape (len(t), degree + 1): matrix from coefficients to values."""
    return chebyshev.chebvander(np.asarray(t, float), degree)


def to_powers(degree: int) -> np.ndarray:
    """Square matrix from coefficients to those of 1, t, t², …: for low degrees, as its entries grow like 2ⁿ."""
    matrix = np.eye(degree + 1)
    for k in range(2, degree + 1):
        matrix[1:, k] = 2 * matrix[:-1, k - 1]
        matrix[0, k] = 0.0
        matrix[:, k] -= matrix[:, k - 2]
    return matrix


def derivative(degree: int, order: int = 1) -> np.ndarray:
    """Square matrix from the coefficients of a polynomial to those of its derivative."""
    matrix = np.zeros((degree + 1, degree + 1))
    made = chebyshev.chebder(np.eye(degree + 1), order)
    matrix[: len(made)] = made
    return matrix


def integrals(degree: int) -> np.ndarray:
    """∫₋₁¹ T_k: 2 / (1 − k²) for even k, else 0."""
    k = np.arange(degree + 1)
    return np.where(k % 2, 0.0, 2.0 / (1.0 - k**2 + (k % 2)))


def mass(degree: int) -> np.ndarray:
    """∫₋₁¹ T_j T_k, from T_j T_k = (T_{j+k} + T_{|j−k|}) / 2."""
    j, k = np.ix_(np.arange(degree + 1), np.arange(degree + 1))
    moments = integrals(2 * degree)
    return 0.5 * (moments[j + k] + moments[abs(j - k)])


def interpolated(sample: Callable[[np.ndarray], np.ndarray], degree: int | None, tol: float, most: int) -> np.ndarray:
    """Coefficients, shape (n + 1, R), of R functions from their values at nodes.

    Parameters
    ----------
    sample
        From points t, shape (m,), to values (m, R).
    degree
        n; None doubles it from 16 until the last coefficients fall under tol times the largest, then drops those of
        the end that are as small.
    most
        The largest degree that None may try.

    Raises
    ------
    ValueError
        If that is not enough.
    """
    if degree is not None:
        return coefficients(sample(nodes(degree)))
    degree = FIRST_DEGREE
    while True:
        found = coefficients(sample(nodes(degree)))
        kept = resolved(np.abs(found).max(axis=1, initial=0.0), tol)
        if kept is not None:
            return found[:kept]
        if degree >= most:
            raise ValueError(f"degree {degree} leaves coefficients above tol={tol}: a function is not smooth enough")
        degree = min(2 * degree, most)


def resolved(sizes: np.ndarray, tol: float) -> int | None:
    """How many coefficients of these sizes are needed, if the last few show that there are enough; else None.

    Kept are those before the end where all are below tol / 10 of the largest.
    """
    scale = sizes.max(initial=0.0)
    if scale == 0:
        return 1
    if (sizes[-TAIL:] > tol * scale).any():
        return None
    return int(np.flatnonzero(sizes > 0.1 * tol * scale)[-1]) + 1
