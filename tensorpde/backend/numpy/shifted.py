"""The last axis of separable solves: division by sums of eigenvalues, and bands that differ from line to line."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..bordered import Bands
from .compiled import kernel, part
from .pointers import data
from .rows import copy_row, empty_tile, fill_row, lane_count
from .sweep import bare, forward, make_factors
from .tiles import load_columns, store_columns


def prepare(plan: Bands, dtype: Any) -> Bands:
    """The kernel's form of a host plan for lanes of `dtype`."""
    kinds = {name: getattr(plan, name).astype(dtype) for name in ("a", "b", "ea", "eb", "fa", "fb")}
    places = {name: getattr(plan, name).astype(np.int64) for name in ("low", "up", "offset", "column")}
    rhs = make_factors(plan.rhs, np.dtype(dtype))
    return plan._replace(rhs=rhs, sizes=plan.sizes.astype(float), **kinds, **places)


def solve(bands: Bands, u: np.ndarray, axis: int, values: Any, singular: bool, out: np.ndarray) -> float:
    """x = (β A + σ B)⁻¹ R u along `axis`, in `out`, which may be u; one read and one write.

    Parameters
    ----------
    bands
        From `prepare`, complex if the eigenvalues are.
    u
        C-contiguous.
    values
        A `transforms.Separable` whose own axis has one mode (a, b) = (−shift, 1): with the values of the other axes
        β = bo·bi and σ = ao·bi + bo·ai + a·bo·bi. The result is 0 where both vanish.
    singular
        Whether the result is to be 0 where σ vanishes, A having no inverse.

    Returns
    -------
    float
        Growth: the largest |entry| / |pivot|.
    """
    axis %= u.ndim
    inner = prod(u.shape[axis + 1 :])
    lines = prod(u.shape[:axis]) * inner
    if lines == 0:
        return 0.0
    kind, per_value = bands.a.dtype, 1
    if u.dtype.kind == "c" and kind.kind != "c":
        u, out, per_value = u.view(kind), out.view(kind), 2
    parts = [np.ascontiguousarray(part, kind) for part in (values.ao, values.bo, values.ai, values.bi)]
    own, tol = kind.type(values.a[0]), float(values.tol)
    sizes = lines * per_value, inner * per_value
    return float(_kernel(bands, u.reshape(-1), out.reshape(-1), *sizes, per_value, *parts, own, tol, singular))


@kernel
def _kernel(f, u, out, lines, inner, per_value, ao, bo, ai, bi, own, tol, singular):
    lanes = lane_count(u)
    n, border = f.rhs.m, f.ea.shape[1]
    m = n - border
    tile, rhs = empty_tile(f.rhs.slots, u), bare(f.rhs)
    upper = empty_tile(f.offset[m], u)
    sides = empty_tile(m * border + 1, u)
    row = empty_tile(f.low.max() + f.up.max() + 2, u)
    weights = empty_tile(3, u)  # β, σ and δ: M = β A + σ B + δ I
    schur = empty_tile(border * border + 1, u)
    size, growth = np.zeros(lanes), np.zeros(lanes)
    for first in range(0, lines, lanes):
        valid = min(lanes, lines - first)
        dead = _weights(weights, size, f.sizes, first, valid, inner, per_value, ao, bo, ai, bi, own, tol, singular)
        load_columns(data(tile), rhs.slot + rhs.low, data(u), first, valid, n, inner, rhs.low, rhs.high)
        forward(data(tile), data(tile), rhs, 0, n)
        if dead:
            for i in range(n):
                _clear_dead(tile, i * lanes, weights, lanes)
        _eliminate(f, tile, upper, sides, row, weights, size, growth)
        _substitute(f, tile, upper, sides)
        if border:
            _close(f, tile, sides, row, schur, weights, size, growth)
        store_columns(data(tile), 0, data(out), first, valid, n, inner, 0, n, out.dtype.type(0))
    return growth.max()


