"""Numbers from users, checked where they come in: what is none, or out of bounds, is named in the error."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def whole(value: Any, what: str, least: int | None = None) -> int:
    """An integer of at least `least`; True and False are none.

    Raises
    ------
    TypeError
        If it is none, naming it.
    ValueError
        If it is less.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        found = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, not {value!r}") from None
    if least is not None and found < least:
        raise ValueError(f"{what} must be at least {least}, not {found}")
    return found


def number(value: Any, what: str) -> Any:
    """The value itself if it is a finite number, real or complex.

    Raises
    ------
    TypeError
        If it is none, naming it.
    ValueError
        If it is infinite or NaN.
    """
    if np.ndim(value) or np.asarray(value).dtype.kind not in "biufc":
        raise TypeError(f"{what} must be a number, not {value!r}")
    if not np.isfinite(value):
        raise ValueError(f"{what} must be a finite number, not {value!r}")
    return value


def real(
    value: Any, what: str, least: float | None = None, above: float | None = None, below: float | None = None
) -> Any:
    """The value itself if it is a finite real number with least ≤ value, above < value, value < below.

    Raises
    ------
    TypeError
        If it is complex or no number, naming it.
    ValueError
        If it is infinite, NaN or out of bounds, naming these.
    """
    if np.iscomplexobj(number(value, what)):
        raise TypeError(f"{what} must be a real number, not {value!r}")
    bounds = {"at least": least, "more than": above, "less than": below}
    kept = (least is None or value >= least, above is None or value > above, below is None or value < below)
    if not all(kept):
        words = " and ".join(f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None)
        raise ValueError(f"{what} must be {words}, not {value!r}")
    return value
