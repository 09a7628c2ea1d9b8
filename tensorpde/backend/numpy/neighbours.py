"""Sums over the near sources of targets, found in cells: a smoothed-away 1/r and its gradient.

A target's sum runs over its sources in one order, whoever works on it.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .pair_sums import LANES, SUMS, add_run


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
