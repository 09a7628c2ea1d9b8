"""petsc4py: found, started once, and its errors made ours."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tensorpde.parallel import PATIENCE, agree, alone, world
from tensorpde.solve.petsc.options import split_arguments


class MissingPetsc(ImportError):
    """petsc4py is needed and not installed; the message says for what, and the command that installs it."""

    advice = (
        "petsc4py is not installed: pip install 'tensorpde[petsc]' (it is compiled, with the mpicc on PATH; minutes)"
    )


def installed(comm: Any) -> bool:
    """Whether petsc4py is there on all ranks. Collective."""
    found = importlib.util.find_spec("petsc4py") is not None
    return bool(comm.allreduce(int(found)) == comm.size)


def scalar_type(comm: Any, purpose: str = "PETSc") -> np.dtype:
    """The one type of number that PETSc was built for. Collective."""
    return np.dtype(load(comm, purpose).ScalarType)


def load(comm: Any, purpose: str = "PETSc") -> Any:
    """petsc4py's module, PETSc started. Collective.

    PETSc reads its options from the command line (see `split_arguments`), from the environment's PETSC_OPTIONS and from
    the user's files. At the end it names options that nothing asked for, such as misspelt ones.

    Raises
    ------
    MissingPetsc
        If it is not installed on some rank, on every rank.
    """
    with agree(comm, "loading PETSc"):
        try:
            import petsc4py
        except ImportError:
            raise MissingPetsc(f"{purpose} needs PETSc, but {MissingPetsc.advice}") from None
    started = "petsc4py.PETSc" in sys.modules
    together = comm.allreduce(int(started)) == 0 and comm.size == world().size
    if not started:
        arguments = ["tensorpde", *split_arguments(sys.argv[1:])[0]]
        petsc4py.init(arguments, comm=world() if together else alone())  # to start is collective on what it gets
    from petsc4py import PETSc

    return PETSc


@contextmanager
def errors(comm: Any, what: str) -> Iterator[None]:
    """What is raised inside PETSc comes out as it went in, or as PETSc's own message; the same on all ranks."""
    with agree(comm, what, PATIENCE):
        try:
            yield
        except RuntimeError as error:
            if type(error).__module__.startswith("petsc4py"):
                cause = error.__cause__
                while cause is not None and type(cause).__module__.startswith("petsc4py"):
                    cause = cause.__cause__
                if cause is not None:
                    raise cause from None
                raise RuntimeError(f"PETSc: {_message(error)}") from error
            raise


def _message(error: BaseException) -> str:
    """The line of PETSc's report that says what is wrong."""
    lines = str(error).splitlines()
    return "; ".join(line.split("] ", 1)[-1] for line in lines[-2:])
