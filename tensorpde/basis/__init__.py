"""One-dimensional bases: what the data on an axis are coefficients of."""

from tensorpde.basis.base import Basis, Expansion, Line, Piecewise
from tensorpde.basis.bspline import BSpline
from tensorpde.basis.chebyshev import Chebyshev
from tensorpde.basis.gauss import Gauss
from tensorpde.basis.greville import Greville
from tensorpde.basis.lagrange import Lagrange
from tensorpde.basis.table import Table

__all__ = ["BSpline", "Basis", "Chebyshev", "Expansion", "Gauss", "Greville", "Lagrange", "Line", "Piecewise", "Table"]
