"""Convection and diffusion of one quantity along lines, in one pass: the inner loop of a flow solver.

    out = −½ (a ∂φ + ∂(a φ)) + ν ∂²φ + beta · out

with three line operators on one tile: each value of a, φ and out is read once, out is written once,
and neither a derivative nor a product ever becomes an array.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numba.extending import register_jitable

from .compiled import inlined, kernel
from .intrinsics import KEEP
from .lines import CHUNK
from .pointers import data
from .rows import copy_row, fill_row, lane_count, scratch
from .sweep import Factors, bare, close, forward, make_factors, reach, ready_rows
from .tiles import goal, lane_base, load_columns, store_columns
from .unrolled import ABOVE, backward_transport


class Plan(NamedTuple):
    """Sweeps of ∂ for φ (d), ∂ for a φ (e) and ν ∂² for φ (v), laid out with the same slot and bands of U."""

    d: Factors
    e: Factors
    v: Factors


def prepare(operators: Sequence[Any], dtype: Any, walls: bool) -> Plan:
    """The kernel's form of the host plans of ∂ for φ, ∂ for a φ, and ν ∂² for φ.

    With `walls` their first and last columns are those of the wall values.

    Raises
    ------
    ValueError
        If a left-hand side has more than two bands on one side of its diagonal.
    """
    ku = max(plan.upper.shape[1] for plan in operators)
    if ku > ABOVE[-1]:
        raise ValueError(f"a scheme has {ku} bands above the diagonal; convection takes at most {ABOVE[-1]}")
    ahead = max(reach(plan, walls) for plan in operators)
    return Plan(*(make_factors(plan, np.dtype(dtype), walls, ahead, ku) for plan in operators))


def transport(
    plan: Plan,
    a: np.ndarray,
    phi: np.ndarray,
    out: np.ndarray,
    axis: int,
    beta: float = 0.0,
    walls: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """out = −½ (a ∂φ + ∂(a φ)) + ν ∂²φ + beta · out along `axis`.

    Parameters
    ----------
    plan
        From `prepare`.
    a, phi, out
        Real C-contiguous arrays of one shape and type; out may be neither a nor phi.
    axis
        The whole axis.
    beta
        Factor of what out holds; it is not read for 0.
    walls
        For plans prepared with walls: values of a and of φ on them, two C-contiguous arrays of shape (2, lines) and
        the type of a; left and right, the lines in the order of their first values in memory.
    """
    n, inner = a.shape[axis], prod(a.shape[axis + 1 :])
    lines = prod(a.shape[:axis]) * inner
    if lines == 0 or n == 0:
        return
    work = scratch(4 * _rows(plan), a.dtype)
    edges = (work, work) if walls is None else walls
    flat = (array.reshape(-1) for array in (a, phi, out, *edges))
    _kernel(plan, *flat, work, lines, inner, a.dtype.type(beta), walls is not None)


@register_jitable
def _rows(plan):
    """Rows of a tile: room for halo columns that an operator itself does not read."""
    slots = max(plan.d.slots, plan.e.slots, plan.v.slots)
    low, high = min(plan.d.low, plan.e.low, plan.v.low), max(plan.d.high, plan.e.high, plan.v.high)
    return slots + high - plan.d.n - low


@inlined
def _load_line(tile, f, u, first, valid, inner, low, high, left, right, walls):
    """Columns low…high−1 of a tile, −1 and n being wall values or, without walls, all beyond 0…n−1 wrapped."""
    lanes = lane_count(u)
    if not walls:
        load_columns(tile, f.slot + low, u, first, valid, f.n, inner, low, high)
        return
    start = max(low, 0)
    stop = max(min(high, f.n), start)
    load_columns(tile, f.slot + start, u, first, valid, f.n, inner, start, stop)
    if low < 0:
        _load_wall(tile, (f.slot - 1) * lanes, left, first, valid, lanes)
    if high > f.n:
        _load_wall(tile, (f.slot + f.n) * lanes, right, first, valid, lanes)


@inlined
def _load_wall(tile, place, values, first, valid, lanes):
    """One column from the values of the lines on a wall."""
    if valid < lanes:
        fill_row(tile, place, lanes, 0)
    copy_row(tile, place, values, first, valid)


@inlined
def _multiply(y, speed, x, f, low, high):
    """Columns low…high−1 of y = speed · x."""
    lanes = lane_count(x)
    place = (f.slot + low) * lanes
    ys, aa, xs = y[place:], speed[place:], x[place:]
    for i in range((high - low) * lanes):
        ys[i] = aa[i] * xs[i]


@kernel
def _kernel(plan, speeds, values, result, speed_walls, value_walls, work, lines, inner, beta, walls):
    d, e, v = bare(plan.d), bare(plan.e), bare(plan.v)
    a, phi, out, speed = data(speeds), data(values), data(result), data(work)
    lanes = lane_count(a)
    n = d.n
    size = _rows(plan) * lanes
    x, y, z = speed[size:], speed[2 * size :], speed[3 * size :]
    low, high = min(d.low, e.low, v.low), max(d.high, e.high, v.high)
    al, pl = data(speed_walls), data(value_walls)
    ar, pr = al[lines:], pl[lines:]
    uppers, rows = (d.upper, e.upper, v.upper), (d.kl, e.kl, v.kl)
    span = inner if inner * 2 >= lanes else lines
    for block in range(0, lines, span):
        for first in range(block, block + span, lanes):
            valid = min(lanes, block + span - first)
            fill_row(y, 0, e.kl * lanes, 0)
            fill_row(z, 0, v.kl * lanes, 0)
            fill_row(x, 0, d.kl * lanes, 0)
            done, column = 0, low
            while column < high:
                stop = 0 if column < 0 else min(column + CHUNK, high)
                _load_line(speed, d, a, first, valid, inner, column, stop, al, ar, walls)
                _load_line(x, d, phi, first, valid, inner, column, stop, pl, pr, walls)
                _multiply(y, speed, x, d, column, stop)
                ready = min(ready_rows(d, done, stop), ready_rows(e, done, stop), ready_rows(v, done, stop))
                forward(z, x, v, done, ready)  # before the sweep that puts its rows over the columns
                forward(x, x, d, done, ready)
                forward(y, y, e, done, ready)
                done, column = ready, stop
            close(x, d)
            close(y, e)
            close(z, v)
            how, base = goal(out, first, valid, inner, beta), lane_base(first, n, inner)
            for row in range((n - 1) // CHUNK * CHUNK, -1, -CHUNK):
                stop = min(row + CHUNK, n)
                top = stop - 1
                backward_transport(
                    (x, y, z), (rows[0] + top, rows[1] + top, rows[2] + top), stop - row, uppers, top, d.ku,
                    speed, d.slot + top, out, base + top * inner, inner, beta, how,
                )  # fmt: skip
                if how == KEEP:
                    store_columns(speed, d.slot + row, out, first, valid, n, inner, row, stop, beta)
