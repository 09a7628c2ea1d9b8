"""PETSc's time steppers, TS, for linear equations on Fields: implicit steps whose systems are solved together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorpde.field import Field
from tensorpde.filling import on_wall
from tensorpde.kron import Kron, TensorOperator
from tensorpde.parallel import PATIENCE, agree
from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.iteration import NotConverged
from tensorpde.solve.petsc.ksp import configure, name
from tensorpde.solve.petsc.library import errors, load
from tensorpde.solve.petsc.mat import Inverse, Operator
from tensorpde.solve.petsc.vec import Layout, vector
from tensorpde.solve.settings import Settings

Source = Callable[..., Any]
"""source(x…, t), or source(x…) if it is steady."""


class ImplicitSteps:
    """Implicit steps of u' = L(u, t) + source by PETSc's TS, boundary data included. Called like `DouglasGunn`.

    Parameters
    ----------
    L
        An operator from a Space of point values to itself; or a function of t that gives one.
    dt
        The step.
    method
        "cn" (Crank–Nicolson, order 2), "beuler" (order 1), "arkimex", "bdf", … of PETSc. `-ts_type`,
        `-ts_adapt_type` and the like win; an adaptive method takes as many steps as it needs for every call.
    P
        P(L, σ): the preconditioner of σ − L, as for `Krylov`. None: its FastDiagonal, which solves it in one iteration;
        for an L that does not separate, give that of one that does.
    linear
        Method and tolerances of the linear problems; default: GMRES to 1e-10.
    prefix
        Of the options of the command line: `-ts_monitor`, `-ksp_monitor`, ….

    Raises
    ------
    MissingPetsc
        If petsc4py is not installed.
    ValueError
        If L is a weak form, whose mass multiplies u'.

    Notes
    -----
    Collective. One solver is made for each pencil of u. The preconditioner is made anew, 1-D factors only, for every
    σ, which is a number over the step, and for every t if L depends on it.
    """

    def __init__(
        self, L: TensorOperator | Callable[[float], TensorOperator], dt: float, method: str = "cn",
        P: Callable[[TensorOperator, float], Any] | None = None, linear: Settings | None = None, prefix: str = "",
    ) -> None:  # fmt: skip
        self._at = None if isinstance(L, TensorOperator) else L
        self._L = L if isinstance(L, TensorOperator) else L(0.0)
        if self._L.mass is not None:
            raise ValueError(f"{self._L} is a weak form, whose mass multiplies u'; time steps need point values")
        self.space, self.dt, self.method = self._L.domain, dt, method
        self._P = P or (lambda L, sigma: FastDiagonal(-1.0 * L, shift=-sigma))
        self._linear, self._prefix = linear or Settings("gmres", rtol=1e-10), prefix
        self._PETSc = load(self.space.comm, "TS")
        self._solvers: dict[Any, Any] = {}
        self._source: Source | None = None

    def __call__(self, u: Field, t: float = 0.0, source: Source | None = None, dt: float | None = None) -> Field:
        """Advance u in place from t by dt (default: the step) and return it. Collective.

        Raises
        ------
        NotConverged
            With PETSc's reason.
        """
        span = self.dt if dt is None else dt
        self._source = source
        with errors(self.space.comm, "stepping with PETSc"):
            key = u.pencil, u.lead
            if key not in self._solvers:
                self._solvers[key] = self._made(Layout(self._PETSc, self.space, *key))
            ts = self._solvers[key]
            ts.setTime(t)
            ts.setStepNumber(0)
            ts.setTimeStep(min(self.dt, span))
            ts.setMaxTime(t + span)
            with vector(self._PETSc, u) as x:
                ts.solve(x)
        if ts.getConvergedReason() < 0:
            inner = name(self._PETSc.KSP.ConvergedReason, ts.getKSP().getConvergedReason())
            reason = name(self._PETSc.TS.ConvergedReason, ts.getConvergedReason())
            raise NotConverged(f"{ts.getType()} of petsc at t = {t:g}: {reason} (the last linear problem: {inner})")
        return u

    def _made(self, layout: Layout) -> Any:
        PETSc = self._PETSc
        PETSc.garbage_cleanup(layout.comm)
        ts = PETSc.TS().create(comm=layout.comm)
        ts.setOptionsPrefix(self._prefix)
        ts.setType(self.method)
        ts.setProblemType(PETSc.TS.ProblemType.LINEAR)
        ts.setExactFinalTime(PETSc.TS.ExactFinalTime.MATCHSTEP)
        ts.setErrorIfStepFails(False)
        ts.setMaxSteps(1_000_000)
        current, inverse = Operator(None, layout), Inverse(None, layout)
        mat = PETSc.Mat().createPython((layout.sizes, layout.sizes), current, comm=layout.comm)
        mat.setUp()
        ts.setIFunction(self._function(layout), PETSc.Vec().createMPI(layout.sizes, comm=layout.comm))
        ts.setIJacobian(self._jacobian(layout, current, inverse), mat, mat)
        ksp = ts.getSNES().getKSP()
        configure(ksp, self._linear, PETSc, self._prefix)
        ksp.getPC().setType("python")
        ksp.getPC().setPythonContext(inverse)
        ts.setFromOptions()
        return ts

    def _function(self, layout: Layout) -> Callable[..., None]:
        """F(t, u, u') = u' − L(u, t) − source."""
        at, fixed = self._at, -1.0 * self._L

        def function(ts: Any, t: float, x: Any, rate: Any, f: Any) -> None:
            with agree(layout.comm, "evaluating the equation in PETSc", PATIENCE):
                u, out = layout.read(x), layout.write(f)
                L = fixed if at is None else -1.0 * at(t)
                out.local[...] = layout.read(rate).local
                L.apply(u, out, 1.0)
                if L.sources:
                    L.add_lifting(out, t)
                if self._source is not None:
                    source = self._source
                    out.local[...] -= on_wall(source, self.space.ndim, t)(*self.space.coordinates(layout.pencil))

        return function

    def _jacobian(self, layout: Layout, current: Operator, inverse: Inverse) -> Callable[..., None]:
        """The operator σ − L and its operator and preconditioner."""
        made: list[float | None] = [None, None]

        def jacobian(ts: Any, t: float, x: Any, rate: Any, sigma: float, J: Any, B: Any) -> None:
            with agree(layout.comm, "linearizing in PETSc", PATIENCE):
                when = t if self._at is not None else None
                if made == [when, sigma]:
                    return
                L = self._L if self._at is None else self._at(t)
                current.set(sigma * Kron(self.space, {}) - L)
                inverse.set(self._P(L, sigma))
                made[:] = when, sigma

        return jacobian
