"""PETSc on Fields: Mat, PC and Vec of our operators, solvers and blocks; KSP, SNES and TS. All use of petsc4py is here.

petsc4py is imported when the first solver is made. Fields are PETSc's vectors without a copy: both are the block of a
rank, one after the other. Exceptions of our code inside PETSc's come out as they are, the same on all ranks.
"""

from tensorpde.solve.petsc.ksp import Ksp
from tensorpde.solve.petsc.library import MissingPetsc, installed, scalar_type
from tensorpde.solve.petsc.options import split_arguments
from tensorpde.solve.petsc.snes import Newton, newton
from tensorpde.solve.petsc.ts import ImplicitSteps

__all__ = [
    "ImplicitSteps",
    "Ksp",
    "MissingPetsc",
    "Newton",
    "installed",
    "newton",
    "scalar_type",
    "split_arguments",
]
