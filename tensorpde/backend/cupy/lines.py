"""Banded line kernels on arrays viewed as (outer, n, inner): out = U⁻¹ L⁻¹ (B u) + beta·out along the middle.

A block of threads takes some lines into a tile in shared memory, a thread for each chunk of each line: every value is
read once and written once, by neighbouring threads from neighbouring places whichever axis it is. Rows of a tile have
an odd number of places, so that neither lanes nor rows of it meet in one bank of the memory.

Lines that no tile can hold are worked on by chunks of the whole grid instead, in global memory: three reads and three
writes, but a single line fills the device.
"""

from __future__ import annotations

from math import prod
from typing import Any

import cupy
import numpy as np
from numba import cuda

from .compiled import SIMULATED, kernel, part, spread, start
from .factors import Factors, make_factors
from .sweep import backward, carry_low, carry_up, chunk_of, close_low, close_up, finished, forward, place

SHARED_BYTES = 48 * 1024  # that every device gives a block unasked
LANES = (32,) if SIMULATED else (128, 64, 32, 16, 8, 4)  # lines of a tile: as many as fit
MOST_THREADS = 512


def prepare(plan: Any, dtype: Any) -> Factors:
    """The kernel's form of a host plan for arrays of `dtype` (real factors keep the precision of `dtype`)."""
    dtype = np.dtype(dtype)
    complex_factors = any(np.iscomplexobj(a) for a in (plan.rhs.coef, plan.lower, plan.upper))
    return make_factors(plan, dtype if complex_factors else np.empty(0, dtype).real.dtype)


