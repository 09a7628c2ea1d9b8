"""Convection and diffusion of one quantity along lines, in one pass: the inner loop of a flow solver.

    out = −½ (a ∂φ + ∂(a φ)) + ν ∂²φ + beta · out

Three line operators one after the other on a tile in shared memory, with their sum beside it: from the device's memory
a, φ and out are read once (again from its cache), out is written once, and no derivative becomes an array there.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import cupy
import numpy as np
from numba import cuda

from . import lines as line_kernels
from .compiled import kernel, part, spread, start
from .factors import Factors, make_factors
from .sweep import chunk_of


class Plan(NamedTuple):
    """Operators ∂ for φ (d), ∂ for a φ (e) and ν ∂² for φ (v).

    lanes, size : lines of a tile and bytes of it, 0 where lines are too long for one: then wall values are columns of
    arrays, and the operators take as many more.
    """

    d: Factors
    e: Factors
    v: Factors
    lanes: int
    size: int


def prepare(operators: Sequence[Any], dtype: Any, walls: bool) -> Plan:
    """The kernel's form of the host plans of ∂ for φ, ∂ for a φ, and ν ∂² for φ.

    With `walls` their first and last columns are those of the wall values.
    """
    found = [make_factors(plan, dtype, walls) for plan in operators]
    rows = max(f.chunks * f.slots for f in found) + found[0].m
    chunks, carried = max(f.chunks for f in found), max(map(line_kernels.carries, found))
    lanes, size = line_kernels.tile_size(chunks, rows, carried, np.dtype(dtype).itemsize) or (0, 0)
    if lanes == 0 and walls:
        found = [make_factors(plan, dtype) for plan in operators]
    d, e, v = found
    return Plan(d, e, v, lanes, size)


def transport(
    plan: Plan,
    a: cupy.ndarray,
    phi: cupy.ndarray,
    out: cupy.ndarray,
    axis: int,
    beta: float = 0.0,
    walls: tuple[cupy.ndarray, cupy.ndarray] | None = None,
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
    flat = [array.reshape(-1) for array in (a, phi, out)]
    edges = flat[:2] if walls is None else [array.reshape(-1) for array in walls]
    numbers = a.dtype.type(beta), a.dtype.type(0.5)
    if plan.lanes == 0:
        _by_arrays(plan, flat, edges, walls is not None, n, lines, inner, numbers)
        return
    threads = line_kernels.tile_threads(plan.lanes, max(f.chunks for f in plan[:3]))
    blocks, chosen = -(-lines // plan.lanes), walls is not None
    start(
        _kernel, blocks, threads, *plan[:3], *flat, *edges, chosen, lines, inner, *numbers, plan.lanes, shared=plan.size
    )


@part
def _operate(tile, f, room, u, factor, multiply, edges, factor_edges, walls, lines, first, lanes, pitch, inner):
    """One operator on the lines of a block; its result is in the tile."""
    line_kernels.load(tile, f, u, factor, multiply, edges, factor_edges, walls, lines, first, lanes, pitch, inner)
    line_kernels.solve(tile, f, lanes, pitch, room)


@kernel
def _kernel(d, e, v, a, phi, out, speed, value, walls, lines, inner, beta, half, lanes):
    tile = cuda.shared.array(0, a.dtype)
    pitch, first, n = lanes | 1, cuda.blockIdx.x * lanes, d.m
    total = max(d.chunks * d.slots, e.chunks * e.slots, v.chunks * v.slots) * pitch
    room = total + n * pitch
    me = cuda.threadIdx.x + cuda.threadIdx.y * cuda.blockDim.x
    many = cuda.blockDim.x * cuda.blockDim.y
    _operate(tile, v, room, phi, phi, False, value, value, walls, lines, first, lanes, pitch, inner)
    for k in range(me, n * lanes, many):
        i, lane = k // lanes, k % lanes
        c = chunk_of(v, i)
        tile[total + i * pitch + lane] = tile[(c * v.slots + i - v.first[c]) * pitch + lane]
    cuda.syncthreads()
    _operate(tile, e, room, phi, a, True, value, speed, walls, lines, first, lanes, pitch, inner)
    for k in range(me, n * lanes, many):
        i, lane = k // lanes, k % lanes
        c = chunk_of(e, i)
        tile[total + i * pitch + lane] -= half * tile[(c * e.slots + i - e.first[c]) * pitch + lane]
    cuda.syncthreads()
    _operate(tile, d, room, phi, phi, False, value, value, walls, lines, first, lanes, pitch, inner)
    for k in range(me, n * lanes, many):
        i, lane = k // lanes, k % lanes
        if inner < lanes:
            i, lane = k % n, k // n
        line = first + lane
        if line < lines:
            c = chunk_of(d, i)
            at = line // inner * n * inner + line % inner + i * inner
            slope = a[at] * tile[(c * d.slots + i - d.first[c]) * pitch + lane]
            result = tile[total + i * pitch + lane] - half * slope
            if beta != 0:
                result += beta * out[at]
            out[at] = result


def _by_arrays(plan, flat, edges, walls, n, lines, inner, numbers) -> None:
    """The same through arrays in the device's memory, for lines that no tile can hold."""
    a, phi, out = flat
    more = 2 if walls else 0
    columns = cupy.empty((lines // inner, n + more, inner), a.dtype)
    found = cupy.empty((lines // inner, n, inner), a.dtype)
    beta, half = numbers
    for f, multiply, factor, keep in ((plan.v, False, -1, beta), (plan.e, True, half, 1), (plan.d, False, half, 1)):
        spread(
            _columns,
            columns.size,
            columns.reshape(-1),
            phi,
            a,
            multiply,
            edges[1],
            edges[0],
            more // 2,
            n,
            lines,
            inner,
        )
        line_kernels.sweep(f, columns, found, 1)
        speed = f is plan.d
        spread(_subtract, out.size, found.reshape(-1), a, speed, a.dtype.type(factor), a.dtype.type(keep), out)


@kernel
def _columns(columns, u, factor, multiply, edges, factor_edges, beyond, n, lines, inner):
    wide = n + 2 * beyond
    for e in range(cuda.grid(1), columns.size, cuda.gridsize(1)):
        o, j, i = e // inner // wide, e // inner % wide - beyond, e % inner
        if j < 0 or j >= n:
            at = o * inner + i if j < 0 else lines + o * inner + i
            columns[e] = edges[at] * factor_edges[at] if multiply else edges[at]
        else:
            at = (o * n + j) * inner + i
            columns[e] = u[at] * factor[at] if multiply else u[at]


@kernel
def _subtract(values, a, speed, factor, keep, out):
    for e in range(cuda.grid(1), out.size, cuda.gridsize(1)):
        value = factor * values[e]
        if speed:
            value *= a[e]
        out[e] = keep * out[e] - value if keep != 0 else -value
