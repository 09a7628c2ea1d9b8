"""Electrostatics of many charges: kernels as sums of Gaussians, lattices, range separation."""

from __future__ import annotations

from tensorpde.electro import kernels
from tensorpde.electro.lattice import CSCL, NACL, ZNS, Cell, Lattice, madelung
from tensorpde.electro.molecule import COULOMB, Molecule, read_pqr, read_structure
from tensorpde.electro.newton import Gaussians, gaussians
from tensorpde.electro.poisson_boltzmann import PoissonBoltzmann, Solution
from tensorpde.electro.range_separated import Accuracy, RangeSeparated

__all__ = [
    "COULOMB",
    "CSCL",
    "NACL",
    "ZNS",
    "Accuracy",
    "Cell",
    "Gaussians",
    "Lattice",
    "Molecule",
    "PoissonBoltzmann",
    "RangeSeparated",
    "Solution",
    "gaussians",
    "kernels",
    "madelung",
    "read_pqr",
    "read_structure",
]