@part
def _weights(weights, size, sizes, first, valid, inner, per_value, ao, bo, ai, bi, own, tol, singular):
    """β, σ and δ of the lanes of a tile; δ = 1 alone on lanes whose result is 0. Whether there are such lanes."""
    lanes = lane_count(weights)
    dead = False
    for lane in range(lanes):
        line = first + min(lane, valid - 1)
        o, i = line // inner % ao.size, line % inner // per_value
        beta = bo[o] * bi[i]
        sigma = ao[o] * bi[i] + bo[o] * ai[i] + own * beta
        vanishes = abs(sigma) <= tol
        if vanishes and (singular or abs(beta) * sizes[0] <= tol):
            beta, sigma, dead = 0 * beta, 0 * sigma, True
            weights[2 * lanes + lane] = 1
        else:
            weights[2 * lanes + lane] = 0
        weights[lane], weights[lanes + lane] = beta, sigma
        size[lane] = abs(beta) * sizes[0] + abs(sigma) * sizes[1] + abs(weights[2 * lanes + lane])
    return dead


@part
def _eliminate(f, tile, upper, sides, row, weights, size, growth):
    """The rows of the open part: entries, elimination with the rows before, division by the pivot."""
    lanes = lane_count(tile)
    border, width = f.ea.shape[1], f.a.shape[1]
    for i in range(len(f.low)):
        low, up = f.low[i], f.up[i]
        for k in range(min(width, low + 1 + up)):
            _entry(row, k * lanes, f.a[i, k], f.b[i, k], weights, lanes)
        fill_row(row, width * lanes, max(low + 1 + up - width, 0) * lanes, 0)
        _add(row, low * lanes, weights, 2 * lanes, lanes)
        for s in range(border):
            _entry(sides, (i * border + s) * lanes, f.ea[i, s], f.eb[i, s], weights, lanes)
        for k in range(low):
            j = i - low + k
            for p in range(f.up[j]):
                _subtract(row, (k + 1 + p) * lanes, row, k * lanes, upper, (f.offset[j] + p) * lanes, lanes)
            _subtract(tile, i * lanes, row, k * lanes, tile, j * lanes, lanes)
            for s in range(border):
                _subtract(sides, (i * border + s) * lanes, row, k * lanes, sides, (j * border + s) * lanes, lanes)
        _invert(row, low * lanes, size, growth)
        for p in range(up):
            _multiply(upper, (f.offset[i] + p) * lanes, row, (low + 1 + p) * lanes, row, low * lanes, lanes)
        _multiply(tile, i * lanes, tile, i * lanes, row, low * lanes, lanes)
        for s in range(border):
            place = (i * border + s) * lanes
            _multiply(sides, place, sides, place, row, low * lanes, lanes)


@part
def _substitute(f, tile, upper, sides):
    """Back substitution in the open part, in the result and in the columns of the border."""
    lanes = lane_count(tile)
    border = f.ea.shape[1]
    for i in range(len(f.low) - 1, -1, -1):
        for p in range(f.up[i]):
            factor, other = (f.offset[i] + p) * lanes, i + 1 + p
            _subtract(tile, i * lanes, upper, factor, tile, other * lanes, lanes)
            for s in range(border):
                _subtract(sides, (i * border + s) * lanes, upper, factor, sides, (other * border + s) * lanes, lanes)


@part
def _close(f, tile, sides, row, schur, weights, size, growth):
    """The border's unknowns from their Schur complement, then their effect on the others."""
    lanes = lane_count(tile)
    border = f.ea.shape[1]
    m = f.rhs.m - border
    fill_row(schur, 0, border * border * lanes, 0)
    for r in range(border):
        target = (m + r) * lanes
        _add(schur, (r * border + r) * lanes, weights, 2 * lanes, lanes)
        for q in range(f.column.shape[1]):
            c = f.column[r, q]
            _entry(row, 0, f.fa[r, q], f.fb[r, q], weights, lanes)
            if c >= m:
                _add(schur, (r * border + c - m) * lanes, row, 0, lanes)
                continue
            _subtract(tile, target, row, 0, tile, c * lanes, lanes)
            for s in range(border):
                _subtract(schur, (r * border + s) * lanes, row, 0, sides, (c * border + s) * lanes, lanes)
    for r in range(border):  # Gauss–Jordan on a matrix of a few rows
        copy_row(row, 0, schur, (r * border + r) * lanes, lanes)
        _invert(row, 0, size, growth)
        _multiply(tile, (m + r) * lanes, tile, (m + r) * lanes, row, 0, lanes)
        for s in range(border):
            place = (r * border + s) * lanes
            _multiply(schur, place, schur, place, row, 0, lanes)
        for other in range(border):
            if other != r:
                copy_row(row, 0, schur, (other * border + r) * lanes, lanes)
                _subtract(tile, (m + other) * lanes, row, 0, tile, (m + r) * lanes, lanes)
                for s in range(border):
                    place, source = (other * border + s) * lanes, (r * border + s) * lanes
                    _subtract(schur, place, row, 0, schur, source, lanes)
    for i in range(m):
        for s in range(border):
            _subtract(tile, i * lanes, sides, (i * border + s) * lanes, tile, (m + s) * lanes, lanes)


