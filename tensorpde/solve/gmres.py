"""Restarted GMRES on Fields, preconditioned from the right.

Source: Y. Saad, M. H. Schultz, GMRES: a generalized minimal residual algorithm for solving nonsymmetric linear systems,
SIAM J. Sci. Stat. Comput. 7 (1986), 856–869.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde.field import Field
from tensorpde.solve.iteration import Action, History, Monitor, Record, Vector, combine, dot, key, norm

LOSS = 0.7  # a vector that orthogonalization shortens by more than this is orthogonalized again


class Gmres:
    """Solves A x = b for any regular A, by the x of smallest ‖b − A x‖ in a Krylov space of A M, M ≈ A⁻¹.

    Parameters
    ----------
    operator, preconditioner
        A and M; None for the identity.
    tolerance
        Of ‖r‖, relative to ‖b‖.
    limit
        Most iterations.
    restart
        Dimension of the space, after which it is begun anew.
    monitor
        Called with the iteration and ‖r‖.

    Notes
    -----
    Dot products are the same on any number of ranks. restart + 3 work vectors at most, kept from solve to solve, made
    as they are needed.
    """

    def __init__(
        self, operator: Action, preconditioner: Action | None = None, tolerance: float = 1e-12, limit: int = 500,
        restart: int = 30, monitor: Monitor | None = None,
    ) -> None:  # fmt: skip
        if restart < 1:
            raise ValueError(f"restart={restart} must be at least 1")
        self._operator, self._preconditioner = operator, preconditioner
        self.tolerance, self.limit, self.restart, self.monitor = tolerance, limit, restart, monitor
        self._work: dict[Any, list[list[Field]]] = {}

    def solve(self, b: Vector, x: Vector) -> History:
        """x = A⁻¹ b, begun at 0; b is overwritten by the residual. Collective.

        Raises
        ------
        NotConverged
            If a value is not finite, the space stops growing, or the residual is above the tolerance after `limit`
            iterations, on every rank.
        """
        for part in x:
            part.local[...] = 0
        return self.advance(b, x)

    def advance(self, residual: Vector, x: Vector, target: float | None = None) -> History:
        """As `solve`, from the x that is given, with its residual; to a norm of `target`. Collective."""
        record = Record("gmres", "unpreconditioned", self.limit, self.monitor)
        size = norm(residual)
        target = self.tolerance * size if target is None else target
        done = record.add(size, target)
        while not done:
            done, progressed = self._cycle(residual, x, size, target, record)
            before, size = size, norm(residual)
            if not done and not progressed and not size < before:
                raise record.failed("DIVERGED_BREAKDOWN")
        return record.account("CONVERGED_RTOL" if record.iterations else "CONVERGED_ATOL")

    def _cycle(self, residual: Vector, x: Vector, size: float, target: float, record: Record) -> tuple[bool, bool]:
        """One space: x and its residual at the end; whether ‖r‖ is small enough, whether the space was filled."""
        kind = complex if any(part.dtype.kind == "c" for part in residual) else float
        h = np.zeros((self.restart + 1, self.restart), kind)
        right = np.zeros(self.restart + 1, kind)
        right[0] = size
        combine(1.0 / size, residual, 0.0, self._vector(residual, 0))
        count, done, grown = 0, False, True
        while count < self.restart and not done and grown:
            grown = self._extend(residual, count, h)
            count += 1
            y, left = _least_squares(h[: count + 1, :count], right[: count + 1])
            done = record.add(left, target)
        z, image = self._vector(residual, -1), self._vector(residual, -2)
        combine(0.0, residual, 0.0, image)
        for number in range(count):
            combine(y[number], self._vector(residual, number), 1.0, image)
        self._precondition(image, z)
        combine(1.0, z, 1.0, x)
        self._operator(z, image)
        combine(-1.0, image, 1.0, residual)
        return done, grown

    def _extend(self, like: Vector, count: int, h: np.ndarray) -> bool:
        """One more vector of the space, by modified Gram–Schmidt; whether there is one."""
        z, new = self._vector(like, -1), self._vector(like, count + 1)
        self._precondition(self._vector(like, count), z)
        self._operator(z, new)
        before = norm(new)
        for _ in range(2):
            for number in range(count + 1):
                part = dot(self._vector(like, number), new)
                combine(-part, self._vector(like, number), 1.0, new)
                h[number, count] += part
            after = norm(new)
            if after > LOSS * before:
                break
        h[count + 1, count] = after
        if not after > np.finfo(float).eps * before:
            return False
        combine(0.0, new, 1.0 / after, new)
        return True

    def _precondition(self, x: Vector, out: Vector) -> None:
        if self._preconditioner is None:
            combine(1.0, x, 0.0, out)
        else:
            self._preconditioner(x, out)

    def _vector(self, like: Vector, number: int) -> list[Field]:
        """Work vector −2, −1 or one of the space."""
        work = self._work.setdefault(key(like), [])
        while len(work) < number + 3:
            work.append([part.copy() for part in like])
        return work[number + 2]


def _least_squares(h: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, float]:
    """The y of smallest ‖right − h y‖, and that norm."""
    if not np.isfinite(h).all():
        return np.zeros(h.shape[1], h.dtype), np.nan
    y = np.linalg.lstsq(h, right, rcond=None)[0]
    return y, float(np.linalg.norm(right - h @ y))
