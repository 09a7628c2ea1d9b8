"""A matrix applied to lines along the last axis, which goes to the front, and back, by strips of lines in cache.

Work goes by LINES lines, the last of which overlap those before: the bits of a line depend neither on threads nor on
its place.
"""

from __future__ import annotations

import numpy as np

from .compiled import kernel, part
from .intrinsics import prefetch, transpose_block
from .panels import LANES
from .pointers import data
from .products import matmul
from .recycling import aligned, empty
from .strips import multiply_block
from .threads import share

BLOCK = 12  # lines: a multiple of the rows of all blocks of registers
LINES = 8 * BLOCK
AHEAD = 3 * BLOCK  # lines that are asked for before they are read


@part
def _strip(lines, w, row, step, inner, x, pitch, kept, y, out, vectors):
    """`lines` rows, whole blocks, of `vectors` vectors: y = w x, or y + w x if `kept`; see `multiply_block`.

    Twelve sums and what they need at once fill the registers; row and out are the pitches of w and y.
    """
    lanes, v = LANES // y.itemsize, 0
    while v < vectors:
        c, rest = v * lanes, vectors - v
        if rest == 1:
            for r in range(0, lines, 12):
                multiply_block(w, r * row, row, step, inner, x, c, pitch, kept, y, r * out + c, out, 12, 1, False)
            v += 1
        elif rest % 3 == 0:
            for r in range(0, lines, 4):
                multiply_block(w, r * row, row, step, inner, x, c, pitch, kept, y, r * out + c, out, 4, 3, False)
            v += 3
        else:
            for r in range(0, lines, 6):
                multiply_block(w, r * row, row, step, inner, x, c, pitch, kept, y, r * out + c, out, 6, 2, False)
            v += 2


@kernel
def _to_front(begin, end, factors, lines, out):
    (parts, n, wide), (m, count), lanes = factors.shape, out.shape, LANES // out.itemsize
    strip = np.empty(LINES * wide, out.dtype)
    f, u, z, y = data(factors), data(lines), data(out), data(strip)
    for k in range(begin, end):
        first = min(k * LINES, count - LINES)
        for p in range(parts):
            for r in range(0, LINES, BLOCK):
                own = u[(p * count + first + r) * n :]
                for place in range(AHEAD * n, (AHEAD + BLOCK) * n, 64 // out.itemsize):
                    prefetch(own, place)
                _strip(BLOCK, own, n, 1, n, f[p * n * wide :], wide, p > 0, y[r * wide :], wide, wide // lanes)
        for j in range(0, m, lanes):
            row = min(j, m - lanes)
            for r in range(0, LINES, lanes):
                transpose_block(z, row * count + first + r, count, y, r * wide + row, wide)


@kernel
def _to_back(begin, end, factors, modes, out):
    (parts, m, wide), count, n, lanes = factors.shape, modes.shape[1], out.shape[2], LANES // out.itemsize
    columns, strip = np.empty(LINES * m, out.dtype), np.empty(LINES * wide if wide > n else 0, out.dtype)
    f, z, u, w, y = data(factors), data(modes), data(out), data(columns), data(strip)
    for k in range(begin, end):
        first = min(k * LINES, count - LINES)
        for j in range(m):
            source, target = z[j * count + first :], w[j * LINES :]
            for r in range(LINES):
                target[r] = source[r]
        for p in range(parts):
            own, factor = u[(p * count + first) * n :], f[p * m * wide :]
            if wide == n:
                _strip(LINES, w, 1, LINES, m, factor, wide, False, own, n, wide // lanes)
            else:
                _strip(LINES, w, 1, LINES, m, factor, wide, False, y, wide, wide // lanes)
                for r in range(LINES):
                    for c in range(n):
                        own[r * n + c] = y[r * wide + c]


def _filled(factors: np.ndarray) -> np.ndarray:
    """Matrices with zeros behind their columns, up to whole vectors."""
    lanes = LANES // factors.itemsize
    wide = aligned((*factors.shape[:-1], -(-factors.shape[-1] // lanes) * lanes), factors.dtype)
    wide[..., factors.shape[-1] :] = 0
    wide[..., : factors.shape[-1]] = factors
    return wide


def _fit(count: int, rows: int, *arrays: np.ndarray) -> bool:
    """Whether there are lines and rows enough for blocks, of one type that is real."""
    kinds = {array.dtype for array in arrays}
    return count >= LINES and rows >= LANES // arrays[0].itemsize and len(kinds) == 1 and kinds.pop().kind == "f"


def to_front(factors: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Σ_p factors[p] lines[p]ᵀ: (parts, m, n), (parts, count, n) → (m, count)."""
    m, count = factors.shape[1], lines.shape[1]
    out = empty((m, count), lines.dtype)
    if not _fit(count, m, factors, lines):
        matmul(factors[0], lines[0].T, out)
        for factor, part in zip(factors[1:], lines[1:], strict=True):
            out += matmul(factor, part.T)
        return out
    arrays = _filled(factors.transpose(0, 2, 1)), np.ascontiguousarray(lines), out
    share(lambda part: _to_front(part.start, part.stop, *arrays), -(-count // LINES), lines.size)
    return out


def to_back(factors: np.ndarray, modes: np.ndarray) -> np.ndarray:
    """modesᵀ factors[p] for every p, the adjoint of `to_front`: (parts, m, n), (m, count) → (parts, count, n)."""
    (parts, _, n), count = factors.shape, modes.shape[1]
    out = empty((parts, count, n), modes.dtype)
    if not _fit(count, n, factors, modes):
        for factor, part in zip(factors, out, strict=True):
            matmul(modes.T, factor, part)
        return out
    arrays = _filled(factors), np.ascontiguousarray(modes), out
    share(lambda part: _to_back(part.start, part.stop, *arrays), -(-count // LINES), out.size)
    return out
