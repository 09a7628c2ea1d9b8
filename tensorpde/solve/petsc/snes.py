"""PETSc's nonlinear solvers, SNES, on Fields, without a Jacobian matrix."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorpde.field import Field, Space
from tensorpde.parallel import PATIENCE, agree
from tensorpde.solve.iteration import History, NotConverged
from tensorpde.solve.petsc.ksp import configure, name
from tensorpde.solve.petsc.library import errors, load
from tensorpde.solve.petsc.mat import Inverse, Operator
from tensorpde.solve.petsc.vec import Layout, vector
from tensorpde.solve.settings import Settings

Residual = Callable[[Field, Field], Any]
"""residual(u, out): out = F(u); collective."""


class Newton:
    """Solver of F(u) = 0 by Newton's method with a line search, or another SNES that the command line chooses.

    Parameters
    ----------
    space
        Where u and F(u) live.
    residual
        F, as residual(u, out).
    jacobian
        jacobian(u): an operator whose `apply(v, out)` is F'(u) v, derived by hand. None: PETSc takes differences,
        (F(u + h v) − F(u))/h, one more F per linear iteration and half of the digits.
    P
        Preconditioner of the linear problems, as for `Krylov`: F'(u)⁻¹ for some u; None for none. Or, with a jacobian,
        a function of u that gives one.
    rtol, atol
        Wanted ‖F(u)‖, relative to the first or absolute.
    limit
        Most Newton steps.
    linear
        Method and tolerances of the linear problems; default: GMRES to 1e-6.
    prefix
        Of the options of the command line: `-snes_monitor`, `-snes_type`, `-ksp_monitor`, ….

    Raises
    ------
    MissingPetsc
        If petsc4py is not installed.

    Notes
    -----
    Collective. An exception of residual, jacobian or P on one rank is the same exception on all ranks.
    """

    def __init__(
        self, space: Space, residual: Residual, jacobian: Callable[[Field], Any] | None = None, P: Any = None,
        rtol: float = 1e-10, atol: float = 0.0, limit: int = 50, linear: Settings | None = None, prefix: str = "",
    ) -> None:  # fmt: skip
        if jacobian is None and P is not None and not hasattr(P, "apply"):
            raise ValueError("P as a function of u needs a jacobian: PETSc's differences know no new u")
        self.space, self._residual, self._jacobian, self._P = space, residual, jacobian, P
        self._tolerances = {"rtol": rtol, "atol": atol, "max_it": limit}
        self._linear, self._prefix = linear or Settings("gmres", rtol=1e-6), prefix
        self._PETSc = load(space.comm, "Newton's method")
        self._solvers: dict[Any, Any] = {}

    def solve(self, guess: Field, out: Field | None = None) -> tuple[Field, History]:
        """U with F(u) = 0, near to the guess, and how it was found. Collective.

        Parameters
        ----------
        guess
            Any pencil and leading dimensions.
        out
            Where u goes, in the pencil of the guess; may be the guess. None makes a Field.

        Raises
        ------
        NotConverged
            With PETSc's reason.
        """
        if out is None:
            out = guess.copy()
        elif out is not guess:
            out.local[...] = guess.to(out.pencil).local
        with errors(self.space.comm, "solving with PETSc"):
            key = out.pencil, out.lead
            if key not in self._solvers:
                self._solvers[key] = self._made(Layout(self._PETSc, self.space, *key))
            snes = self._solvers[key]
            with vector(self._PETSc, out) as x:
                snes.solve(None, x)
        residuals = snes.getConvergenceHistory()[0].copy()
        reason = name(self._PETSc.SNES.ConvergedReason, snes.getConvergedReason())
        history = History(
            snes.getType(), "petsc", reason, snes.getIterationNumber(), residuals, "unpreconditioned",
            inner=snes.getLinearSolveIterations(),
        )  # fmt: skip
        if snes.getConvergedReason() < 0:
            inner = name(self._PETSc.KSP.ConvergedReason, snes.getKSP().getConvergedReason())
            raise NotConverged(f"{history} (the last linear problem: {inner})", history)
        return out, history

    def _made(self, layout: Layout) -> Any:
        PETSc, comm = self._PETSc, self.space.comm
        PETSc.garbage_cleanup(comm)
        residual = self._residual

        def function(snes: Any, x: Any, f: Any) -> None:
            with agree(comm, "evaluating the residual in PETSc", PATIENCE):
                residual(layout.read(x), layout.write(f))

        snes = PETSc.SNES().create(comm=comm)
        snes.setOptionsPrefix(self._prefix)
        snes.setFunction(function, PETSc.Vec().createMPI(layout.sizes, comm=comm))
        snes.setTolerances(**self._tolerances)
        snes.setConvergenceHistory(length=self._tolerances["max_it"] + 1, reset=True)
        configure(snes.getKSP(), self._linear, PETSc, self._prefix)
        inverse = Inverse(self._P, layout)
        if self._P is not None:
            snes.getKSP().getPC().setType("python")
            snes.getKSP().getPC().setPythonContext(inverse)
        else:
            snes.getKSP().getPC().setType("none")
        if self._jacobian is None:
            snes.setUseMF(True)
        else:
            self._linearize(snes, inverse, layout)
        snes.setFromOptions()
        return snes

    def _linearize(self, snes: Any, inverse: Inverse, layout: Layout) -> None:
        """Let every step take the Jacobian, and the preconditioner if it is a function, at its u."""
        jacobian, P = self._jacobian, self._P
        assert jacobian is not None
        current = Operator(None, layout)
        mat = self._PETSc.Mat().createPython((layout.sizes, layout.sizes), current, comm=layout.comm)
        mat.setUp()

        def at(snes: Any, x: Any, J: Any, B: Any) -> None:
            with agree(layout.comm, "linearizing in PETSc", PATIENCE):
                current.set(jacobian(layout.read(x)))
                if P is not None and not hasattr(P, "apply"):
                    inverse.set(P(layout.read(x)))

        snes.setJacobian(at, mat, mat)


def newton(residual: Residual, guess: Field, jacobian: Any = None, P: Any = None, **more: Any) -> tuple[Field, History]:
    """U with F(u) = 0, by `Newton(guess.space, residual, jacobian, P, **more).solve(guess)`. Collective."""
    return Newton(guess.space, residual, jacobian, P, **more).solve(guess)
