"""A smoothed-away 1/r near its sources: at targets, whose sources are found in cells, and on grids.

Lengths are in units of the radius at which it ends.

A target's sum runs over its sources in one order, whoever works on it.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .pair_sums import LANES, SUMS, add_run, near_values


@kernel
def _near(targets, sources, charges, starts, shape, corner, edge, pitch, coefficients, result):
    """As `near`, of sources[k · pitch + j]."""
    sums = np.empty(LANES * SUMS)
    terms = len(coefficients) // 4
    for i in range(len(targets)):
        x, y, z = targets[i, 0], targets[i, 1], targets[i, 2]
        sums[:] = 0.0
        u, v, w = x - corner[0], y - corner[1], (z - corner[2]) / edge[2]
        a0, a1 = max(int(np.floor((u - 1.0) / edge[0])), 0), min(int(np.floor((u + 1.0) / edge[0])), shape[0] - 1)
        b0, b1 = max(int(np.floor((v - 1.0) / edge[1])), 0), min(int(np.floor((v + 1.0) / edge[1])), shape[1] - 1)
        for a in range(a0, a1 + 1):
            across = max(max(a * edge[0] - u, u - (a + 1) * edge[0]), 0.0)
            left = 1.0 - across * across
            for b in range(b0, b1 + 1):
                across = max(max(b * edge[1] - v, v - (b + 1) * edge[1]), 0.0)
                rest = left - across * across
                if rest < 0.0:
                    continue
                reach = np.sqrt(rest) / edge[2]
                low = max(int(np.floor(w - reach)), 0)
                high = min(int(np.floor(w + reach)), shape[2] - 1)
                if low <= high:
                    row = (a * shape[1] + b) * shape[2]
                    add_run(
                        sources, charges, starts[row + low], starts[row + high + 1], pitch, x, y, z,
                        coefficients, terms, sums,
                    )  # fmt: skip
        for k in range(SUMS):
            total = 0.0
            for lane in range(LANES):
                total += sums[LANES * k + lane]
            result[i, k] = total


def near(
    targets: np.ndarray, sources: np.ndarray, charges: np.ndarray, starts: np.ndarray, shape: np.ndarray,
    corner: np.ndarray, edge: np.ndarray, coefficients: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Σ_j q_j (1/r − P(r²)) and −∇ of it over the sources within a distance of 1, shape (m, 4), potential first.

    Parameters
    ----------
    targets
        (m, 3), anywhere; those that follow each other should be near each other.
    sources, charges
        (3, n + LANES) and (n + LANES,), n of them sorted by cell, then anything finite; `starts` says where each of the
        cells begins, in C order of `shape`, and n.
    corner, edge
        Of the grid of cells, (3,) each. Narrow cells leave out more of what is too far.
    coefficients
        (terms, 2): of P and of 2 P' (by r²) in powers of 2 r² − 1; an even number of terms.

    Notes
    -----
    Of each column of cells, two narrow edges wide, the run of cells within reach lies in one piece of memory: no list
    of neighbours is made, and eight pairs are computed at a time, of which those beyond the radius count 0.
    """
    result = np.empty((len(targets), SUMS))
    _near(
        np.ascontiguousarray(targets), sources.reshape(-1), charges, starts, shape, corner, edge, sources.shape[1],
        coefficients.reshape(-1), result,
    )  # fmt: skip
    return result


@kernel
def _around(out, rows, pitch, x, y, z, sources, charges, coefficients):
    """As `around`, with `rows` lines of `pitch` values for each x in `out`, and z longer by LANES."""
    terms = len(coefficients) // 2
    values = np.empty(pitch + LANES)
    z_here = z[:pitch]
    for n in range(len(charges)):
        px, py, pz, q = sources[n, 0], sources[n, 1], sources[n, 2], charges[n]
        middle = np.searchsorted(z_here, pz)
        for i in range(np.searchsorted(x, px - 1.0), np.searchsorted(x, px + 1.0, side="right")):
            left = 1.0 - (x[i] - px) ** 2
            if left < 0.0:
                continue
            reach = np.sqrt(left)
            first = last = middle
            for j in range(np.searchsorted(y, py - reach), np.searchsorted(y, py + reach, side="right")):
                rest = left - (y[j] - py) ** 2
                if rest < 0.0:
                    continue
                away = np.sqrt(rest)  # the run of z follows from the line before
                while first > 0 and z[first - 1] >= pz - away:
                    first -= 1
                while first < middle and z[first] < pz - away:
                    first += 1
                while last < pitch and z[last] <= pz + away:
                    last += 1
                while last > middle and z[last - 1] > pz + away:
                    last -= 1
                near_values(z, first, last - first, pz, 1.0 - rest, coefficients, terms, values)
                start = (i * rows + j) * pitch + first
                for k in range(last - first):
                    out[start + k] += q * values[k]


def around(
    out: np.ndarray, lines: tuple[np.ndarray, ...], sources: np.ndarray, charges: np.ndarray, coefficients: np.ndarray
) -> None:
    """Add Σ_j q_j (1/r − P(r²)) over the sources (n, 3) within a distance of 1 to a block of a grid.

    Parameters
    ----------
    out
        (x, y, z), C-contiguous.
    lines
        Its coordinates along each axis, rising.
    coefficients
        (terms,) of P in powers of 2 r² − 1; an even number of terms. 1/r counts as 0 at r = 0.
    """
    x, y, z = (np.ascontiguousarray(line) for line in lines)
    if out.size:
        _around(
            out.reshape(-1), len(y), len(z), x, y, np.concatenate([z, np.full(LANES, z[-1])]),
            np.ascontiguousarray(sources), np.ascontiguousarray(charges), coefficients,
        )  # fmt: skip
