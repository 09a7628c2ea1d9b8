"""Sum factorization: weak forms applied element by element, a block of threads for each.

A block takes the unknowns of its element to quadrature points axis by axis, weighs them there, tests them axis by axis
with the transposed matrices and writes what comes out beside the other elements. Then a thread for each value of the
result adds up what the elements have for it, in their order: the bits do not depend on which of them a rank works on.

What happens in an element happens in four arrays of shared memory, or in the device's where these do not fit.
There are always three axes; one that is missing has one element with one function and one point.
"""

from __future__ import annotations

from math import prod

import cupy
from numba import cuda

from .compiled import SIMULATED, kernel, part, spread, start
from .lines import SHARED_BYTES
from .weak_forms import NAMES, Form

THREADS = 2 if SIMULATED else 128  # of an element
MOST_ELEMENTS = 3 if SIMULATED else 1 << 16  # blocks of a larger grid take several each
MOST_ROOMS = 2 if SIMULATED else 1 << 10  # of them with arrays in the device's memory
ROOMS = 4

_MASS, _STIFFNESS, _COUPLED, _ADVECTION, _ADJOINT = range(len(NAMES))


def add(u: cupy.ndarray, out: cupy.ndarray, alpha: float, form: Form) -> None:
    """out += alpha · (the form of u), flat and contiguous; complex data part by part."""
    parts = 2 if u.dtype.kind == "c" else 1
    real, lines = u.real.dtype, form.lines
    u, out = u.view(real), out.view(real)
    count, functions = prod(line.elements for line in lines), prod(line.k for line in lines)
    found = cupy.empty(count * functions, real)
    size = prod(max(line.k, line.q) for line in lines)
    shared = ROOMS * size * real.itemsize
    for number in range(parts):
        given = u, number, *lines, form.coef, form.kind, form.parts, size, found
        if shared <= SHARED_BYTES:
            start(_in_shared, min(count, MOST_ELEMENTS), THREADS, *given, shared=shared)
        else:
            blocks = min(count, MOST_ROOMS)
            start(_in_global, blocks, THREADS, *given, cupy.empty(blocks * ROOMS * size, real))
        rows = prod(line.rows for line in lines)
        spread(_collect, rows, found, *lines, functions, real.type(alpha), number, parts, out)


@kernel
def _in_shared(u, number, x, y, z, coef, kind, parts, size, found):
    room = cuda.shared.array(0, u.dtype)
    _work(u, number, x, y, z, coef, kind, parts, size, found, room, 0)


@kernel
def _in_global(u, number, x, y, z, coef, kind, parts, size, found, room):
    _work(u, number, x, y, z, coef, kind, parts, size, found, room, cuda.blockIdx.x * ROOMS * size)


