"""Direct solvers of separable problems, and iterations for those that do not separate."""

from tensorpde.solve import petsc
from tensorpde.solve.biharmonic import Biharmonic
from tensorpde.solve.conjugate_gradients import ConjugateGradients
from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.gmres import Gmres
from tensorpde.solve.iteration import History, NotConverged
from tensorpde.solve.krylov import Krylov, krylov
from tensorpde.solve.petsc import Newton, newton
from tensorpde.solve.scaling import SymmetricScaling
from tensorpde.solve.settings import Settings
from tensorpde.solve.sylvester import sylvester

__all__ = [
    "Biharmonic",
    "ConjugateGradients",
    "FastDiagonal",
    "Gmres",
    "History",
    "Krylov",
    "Newton",
    "NotConverged",
    "Settings",
    "SymmetricScaling",
    "krylov",
    "newton",
    "petsc",
    "sylvester",
]