def sweep(factors: Factors, u: cupy.ndarray, out: cupy.ndarray, axis: int, beta: float = 0.0) -> None:
    """Apply a prepared plan along `axis` of u, into out; out may be u where the plan is square.

    u and out are C-contiguous and differ in shape along `axis` only. Reads and writes each value once.
    """
    inner = prod(u.shape[axis + 1 :])
    lines = prod(u.shape[:axis]) * inner
    if lines == 0 or factors.m == 0:
        return
    if u.dtype.kind == "c" and factors.coef.dtype.kind != "c":
        u, out = u.view(factors.coef.dtype), out.view(factors.coef.dtype)
        inner, lines = inner * 2, lines * 2
    flat = u.reshape(-1), out.reshape(-1)
    size = tile_size(factors.chunks, factors.chunks * factors.slots, carries(factors), u.dtype.itemsize)
    if size is None:
        _by_chunks(factors, *flat, lines, inner, u.dtype.type(beta))
        return
    lanes, shared = size
    threads = tile_threads(lanes, factors.chunks)
    start(_tile, -(-lines // lanes), threads, factors, *flat, lines, inner, u.dtype.type(beta), lanes, shared=shared)


def tile_size(chunks: int, rows: int, carried: int, itemsize: int) -> tuple[int, int] | None:
    """Lines of a tile of so many rows, and its bytes with the carried values; None if the narrowest does not fit."""
    for lanes in LANES:
        size = (rows * (lanes | 1) + carried * lanes) * itemsize
        if size <= SHARED_BYTES and (lanes * chunks <= MOST_THREADS or lanes == LANES[-1]):
            return lanes, size
    return None


def carries(f: Factors) -> int:
    """Values that go from chunk to chunk of a line."""
    return (f.chunks + 1) * (f.kl + f.ku)


def tile_threads(lanes: int, chunks: int) -> tuple[int, int]:
    """Threads of a block along lanes and along chunks; each takes several where there are not enough."""
    return (2, 2) if SIMULATED else (lanes, min(chunks, MOST_THREADS // lanes))


@part
def load(tile, f, u, factor, multiply, edges, factor_edges, walls, lines, first, lanes, pitch, inner):
    """Columns of all chunks of the lines of a block, neighbouring threads from neighbouring places.

    They are those of u, times those of `factor` if asked to `multiply`; with `walls` columns −1 and n are the edges,
    which hold a value for each line on the left, then on the right.
    """
    me = cuda.threadIdx.x + cuda.threadIdx.y * cuda.blockDim.x
    many = cuda.blockDim.x * cuda.blockDim.y
    count = f.chunks * f.span
    for e in range(me, count * lanes, many):
        if inner >= lanes:
            number, lane = e // lanes, e % lanes
        else:
            number, lane = e % count, e // count
        c = number // f.span
        j = f.column[c] + number % f.span
        line = first + lane
        if line < lines:
            target = (c * f.slots + f.shift + number % f.span) * pitch + lane
            if walls and (j < 0 or j >= f.n):
                at = line if j < 0 else lines + line
                tile[target] = edges[at] * factor_edges[at] if multiply else edges[at]
            else:
                at = line // inner * f.n * inner + line % inner + j % f.n * inner
                tile[target] = u[at] * factor[at] if multiply else u[at]
    cuda.syncthreads()


@part
def solve(tile, f, lanes, pitch, carry):
    """The columns in a tile become the rows of the result; values carried from chunk to chunk lie from `carry` on."""
    x, y = cuda.threadIdx.x, cuda.threadIdx.y
    apart, up = f.slots * pitch, carry + (f.chunks + 1) * f.kl * lanes
    for lane in range(x, lanes, cuda.blockDim.x):
        for c in range(y, f.chunks, cuda.blockDim.y):
            at = place(f, c, lane, apart, pitch, False)
            forward(f, c, tile, at, pitch, tile, at + f.shift * pitch, pitch, f.column[c], False)
    cuda.syncthreads()
    if y == 0:
        for lane in range(x, lanes, cuda.blockDim.x):
            carry_low(f, tile, lane, apart, pitch, False, tile, carry + lane, lanes)
    cuda.syncthreads()
    if f.closing:
        for lane in range(x, lanes, cuda.blockDim.x):
            for c in range(y, f.chunks, cuda.blockDim.y):
                if c > 0:
                    close_low(f, c, tile, carry + lane, lanes)
        cuda.syncthreads()
    for lane in range(x, lanes, cuda.blockDim.x):
        for c in range(y, f.chunks, cuda.blockDim.y):
            backward(f, c, tile, place(f, c, lane, apart, pitch, False), pitch, tile, carry + lane, lanes)
    cuda.syncthreads()
    if y == 0:
        for lane in range(x, lanes, cuda.blockDim.x):
            carry_up(f, tile, lane, apart, pitch, False, tile, up + lane, lanes)
    cuda.syncthreads()
    if f.closing:
        for lane in range(x, lanes, cuda.blockDim.x):
            for c in range(y, f.chunks, cuda.blockDim.y):
                if c < f.chunks - 1:
                    close_up(f, c, tile, up + lane, lanes)
        cuda.syncthreads()
    for lane in range(x, lanes, cuda.blockDim.x):
        for c in range(y, f.chunks, cuda.blockDim.y):
            at = place(f, c, lane, apart, pitch, False)
            for i in range(f.first[c], f.first[c + 1]):
                here = at + (i - f.first[c]) * pitch
                tile[here] = finished(f, c, i, tile[here], tile, up + lane, lanes)
    cuda.syncthreads()


@kernel
def _tile(f, u, out, lines, inner, beta, lanes):
    tile = cuda.shared.array(0, u.dtype)
    pitch, first = lanes | 1, cuda.blockIdx.x * lanes
    load(tile, f, u, u, False, u, u, False, lines, first, lanes, pitch, inner)
    solve(tile, f, lanes, pitch, f.chunks * f.slots * pitch)
    me = cuda.threadIdx.x + cuda.threadIdx.y * cuda.blockDim.x
    for e in range(me, f.m * lanes, cuda.blockDim.x * cuda.blockDim.y):
        if inner >= lanes:
            i, lane = e // lanes, e % lanes
        else:
            i, lane = e % f.m, e // f.m
        line = first + lane
        if line < lines:
            c = chunk_of(f, i)
            value = tile[(c * f.slots + i - f.first[c]) * pitch + lane]
            target = line // inner * f.m * inner + line % inner + i * inner
            if beta != 0:
                value += beta * out[target]
            out[target] = value


def _by_chunks(f: Factors, u: cupy.ndarray, out: cupy.ndarray, lines: int, inner: int, beta: Any) -> None:
    """The same in global memory, a thread for each chunk of each line."""
    z = cupy.empty(f.m * lines, u.dtype)
    carried = cupy.empty(carries(f) * lines, u.dtype)
    both = f.chunks * lines
    spread(_up, both, f, u, z, lines, inner)
    spread(_carry_low, lines, f, z, carried, lines, inner)
    spread(_down, both, f, z, carried, lines, inner)
    spread(_carry_up, lines, f, z, carried, lines, inner)
    spread(_finish, both, f, z, carried, out, lines, inner, beta)


@kernel
def _up(f, u, z, lines, inner):
    for e in range(cuda.grid(1), f.chunks * lines, cuda.gridsize(1)):
        c, line = e // lines, e % lines
        at = place(f, c, line // inner * f.m * inner + line % inner, 0, inner, True)
        forward(f, c, z, at, inner, u, line // inner * f.n * inner + line % inner, inner, 0, True)


@kernel
def _carry_low(f, z, carried, lines, inner):
    for line in range(cuda.grid(1), lines, cuda.gridsize(1)):
        base = line // inner * f.m * inner + line % inner
        carry_low(f, z, base, 0, inner, True, carried, line, lines)
        if f.closing:
            for c in range(1, f.chunks):
                close_low(f, c, carried, line, lines)


@kernel
def _down(f, z, carried, lines, inner):
    for e in range(cuda.grid(1), f.chunks * lines, cuda.gridsize(1)):
        c, line = e // lines, e % lines
        at = place(f, c, line // inner * f.m * inner + line % inner, 0, inner, True)
        backward(f, c, z, at, inner, carried, line, lines)


@kernel
def _carry_up(f, z, carried, lines, inner):
    up = (f.chunks + 1) * f.kl * lines
    for line in range(cuda.grid(1), lines, cuda.gridsize(1)):
        base = line // inner * f.m * inner + line % inner
        carry_up(f, z, base, 0, inner, True, carried, up + line, lines)
        if f.closing:
            for c in range(f.chunks - 1):
                close_up(f, c, carried, up + line, lines)


@kernel
def _finish(f, z, carried, out, lines, inner, beta):
    up = (f.chunks + 1) * f.kl * lines
    for e in range(cuda.grid(1), f.chunks * lines, cuda.gridsize(1)):
        c, line = e // lines, e % lines
        at = line // inner * f.m * inner + line % inner
        for i in range(f.first[c], f.first[c + 1]):
            value = finished(f, c, i, z[at + i * inner], carried, up + line, lines)
            if beta != 0:
                value += beta * out[at + i * inner]
            out[at + i * inner] = value
