"""Radial kernels by their Gaussian integrals, one small file of data each."""

from __future__ import annotations

from tensorpde.electro.kernels.kernel import Kernel
from tensorpde.electro.kernels.matern import matern
from tensorpde.electro.kernels.newton import NEWTON
from tensorpde.electro.kernels.power import power
from tensorpde.electro.kernels.slater import slater
from tensorpde.electro.kernels.yukawa import yukawa

__all__ = ["NEWTON", "Kernel", "matern", "power", "slater", "yukawa"]
