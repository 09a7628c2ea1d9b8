"""Preconditioners for coefficients that vary: a solver of a separable problem between two scalings.

Source: P. Concus, G. H. Golub, Use of fast direct methods for the efficient numerical solution of nonseparable elliptic
equations, SIAM J. Numer. Anal. 10 (1973), 1103–1120.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.opaque import Multiplication
from tensorpde.parallel import agree


class SymmetricScaling:
    """P = κ^−½ S κ^−½ for an operator with the coefficient κ, S the solver of the same operator with coefficient 1.

    With κ^½ u for u, −∇·(κ ∇) becomes −∇² + q, q = ∇²(κ^½)/κ^½: for a smooth κ only a bounded term is left, however
    large the contrast. The number of iterations does not depend on the grid. Where κ jumps, or changes within a few
    points, q is large: there S alone, the mean coefficient, is no worse.

    Parameters
    ----------
    solver
        S: a FastDiagonal, or anything with such an `apply`.
    kappa
        The coefficient at the unknowns: a function of the coordinates, a positive number, or a Field.

    Raises
    ------
    ValueError
        If κ is not positive somewhere, on every rank.

    Notes
    -----
    P is symmetric where S is. One pass over the data before and one after the solve, one array kept.
    """

    def __init__(self, solver: Any, kappa: Field | float | Callable[..., Any]) -> None:
        self.solver = solver
        space: Space = solver.space
        values = kappa if isinstance(kappa, Field) else space.field(kappa)
        with agree(space.comm, "scaling a preconditioner"):
            least = float(values.local.min()) if values.local.size else np.inf
            if not least > 0:
                raise ValueError(f"kappa must be positive, but it is {least:.6g} somewhere")
        self._root = Multiplication(Field(space, values.local**-0.5, values.pencil))

    def apply(self, f: Field, out: Field) -> Field:
        """Out = P f; out may be f. Collective."""
        self._root.apply(f, out)
        self.solver.apply(out, out)
        return self._root.apply(out, out)
