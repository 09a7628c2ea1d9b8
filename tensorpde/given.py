"""Numbers from users, checked where they come in: what is none is named in the error."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


def whole(value: Any, what: str) -> int:
    """An integer.

    Raises
    ------
    TypeError
        If it is none, naming it.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, not {value!r}") from None


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
