"""The last axis of separable solves: division by sums of eigenvalues, and bands that differ from line to line."""

from __future__ import annotations

from math import prod
from typing import Any

import cupy
import numpy as np
from numba import cuda

from ..bordered import Bands
from .compiled import kernel, spread
from .device import uploaded
from .eliminate import close, eliminate, substitute
from .factors import make_factors

WORK_BYTES = 1 << 28  # of the factors of lines: so many lines at a time as fit


def prepare(plan: Bands, dtype: Any) -> Bands:
    """The kernel's form of a host plan for lanes of `dtype`."""
    dtype = np.dtype(dtype)

    def table(values: np.ndarray, kind: Any) -> Any:
        return uploaded(np.append(np.asarray(values).ravel(), 0).astype(kind))

    rhs = make_factors(plan.rhs, dtype)
    kinds = {name: table(getattr(plan, name), dtype) for name in ("a", "b", "ea", "eb", "fa", "fb")}
    places = {name: table(getattr(plan, name), np.int64) for name in ("low", "up", "offset", "column")}
    # numbers of the plan follow the two sizes: entries of a row, of the border, of its rows, of a row filled in, of U
    shape = (plan.a.shape[1], plan.ea.shape[1], plan.column.shape[1], int(plan.low.max() + plan.up.max()) + 2)
    sizes: Any = (float(plan.sizes[0]), float(plan.sizes[1]), *shape, int(plan.offset[-1]))
    return plan._replace(rhs=rhs, sizes=sizes, **kinds, **places)


def solve(bands: Bands, u: cupy.ndarray, axis: int, values: Any, singular: bool, out: cupy.ndarray) -> float:
    """x = (β A + σ B)⁻¹ R u along `axis`, in `out`, which may be u; a thread for each line.

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
    lines, inner = lines * per_value, inner * per_value
    parts = _device(values, kind)[2:]
    *sizes, width, border, ends, row, filled = bands.sizes
    n = bands.rhs.m
    places = n + filled + (n - border) * border + row + border * border + 1
    batch = max(1, min(lines, WORK_BYTES // (places * kind.itemsize)))
    work, growth = cupy.empty(places * batch, kind), cupy.zeros(lines, "float64")
    tables: tuple[Any, ...] = (bands.rhs.coef, bands.rhs.start, bands.a, bands.b, bands.low, bands.up, bands.offset)
    tables += (bands.ea, bands.eb, bands.column, bands.fa, bands.fb)
    shape = (bands.rhs.width, n, width, border, ends, row, filled)
    own, tol = kind.type(values.a[0]), float(values.tol)
    for begin in range(0, lines, batch):
        count = min(batch, lines - begin)
        spread(
            _solve, count, tables, shape, tuple(map(float, sizes)), u.reshape(-1), out.reshape(-1), begin, count, inner,
            per_value, parts, own, tol, singular, work, batch, growth,
        )  # fmt: skip
    return float(growth.get().max())


@kernel
def _solve(
    tables, shape, sizes, u, out, begin, count, inner, per_value, values, own, tol, singular, work, batch, growth
):
    coef, start, low, up = tables[0], tables[1], tables[4], tables[5]
    taps, n, border, row = shape[0], shape[1], shape[3], shape[5]
    ao, bo, ai, bi = values
    upper, sides = n * batch, (n + shape[6]) * batch
    rows = sides + (n - border) * border * batch
    schur = rows + row * batch
    for lane in range(cuda.grid(1), count, cuda.gridsize(1)):
        line = begin + lane
        base = line // inner * n * inner + line % inner
        o, i = line // inner % (ao.size - 1), line % inner // per_value
        beta = bo[o] * bi[i]
        sigma = ao[o] * bi[i] + bo[o] * ai[i] + own * beta
        delta = 0.0
        if abs(sigma) <= tol and (singular or abs(beta) * sizes[0] <= tol):
            beta, sigma, delta = beta - beta, sigma - sigma, 1.0
        size = abs(beta) * sizes[0] + abs(sigma) * sizes[1] + delta
        for k in range(n):
            total = coef[0] - coef[0]
            if delta == 0:
                for q in range(taps):
                    total += coef[k * taps + q] * u[base + (start[k] + q) % n * inner]
            work[k * batch + lane] = total
        largest = eliminate(
            tables, shape, work, batch, lane, upper + lane, sides + lane, rows + lane, beta, sigma, delta, size
        )
        substitute(low, up, tables[6], n - border, border, work, batch, lane, upper + lane, sides + lane)
        if border > 0:
            largest = close(
                tables, shape, work, batch, lane, sides + lane, schur + lane, beta, sigma, delta, size, largest
            )
        for k in range(n):
            out[base + k * inner] = work[k * batch + lane]
        growth[line] = largest


def _device(values: Any, kind: np.dtype) -> tuple[Any, ...]:
    """a, b, ao, bo, ai, bi of a Separable on the device, each with a zero behind it; kept with it."""
    kept = values.__dict__.setdefault("_device", {})
    if kind not in kept:
        vectors = (values.a, values.b, values.ao, values.bo, values.ai, values.bi)
        kept[kind] = tuple(uploaded(np.append(vector, 0).astype(kind)) for vector in vectors)
    return kept[kind]


def scale(u: cupy.ndarray, axis: int, multiplier: Any) -> None:
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
    m = multiplier
    kind = np.result_type(*(np.asarray(part).dtype for part in (m.a, m.b, m.ao, m.bo, m.ai, m.bi)), np.float64)
    spread(_scale, u.size, u.reshape(-1), u.shape[axis], prod(u.shape[axis + 1 :]), _device(m, kind), m.tol)


@kernel
def _scale(u, n, inner, values, tol):
    a, b, ao, bo, ai, bi = values
    for e in range(cuda.grid(1), u.size, cuda.gridsize(1)):
        p, k, i = e // inner // n % (ao.size - 1), e // inner % n, e % inner
        den = a[k] * bo[p] * bi[i] + (b[k] * ao[p] * bi[i] + b[k] * bo[p] * ai[i])
        if abs(den) <= tol:
            u[e] = 0
        else:
            u[e] = u[e] / den
