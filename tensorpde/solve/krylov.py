"""Conjugate gradients on Fields, several at a time.

Source: M. R. Hestenes, E. Stiefel, Methods of conjugate gradients for solving linear systems, J. Res. Natl. Bur. Stand.
49 (1952), 409–436.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde.field import Field

Vector = Sequence[Field]
"""Fields that together are one unknown."""

Action = Callable[[Vector, Vector], None]
"""action(x, out) fills out; collective."""


class ConjugateGradients:
    """Solves A x = b for a Hermitian positive definite A, preconditioned by such an M ≈ A⁻¹.

    Parameters
    ----------
    operator, preconditioner
        A and M.
    tolerance
        Of the residual, relative to that of x = 0, both in the norm √(r · M r).
    limit
        Most iterations.

    Attributes
    ----------
    iterations : of the last solve.

    Notes
    -----
    Dot products are the same on any number of ranks. Four work vectors, kept from solve to solve.
    """

    def __init__(self, operator: Action, preconditioner: Action, tolerance: float = 1e-12, limit: int = 500) -> None:
        self._operator, self._preconditioner = operator, preconditioner
        self.tolerance, self.limit, self.iterations = tolerance, limit, 0
        self._work: dict[Any, list[list[Field]]] = {}

    def solve(self, b: Vector, x: Vector) -> None:
        """x = A⁻¹ b, begun at 0; b is overwritten by the residual. Collective.

        Raises
        ------
        RuntimeError
            If the residual is above the tolerance after `limit` iterations, naming both, on every rank.
        """
        key = tuple((part.pencil, part.lead, part.dtype) for part in b)
        if key not in self._work:
            self._work[key] = [[part.copy() for part in b] for _ in range(3)]
        residual = b
        z, p, image = self._work[key]
        for part in x:
            part.local[...] = 0
        self._preconditioner(residual, z)
        _combine(1.0, z, 0.0, p)
        now = start = _dot(residual, z)
        self.iterations = 0
        while now > self.tolerance**2 * start:
            if self.iterations == self.limit:
                found = f"residual {np.sqrt(now / start):.1e} after {self.limit} iterations"
                raise RuntimeError(f"conjugate gradients: {found}, wanted {self.tolerance:.1e}")
            self.iterations += 1
            self._operator(p, image)
            step = now / _dot(p, image)
            _combine(step, p, 1.0, x)
            _combine(-step, image, 1.0, residual)
            self._preconditioner(residual, z)
            before, now = now, _dot(residual, z)
            _combine(1.0, z, now / before, p)


def _dot(a: Vector, b: Vector) -> float:
    return float(sum(np.real(one.dot(other)) for one, other in zip(a, b, strict=True)))


def _combine(alpha: float, x: Vector, beta: float, y: Vector) -> None:
    """y = alpha x + beta y."""
    for one, other in zip(x, y, strict=True):
        one.space.backend.pointwise.axpby(alpha, one.local, beta, other.local)
