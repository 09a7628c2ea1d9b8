"""Norms of errors by quadrature."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde.coefficients import slabs
from tensorpde.field import Field
from tensorpde.filling import at_time
from tensorpde.galerkin import at_points, piecewise_tables


def error_norm(
    u: Field,
    exact: Callable | None = None,
    gradient: Callable | Sequence[Callable] | None = None,
    t: float = 0.0,
    q: int | None = None,
) -> Any:
    """‖u − exact‖ in L², or |u − exact| in the seminorm of H¹, (∫ |∇u − gradient|²)^½. Collective.

    Parameters
    ----------
    u
        Coefficients, any leading dimensions: their squares are added.
    exact
        The exact function of the coordinates, or of these and t.
    gradient
        Its derivatives: one function per axis, or one that gives a list of them.
    t
        Time at which given wall values, `exact` and `gradient` are taken.
    q
        Gauss points per element and axis; None for p + 3 with the largest p: the error of the rule is far below that
        of u.

    Returns
    -------
    float
        The L² norm if `exact` is given, the H¹ seminorm if `gradient` is; if both are, a tuple of both.

    Raises
    ------
    ValueError
        If neither is given, an axis has no basis of elements, or the number of derivatives is not that of the axes.

    Notes
    -----
    O((p + 1)^(d+1)) per element; values at quadrature points of a slab of elements at a time.
    """
    found = []
    if exact is not None:
        found.append(_norm(u, [(None, exact)], t, q))
    if gradient is not None:
        found.append(_norm(u, list(enumerate(_parts(gradient, u.space.ndim, t))), t, q))
    if not found:
        raise ValueError(f"an error norm needs the exact function or its gradient, got {exact} and {gradient}")
    return found[0] if len(found) == 1 else tuple(found)


def _parts(gradient: Callable | Sequence[Callable], ndim: int, t: float) -> list[Callable]:
    if callable(gradient):
        whole = at_time(gradient, ndim, t)
        return [lambda *x, k=k: whole(*x)[k] for k in range(ndim)]
    if len(gradient) != ndim:
        raise ValueError(f"{len(gradient)} derivatives for {ndim} axes")
    return list(gradient)


def _norm(u: Field, wanted: list[tuple[int | None, Callable]], t: float, q: int | None) -> float:
    """(Σ ∫ |∂_k u − function|²)^½ over pairs (k, function)."""
    space = u.space
    if q is None:
        q = 2 + max(table.values.shape[2] for table in piecewise_tables(space).values())
    made = piecewise_tables(space, q)
    square = 0.0
    for part in slabs(space, made):
        for axis, function in wanted:
            error = at_points(space, axis, q, part)(u, t)
            error = error - error.space.field(at_time(function, space.ndim, t))
            modulus = np.abs(error.local) ** 2
            square += float(np.sum(Field(error.space, modulus, error.pencil).integral()))
    return float(np.sqrt(square))
