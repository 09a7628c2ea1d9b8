"""Values and functions from users, and blocks filled with them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def numbers(values: Any, dtype: np.dtype) -> np.ndarray:
    """Values for a field of `dtype` as an array.

    Raises
    ------
    TypeError
        If they are no numbers, or complex where the field is real.
    """
    values = np.asarray(values)
    if values.dtype.kind not in "biufc":
        raise TypeError(f"a field needs numbers, not {values.dtype} such as {values!r:.60}")
    if values.dtype.kind == "c" and dtype.kind != "c":
        raise TypeError(f"{values.dtype} values for a {dtype} field: make a complex Space or take the real part")
    return values


def fill(block: np.ndarray, values: Any, shape: tuple[int, ...]) -> None:
    """Write a number, an array over the grid, or a list of these per leading index into a block lead + shape."""
    if isinstance(values, (list, tuple)) and block.ndim > len(shape):
        if len(values) != len(block):
            raise ValueError(f"{len(values)} components given for a leading dimension of {len(block)}")
        for part, value in zip(block, values, strict=True):
            fill(part, value, shape)
        return
    values = numbers(values, block.dtype)
    if values.ndim not in (0, len(shape), block.ndim):
        raise ValueError(f"values of shape {values.shape} do not fit a block of shape {block.shape}")
    try:
        block[...] = values
    except ValueError:
        raise ValueError(f"values of shape {values.shape} do not fit a block of shape {block.shape}") from None


def cut(
    values: Any, lead: Sequence[int], shape: tuple[int, ...], block: tuple[slice, ...]
) -> tuple[tuple[int, ...], Any]:
    """The leading dimensions of a whole array lead + shape, or of a number, and its part in a block of the grid."""
    values, lead = np.asarray(values), tuple(lead)
    if values.ndim == 0:
        return lead, values
    before, grid = values.shape[: -len(shape)], values.shape[-len(shape) :]
    if grid != shape or (lead and before != lead):
        raise ValueError(f"an array of shape {values.shape} does not fit lead={lead} and the grid {shape}")
    return before, values[(..., *block)]


def at_time(f: Callable, ndim: int, t: float) -> Callable:
    """A function of d coordinates from one of these, or of these and t: whichever it takes."""
    if _takes(f, ndim + 1) and not _takes(f, ndim):
        return lambda *x: f(*x, t)
    return f


def on_wall(f: Callable, others: int, t: float) -> Callable:
    """Boundary data or a source as a function of the coordinates, from one of these and t or of these alone."""
    return (lambda *x: f(*x, t)) if not is_steady(f, others) else f


def is_steady(f: Callable, others: int) -> bool:
    """Whether boundary data or a source do not take the time after the coordinates."""
    return not _takes(f, others + 1)


def _takes(function: Callable, count: int) -> bool:
    """Whether a function can be called with so many arguments."""
    try:
        inspect.signature(function).bind(*[None] * count)
    except TypeError:
        return False
    except ValueError:  # a compiled function without a signature
        return True
    return True
