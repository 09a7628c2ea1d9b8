"""Distributed tensor-product PDE solvers: line operators on MPI pencils."""

from importlib import import_module
from types import ModuleType

from tensorpde import _threads

_threads.limit_threads()  # before numpy loads
_threads.start_quickly()  # before MPI does

from tensorpde import io, parallel, pde, schemes, solve, stepping
from tensorpde.basis import BSpline, Chebyshev, Greville, Lagrange
from tensorpde.boundary import Clamped, Dirichlet, Even, FreeSlip, Neumann, NoSlip, Odd, Periodic, Robin, on_side
from tensorpde.field import Field, Space
from tensorpde.flux import diffusion
from tensorpde.galerkin import at_points, load
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron, KronSum
from tensorpde.mapping import Algebraic, Gathered, Tanh, TanhOneSided, Uniform, UserMapping
from tensorpde.norms import error_norm
from tensorpde.opaque import Multiplication
from tensorpde.operators import derivative, divergence, gradient, laplacian, mixed_derivative
from tensorpde.solve import FastDiagonal
from tensorpde.stepping import DouglasGunn, HundsdorferVerwer, ModifiedCraigSneyd, PeacemanRachford
from tensorpde.sumfact import Nurbs, SmoothMap, advection, mass, stiffness

parallel.install_abort_hooks()

__all__ = [
    "Algebraic",
    "Axis",
    "BSpline",
    "Chebyshev",
    "Clamped",
    "Dirichlet",
    "DouglasGunn",
    "Even",
    "FastDiagonal",
    "Field",
    "FreeSlip",
    "Gathered",
    "Greville",
    "Grid",
    "HundsdorferVerwer",
    "Kron",
    "KronSum",
    "Lagrange",
    "ModifiedCraigSneyd",
    "Multiplication",
    "Neumann",
    "NoSlip",
    "Nurbs",
    "Odd",
    "PeacemanRachford",
    "Periodic",
    "Robin",
    "SmoothMap",
    "Space",
    "Tanh",
    "TanhOneSided",
    "Uniform",
    "UserMapping",
    "advection",
    "at_points",
    "derivative",
    "diffusion",
    "divergence",
    "electro",
    "error_norm",
    "gradient",
    "io",
    "laplacian",
    "learn",
    "load",
    "mass",
    "mixed_derivative",
    "on_side",
    "parallel",
    "pde",
    "schemes",
    "solve",
    "stepping",
    "stiffness",
    "tucker",
]
_LATER = ("electro", "learn", "tucker")  # packages that are imported where they are first used


def __getattr__(name: str) -> ModuleType:
    if name in _LATER:
        return import_module(f"tensorpde.{name}")
    raise AttributeError(f"module 'tensorpde' has no attribute {name!r}")
