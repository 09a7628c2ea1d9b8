"""Sums over pairs of particles and points: 1/r among all, and a smoothed-away 1/r near each particle on a grid.

A target's sum runs over its sources in one order, whoever works on it. Loops over lanes write to short arrays that stay
in cache, so that they are vectorized without changing the order of any sum.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel, part
from .horner import ABREAST, horner

LANES = 64


@kernel
def _direct(targets, sources, charges, result):
    """result[i] = potential and field at target i; a source exactly there does not count."""
    p, x, y, z = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for first in range(0, targets.shape[1], LANES):
        count = min(LANES, targets.shape[1] - first)
        for i in range(count):
            p[i] = x[i] = y[i] = z[i] = 0.0
        for j in range(sources.shape[1]):
            sx, sy, sz, q = sources[0, j], sources[1, j], sources[2, j], charges[j]
            for i in range(count):
                dx, dy, dz = targets[0, first + i] - sx, targets[1, first + i] - sy, targets[2, first + i] - sz
                s = dx * dx + dy * dy + dz * dz
                inverse = 1.0 / np.sqrt(s) if s > 0.0 else 0.0
                own = q * inverse
                pull = own * inverse * inverse
                p[i] += own
                x[i] += pull * dx
                y[i] += pull * dy
                z[i] += pull * dz
        for i in range(count):
            result[first + i, 0] = p[i]
            result[first + i, 1] = x[i]
            result[first + i, 2] = y[i]
            result[first + i, 3] = z[i]


def direct(targets: np.ndarray, sources: np.ndarray, charges: np.ndarray) -> np.ndarray:
    """Σ_j q_j / r and −∇ of it at targets (m, 3) from sources (n, 3): shape (m, 4), potential first. O(m n)."""
    result = np.empty((len(targets), 4))
    _direct(np.ascontiguousarray(targets.T), np.ascontiguousarray(sources.T), np.ascontiguousarray(charges), result)
    return result


@part
def _smooth(s, count, scale, series, value):
    """value = Σ_c series[c] u^c with u = s · scale − 1; up to 15 lanes past `count` too."""
    for i in range(0, count, ABREAST):
        horner(s, i, scale, series, len(series), value)


@kernel
def _on_grid(out, x, y, z, sources, charges, series, radius):
    """out[i, j, k] += Σ over sources within radius of q (1/r − P(r²)); 1/r counts as 0 at r = 0."""
    limit, scale = radius * radius, 2.0 / (radius * radius)
    s, value = np.zeros(len(z) + LANES), np.zeros(len(z) + LANES)
    for n in range(len(charges)):
        px, py, pz, q = sources[n, 0], sources[n, 1], sources[n, 2], charges[n]
        middle = np.searchsorted(z, pz)
        for i in range(np.searchsorted(x, px - radius), np.searchsorted(x, px + radius, side="right")):
            across = limit - (x[i] - px) ** 2
            if across < 0.0:
                continue
            reach = np.sqrt(across)
            first = last = middle
            for j in range(np.searchsorted(y, py - reach), np.searchsorted(y, py + reach, side="right")):
                apart = across - (y[j] - py) ** 2
                if apart < 0.0:
                    continue
                away = np.sqrt(apart)  # the run of z follows from the line before
                while first > 0 and z[first - 1] >= pz - away:
                    first -= 1
                while first < middle and z[first] < pz - away:
                    first += 1
                while last < len(z) and z[last] <= pz + away:
                    last += 1
                while last > middle and z[last - 1] > pz + away:
                    last -= 1
                count = last - first
                for k in range(count):
                    s[k] = limit - apart + (z[first + k] - pz) ** 2
                _smooth(s, count, scale, series, value)
                for k in range(count):
                    inverse = 1.0 / np.sqrt(s[k]) if s[k] > 0.0 else 0.0
                    out[i, j, first + k] += q * (inverse - value[k])


def on_grid(
    out: np.ndarray, lines: tuple[np.ndarray, ...], sources: np.ndarray, charges: np.ndarray, series: np.ndarray,
    radius: float,
) -> None:  # fmt: skip
    """Add Σ_j q_j (1/r − P(r²)) over the sources (n, 3) within `radius` to a block of a grid with these coordinates."""
    x, y, z = (np.ascontiguousarray(line) for line in lines)
    _on_grid(out, x, y, z, np.ascontiguousarray(sources), np.ascontiguousarray(charges), series, radius)
