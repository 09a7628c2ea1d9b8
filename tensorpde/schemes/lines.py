"""A scheme on an axis as a line operator, whatever the axis holds: point values, or values of a collocation basis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tensorpde.basis import Chebyshev, Greville
from tensorpde.boundary import Boundary
from tensorpde.grid import Axis
from tensorpde.line import Banded, Compact
from tensorpde.schemes import bspline, chebyshev
from tensorpde.schemes.assembly import assemble
from tensorpde.schemes.collocation import Collocation, Lines, check
from tensorpde.schemes.scheme import Scheme


def on_axis(
    scheme: Scheme | Collocation,
    axis: Axis,
    to: Axis | None = None,
    bc: Boundary | Sequence[Boundary | None] | None = None,
) -> Lines:
    """The operator of a scheme on an axis, and the factors of the boundary data.

    An axis with a collocation basis has derivatives of its own, those of its interpolant: of a finite-difference scheme
    only the number of the derivative counts there, so that one scheme serves a grid with axes of both kinds.

    Parameters
    ----------
    scheme, axis, to, bc
        As for `assemble`.

    Raises
    ------
    ValueError
        As `assemble`; for a staggered scheme or an interpolation on a collocation axis, or a collocation scheme on an
        axis without a collocation basis.
    """
    if not isinstance(axis.basis, (Chebyshev, Greville)):
        if isinstance(scheme, Collocation):
            raise ValueError(f"{scheme.name} needs an axis with a collocation basis, not {axis.basis}")
        made = assemble(scheme, axis, to, bc)
        if made.lhs is None:
            return Lines(Banded(made.rhs), made.left, made.right)
        left, right = (
            np.linalg.solve(made.lhs.matrix(), data) if data.any() else data for data in (made.left, made.right)
        )
        return Lines(Compact(made.lhs, made.rhs), left, right)
    if scheme.shift or scheme.derivative not in (1, 2):
        raise ValueError(f"{scheme.name} cannot be used on an axis with {axis.basis}, which has derivatives 1 and 2")
    pair = axis.sides if bc is None else (bc, bc) if isinstance(bc, Boundary) else tuple(bc)
    check(axis, to or axis, pair)
    form = scheme.form if isinstance(scheme, Collocation) else None
    if isinstance(axis.basis, Greville):
        return bspline.lines(axis, scheme.derivative, pair)
    return chebyshev.lines(axis, scheme.derivative, pair, form)
