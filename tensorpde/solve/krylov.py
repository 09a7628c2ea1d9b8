"""One interface to Krylov methods: those of PETSc, and a small CG and GMRES for installations without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import TensorOperator, same_points
from tensorpde.lending import lent, lent_like
from tensorpde.parallel import PATIENCE, agree
from tensorpde.solve import petsc
from tensorpde.solve.conjugate_gradients import ConjugateGradients
from tensorpde.solve.constants import Constants
from tensorpde.solve.diagonal import COMPATIBLE
from tensorpde.solve.gmres import Gmres
from tensorpde.solve.iteration import History, Monitor, NotConverged, Vector
from tensorpde.solve.settings import Settings

OWN = ("cg", "gmres")
SLACK = 10.0  # residuals of an iteration drift from b − A u by that much before the solution is refused
FLOOR = 100.0  # round-off errors of size ‖A‖ ‖u‖ that no iteration can remove


class Preconditioner(Protocol):
    """P ≈ A⁻¹: a TensorOperator, a FastDiagonal, or whatever has such a method. It must be linear."""

    def apply(self, f: Field, out: Field) -> Any:
        """Out = P f, in the pencil of f. Collective."""


class Krylov:
    """Solver of A(u, t) = b by a Krylov method, for any operator A from a Space to itself.

    Parameters
    ----------
    A
        The operator. CG needs a symmetric (Hermitian) definite one, of either sign.
    P
        The preconditioner, None for none. A FastDiagonal counts without its boundary data.
    method, rtol, atol, limit, restart, prefix, monitor
        See `Settings`. Options of the command line win: `-ksp_type`, `-ksp_rtol`, `-ksp_monitor`, …, with the prefix.
    mean
        Of the solution, by quadrature, where constants are free.
    tolerance
        Largest part of the right-hand side, relative to its norm, that a singular problem may have to leave out; as in
        `FastDiagonal`.
    library
        "petsc", "tensorpde", or None: PETSc if it is installed on all ranks and has the type of the data (a build of
        PETSc has one), else the package's own CG and GMRES.

    Attributes
    ----------
    library : that was chosen.
    constants : whether a constant is free.

    Raises
    ------
    ValueError
        If A is not from a Space to itself, or the method unknown.
    ImportError
        If a method needs petsc4py and it is not there; with the command that installs it.
    TypeError
        If PETSc is asked for with data of a type that it was not built for.

    Notes
    -----
    Collective. PETSc's vectors are the memory of the fields. From the second solve on nothing of the size of a field is
    allocated.
    """

    def __init__(
        self, A: TensorOperator, P: Preconditioner | None = None, method: str = "cg", rtol: float = 1e-8,
        atol: float = 0.0, limit: int = 10_000, restart: int = 30, mean: complex = 0.0,
        tolerance: float = COMPATIBLE, prefix: str = "", monitor: Monitor | None = None, library: str | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(A, TensorOperator):
            raise TypeError(f"a solve needs an operator such as a laplacian, not {A!r:.80}")
        if not same_points(A.domain, A.range):
            raise ValueError(f"a solve needs an operator from a Space to itself, not from {A.domain} to {A.range}")
        self.A, self.P, self.mean, self.tolerance = A, P, mean, tolerance
        self.settings = Settings(method, rtol, atol, limit, restart, prefix, monitor)
        self.dtype = np.result_type(A.domain.dtype, A.result_type(A.domain.dtype))
        self.library = _chosen(library, method, A.domain, self.dtype)
        self.constants = Constants(A)
        null = self.constants if self.constants.free else None
        if self.library == "petsc":
            self._solver: Any = petsc.Ksp(A, P, self.settings, constants=null is not None)
        else:
            self._solver = Own(A, P, self.settings, null)

    def solve(
        self, b: Field, t: float = 0.0, out: Field | None = None, guess: Field | None = None
    ) -> tuple[Field, History]:
        """U with A(u, t) = b, and how it was found. Collective.

        Parameters
        ----------
        b
            Right-hand side, any pencil and leading dimensions; it stays as it is.
        t
            Time at which boundary data are taken.
        out
            Where u goes, in the pencil of b; None makes a Field.
        guess
            A Field near to the solution, which may be `out`; None for 0.

        Raises
        ------
        NotConverged
            With the reason, if there is no solution or none was found: `out` is then undefined.
        ValueError
            If b does not fit, or is not compatible with a singular problem.
        """
        space = self.A.domain
        if not isinstance(b, Field):
            raise TypeError(f"a right-hand side is a Field, as space.field(…) makes one, not {type(b).__name__}")
        if not same_points(b.space, space):
            raise ValueError(f"the right-hand side lives on {b.space}, the operator on {space}")
        dtype = np.result_type(b.dtype, self.dtype)
        if out is None:
            out = Field(space, space.backend.empty(b.local.shape, dtype), b.pencil)
        elif out.dtype != dtype or out.lead != b.lead or out.pencil != b.pencil:
            raise ValueError(f"out is {out}; u has lead {b.lead}, dtype {dtype} and the pencil of {b}")
        with lent(space, b.lead, b.pencil, dtype) as right:
            right.local[...] = b.local
            if self.A.sources:
                self.A.add_lifting(right, t, -1.0)
            removed = self.constants.make_compatible(right, self.tolerance) if self.constants.free else 0.0
            if guess is not None and guess is not out:
                out.local[...] = guess.to(out.pencil).local
            history = self._solver.solve(right, out, guess is not None)
            self._verify(right, out, history)
        if self.constants.free:
            self.constants.set_mean(out, self.mean)
        return out, replace(history, removed=removed)

    def _verify(self, b: Field, u: Field, history: History) -> None:
        """Refuse a u whose own residual, not that of the iteration, is too large. b becomes that residual."""
        size = b.norm()
        self.A.apply(u, b, -1.0)
        left = b.norm()
        settings = self._solver.settings
        wanted = SLACK * max(settings.rtol * size, settings.atol)
        floor = FLOOR * float(np.finfo(u.dtype).eps) * self.constants.size * u.norm()
        if not left <= max(wanted, floor):
            raise NotConverged(
                f"{history}; but ‖b − A u‖ is {left:.3e}, not {wanted:.3e}: its {history.norm} norm says little about "
                "the residual. Ask for a smaller rtol or for the unpreconditioned norm",
                history,
            )


class Own:
    """The package's own methods behind the interface of `petsc.Ksp`."""

    def __init__(self, A: TensorOperator, P: Preconditioner | None, settings: Settings, null: Constants | None) -> None:
        self.settings, self._A, self._P, self._null = settings, A, P, null
        precondition = None if P is None and null is None else self._precondition
        if settings.method == "cg":
            self._method: Any = ConjugateGradients(
                self._apply, precondition, limit=settings.limit, natural=False, monitor=settings.monitor
            )
        else:
            self._method = Gmres(self._apply, precondition, 0.0, settings.limit, settings.restart, settings.monitor)

    def solve(self, b: Field, u: Field, guessed: bool) -> History:
        """U from b; b stays as it is."""
        with lent_like(b) as residual:
            residual.local[...] = b.local
            if guessed:
                self._A.apply(u, residual, -1.0)
                residual.local *= -1
            else:
                u.local[...] = 0
            target = max(self.settings.rtol * b.norm(), self.settings.atol)
            return self._method.advance([residual], [u], target)

    def _apply(self, x: Vector, out: Vector) -> None:
        with agree(out[0].space.comm, "applying the operator", PATIENCE):
            self._A.apply(x[0], out[0])

    def _precondition(self, x: Vector, out: Vector) -> None:
        with agree(out[0].space.comm, "applying the preconditioner", PATIENCE):
            if self._P is None:
                out[0].local[...] = x[0].local
            else:
                self._P.apply(x[0], out[0])
        if self._null is not None:
            self._null.project(out[0])


