"""PETSc's linear solvers, KSP, on Fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tensorpde.field import Field
from tensorpde.kron import TensorOperator
from tensorpde.solve.iteration import History, NotConverged
from tensorpde.solve.petsc.library import errors, load
from tensorpde.solve.petsc.mat import matrix, precondition
from tensorpde.solve.petsc.vec import Layout, vector
from tensorpde.solve.settings import Settings

LEFT = ("cg", "fcg", "cr", "bicg", "richardson", "gltr", "stcg", "nash", "pipecg")
RIGHT = ("gmres", "fgmres", "lgmres", "dgmres", "gcr", "bcgs", "ibcgs", "fbcgs", "bcgsl", "cgs", "tfqmr", "idr")


class Ksp:
    """Solves A u = b, homogeneous boundary data, by a KSP whose Mat and PC call A and P. Collective.

    Methods that can measure ‖b − A u‖ do, preconditioned from the right where that needs it; others ‖P(b − A u)‖.

    Parameters
    ----------
    A, P, settings
        As for `Krylov`.
    constants
        Whether constants are the null space of A.

    Attributes
    ----------
    settings : with the tolerances that the command line has chosen, from the first solve on.
    """

    def __init__(self, A: TensorOperator, P: Any, settings: Settings, constants: bool = False) -> None:
        self.settings, self._A, self._P, self._constants = settings, A, P, constants
        self._comm = A.domain.comm
        self._PETSc = load(self._comm)
        self._solvers: dict[Any, Any] = {}

    def solve(self, b: Field, u: Field, guessed: bool = False) -> History:
        """U from b, from the u that is there if it is a guess. Collective.

        Raises
        ------
        NotConverged
            With PETSc's reason.
        """
        with errors(self._comm, "solving with PETSc"):
            key = b.pencil, b.lead
            if key not in self._solvers:
                self._solvers[key] = self._made(b)
            ksp = self._solvers[key]
            ksp.setInitialGuessNonzero(guessed)
            with vector(self._PETSc, b) as right, vector(self._PETSc, u) as x:
                ksp.solve(right, x)
        history = self._history(ksp)
        if ksp.getConvergedReason() < 0:
            raise NotConverged(str(history), history)
        return history

    def view(self) -> None:
        """Print what PETSc says of its solvers. Collective."""
        for ksp in self._solvers.values():
            ksp.view()

    def _made(self, b: Field) -> Any:
        self._PETSc.garbage_cleanup(self._comm)
        layout = Layout(self._PETSc, b.space, b.pencil, b.lead)
        mat = matrix(self._A, layout, self._constants)
        ksp = self._PETSc.KSP().create(comm=self._comm)
        ksp.setOperators(mat)
        configure(ksp, self.settings, self._PETSc)
        precondition(ksp.getPC(), self._P, layout)
        ksp.setFromOptions()
        rtol, atol, _, limit = ksp.getTolerances()
        self.settings = replace(self.settings, rtol=rtol, atol=atol, limit=limit, method=ksp.getType())
        return ksp

    def _history(self, ksp: Any) -> History:
        reason, norm = (
            name(kind, value)
            for kind, value in (
                (self._PETSc.KSP.ConvergedReason, ksp.getConvergedReason()),
                (self._PETSc.KSP.NormType, ksp.getNormType()),
            )
        )
        residuals = ksp.getConvergenceHistory().copy()
        residuals = residuals if len(residuals) else np.array([np.nan])
        return History(ksp.getType(), "petsc", reason, ksp.getIterationNumber(), residuals, norm.lower())


def configure(ksp: Any, settings: Settings, PETSc: Any, prefix: str | None = None) -> None:
    """Tell a KSP the settings; the method is that of the command line if it has one, as the norm depends on it."""
    prefix = settings.prefix if prefix is None else prefix
    ksp.setOptionsPrefix(prefix)
    method = PETSc.Options(prefix).getString("ksp_type", settings.method)
    ksp.setType(method)
    if method in RIGHT:
        ksp.setPCSide(PETSc.PC.Side.RIGHT)
    if method in LEFT or method in RIGHT:
        ksp.setNormType(PETSc.KSP.NormType.UNPRECONDITIONED)
    if method == "gmres":
        ksp.setGMRESRestart(settings.restart)
    ksp.setTolerances(rtol=settings.rtol, atol=settings.atol, max_it=settings.limit)
    ksp.setConvergenceHistory(length=settings.limit + 1, reset=True)
    if settings.monitor is not None:
        monitor = settings.monitor
        ksp.setMonitor(lambda ksp, iteration, size: monitor(iteration, size))


def name(kinds: Any, value: int) -> str:
    """The name of a value of one of PETSc's enumerations."""
    names = [name for name, number in vars(kinds).items() if not name.startswith("_") and number == value]
    return min(names, key=len)  # of several, the one without the prefix
