"""Distributed tensor-product PDE solvers: line operators on MPI pencils."""

from tensorpde import _threads

_threads.limit_threads()  # before numpy loads

from tensorpde import io, parallel, schemes
from tensorpde.boundary import Dirichlet, Even, FreeSlip, Neumann, NoSlip, Odd, Periodic, Robin
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.mapping import Algebraic, Tanh, TanhOneSided, Uniform, UserMapping

parallel.install_abort_hooks()

__all__ = [
    "Algebraic",
    "Axis",
    "Dirichlet",
    "Even",
    "Field",
    "FreeSlip",
    "Grid",
    "Neumann",
    "NoSlip",
    "Odd",
    "Periodic",
    "Robin",
    "Space",
    "Tanh",
    "TanhOneSided",
    "Uniform",
    "UserMapping",
]
