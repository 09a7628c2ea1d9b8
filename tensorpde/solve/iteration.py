"""What all iterations share: vectors made of Fields, the account that they give, the exception they end in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tensorpde.field import Field

Vector = Sequence[Field]
"""Fields that together are one unknown."""

Action = Callable[[Vector, Vector], None]
"""action(x, out) fills out; collective."""

Monitor = Callable[[int, float], None]
"""monitor(iteration, norm of the residual), on every rank."""


@dataclass(frozen=True)
class History:
    """How an iteration went; the same on all ranks.

    Attributes
    ----------
    method : its name, such as "cg".
    library : whose code ran: "petsc" or "tensorpde".
    reason : why it ended, by PETSc's names: "CONVERGED_RTOL", "DIVERGED_MAX_IT", ….
    iterations : their number.
    residuals : norms of the residual, the first that of the first guess.
    norm : which norm that is: "unpreconditioned" ‖r‖, "preconditioned" ‖P r‖ or "natural" √(r · P r).
    removed : the relative part of the right-hand side that was taken out of a singular problem.
    inner : iterations of the linear problems of a nonlinear one.
    """

    method: str
    library: str
    reason: str
    iterations: int
    residuals: np.ndarray
    norm: str = "unpreconditioned"
    removed: float = 0.0
    inner: int = 0

    def __str__(self) -> str:
        return (
            f"{self.method} of {self.library}: {self.reason} after {self.iterations} iterations, "
            f"{self.norm} residual {self.residuals[0]:.3e} → {self.residuals[-1]:.3e}"
        )


class NotConverged(RuntimeError):
    """An iteration ended without a solution; the message and `history` say why. The same on all ranks."""

    def __init__(self, message: str, history: History | None = None) -> None:
        super().__init__(message)
        self.history = history


class Record:
    """The norms of a running iteration and the verdicts on them.

    Parameters
    ----------
    method, norm
        For the account.
    limit
        Most iterations.
    monitor
        Called with every norm.
    """

    def __init__(self, method: str, norm: str, limit: int, monitor: Monitor | None = None) -> None:
        self.method, self.norm, self.limit, self.monitor = method, norm, limit, monitor
        self.residuals: list[float] = []

    @property
    def iterations(self) -> int:
        """Norms recorded after the first."""
        return max(len(self.residuals) - 1, 0)

    def add(self, size: float, target: float) -> bool:
        """Record a norm; True if it is small enough.

        Raises
        ------
        NotConverged
            If it is not finite, or not small enough after the last iteration.
        """
        self.residuals.append(size)
        if self.monitor is not None:
            self.monitor(self.iterations, size)
        if not np.isfinite(size):
            raise self.failed("DIVERGED_NANORINF")
        if size <= target:
            return True
        if self.iterations >= self.limit:
            raise self.failed("DIVERGED_MAX_IT", f", wanted {target:.3e}")
        return False

    def account(self, reason: str) -> History:
        """The account so far."""
        return History(self.method, "tensorpde", reason, self.iterations, np.array(self.residuals), self.norm)

    def failed(self, reason: str, more: str = "") -> NotConverged:
        """The exception that ends the iteration."""
        history = self.account(reason)
        return NotConverged(f"{history}{more}", history)


def dot(a: Vector, b: Vector) -> complex:
    """Σ conj(a) b over all parts. Collective."""
    return sum(one.dot(other) for one, other in zip(a, b, strict=True))


def norm(a: Vector) -> float:
    """The root of a · a. Collective."""
    return float(np.sqrt(np.real(dot(a, a))))


def combine(alpha: complex, x: Vector, beta: complex, y: Vector) -> None:
    """Y = alpha x + beta y."""
    for one, other in zip(x, y, strict=True):
        one.space.backend.pointwise.axpby(alpha, one.local, beta, other.local)


def key(x: Vector) -> tuple:
    """What vectors must have in common to use the same work vectors."""
    return tuple((part.pencil, part.lead, part.dtype) for part in x)