@part
def _work(u, number, x, y, z, coef, kind, parts, size, found, room, first):
    """The elements of a block, one after the other."""
    a, b = first, first + size
    functions, plane = x.k * y.k * z.k, y.q * z.q
    for e in range(cuda.blockIdx.x, x.elements * y.elements * z.elements, cuda.gridDim.x):
        ex, ey, ez = e // (y.elements * z.elements), e // z.elements % y.elements, e % z.elements
        for t in range(cuda.threadIdx.x, functions, cuda.blockDim.x):
            at = x.load[ex * x.k + t // (y.k * z.k)] + y.load[ey * y.k + t // z.k % y.k] + z.load[ez * z.k + t % z.k]
            room[a + t] = u[at + number] if at >= 0 else 0
        cuda.syncthreads()
        vx, vy, vz = x.which[ex] * x.q * x.k, y.which[ey] * y.q * y.k, z.which[ez] * z.q * z.k
        _along(room, a, b, z.values, vz, z.q, z.k, x.k * y.k, 1, False, False)
        _along(room, b, a, y.values, vy, y.q, y.k, x.k, z.q, False, False)
        _along(room, a, b, x.values, vx, x.q, x.k, 1, plane, False, False)
        if kind == _MASS:
            for t in range(cuda.threadIdx.x, x.q * plane, cuda.blockDim.x):
                room[b + t] = coef[e * x.q * plane + t] * room[b + t]
            cuda.syncthreads()
        else:
            _slopes(room, first, size, e, ex, ey, ez, x, y, z, coef, kind, parts)
        _along(room, b, a, x.values, vx, x.k, x.q, 1, plane, True, False)
        _along(room, a, b, y.values, vy, y.k, y.q, x.k, z.q, True, False)
        _along(room, b, a, z.values, vz, z.k, z.q, x.k * y.k, 1, True, False)
        for t in range(cuda.threadIdx.x, functions, cuda.blockDim.x):
            found[e * functions + t] = room[a + t]
        cuda.syncthreads()


@part
def _along(room, source, target, table, first, m, n, outer, inner, turned, more):
    """(outer, n, inner) at source times a matrix (m, n) of a table, or its transpose: (outer, m, inner) at target."""
    for t in range(cuda.threadIdx.x, outer * m * inner, cuda.blockDim.x):
        i, column = t // inner % m, source + t // (inner * m) * n * inner + t % inner
        total = room[target + t] if more else table[first] - table[first]
        for j in range(n):
            total += table[first + (j * m + i if turned else i * n + j)] * room[column + j * inner]
        room[target + t] = total
    cuda.syncthreads()


@part
def _slopes(room, first, size, e, ex, ey, ez, x, y, z, coef, kind, parts):
    """Values at points in the second array become what is tested there, by way of slopes or fluxes in the others."""
    a, b, c, d = first, first + size, first + 2 * size, first + 3 * size
    sx, sy, sz = (
        x.which[x.elements + ex] * x.q * x.q, y.which[y.elements + ey] * y.q * y.q, z.which[z.elements + ez] * z.q * z.q
    )  # fmt: skip
    if kind != _ADJOINT:
        _along(room, b, a, x.slopes, sx, x.q, x.q, 1, y.q * z.q, False, False)
        _along(room, b, c, y.slopes, sy, y.q, y.q, x.q, z.q, False, False)
        _along(room, b, d, z.slopes, sz, z.q, z.q, x.q * y.q, 1, False, False)
    points = x.q * y.q * z.q
    for t in range(cuda.threadIdx.x, points, cuda.blockDim.x):
        at = e * parts * points + t
        if kind == _COUPLED:
            _mixed(room, a + t, c + t, d + t, coef, at, points, parts)
        elif kind == _STIFFNESS:
            rx = x.rates[x.which[2 * x.elements + ex] * x.q + t // (y.q * z.q)]
            ry = y.rates[y.which[2 * y.elements + ey] * y.q + t // z.q % y.q]
            rz = z.rates[z.which[2 * z.elements + ez] * z.q + t % z.q]
            room[a + t] *= coef[at] * rx
            room[c + t] *= coef[at] * ry
            room[d + t] *= coef[at] * rz
        else:
            last = at + (parts - 1) * points  # missing axes have the slope 0
            wx, wy, wz = coef[max(last - 2 * points, at)], coef[max(last - points, at)], coef[last]
            if kind == _ADVECTION:
                room[b + t] = wx * room[a + t] + wy * room[c + t] + wz * room[d + t]
            else:
                room[a + t], room[c + t], room[d + t] = wx * room[b + t], wy * room[b + t], wz * room[b + t]
    cuda.syncthreads()
    if kind != _ADVECTION:
        _along(room, a, b, x.slopes, sx, x.q, x.q, 1, y.q * z.q, True, False)
        _along(room, c, b, y.slopes, sy, y.q, y.q, x.q, z.q, True, True)
        _along(room, d, b, z.slopes, sz, z.q, z.q, x.q * y.q, 1, True, True)


@part
def _mixed(room, a, c, d, coef, at, points, parts):
    """The gradient at one point becomes C · gradient; the rows of C from the diagonal on, of the axes there are."""
    gx, gy, gz = room[a], room[c], room[d]
    zz = coef[at + (parts - 1) * points]
    if parts == 1:
        room[d] = zz * gz
    else:
        yy, yz = coef[at + (parts - 3) * points], coef[at + (parts - 2) * points]
        fy, fz = yy * gy + yz * gz, yz * gy + zz * gz
        if parts == 6:
            xx, xy, xz = coef[at], coef[at + points], coef[at + 2 * points]
            room[a] = xx * gx + xy * gy + xz * gz
            fy, fz = fy + xy * gx, fz + xz * gx
        room[c], room[d] = fy, fz


@kernel
def _collect(found, x, y, z, functions, alpha, number, parts, out):
    for v in range(cuda.grid(1), x.rows * y.rows * z.rows, cuda.gridsize(1)):
        i, j, k = v // (y.rows * z.rows), v // z.rows % y.rows, v % z.rows
        total = alpha - alpha
        for p in range(x.begin[i], x.begin[i + 1]):
            for q in range(y.begin[j], y.begin[j + 1]):
                plane = (x.owner[p] * y.elements + y.owner[q]) * z.elements
                row = (x.function[p] * y.k + y.function[q]) * z.k
                for r in range(z.begin[k], z.begin[k + 1]):
                    total += found[(plane + z.owner[r]) * functions + row + z.function[r]]
        out[v * parts + number] += alpha * total
