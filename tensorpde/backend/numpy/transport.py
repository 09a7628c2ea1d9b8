"""Convection and diffusion of one quantity along lines, in one pass: the inner loop of a flow solver.

    out = −½ (a ∂φ + ∂(a φ)) + ν ∂²φ + beta · out

with three line operators on one tile: each value of a, φ and out is read once, out is written once,
and neither a derivative nor a product ever becomes an array.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from .compiled import inlined, kernel
from .intrinsics import fma
from .lines import CHUNK
from .rows import empty_tile, fill_row, lane_count
from .sweep import Factors, backward, close, forward, make_factors
from .tiles import load_columns, store_columns


def prepare(plan: Any, dtype: Any, walls: bool) -> Factors:
    """The kernel's form of a host plan; with `walls` its first and last columns are those of the wall values."""
    return make_factors(plan, np.dtype(dtype), walls=walls)


def transport(
    operators: tuple[Factors, Factors, Factors],
    a: np.ndarray,
    phi: np.ndarray,
    out: np.ndarray,
    axis: int,
    beta: float = 0.0,
    walls: tuple[float, float, float, float] | None = None,
) -> None:
    """out = −½ (a ∂φ + ∂(a φ)) + ν ∂²φ + beta · out along `axis`.

    Parameters
    ----------
    operators
        Prepared plans of ∂ for φ, ∂ for a φ, and ν ∂² for φ.
    a, phi, out
        Real C-contiguous arrays of one shape and type; out may be neither a nor phi.
    axis
        The whole axis.
    beta
        Factor of what out holds; it is not read for 0.
    walls
        (a left, a right, φ left, φ right), for plans prepared with walls.
    """
    n, inner = a.shape[axis], prod(a.shape[axis + 1 :])
    lines = prod(a.shape[:axis]) * inner
    if lines == 0 or n == 0:
        return
    edge = np.array(walls if walls is not None else (), a.dtype)
    flat = (array.reshape(-1) for array in (a, phi, out))
    _kernel(*operators, *flat, lines, inner, a.dtype.type(beta), edge)


@inlined
def _load_line(tile, f, u, first, valid, inner, low, high, left, right, walls):
    """Columns low…high−1 of a tile, those outside 0…n−1 being wall values or, without walls, wrapped."""
    lanes = lane_count(u)
    if not walls:
        load_columns(tile, f.slot + low, u, first, valid, f.n, inner, low, high)
        return
    start = max(low, 0)
    stop = max(min(high, f.n), start)
    load_columns(tile, f.slot + start, u, first, valid, f.n, inner, start, stop)
    if low < 0:
        fill_row(tile, (f.slot + low) * lanes, lanes * (start - low), left)
    if high > f.n:
        fill_row(tile, (f.slot + stop) * lanes, lanes * (high - stop), right)


@inlined
def _spread(x, y, z, speed, d, e, v, low, high):
    """From φ in tile x and a in tile `speed`: a φ to tile y, φ to tile z, columns low…high−1."""
    lanes = lane_count(x)
    count = (high - low) * lanes
    xs = x[(d.slot + low) * lanes : (d.slot + low) * lanes + count]
    ys = y[(e.slot + low) * lanes : (e.slot + low) * lanes + count]
    zs = z[(v.slot + low) * lanes : (v.slot + low) * lanes + count]
    aa = speed[(d.slot + low) * lanes : (d.slot + low) * lanes + count]
    for i in range(count):
        ys[i] = aa[i] * xs[i]
        zs[i] = xs[i]


@inlined
def _combine(x, y, z, speed, d, e, v, row, stop):
    """a = z − ½ (a x + y) on result rows row…stop−1; x, y and z are still read by the sweeps of the rows before."""
    lanes = lane_count(x)
    count = (stop - row) * lanes
    xs = x[(d.head.shape[1] + row) * lanes : (d.head.shape[1] + row) * lanes + count]
    ys = y[(e.head.shape[1] + row) * lanes : (e.head.shape[1] + row) * lanes + count]
    zs = z[(v.head.shape[1] + row) * lanes : (v.head.shape[1] + row) * lanes + count]
    aa = speed[(d.slot + row) * lanes : (d.slot + row) * lanes + count]
    half = x.dtype.type(-0.5)
    for i in range(count):
        aa[i] = fma(half, fma(aa[i], xs[i], ys[i]), zs[i])


@inlined
def _advance(tile, f, done, column):
    """Forward sweep of all rows whose columns are loaded below `column`."""
    width = f.coef.shape[1] - f.head.shape[1]
    ready = done
    while ready < f.m and f.source[ready] + width <= f.slot + column:
        ready += 1
    forward(tile, f, done, ready)
    return ready


@kernel
def _kernel(d, e, v, a, phi, out, lines, inner, beta, edge):
    lanes = lane_count(a)
    n = d.n
    low, high = min(d.low, e.low, v.low), max(d.high, e.high, v.high)
    reach = high - n - low + 1  # room for halo columns that an operator itself does not read
    speed, x = empty_tile(d.slots + reach, a), empty_tile(d.slots + reach, a)
    y, z = empty_tile(e.slots + reach, a), empty_tile(v.slots + reach, a)
    walls = edge.size > 0
    al, ar, pl, pr = (edge[0], edge[1], edge[2], edge[3]) if walls else (beta, beta, beta, beta)
    span = inner if inner * 2 >= lanes else lines
    for block in range(0, lines, span):
        for first in range(block, block + span, lanes):
            valid = min(lanes, block + span - first)
            fill_row(x, 0, d.head.shape[1] * lanes, 0)
            fill_row(y, 0, e.head.shape[1] * lanes, 0)
            fill_row(z, 0, v.head.shape[1] * lanes, 0)
            i = j = k = 0
            column = low
            while column < high:
                stop = 0 if column < 0 else min(column + CHUNK, high)
                _load_line(speed, d, a, first, valid, inner, column, stop, al, ar, walls)
                _load_line(x, d, phi, first, valid, inner, column, stop, pl, pr, walls)
                _spread(x, y, z, speed, d, e, v, column, stop)
                i, j, k = _advance(x, d, i, stop), _advance(y, e, j, stop), _advance(z, v, k, stop)
                column = stop
            close(x, d)
            close(y, e)
            close(z, v)
            for row in range((n - 1) // CHUNK * CHUNK, -1, -CHUNK):
                stop = min(row + CHUNK, n)
                backward(x, d, row, stop)
                backward(y, e, row, stop)
                backward(z, v, row, stop)
                _combine(x, y, z, speed, d, e, v, row, stop)
                store_columns(speed, d.slot + row, out, first, valid, n, inner, row, stop, beta)
