"""The constant that a singular operator leaves free: found, kept out of right-hand sides, fixed by the mean."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.grid import Axis
from tensorpde.kron import TensorOperator
from tensorpde.lending import lent

ROUND_OFF = 200


class Constants:
    """Whether A·1 = 0, as between walls with given slopes or on a torus; and the w with wᵀ A = 0, if it is known.

    Parameters
    ----------
    A
        An operator from a Space to itself.

    Attributes
    ----------
    free : whether constants solve A u = 0.
    size : the typical factor by which A lengthens a field of all frequencies.
    left : w, if it is the constants, the quadrature weights or the volumes of the points; else None.

    Notes
    -----
    Two to five applications of A or its transpose; only numbers and w are kept.
    """

    def __init__(self, A: TensorOperator) -> None:
        space = A.domain
        wide = _all_frequencies(space)
        self.size = (A @ wide).norm() / wide.norm()
        self._limit = ROUND_OFF * float(np.finfo(space.dtype).eps) * self.size
        one = space.field(1.0)
        self.free = self._vanishes(A, one)
        self.left: Field | None = None
        if self.free:
            transposed = A.T
            known = (one, *(space.field(prod(np.ix_(*map(of, space.axes)))) for of in (_weights, _volumes)))
            self.left = next((w for w in known if self._vanishes(transposed, w)), None)
            self._sum = 1.0 if self.left is None else self.left.dot(one)

    def _vanishes(self, operator: TensorOperator, f: Field) -> bool:
        return (operator @ f).norm() <= self._limit * f.norm()

    def make_compatible(self, b: Field, tolerance: float) -> float:
        """Subtract the constant from b that leaves wᵀ b = 0, and return its relative size. Collective.

        Raises
        ------
        ValueError
            If it is larger than `tolerance`.
        """
        if self.left is None:
            return 0.0
        w = self.left.to(b.pencil)
        points = prod(b.space.shape)
        size, removed = b.norm(), 0.0
        for part in _parts(b):
            share = w.dot(part) / self._sum
            removed = max(removed, abs(share) * np.sqrt(points) / size if size > 0 else 0.0)
            if removed > tolerance:
                raise ValueError(
                    "the problem is singular, a constant is free, and the right-hand side, boundary data counted, is "
                    f"not compatible: its mean is {share:.6g}, {removed:.2g} of its norm, against a tolerance of "
                    f"{tolerance:.2g}"
                )
            part.local[...] -= share
        return removed

    def project(self, u: Field) -> None:
        """Take the constant part, unweighted, out of u. Collective."""
        with lent(u.space, (), u.pencil, u.dtype) as constant:
            constant.local[...] = 1
            for part in _parts(u):
                part.local[...] -= constant.dot(part) / prod(u.space.shape)

    def set_mean(self, u: Field, mean: complex) -> None:
        """Move u by a constant so that its mean by quadrature is `mean`. Collective."""
        change: Any = mean - u.mean()
        u.local[...] += u.space.backend.asarray(np.reshape(change, (*np.shape(change), *[1] * u.space.ndim)))


def _parts(f: Field) -> list[Field]:
    """The fields of all leading indices."""
    return [f[index] for index in np.ndindex(f.lead)] if f.lead else [f]


def _weights(axis: Axis) -> np.ndarray:
    return axis.weights


def _volumes(axis: Axis) -> np.ndarray:
    """What lies nearer to each point than to others: half as much where the point is on a wall."""
    volumes = np.array(axis.dx)
    if axis.offsets is not None:
        volumes[[end for end, offset in zip((0, -1), axis.offsets) if offset == 0]] *= 0.5
    return volumes


def _all_frequencies(space: Space) -> Field:
    """A product of chirps cos j², whose spectrum is flat; the same on any ranks."""
    lines = [np.cos(np.arange(n, dtype=float) ** 2) for n in space.shape]
    return space.field(prod(np.ix_(*lines)))
