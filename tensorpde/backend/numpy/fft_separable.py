"""Multipliers of modal solves that are reciprocals of separable sums of eigenvalues."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Separable:
    """The reciprocal of a separable denominator, kept as six vectors instead of a 3-D array.

    With the transformed axis k, the flattened axes before it o and those after it i,

        den[o, k, i] = a[k]·bo[o]·bi[i] + b[k]·(ao[o]·bi[i] + bo[o]·ai[i]),

    the eigenvalue of A⊗B⊗B + B⊗A⊗B + B⊗B⊗A for eigenpairs (a, b) per axis; b is 1 where there is no
    mass matrix. Modes with |den| ≤ tol are null modes: the multiplier is 0 there instead of 1/den.
    Outer indices beyond len(ao) wrap around: leading dimensions share the eigenvalues.
    """

    a: np.ndarray
    b: np.ndarray
    ao: np.ndarray
    bo: np.ndarray
    ai: np.ndarray
    bi: np.ndarray
    tol: float

    def values(self, outer: slice | np.ndarray = slice(None)) -> np.ndarray:
        """The multiplier as an array (outer indices, modes, inner indices)."""
        ao, bo = self.ao[outer][:, None, None], self.bo[outer][:, None, None]
        den = self.a[:, None] * (bo * self.bi) + self.b[:, None] * (ao * self.bi + bo * self.ai)
        null = np.abs(den) <= self.tol
        return np.where(null, 0.0, 1.0 / np.where(null, 1.0, den))


def separable(
    eigenvalues: Sequence[np.ndarray | tuple[np.ndarray, np.ndarray]],
    axis: int,
    shift: complex = 0.0,
    tol: float | None = None,
) -> Separable:
    """The multiplier 1/(Σ eigenvalues − shift) of a solve whose last step runs along `axis`.

    Parameters
    ----------
    eigenvalues
        Per axis of the array a vector λ, or a pair (a, b) of generalised eigenvalues (K v = a, M v = b).
    axis
        The axis that `Plan.solve` transforms; its vector has one entry per mode.
    shift
        Subtracted from the sum (times Π b in the generalised problem).
    tol
        Denominators up to this magnitude belong to null modes. Default: 64 ε times the largest
        magnitude the terms of the sum can have.

    Raises
    ------
    ValueError
        If `axis` is not an index of `eigenvalues`.
    """
    if not 0 <= axis < len(eigenvalues):
        raise ValueError(f"axis {axis} is not one of the {len(eigenvalues)} axes with eigenvalues")
    pairs = [value if isinstance(value, tuple) else (value, np.ones(len(value))) for value in eigenvalues]
    if tol is None:
        largest = [(float(np.abs(a).max(initial=0.0)), float(np.abs(b).max(initial=0.0))) for a, b in pairs]
        masses = [b for _, b in largest]
        terms = [a * math.prod(masses[:j] + masses[j + 1 :]) for j, (a, _) in enumerate(largest)]
        tol = 64 * np.finfo(float).eps * sum(terms)
    a, b = (np.asarray(value) for value in pairs[axis])
    outer, inner = _summed(pairs[:axis]), _summed(pairs[axis + 1 :])
    return Separable(a - shift * b, b, *outer, *inner, tol)


def _summed(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """The eigenpairs of several axes as those of one flattened axis."""
    a, b = np.zeros(1), np.ones(1)
    for next_a, next_b in pairs:
        a, b = (a[:, None] * next_b + b[:, None] * next_a).ravel(), (b[:, None] * next_b).ravel()
    return a, b
