"""Equations put together from the operators, and the cases that people run."""

from . import cases
from .navier_stokes import NavierStokes
from .pressure import Schemes

__all__ = ["NavierStokes", "Schemes", "cases"]
