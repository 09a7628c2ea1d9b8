"""How much of short pieces of lines lies in a union of balls."""

from __future__ import annotations

import numpy as np

from .compiled import kernel


@kernel
def _covered(out, x, y, z, half, centres, radii):
    """out[i, j, k] = the part of [x_i − half, x_i + half] at (y_j, z_k) that balls cover, between 0 and 1."""
    near = np.empty(len(radii), np.int64)
    starts, stops = np.empty(len(radii)), np.empty(len(radii))
    for j in range(len(y)):
        close = 0
        for a in range(len(radii)):
            if abs(y[j] - centres[a, 1]) < radii[a]:
                near[close] = a
                close += 1
        for k in range(len(z)):
            count = 0
            for m in range(close):
                a = near[m]
                rest = radii[a] ** 2 - (y[j] - centres[a, 1]) ** 2 - (z[k] - centres[a, 2]) ** 2
                if rest <= 0.0:
                    continue
                reach = np.sqrt(rest)
                start, place = centres[a, 0] - reach, count
                while place > 0 and starts[place - 1] > start:
                    starts[place], stops[place] = starts[place - 1], stops[place - 1]
                    place -= 1
                starts[place], stops[place] = start, centres[a, 0] + reach
                count += 1
            m = 0
            while m < count:
                low, high = starts[m], stops[m]
                m += 1
                while m < count and starts[m] <= high:
                    high = max(high, stops[m])
                    m += 1
                for i in range(np.searchsorted(x, low - half), np.searchsorted(x, high + half)):
                    part = (min(high, x[i] + half) - max(low, x[i] - half)) / (2.0 * half)
                    out[i, j, k] = min(1.0, out[i, j, k] + part)


def covered(
    lines: tuple[np.ndarray, ...], axis: int, length: float, centres: np.ndarray, radii: np.ndarray
) -> np.ndarray:
    """The part of a piece of a line that lies in a union of balls, for every point of a tensor grid.

    Parameters
    ----------
    lines
        Rising coordinates (x, y, z) of the grid.
    axis, length
        Of the pieces, in the middle of which the points are.
    centres, radii
        (n, 3) and (n,) of the balls.

    Notes
    -----
    Exact: the chords of all balls along a line are merged. O(lines · balls near the line) and the result.
    """
    order = [axis, *(k for k in range(3) if k != axis)]
    x, y, z = (np.ascontiguousarray(lines[k], float) for k in order)
    out = np.zeros((len(x), len(y), len(z)))
    _covered(out, x, y, z, 0.5 * length, np.ascontiguousarray(centres[:, order]), np.ascontiguousarray(radii))
    return np.ascontiguousarray(out.transpose(np.argsort(order)))
