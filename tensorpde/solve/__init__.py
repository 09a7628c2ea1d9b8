"""Direct solvers of separable problems, and iterations for those that do not separate."""

from tensorpde.solve import petsc
from tensorpde.solve.biharmonic import Biharmonic
from tensorpde.solve.conjugate_gradients import ConjugateGradients
from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.gmres import Gmres
from tensorpde.solve.iteration import History, NotConverged
from tensorpde.solve.krylov import Krylov, krylov
from tensorpde.solve.sylvester import sylvester

__all__ = [
    "Biharmonic",
    "ConjugateGradients",
    "FastDiagonal",
    "Gmres",
    "History",
    "Krylov",
    "NotConverged",
    "krylov",
    "petsc",
    "sylvester",
]
