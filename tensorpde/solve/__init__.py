"""Direct solvers of separable problems."""

from tensorpde.solve.biharmonic import Biharmonic
from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.krylov import ConjugateGradients
from tensorpde.solve.sylvester import sylvester

__all__ = ["Biharmonic", "ConjugateGradients", "FastDiagonal", "sylvester"]
