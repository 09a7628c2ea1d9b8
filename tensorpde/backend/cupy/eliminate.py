"""Elimination of one banded system by one thread; entries of neighbouring threads are neighbours, `batch` apart.

See `bordered.Bands` for what the tables hold. Everything of a thread lies in `work`: x, the rows of U, the columns of
the border, the row that is eliminated, and the Schur complement of the border.
"""

from __future__ import annotations

from .compiled import inlined


@inlined
def eliminate(tables, shape, work, batch, x, upper, sides, row, beta, sigma, delta, size):
    """The rows of the open part: entries, elimination with the rows before, division by the pivot; the growth."""
    a, b, low, up, offset, ea, eb = tables[2], tables[3], tables[4], tables[5], tables[6], tables[7], tables[8]
    n, width, border = shape[1], shape[2], shape[3]
    growth = 0.0
    for i in range(n - border):
        below, entries = low[i], low[i] + 1 + up[i]
        for k in range(entries):
            work[row + k * batch] = 0
            if k < width:
                work[row + k * batch] = beta * a[i * width + k] + sigma * b[i * width + k]
        work[row + below * batch] += delta
        for s in range(border):
            place = i * border + s
            work[sides + place * batch] = beta * ea[place] + sigma * eb[place]
        for k in range(below):
            j = i - below + k
            factor = work[row + k * batch]
            for p in range(up[j]):
                work[row + (k + 1 + p) * batch] -= factor * work[upper + (offset[j] + p) * batch]
            work[x + i * batch] -= factor * work[x + j * batch]
            for s in range(border):
                work[sides + (i * border + s) * batch] -= factor * work[sides + (j * border + s) * batch]
        pivot = 1 / work[row + below * batch]
        ratio = size * abs(pivot)
        if not ratio <= growth:  # not a number counts as growth
            growth = ratio
        for p in range(up[i]):
            work[upper + (offset[i] + p) * batch] = work[row + (below + 1 + p) * batch] * pivot
        work[x + i * batch] *= pivot
        for s in range(border):
            work[sides + (i * border + s) * batch] *= pivot
    return growth


@inlined
def substitute(low, up, offset, m, border, work, batch, x, upper, sides):
    """Back substitution in the open part, in the result and in the columns of the border."""
    for i in range(m - 1, -1, -1):
        for p in range(up[i]):
            factor, other = work[upper + (offset[i] + p) * batch], i + 1 + p
            work[x + i * batch] -= factor * work[x + other * batch]
            for s in range(border):
                work[sides + (i * border + s) * batch] -= factor * work[sides + (other * border + s) * batch]


@inlined
def close(tables, shape, work, batch, x, sides, schur, beta, sigma, delta, size, growth):
    """The border's unknowns from their Schur complement, then their effect on the others; the growth."""
    column, fa, fb = tables[9], tables[10], tables[11]
    n, border, ends = shape[1], shape[3], shape[4]
    m = n - border
    for r in range(border):
        for s in range(border):
            work[schur + (r * border + s) * batch] = 0
        work[schur + (r * border + r) * batch] += delta
        for q in range(ends):
            c = column[r * ends + q]
            entry = beta * fa[r * ends + q] + sigma * fb[r * ends + q]
            if c >= m:
                work[schur + (r * border + c - m) * batch] += entry
            else:
                work[x + (m + r) * batch] -= entry * work[x + c * batch]
                for s in range(border):
                    work[schur + (r * border + s) * batch] -= entry * work[sides + (c * border + s) * batch]
    for r in range(border):  # Gauss–Jordan on a matrix of a few rows
        pivot = 1 / work[schur + (r * border + r) * batch]
        ratio = size * abs(pivot)
        if not ratio <= growth:
            growth = ratio
        work[x + (m + r) * batch] *= pivot
        for s in range(border):
            work[schur + (r * border + s) * batch] *= pivot
        for other in range(border):
            if other != r:
                factor = work[schur + (other * border + r) * batch]
                work[x + (m + other) * batch] -= factor * work[x + (m + r) * batch]
                for s in range(border):
                    work[schur + (other * border + s) * batch] -= factor * work[schur + (r * border + s) * batch]
    for i in range(m):
        for s in range(border):
            work[x + i * batch] -= work[sides + (i * border + s) * batch] * work[x + (m + s) * batch]
    return growth
