"""Sum factorization: weak forms applied to groups of elements, the elements of a group in the lanes of vectors.

A group is gathered from the unknowns, taken to quadrature points axis by axis, weighed there, tested axis by axis with
the transposed matrices, and added to the result. Its values at quadrature points exist in a few small arrays that stay
in cache. Every lane gets the same arithmetic, and elements are added in their order: the bits of a result depend
neither on how elements fall into groups nor on which of them a rank works on.

There are always three axes; one that is missing has one element with one function and one point.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.extending import overload

from .compiled import inlined, kernel
from .element_plan import Coupled, Factor, Form, Line, Separate, Weighted, factor, lane_count
from .intrinsics import address, fma, transpose_block
from .rows import ALIGNMENT
from .vectors import add_values, adjoint, copy_values, mixed_flux, plus, product, put, take, times

__all__ = ["Coupled", "Factor", "Form", "Line", "Separate", "Weighted", "add", "factor", "lane_count"]

GAP = 19  # cache lines between work arrays: those at multiples of 4096 bytes would share places in the first cache


def fill(matrices, elements):
    """The matrices of the elements in the lanes; for compiled code."""


@overload(fill)
def _fill(matrices, elements):
    if isinstance(matrices, types.NoneType) or isinstance(matrices.types[2], types.NoneType):
        return lambda matrices, elements: None

    def work(matrices, elements):
        for lane in range(len(elements)):
            row = matrices.bank[matrices.which[elements[lane]]]
            for k in range(row.size):
                matrices.forward[k, lane] = row[k]

    return work


@inlined
def fill_all(line, elements):
    """The matrices of a group along one axis."""
    fill(line.values, elements)
    fill(line.slope, elements)
    fill(line.scale, elements)


@inlined
def gather(rows, u, lines, places, pad, part):
    """Coefficients of the elements in the lanes, one element after the other; 0 where there is none."""
    x, y, z = lines
    kz = len(z.functions)
    for lane in range(places.shape[1]):
        ex, ey, ez = places[0, lane], places[1, lane], places[2, lane]
        to = lane * pad
        for i in range(len(x.functions)):
            for j in range(len(y.functions)):
                base = x.load[ex, i] + y.load[ey, j]
                if base < 0:
                    for k in range(kz):
                        rows[to + k] = 0
                elif z.load_whole[ez]:
                    copy_values(rows, to, u, base + z.load[ez, 0], z.functions)
                else:
                    for k in range(kz):
                        place = base + z.load[ez, k]
                        rows[to + k] = u[np.uintp(place + part)] if place >= 0 else 0
                to += kz


@inlined
def scatter(out, rows, lines, places, count, pad, part, alpha):
    """Add the elements to the result in their order, so that each value is a sum in one order."""
    x, y, z = lines
    kz = len(z.functions)
    for lane in range(count):
        ex, ey, ez = places[0, lane], places[1, lane], places[2, lane]
        source = lane * pad
        for i in range(len(x.functions)):
            for j in range(len(y.functions)):
                base = x.store[ex, i] + y.store[ey, j]
                if base >= 0:
                    if z.store_whole[ez]:
                        add_values(out, base + z.store[ez, 0], rows, source, z.functions, alpha)
                    else:
                        for k in range(kz):
                            place = base + z.store[ez, k]
                            if place >= 0:
                                at = np.uintp(place + part)
                                out[at] = fma(alpha, rows[source + k], out[at])
                source += kz


@inlined
def to_lanes(a, rows, points, pad, lanes):
    """From one element after the other to one lane for each."""
    side = 32 // a.itemsize
    for point in range(0, points, side):
        for lane in range(0, lanes, side):
            transpose_block(a, point * lanes + lane, lanes, rows, lane * pad + point, pad)


@inlined
def from_lanes(rows, a, points, pad, lanes):
    """And back."""
    side = 32 // a.itemsize
    for point in range(0, points, side):
        for lane in range(0, lanes, side):
            transpose_block(rows, lane * pad + point, pad, a, point * lanes + lane, lanes)


def weighed(scale, coef, at, stride, column, width):
    """Coefficient · column · scale (None for 1); for compiled code."""


@overload(weighed)
def _weighed(scale, coef, at, stride, column, width):
    if isinstance(scale, types.NoneType):
        return lambda scale, coef, at, stride, column, width: times(take(coef, at, stride, column, width), column)
    return lambda scale, coef, at, stride, column, width: times(
        times(take(coef, at, stride, column, width), take(scale.forward.reshape(-1), 0, 1, column, width)), column
    )


@inlined
def to_points(a, b, lines, width):
    """From functions to points along z and y: (kx, ky, kz) in a becomes (kx, qy, qz) in a, by way of b."""
    x, y, z = lines
    kx, ky, kz = len(x.functions), len(y.functions), len(z.functions)
    qy, qz = len(y.points), len(z.points)
    for i in range(kx * ky):
        put(b, i * qz, 1, product(z.values.forward, take(a, i * kz, 1, z.functions, width), z.points, 1))
    for i in range(kx):
        for j in range(qz):
            column = take(b, i * ky * qz + j, qz, y.functions, width)
            put(a, i * qy * qz + j, qz, product(y.values.forward, column, y.points, 1))


@inlined
def to_functions(a, b, lines, width):
    """Its transpose, with the result in a."""
    x, y, z = lines
    kx, ky, kz = len(x.functions), len(y.functions), len(z.functions)
    qy, qz = len(y.points), len(z.points)
    for i in range(kx):
        for j in range(qz):
            column = take(a, i * qy * qz + j, qz, y.points, width)
            put(b, i * ky * qz + j, qz, adjoint(y.values.backward, column, y.functions, 1))
    for i in range(kx * ky):
        put(a, i * kz, 1, adjoint(z.values.backward, take(b, i * qz, 1, z.points, width), z.functions, 1))


@inlined
def weighted(a, b, start, lines, terms, width):
    """∫ c u v: along x a line goes to points and back in registers."""
    x = lines[0]
    to_points(a, b, lines, width)
    s = len(lines[1].points) * len(lines[2].points)
    for j in range(s):
        u = product(x.values.forward, take(a, j, s, x.functions, width), x.points, 1)
        flux = times(take(terms.coef, start + j, s, x.points, width), u)
        put(a, j, s, adjoint(x.values.backward, flux, x.functions, 1))
    to_functions(a, b, lines, width)


@inlined
def separate(a, b, c, start, lines, terms, width):
    """Σ of one term per axis: u at points is in b, the sum of what is tested there in c."""
    x, y, z = lines
    qx, qy, qz = len(x.points), len(y.points), len(z.points)
    to_points(a, b, lines, width)
    s = qy * qz
    ox, oy, oz = terms.offsets
    bx, by, bz = terms.before
    ax, ay, az = terms.after
    for j in range(s):
        u = product(x.values.forward, take(a, j, s, x.functions, width), x.points, 1)
        put(b, j, s, u)
        flux = weighed(x.scale, terms.coef, start + ox + j, s, product(bx, u, x.points, -1), width)
        put(c, j, s, adjoint(ax, flux, x.points, -1))
    for i in range(qx * qy):
        at = i * qz
        u = take(b, at, 1, z.points, width)
        flux = weighed(z.scale, terms.coef, start + oz + at, 1, product(bz, u, z.points, -1), width)
        put(c, at, 1, plus(take(c, at, 1, z.points, width), adjoint(az, flux, z.points, -1)))
    for i in range(qx):
        for j in range(qz):
            at = i * s + j
            u = take(b, at, qz, y.points, width)
            flux = weighed(y.scale, terms.coef, start + oy + at, qz, product(by, u, y.points, -1), width)
            put(c, at, qz, plus(take(c, at, qz, y.points, width), adjoint(ay, flux, y.points, -1)))
    for j in range(s):
        put(a, j, s, adjoint(x.values.backward, take(c, j, s, x.points, width), x.functions, 1))
    to_functions(a, b, lines, width)


@inlined
def coupled(a, b, c, d, start, lines, terms, width):
    """∫ ∇u·C ∇v: u at points is in b, its slopes along x and y, then their fluxes, in c and d."""
    x, y, z = lines
    qx, qy, qz = len(x.points), len(y.points), len(z.points)
    to_points(a, b, lines, width)
    s = qy * qz
    for j in range(s):
        u = product(x.values.forward, take(a, j, s, x.functions, width), x.points, 1)
        put(b, j, s, u)
        put(c, j, s, product(x.slope.forward, u, x.points, -1))
    for i in range(qx):
        for j in range(qz):
            at = i * s + j
            put(d, at, qz, product(y.slope.forward, take(b, at, qz, y.points, width), y.points, -1))
    for i in range(qx * qy):
        at = i * qz
        slope = product(z.slope.forward, take(b, at, 1, z.points, width), z.points, -1)
        flux = mixed_flux(terms.coef, start, qx * s, at, 1, c, d, slope, x.points)
        put(b, at, 1, adjoint(z.slope.backward, flux, z.points, -1))
    for i in range(qx):
        for j in range(qz):
            at = i * s + j
            tested = adjoint(y.slope.backward, take(d, at, qz, y.points, width), y.points, -1)
            put(b, at, qz, plus(take(b, at, qz, y.points, width), tested))
    for j in range(s):
        tested = adjoint(x.slope.backward, take(c, j, s, x.points, width), x.points, -1)
        total = plus(take(b, j, s, x.points, width), tested)
        put(a, j, s, adjoint(x.values.backward, total, x.functions, 1))
    to_functions(a, b, lines, width)


def integrate(a, b, c, d, start, lines, terms, width):
    """The weak form of the group whose coefficients are in a; the result is there too. For compiled code."""


@overload(integrate)
def _integrate(a, b, c, d, start, lines, terms, width):
    if terms.instance_class is Weighted:
        return lambda a, b, c, d, start, lines, terms, width: weighted(a, b, start, lines, terms, width)
    if terms.instance_class is Separate:
        return lambda a, b, c, d, start, lines, terms, width: separate(a, b, c, start, lines, terms, width)
    return lambda a, b, c, d, start, lines, terms, width: coupled(a, b, c, d, start, lines, terms, width)


@inlined
def work_arrays(lines, pad, lanes, like):
    """Four arrays for a group, the first two the same memory where lines keep their length, and rows of elements."""
    x, y, z = lines
    functions = len(x.functions) * len(y.functions) * len(z.functions)
    points = len(x.points) * len(y.points) * len(z.points)
    most = max(len(x.functions), len(x.points)) * max(len(y.functions), len(y.points))
    size = max(most * max(len(z.functions), len(z.points)), pad) * lanes
    line = ALIGNMENT // like.itemsize
    step = (size + line - 1) // line * line + GAP * line
    room = np.empty(4 * step + lanes * pad + line, like.dtype)
    first = (ALIGNMENT - (address(room) & (ALIGNMENT - 1))) % ALIGNMENT // like.itemsize
    room = room[first:]
    a = room[:size]
    b = a if functions == points else room[step : step + size]
    return a, b, room[2 * step : 2 * step + size], room[3 * step : 3 * step + size], room[4 * step :]


@kernel
def add_elements(u, out, alpha, part, stride, lines, terms, width):
    """out += alpha · (the weak form of u), both flat.

    part is added to places found value by value; stride : vectors of coefficients from group to group; width : a tuple
    as long as there are lanes.
    """
    x, y, z = lines
    lanes = len(width)
    functions = len(x.functions) * len(y.functions) * len(z.functions)
    side = 32 // u.itemsize
    pad = (functions + side - 1) // side * side
    pad += side if pad % (2 * side) == 0 else 0  # elements not a multiple of two cache lines apart
    a, b, c, d, rows = work_arrays(lines, pad, lanes, u)
    ny, nz = len(y.load), len(z.load)
    total = len(x.load) * ny * nz
    places = np.empty((3, lanes), np.uintp)
    for first in range(0, total, lanes):
        for lane in range(lanes):
            e = min(first + lane, total - 1)
            places[0, lane], places[1, lane], places[2, lane] = e // (ny * nz), e // nz % ny, e % nz
        fill_all(x, places[0])
        fill_all(y, places[1])
        fill_all(z, places[2])
        gather(rows, u, lines, places, pad, part)
        to_lanes(a, rows, functions, pad, lanes)
        integrate(a, b, c, d, first // lanes * stride, lines, terms, width)
        from_lanes(rows, a, functions, pad, lanes)
        scatter(out, rows, lines, places, min(lanes, total - first), pad, part, alpha)


def add(u: np.ndarray, out: np.ndarray, alpha: float, form: Form) -> None:
    """out += alpha · (the form of u), flat and contiguous; complex data part by part."""
    parts = 2 if u.dtype.kind == "c" else 1
    real = u.real.dtype
    u, out = u.view(real), out.view(real)
    width = (0,) * lane_count(real)
    for part in range(parts):
        add_elements(u, out, real.type(alpha), part, form.stride, form.lines, form.terms, width)
