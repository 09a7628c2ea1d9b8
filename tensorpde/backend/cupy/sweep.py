"""What threads do with the chunks of a line, in a tile in shared memory or in an array in global memory alike.

Row i of chunk c of a line lies at base + c·apart + (i − first[c])·step in the one, where every chunk has its own
stretch, and at base + i·step in the other, which `whole` says. Carried values lie `lanes` apart at carry + …
"""

from __future__ import annotations

from .compiled import inlined


@inlined
def place(f, c, base, apart, step, whole):
    """Where the first row of a chunk lies."""
    if whole:
        return base + f.first[c] * step
    return base + c * apart


@inlined
def chunk_of(f, i):
    """The chunk that row i is in."""
    c = i * f.chunks // f.m
    return c + 1 if i >= f.first[c + 1] else c


@inlined
def forward(f, c, z, at, step, u, column, stride, begin, wraps):
    """Up a chunk as if zeros came before it: z = L⁻¹ B u.

    z : rows from `at` on, `step` apart; u : column j of the line at column + (j − begin)·stride, taken round the line
    if it `wraps`.
    """
    first = f.first[c]
    for i in range(first, f.first[c + 1]):
        total = f.coef[0] - f.coef[0]
        for k in range(f.width):
            j = f.start[i] + k
            if wraps:
                j = j % f.n
            total += f.coef[i * f.width + k] * u[column + (j - begin) * stride]
        for k in range(max(f.kl - (i - first), 0), f.kl):
            total -= f.lower[i * f.kl + k] * z[at + (i - f.kl + k - first) * step]
        z[at + (i - first) * step] = total


@inlined
def carry_low(f, z, base, apart, step, whole, carried, carry, lanes):
    """From chunk to chunk: the last kl values before each of them, as they are in an open sweep of the whole line.

    On a periodic line those before the first chunk become what they really are; the others lack their response to them.
    There is room for chunks + 1: the end of the line lies behind them all.
    """
    for k in range(f.kl):
        carried[carry + k * lanes] = 0
    for c in range(f.chunks):
        end, at = f.first[c + 1], place(f, c, base, apart, step, whole)
        if c + 1 == f.chunks and not f.closing:
            break
        for k in range(f.kl):
            i = end - f.kl + k
            total = f.coef[0] - f.coef[0]
            if i >= 0:
                total += z[at + (i - f.first[c]) * step]
                for q in range(f.kl):
                    total += f.low[i * f.kl + q] * carried[carry + (c * f.kl + q) * lanes]
            carried[carry + ((c + 1) * f.kl + k) * lanes] = total
    if f.closing:
        for k in range(f.kl):
            total = f.coef[0] - f.coef[0]
            for q in range(f.kl):
                total += f.low_close[k * f.kl + q] * carried[carry + (f.chunks * f.kl + q) * lanes]
            carried[carry + k * lanes] = total


@inlined
def close_low(f, c, carried, carry, lanes):
    """On a periodic line: what comes round it added to what comes into a chunk but the first."""
    for k in range(f.kl):
        total = carried[carry + (c * f.kl + k) * lanes]
        for q in range(f.kl):
            total += f.low_from_end[(c * f.kl + k) * f.kl + q] * carried[carry + q * lanes]
        carried[carry + (c * f.kl + k) * lanes] = total


@inlined
def backward(f, c, z, at, step, carried, carry, lanes):
    """Down a chunk as if zeros came after it, what came into it from below being added on the way."""
    first, end = f.first[c], f.first[c + 1]
    for i in range(end - 1, first - 1, -1):
        total = z[at + (i - first) * step]
        for k in range(f.kl):
            total += f.low[i * f.kl + k] * carried[carry + (c * f.kl + k) * lanes]
        for k in range(min(f.ku, end - 1 - i)):
            total -= f.upper[i * f.ku + k] * z[at + (i + 1 + k - first) * step]
        z[at + (i - first) * step] = total


@inlined
def carry_up(f, z, base, apart, step, whole, carried, carry, lanes):
    """From chunk to chunk down the line: the first ku values behind each of them; chunk c has its own at c·ku."""
    last = f.chunks - 1
    for k in range(f.ku):
        carried[carry + (last * f.ku + k) * lanes] = 0
    for c in range(last, -1, -1):
        if c == 0 and not f.closing:
            break
        first, at = f.first[c], place(f, c, base, apart, step, whole)
        room = (c - 1 if c > 0 else f.chunks) * f.ku
        for k in range(f.ku):
            i = first + k
            total = f.coef[0] - f.coef[0]
            if i < f.m:
                total += z[at + k * step]
                for q in range(f.ku):
                    total += f.up[i * f.ku + q] * carried[carry + (c * f.ku + q) * lanes]
            carried[carry + (room + k) * lanes] = total
    if f.closing:
        for k in range(f.ku):
            total = f.coef[0] - f.coef[0]
            for q in range(f.ku):
                total += f.up_close[k * f.ku + q] * carried[carry + (f.chunks * f.ku + q) * lanes]
            carried[carry + (last * f.ku + k) * lanes] = total


@inlined
def close_up(f, c, carried, carry, lanes):
    """On a periodic line: what comes round it added to what comes into a chunk but the last."""
    last = f.chunks - 1
    for k in range(f.ku):
        total = carried[carry + (c * f.ku + k) * lanes]
        for q in range(f.ku):
            total += f.up_from_end[(c * f.ku + k) * f.ku + q] * carried[carry + (last * f.ku + q) * lanes]
        carried[carry + (c * f.ku + k) * lanes] = total


@inlined
def finished(f, c, i, value, carried, carry, lanes):
    """Row i of chunk c with what came into it from above."""
    for k in range(f.ku):
        value += f.up[i * f.ku + k] * carried[carry + (c * f.ku + k) * lanes]
    return value
