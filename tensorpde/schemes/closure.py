"""Taylor matching: coefficients exact for polynomials on given points, with boundary data as one more value."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np


@dataclass(frozen=True)
class Datum:
    """Boundary data g = value·u + slope·∂u/∂s at the position of the wall, s the coordinate of the rows."""

    position: float
    value: float
    slope: float

    def moments(self, target: float, count: int) -> np.ndarray:
        """The functional of the powers (s − target)^k, k < count."""
        s = np.array([self.position - target])
        return (self.value * _powers(s, count, 0) + self.slope * _powers(s, count, 1))[0]


@dataclass(frozen=True)
class Row:
    """One row: Σ lhs f^(d)(lhs points) = Σ rhs f(points) + datum·g."""

    lhs: np.ndarray
    rhs: np.ndarray
    datum: float = 0.0


def match(
    derivative: int,
    target: float,
    points: np.ndarray,
    lhs_points: np.ndarray,
    lhs: np.ndarray,
    conditions: int,
    datum: Datum | None = None,
    nominal: np.ndarray | None = None,
) -> Row:
    """The row that is exact for all powers (s − target)^k with k < `conditions`.

    Without `nominal` the left-hand side stays as given; with it, its off-target coefficients are unknowns too. Where
    values outnumber conditions, the solution nearest to `nominal` (0 without) in least squares is taken.

    Parameters
    ----------
    derivative
        d.
    target
        Where the row stands; powers are taken about it, which keeps the equations well conditioned.
    points, lhs_points, lhs
        Positions of the values; positions and coefficients of the left-hand side; all in spacings.
    conditions
        Number of powers matched.
    datum
        Boundary data, if any.
    nominal
        Right-hand side to stay near to.

    Notes
    -----
    Solved by a float64 pseudo-inverse with the residual refined in extended precision, so that rational coefficients
    come out to the last digit or so.
    """
    values = _powers(points - target, conditions, 0)
    if datum is not None:
        values = np.vstack([values, datum.moments(target, conditions)])
    derivatives = _powers(lhs_points - target, conditions, derivative)
    wanted = lhs @ derivatives
    free = np.zeros(len(lhs), dtype=bool) if nominal is None else lhs_points != target
    moments = np.vstack([values, -derivatives[free]]).T
    unknown = np.zeros(moments.shape[1], dtype=np.longdouble)
    if nominal is not None:
        unknown[: len(nominal)] = nominal
    scale = 1 / np.abs(moments).max(axis=1)
    moments, wanted = moments * scale[:, None], wanted * scale
    inverse = np.linalg.pinv(moments.astype(float), rcond=1e-14)
    for _ in range(4):
        unknown = unknown + inverse @ (wanted - moments @ unknown)
    result = unknown.astype(float)
    matched = lhs.astype(float)
    matched[free] += result[len(values) :]
    count = len(points)
    return Row(matched, result[:count], float(result[count]) if datum is not None else 0.0)


def _powers(s: np.ndarray, count: int, derivative: int) -> np.ndarray:
    """The derivative of s^k for k < count, in extended precision: one row per value of s."""
    powers = np.zeros((len(s), count), dtype=np.longdouble)
    factor, power = np.longdouble(factorial(derivative)), np.ones(len(s), dtype=np.longdouble)
    for k in range(derivative, count):
        powers[:, k] = factor * power
        factor, power = factor * (k + 1) / (k + 1 - derivative), power * s
    return powers
