"""What a Krylov method is told."""

from __future__ import annotations

from dataclasses import dataclass

from tensorpde.given import number, whole
from tensorpde.solve.iteration import Monitor


@dataclass(frozen=True)
class Settings:
    """What a method is told.

    Attributes
    ----------
    method : "cg", "gmres" or, with PETSc, any of its names for a KSP: "minres", "bcgs", "fgmres", ….
    rtol, atol : wanted ‖b − A u‖, relative to ‖b‖ or absolute, whichever is larger.
    limit : most iterations.
    restart : dimension of the Krylov space of GMRES.
    prefix : of the options that PETSc's command line has for this solver.
    monitor : called with the iteration and the norm of the residual.
    """

    method: str = "cg"
    rtol: float = 1e-8
    atol: float = 0.0
    limit: int = 10_000
    restart: int = 30
    prefix: str = ""
    monitor: Monitor | None = None

    def __post_init__(self) -> None:
        whole(self.limit, "limit")
        whole(self.restart, "restart")
        for name in ("rtol", "atol", "limit", "restart"):
            if not number(getattr(self, name), name) >= 0:
                raise ValueError(f"{name} must be 0 or more, not {getattr(self, name)}")
