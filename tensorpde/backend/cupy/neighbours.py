"""Sums over the near sources of targets: a smoothed-away 1/r and its gradient.

A thread for each target, or for each line of a grid, whose sum runs over its sources in one order. Arrays may be on the
host; they are taken to the device.
"""

from __future__ import annotations

import math
from typing import Any

import cupy
import numpy as np
from numba import cuda

from .compiled import inlined, kernel, spread
from .particles import flat

CLOSEST = 1e-36  # of the squared radius: at less than 1e-18 of the radius two points are one


@inlined
def _cell(place):
    """The whole number below, of a type that counts: on a device floor alone gives a floating-point one."""
    return np.int64(math.floor(place))


@kernel
def _near(targets, sources, charges, starts, shape, corner, edge, pitch, coefficients, terms, result):
    for i in range(cuda.grid(1), result.size // 4, cuda.gridsize(1)):
        x, y, z = targets[3 * i], targets[3 * i + 1], targets[3 * i + 2]
        u, v, w = x - corner[0], y - corner[1], (z - corner[2]) / edge[2]
        a0, a1 = max(_cell((u - 1.0) / edge[0]), 0), min(_cell((u + 1.0) / edge[0]), shape[0] - 1)
        b0, b1 = max(_cell((v - 1.0) / edge[1]), 0), min(_cell((v + 1.0) / edge[1]), shape[1] - 1)
        p = fx = fy = fz = 0.0
        for a in range(a0, a1 + 1):
            across = max(max(a * edge[0] - u, u - (a + 1) * edge[0]), 0.0)
            left = 1.0 - across * across
            for b in range(b0, b1 + 1):
                across = max(max(b * edge[1] - v, v - (b + 1) * edge[1]), 0.0)
                rest = left - across * across
                first, end = 0, 0
                if rest >= 0.0:
                    reach = math.sqrt(rest) / edge[2]
                    low, high = max(_cell(w - reach), 0), min(_cell(w + reach), shape[2] - 1)
                    if low <= high:
                        row = (a * shape[1] + b) * shape[2]
                        first, end = starts[row + low], starts[row + high + 1]
                for j in range(first, end):
                    dx, dy, dz = x - sources[j], y - sources[pitch + j], z - sources[2 * pitch + j]
                    s = dx * dx + dy * dy + dz * dz
                    if s <= 1.0:
                        smooth, slope = 0.0, 0.0
                        for c in range(terms - 1, -1, -1):
                            smooth = smooth * (2.0 * s - 1.0) + coefficients[2 * c]
                            slope = slope * (2.0 * s - 1.0) + coefficients[2 * c + 1]
                        inverse = 1.0 / math.sqrt(s) if s >= CLOSEST else 0.0
                        pull = charges[j] * (inverse * inverse * inverse + slope)
                        p += charges[j] * (inverse - smooth)
                        fx += pull * dx
                        fy += pull * dy
                        fz += pull * dz
        result[4 * i], result[4 * i + 1], result[4 * i + 2], result[4 * i + 3] = p, fx, fy, fz


def near(
    targets: Any, sources: Any, charges: Any, starts: Any, shape: Any, corner: Any, edge: Any, coefficients: Any,
) -> cupy.ndarray:  # fmt: skip
    """Σ_j q_j (1/r − P(r²)) and −∇ of it over the sources within a distance of 1, shape (m, 4), potential first.

    Parameters
    ----------
    targets
        (m, 3), anywhere; those that follow each other should be near each other.
    sources, charges
        (3, n + any) and (n + any,), n of them sorted by cell; `starts` says where each of the cells begins, in C order
        of `shape`, and n.
    corner, edge
        Of the grid of cells, (3,) each. Narrow cells leave out more of what is too far.
    coefficients
        (terms, 2): of P and of 2 P' (by r²) in powers of 2 r² − 1.
    """
    result = cupy.empty((len(targets), 4), "float64")
    cells = tuple(int(n) for n in shape)
    box = (tuple(float(v) for v in np.asarray(values)) for values in (corner, edge))
    spread(
        _near, len(targets), flat(targets), flat(sources), flat(charges), flat(starts, "int64"), cells, *box,
        sources.shape[1], flat(coefficients), len(coefficients), result.reshape(-1),
    )  # fmt: skip
    return result


@kernel
def _around(out, x, y, z, sources, charges, count, coefficients, terms):
    ny, nz = y.size - 1, z.size - 1
    for line in range(cuda.grid(1), (x.size - 1) * ny, cuda.gridsize(1)):
        i, j = line // ny, line % ny
        for n in range(count):
            dx, dy, pz = x[i] - sources[3 * n], y[j] - sources[3 * n + 1], sources[3 * n + 2]
            across = dx * dx + dy * dy
            if across <= 1.0:
                k, end = 0, nz
                while k < end:  # the first z within the radius
                    middle = (k + end) // 2
                    if z[middle] < pz - 1.0:
                        k = middle + 1
                    else:
                        end = middle
                while k < nz and z[k] <= pz + 1.0:
                    s = across + (z[k] - pz) * (z[k] - pz)
                    if s <= 1.0:
                        smooth = 0.0
                        for c in range(terms - 1, -1, -1):
                            smooth = smooth * (2.0 * s - 1.0) + coefficients[c]
                        inverse = 1.0 / math.sqrt(s) if s >= CLOSEST else 0.0
                        out[line * nz + k] += charges[n] * (inverse - smooth)
                    k += 1


def around(out: Any, lines: tuple[Any, ...], sources: Any, charges: Any, coefficients: Any) -> None:
    """Add Σ_j q_j (1/r − P(r²)) over the sources (n, 3) within a distance of 1 to a block of a grid.

    Every line along z looks at every source: O(lines · sources) besides the work of the pairs.

    Parameters
    ----------
    out
        (x, y, z), C-contiguous.
    lines
        Its coordinates along each axis, rising.
    coefficients
        (terms,) of P in powers of 2 r² − 1. 1/r counts as 0 at r = 0.
    """
    axes = [flat(line) for line in lines]
    spread(
        _around, len(lines[0]) * len(lines[1]), out.reshape(-1), *axes, flat(sources), flat(charges), len(charges),
        flat(coefficients), len(coefficients),
    )  # fmt: skip