@part
def _entry(target, t0, a, b, weights, lanes):
    """target = β a + σ b."""
    t = target[t0 : t0 + lanes]
    beta = weights[:lanes]
    sigma = weights[lanes : 2 * lanes]
    for lane in range(lanes):
        t[lane] = beta[lane] * a + sigma[lane] * b


@part
def _add(target, t0, source, s0, lanes):
    """target += source, lane by lane."""
    t = target[t0 : t0 + lanes]
    s = source[s0 : s0 + lanes]
    for lane in range(lanes):
        t[lane] += s[lane]


@part
def _subtract(target, t0, factor, f0, source, s0, lanes):
    """target −= factor · source, lane by lane."""
    t = target[t0 : t0 + lanes]
    f = factor[f0 : f0 + lanes]
    s = source[s0 : s0 + lanes]
    for lane in range(lanes):
        t[lane] -= f[lane] * s[lane]


@part
def _multiply(target, t0, factor, f0, source, s0, lanes):
    """target = factor · source, lane by lane."""
    t = target[t0 : t0 + lanes]
    f = factor[f0 : f0 + lanes]
    s = source[s0 : s0 + lanes]
    for lane in range(lanes):
        t[lane] = f[lane] * s[lane]


@part
def _invert(row, place, size, growth):
    """row = 1 / row; growth holds the largest ratio of a lane's entries to its pivots so far."""
    lanes = len(size)
    r = row[place : place + lanes]
    for lane in range(lanes):
        r[lane] = 1 / r[lane]
    for lane in range(lanes):
        ratio = size[lane] * abs(r[lane])
        if not ratio <= growth[lane]:  # not a number counts as growth
            growth[lane] = ratio


@part
def _clear_dead(tile, place, weights, lanes):
    t = tile[place : place + lanes]
    delta = weights[2 * lanes : 3 * lanes]
    for lane in range(lanes):
        if delta[lane] != 0:
            t[lane] = 0


def scale(u: np.ndarray, axis: int, multiplier: Any) -> None:
    """u *= multiplier in place, in one pass.

    Parameters
    ----------
    u
        C-contiguous array whose values along `axis` are modes; complex where the multiplier is.
    axis
        The axis that the multiplier was made for.
    multiplier
        A `transforms.Separable`.
    """
    axis %= u.ndim
    view = u.reshape(prod(u.shape[:axis]), u.shape[axis], prod(u.shape[axis + 1 :]))
    m = multiplier
    parts = np.result_type(*(np.asarray(part).dtype for part in (m.a, m.b, m.ao, m.bo, m.ai, m.bi)))
    a, b, ao, bo, ai, bi = (np.ascontiguousarray(part, parts) for part in (m.a, m.b, m.ao, m.bo, m.ai, m.bi))
    if view.size:
        _scale(view, a, b, ao, bo, ai, bi, m.tol)


@kernel
def _scale(u, a, b, ao, bo, ai, bi, tol):
    for o in range(u.shape[0]):
        p = o % ao.size
        for k in range(u.shape[1]):
            own, mass = a[k] * bo[p], b[k] * bo[p]
            other = b[k] * ao[p]
            for i in range(u.shape[2]):
                den = own * bi[i] + (other * bi[i] + mass * ai[i])
                if abs(den) <= tol:
                    u[o, k, i] = 0
                else:
                    u[o, k, i] = u[o, k, i] / den
