"""Set-up of banded line kernels: Crout factors of a band, periodic ones included, on the host.

A = L U with U unit upper triangular. On a periodic line L and U are periodic bidiagonal-like bands
too: row i of the factorization depends only on the rows just before it, so going round the line a
few times converges (for every diagonally dominant band) and each factor is then inverted by one
open sweep plus the response to what comes round, a Woodbury correction that decays in a few rows.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from .band import RowBand
from .narrow import narrowed

MAX_GROWTH = 1e8
NEGLIGIBLE = 1e-18
MODERATE = 1e2
"""Largest entry of U with which closure rows are made narrow."""
ROUND_OFF = 1e-12
"""Changes from turn to turn that may stay where elimination amplifies round-off, if they do not get smaller."""


@dataclass(frozen=True, eq=False)
class Sweeps:
    """What a line kernel needs: x = U⁻¹ L⁻¹ (B u), rows scaled so that L and U have unit diagonals.

    Attributes
    ----------
    rhs : the band B, rows divided by the pivots.
    lower : (m, kl), lower[i, k] multiplies y[i − kl + k].
    upper : (m, ku), upper[i, k] multiplies x[i + 1 + k].
    head : (h, kl) response of the first rows of y to its last kl values from the open sweep.
    tail : (h, ku) weights of the first rows of y in x[0…ku−1], which follow the last row round the line.
    """

    rhs: RowBand
    lower: np.ndarray
    upper: np.ndarray
    head: np.ndarray
    tail: np.ndarray


def sweeps(lhs: RowBand | None, rhs: RowBand | None) -> Sweeps:
    """Factor lhs⁻¹·rhs for the line kernels; ``None`` stands for the identity.

    Raises
    ------
    ValueError
        If lhs is not square, does not fit rhs, or needs pivoting (growth above 1e8).
    """
    if lhs is None:
        if rhs is None:
            raise ValueError("a line kernel needs a left-hand or a right-hand side, got None for both")
        m = len(rhs.start)
        none = np.zeros((m, 0))
        return Sweeps(rhs, none, none, np.zeros((0, 0)), np.zeros((0, 0)))
    m, n = lhs.shape
    if m != n or (rhs is not None and rhs.shape[0] != m):
        raise ValueError(f"left-hand side of shape {lhs.shape} does not fit a right-hand side of {rhs and rhs.shape}")
    rhs = rhs if rhs is not None else RowBand.identity(m, lhs.periodic)
    rhs, lower, pivot, upper = _factored(lhs, rhs)
    below, above = lower.shape[1], upper.shape[1]
    lower = lower / pivot[:, None]
    head, tail = _closing(lower, upper) if lhs.periodic else (np.zeros((0, below)), np.zeros((0, above)))
    return Sweeps(rhs.scaled(1 / pivot), lower, upper, head, tail)


def _factored(lhs: RowBand, rhs: RowBand) -> tuple[RowBand, np.ndarray, np.ndarray, np.ndarray]:
    """(rhs, lower, pivot, upper), closure rows made narrow on both sides where that leaves the pivots large."""
    narrow = narrowed(lhs)
    if narrow is not None:
        transform, left = narrow
        with suppress(ValueError):
            factors = _crout(*_diagonals(left), False)
            if np.abs(factors[2]).max() <= MODERATE:
                return transform @ rhs, *factors
    return rhs, *_crout(*_diagonals(lhs), lhs.periodic)


def _diagonals(lhs: RowBand) -> tuple[np.ndarray, int, int]:
    """The band as (m, below + 1 + above), entry [i, below + d] on diagonal d."""
    rows = np.arange(len(lhs.start))
    shift = lhs.start - rows
    used = [(shift[i] + np.flatnonzero(lhs.coef[i])) for i in rows]
    low = min((int(u.min()) for u in used if len(u)), default=0)
    high = max((int(u.max()) for u in used if len(u)), default=0)
    below, above = max(-low, 0), max(high, 0)
    band = np.zeros((len(rows), below + 1 + above), lhs.coef.dtype)
    for k in range(lhs.width):
        inside = (shift + k >= -below) & (shift + k <= above)
        np.add.at(band, (rows[inside], (shift + k + below)[inside]), lhs.coef[inside, k])
    return band, below, above


def _crout(band: np.ndarray, below: int, above: int, periodic: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    m = len(band)
    lower = np.zeros((m, below), band.dtype)
    pivot = np.zeros(m, band.dtype)
    upper = np.zeros((m, above), band.dtype)
    scale = np.abs(band).max()
    change = np.inf
    for turn in range(max(64, 20000 // max(m, 1)) if periodic else 1):
        before = upper.copy(), pivot.copy()
        for i in range(m):
            _crout_row(i, band, below, above, lower, pivot, upper, periodic)
            if not abs(pivot[i]) * MAX_GROWTH > scale:
                raise ValueError(
                    f"banded factorization without pivoting breaks down: pivot {pivot[i]:.3g} in row {i} of {m} "
                    f"against entries up to {scale:.3g}; use a Dense operator for this matrix"
                )
        last, change = change, max(np.abs(upper - before[0]).max(initial=0.0), np.abs(pivot - before[1]).max() / scale)
        if change <= 4e-16 or (turn >= 8 and last <= change <= ROUND_OFF):
            break
    else:
        if periodic:
            raise ValueError(
                f"periodic factorization of a band of {m} rows does not settle (last change {change:.3g}): "
                "the band is singular or far from diagonally dominant; use a Dense operator"
            )
    return lower, pivot, upper


def _crout_row(
    i: int,
    band: np.ndarray,
    below: int,
    above: int,
    lower: np.ndarray,
    pivot: np.ndarray,
    upper: np.ndarray,
    periodic: bool,
) -> None:
    m = len(band)
    row = band[i].copy()
    for k in range(below):
        j = i - below + k
        if j < 0 and not periodic:
            row[k] = 0.0
            continue
        lower[i, k] = row[k]
        row[k + 1 : k + 1 + above] -= row[k] * upper[j % m]
    pivot[i] = row[below]
    with np.errstate(divide="ignore", invalid="ignore"):  # a zero pivot is reported by the caller
        upper[i] = row[below + 1 :] / pivot[i]
    if not periodic:
        upper[i, max(m - 1 - i, 0) :] = 0.0


def _closing(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Head and tail responses that close the open sweeps round a periodic line."""
    m, below = lower.shape
    above = upper.shape[1]
    dtype = np.result_type(lower, upper)
    response = np.zeros((m + below, below), dtype)  # y for zero right-hand side and unit values before row 0
    response[:below] = np.eye(below)
    for i in range(m):
        response[below + i] = -lower[i] @ response[i : i + below]
    last = response[m:]
    head = response[below:] @ np.linalg.inv(np.eye(below) - last)
    weights = np.zeros((m + above, above), dtype)  # rows of U⁻¹ for an open end
    free = np.zeros((m + above, above), dtype)  # x for zero y and unit values after row m−1
    free[m:] = np.eye(above)
    for i in range(m - 1, -1, -1):
        free[i] = -upper[i] @ free[i + 1 : i + 1 + above]
    for k in range(above):
        if k < m:
            weights[k, k] = 1.0
        for i in range(min(k, m - 1), m):
            for d in range(above):
                weights[i + 1 + d, k] -= upper[i, d] * weights[i, k]
    tail = weights[:m] @ np.linalg.inv(np.eye(above) - free[:above]).T
    return _trimmed(head, tail)


def _trimmed(head: np.ndarray, tail: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    felt = (np.abs(head) > NEGLIGIBLE).any(axis=1) | (np.abs(tail) > NEGLIGIBLE).any(axis=1)
    rows = int(np.flatnonzero(felt).max()) + 1 if felt.any() else 0
    return head[:rows], tail[:rows]
