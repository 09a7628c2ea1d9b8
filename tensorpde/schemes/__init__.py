"""Finite-difference schemes as data, one file per family or paper, and their assembly on an axis."""

from tensorpde.schemes import central, lele1992
from tensorpde.schemes.assembly import Assembled, assemble
from tensorpde.schemes.scheme import Closure, Scheme

__all__ = ["Assembled", "Closure", "Scheme", "assemble", "central", "lele1992"]
