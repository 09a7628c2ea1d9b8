"""Direct solvers of separable problems."""

from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.sylvester import sylvester

__all__ = ["FastDiagonal", "sylvester"]
