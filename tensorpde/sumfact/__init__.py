"""Weak forms with variable coefficients and mapped geometry, by sum factorization."""

from tensorpde.sumfact.forms import advection, mass, stiffness
from tensorpde.sumfact.geometry import Geometry, Nurbs, SmoothMap
from tensorpde.sumfact.operator import ElementOperator

__all__ = ["ElementOperator", "Geometry", "Nurbs", "SmoothMap", "advection", "mass", "stiffness"]