def krylov(
    A: TensorOperator, b: Field, P: Preconditioner | None = None, method: str = "cg", rtol: float = 1e-8,
    t: float = 0.0, out: Field | None = None, guess: Field | None = None, **settings: Any,
) -> tuple[Field, History]:  # fmt: skip
    """U with A(u, t) = b, ‖b − A(u, t)‖ ≤ rtol ‖b‖, by a Krylov method, and how it was found. Collective.

    Parameters
    ----------
    A, P, method, rtol, **settings
        As for `Krylov`, which is for more than one right-hand side.
    b, t, out, guess
        As for `Krylov.solve`.

    Raises
    ------
    NotConverged
        With the reason, if there is no solution or none was found.
    ValueError, ImportError, TypeError
        As `Krylov`.
    """
    return Krylov(A, P, method, rtol, **settings).solve(b, t, out, guess)


def _chosen(library: str | None, method: str, space: Space, dtype: np.dtype) -> str:
    """The library to use; the same on all ranks."""
    names: Sequence[str] = ("petsc", "tensorpde")
    if library not in (None, *names):
        raise ValueError(f"library={library!r} is none of {', '.join(names)}")
    comm, backend = space.comm, space.backend
    if library is None and method in OWN:
        if not backend.on_host:
            return "tensorpde"
        return "petsc" if petsc.installed(comm) and petsc.scalar_type(comm) == dtype else "tensorpde"
    if library == "tensorpde":
        if method not in OWN:
            raise ValueError(f"method={method!r}: the methods without PETSc are {', '.join(OWN)}")
        return library
    if not backend.on_host:
        raise ValueError(f"method={method!r}, {library=}: PETSc takes host arrays, not those of {backend.name}")
    found = petsc.scalar_type(comm, f"the Krylov method {method!r}" if library is None else "library='petsc'")
    if found != dtype:
        raise TypeError(f"PETSc was built for {found}, the problem has {dtype}; library='tensorpde' takes any type")
    return "petsc"
