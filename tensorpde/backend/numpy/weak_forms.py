"""Elements and coefficients of weak forms laid out for the kernels of `elements`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..forms import ADVECTION, COUPLED, MASS, STIFFNESS
from .element_plan import Coupled, Factor, Form, Line, Separate, Weighted, factor, lane_count

__all__ = ["form", "lane_count", "line"]

ABSENT = -(1 << 60)  # three of them, or one and two places, are below zero


def line(
    places: Sequence[np.ndarray], strides: Sequence[int], rows: int, values: np.ndarray, slopes: np.ndarray,
    rates: np.ndarray | None, chosen: np.ndarray, dtype: Any,
) -> Line:  # fmt: skip
    """The elements that a rank works on along one axis.

    Parameters
    ----------
    places
        (E, k) each, of E elements with k functions: numbers of values in the source and in the result; −1 for none.
    strides
        Between neighbours in the source and in the result, in real numbers.
    rows
        Values of the result along the axis.
    values, slopes
        Of all elements of the axis: functions at points, (all, q, k); derivatives from values at points, (all, q, q).
    rates
        What fluxes along the axis are multiplied with, (all, q); None for 1.
    chosen
        The numbers of the E elements.
    dtype
        Real type of the data.
    """
    load, store = (np.where(p < 0, ABSENT, p * stride) for p, stride in zip(places, strides, strict=True))
    load_whole, store_whole = ((p[:, 0] >= 0) & (np.diff(p, axis=1) == 1).all(axis=1) for p in (load, store))
    scale = None
    if rates is not None:
        bank, which = np.unique(rates.astype(dtype), axis=0, return_inverse=True)
        room = np.zeros((bank.shape[1], lane_count(dtype)), dtype)
        scale = Factor(room, room, bank, which.reshape(-1)[chosen])
    functions, points = (0,) * values.shape[2], (0,) * values.shape[1]
    along, slope = factor(values, chosen, 1, dtype), factor(slopes, chosen, -1, dtype)
    return Line(load, store, load_whole, store_whole, functions, points, along, slope, scale)


def form(name: str, lines: Sequence[Line], values: np.ndarray) -> Form:
    """What `elements.add` needs: three Lines, and coefficients (groups, parts, points, lanes) of the form's name."""
    coef, (_, parts, points, _) = values.reshape(-1), values.shape
    forward = tuple(line.slope.forward for line in lines)
    backward = tuple(line.slope.backward for line in lines)
    nothing = (None,) * 3
    terms: Any
    if name == MASS:
        terms = Weighted(coef)
    elif name == STIFFNESS:
        terms = Separate(coef, (0, 0, 0), forward, backward)
    elif name == COUPLED:
        terms = Coupled(coef)
    else:
        own = [max(0, axis - 3 + parts) * points for axis in range(3)]  # missing axes have the slope 0 anyway
        both = (forward, nothing) if name == ADVECTION else (nothing, backward)
        terms = Separate(coef, tuple(own), *both)
    return Form(tuple(lines), terms, parts * points)
