"""Schemes as data, one file per family or paper, and what they are on an axis."""

from tensorpde.schemes import bspline, central, chebyshev, lele1992
from tensorpde.schemes.assembly import Assembled, assemble
from tensorpde.schemes.collocation import Collocation, Lines
from tensorpde.schemes.lines import on_axis
from tensorpde.schemes.scheme import Closure, Scheme

__all__ = [
    "Assembled",
    "Closure",
    "Collocation",
    "Lines",
    "Scheme",
    "assemble",
    "bspline",
    "central",
    "chebyshev",
    "lele1992",
    "on_axis",
]
