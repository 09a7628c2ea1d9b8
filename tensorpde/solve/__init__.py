"""Direct solvers of separable problems."""

from tensorpde.solve.diagonal import FastDiagonal

__all__ = ["FastDiagonal"]
