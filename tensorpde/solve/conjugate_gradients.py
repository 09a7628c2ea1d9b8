"""Conjugate gradients on Fields, several at a time.

Source: M. R. Hestenes, E. Stiefel, Methods of conjugate gradients for solving linear systems, J. Res. Natl. Bur. Stand.
49 (1952), 409–436.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde.field import Field
from tensorpde.solve.iteration import Action, History, Monitor, Record, Vector, combine, dot, key, norm


class ConjugateGradients:
    """Solves A x = b for a Hermitian definite A, preconditioned by such an M ≈ A⁻¹. Both may be negative definite.

    Parameters
    ----------
    operator, preconditioner
        A and M; None for the identity.
    tolerance
        Of the residual, relative to that of x = 0.
    limit
        Most iterations.
    natural
        Whether residuals are measured by √|r · M r|, which costs nothing; else by ‖r‖.
    monitor
        Called with the iteration and the norm.

    Attributes
    ----------
    iterations : of the last solve.

    Notes
    -----
    Dot products are the same on any number of ranks. Three work vectors, kept from solve to solve.
    """

    def __init__(
        self, operator: Action, preconditioner: Action | None = None, tolerance: float = 1e-12, limit: int = 500,
        natural: bool = True, monitor: Monitor | None = None,
    ) -> None:  # fmt: skip
        self._operator, self._preconditioner = operator, preconditioner
        self.tolerance, self.limit, self.natural, self.monitor = tolerance, limit, natural, monitor
        self.iterations = 0
        self._work: dict[Any, list[list[Field]]] = {}

    def solve(self, b: Vector, x: Vector) -> History:
        """x = A⁻¹ b, begun at 0; b is overwritten by the residual. Collective.

        Raises
        ------
        NotConverged
            If A or M is not definite, a value is not finite, or the residual is above the tolerance after `limit`
            iterations, on every rank.
        """
        for part in x:
            part.local[...] = 0
        return self.advance(b, x)

    def advance(self, residual: Vector, x: Vector, target: float | None = None) -> History:
        """As `solve`, from the x that is given, with its residual; to a norm of `target`. Collective."""
        z, p, image = self._vectors(residual)
        record = Record("cg", "natural" if self.natural else "unpreconditioned", self.limit, self.monitor)
        before = curvature = 0.0
        try:
            while True:
                size = None if self.natural else norm(residual)
                if size is not None:
                    target = self.tolerance * size if target is None else target
                    if record.add(size, target):
                        break
                now = self._precondition(residual, z)
                if size is None:
                    target = self.tolerance * np.sqrt(abs(now)) if target is None else target
                    if record.add(float(np.sqrt(abs(now))), target):
                        break
                if now * before < 0 or now == 0:
                    raise record.failed("DIVERGED_INDEFINITE_PC")
                combine(1.0, z, now / before if before else 0.0, p)
                self._operator(p, image)
                found = float(np.real(dot(p, image)))
                if found * curvature < 0 or found == 0:
                    raise record.failed("DIVERGED_INDEFINITE_MAT")
                before, curvature = now, found
                combine(now / found, p, 1.0, x)
                combine(-now / found, image, 1.0, residual)
        finally:
            self.iterations = record.iterations
        return record.account("CONVERGED_RTOL" if record.iterations else "CONVERGED_ATOL")

    def _precondition(self, residual: Vector, z: Vector) -> float:
        """Z = M r; r · z."""
        if self._preconditioner is None:
            combine(1.0, residual, 0.0, z)
        else:
            self._preconditioner(residual, z)
        return float(np.real(dot(residual, z)))

    def _vectors(self, like: Vector) -> list[list[Field]]:
        if key(like) not in self._work:
            self._work[key(like)] = [[part.copy() for part in like] for _ in range(3)]
        return self._work[key(like)]
