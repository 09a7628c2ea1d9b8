"""Moving lines between an array viewed as (outer, n, inner) and a tile whose lanes are lines.

Lane numbers run over the pairs (outer, inner). Where inner is long a row of the tile is a stretch
of the array; where the lines themselves are contiguous, blocks are transposed in registers; what
remains (short inner dimensions, ragged ends) goes value by value.
"""

from __future__ import annotations

from numba import njit, types
from numba.extending import overload

from .compiled import inlined, part
from .intrinsics import BLEND, KEEP, STORE, STREAM, address, fma, move_row, prefetch, store_block, transpose_block
from .rows import blend_row, copy_row, fill_row, lane_count

AHEAD = 16  # rows asked for in advance: they are a stride apart, where no hardware prefetcher follows


@njit(inline="always")
def lane_base(lane, n, inner):
    """Index of the first value of a line."""
    return (lane // inner) * n * inner + lane % inner


@part
def load_columns(tile, slot, u, first, valid, n, inner, low, high):
    """Rows slot… of the tile = columns low…high−1 (modulo n) of lines first…first+valid−1.

    Lanes past `valid` are zero, so that they do the same arithmetic as the others.
    """
    lanes = lane_count(u)
    if valid < lanes:
        fill_row(tile, slot * lanes, (high - low) * lanes, 0)
    start = max(low, 0)
    stop = max(min(high, n), start)
    if inner == 1 and valid == lanes:
        _load_lines(tile, slot - low, u, first * n, n, start, stop)
    elif first % inner + valid <= inner:
        base = lane_base(first, n, inner)
        line = 64 // u.itemsize
        for c in range(start, stop):
            for ahead in range(0, valid, line):
                prefetch(u, base + (c + AHEAD) * inner + ahead)
            if valid == lanes:
                move_row(tile, (slot + c - low) * lanes, u, base + c * inner, False)
            else:
                copy_row(tile, (slot + c - low) * lanes, u, base + c * inner, valid)
    else:
        for lane in range(valid):
            base = lane_base(first + lane, n, inner)
            for c in range(start, stop):
                tile[(slot + c - low) * lanes + lane] = u[base + c * inner]
    _load_wrapped(tile, slot - low, u, first, valid, n, inner, low, start)
    _load_wrapped(tile, slot - low, u, first, valid, n, inner, stop, high)


@part
def _load_wrapped(tile, slot, u, first, valid, n, inner, low, high):
    lanes = lane_count(u)
    for c in range(low, high):
        place = c % n * inner
        if inner == 1:
            for lane in range(valid):
                tile[(slot + c) * lanes + lane] = u[(first + lane) * n + place]
        elif first % inner + valid <= inner:
            copy_row(tile, (slot + c) * lanes, u, lane_base(first, n, inner) + place, valid)
        else:
            for lane in range(valid):
                tile[(slot + c) * lanes + lane] = u[lane_base(first + lane, n, inner) + place]


def _load_lines(tile, slot, u, base, n, start, stop):
    """Columns of contiguous lines; real types by register transposes."""


def _store_lines(tile, slot, out, base, n, low, high, beta):
    """Columns to contiguous lines; real types by register transposes."""


@overload(_load_lines)
def _choose_load(tile, slot, u, base, n, start, stop):
    return _load_transposed if isinstance(u.dtype, types.Float) else _load_scalar


@overload(_store_lines)
def _choose_store(tile, slot, out, base, n, low, high, beta):
    return _store_transposed if isinstance(out.dtype, types.Float) else _store_scalar


def is_real(array):
    """Whether the type of an array is real, known when code that calls this is compiled."""


@overload(is_real)
def _is_real(array):
    real = isinstance(array.dtype, types.Float)
    return lambda array: real


def _load_scalar(tile, slot, u, base, n, start, stop):
    lanes = lane_count(u)
    for lane in range(lanes):
        for c in range(start, stop):
            tile[(slot + c) * lanes + lane] = u[base + lane * n + c]


def _store_scalar(tile, slot, out, base, n, low, high, beta):
    lanes = lane_count(out)
    for lane in range(lanes):
        for c in range(low, high):
            _store_value(out, base + lane * n + c, tile[(slot + c) * lanes + lane], beta)


def _load_transposed(tile, slot, u, base, n, start, stop):
    lanes = lane_count(u)
    side = 32 // u.itemsize
    whole = start + (stop - start) // (2 * side) * 2 * side
    for lane in range(0, lanes, side):  # a stretch of every line at a time, as long as the chunk allows
        for c in range(start, whole, 2 * side):
            _load_piece(tile, (slot + c) * lanes + lane, u, base + lane * n + c, n)
    for lane in range(lanes):
        for c in range(whole, stop):
            tile[(slot + c) * lanes + lane] = u[base + lane * n + c]


@inlined
def _load_piece(tile, row, u, start, n):
    """A cache line of each of some neighbouring lines, as many as a vector has values."""
    lanes = lane_count(u)
    side = 32 // u.itemsize
    for line in range(side):
        prefetch(u, start + line * n + 4 * side)
    for c in range(0, 2 * side, side):
        transpose_block(tile, row + c * lanes, lanes, u, start + c, n)


@inlined
def goal(out, first, valid, inner, beta):
    """How the values of a tile can go to `out`: STREAM, STORE, BLEND, or KEEP if not a row at a time."""
    lanes = lane_count(out)
    if valid < lanes or first % inner + valid > inner or not is_real(out):
        return KEEP
    if beta != 0:
        return BLEND
    return (
        STREAM
        if (address(out) | inner * out.itemsize) % 32 == 0 and first % inner % (32 // out.itemsize) == 0
        else STORE
    )


@part
def store_columns(tile, slot, out, first, valid, n, inner, low, high, beta):
    """Columns low…high−1 of the lines = rows slot… of the tile + beta · what is there (not read if beta is 0)."""
    lanes = lane_count(out)
    if inner == 1 and valid == lanes:
        _store_lines(tile, slot - low, out, first * n, n, low, high, beta)
    elif first % inner + valid <= inner:
        _store_rows(tile, slot - low, out, lane_base(first, n, inner), inner, valid, low, high, beta)
    else:
        for lane in range(valid):
            base = lane_base(first + lane, n, inner)
            for c in range(low, high):
                _store_value(out, base + c * inner, tile[(slot + c - low) * lanes + lane], beta)


@njit(inline="always")
def _store_value(out, index, value, beta):
    if beta == 0:
        out[index] = value
    else:
        out[index] = fma(beta, out[index], value)


@njit(inline="always")
def _store_rows(tile, slot, out, base, inner, valid, low, high, beta):
    lanes = lane_count(out)
    for c in range(low, high):
        if beta != 0:
            blend_row(out, base + c * inner, tile, (slot + c) * lanes, valid, beta)
        else:
            copy_row(out, base + c * inner, tile, (slot + c) * lanes, valid)


def _store_transposed(tile, slot, out, base, n, low, high, beta):
    lanes = lane_count(out)
    side = 32 // out.itemsize
    whole = low + (high - low) // (2 * side) * 2 * side
    how = _lines_goal(out, base + low, n, beta)
    for lane in range(0, lanes, side):
        for c in range(low, whole, 2 * side):
            _store_piece(tile, (slot + c) * lanes + lane, out, base + lane * n + c, n, beta, how)
    for lane in range(lanes):
        for c in range(whole, high):
            _store_value(out, base + lane * n + c, tile[(slot + c) * lanes + lane], beta)


@inlined
def _lines_goal(out, place, n, beta):
    """How lines from `place` on, `n` apart, can be stored."""
    if beta != 0:
        return BLEND
    return STREAM if (address(out) | place * out.itemsize | n * out.itemsize) % 64 == 0 else STORE


@inlined
def _store_piece(tile, row, out, start, n, beta, how):
    """The inverse of `_load_piece`."""
    lanes = lane_count(out)
    if how == BLEND:
        store_block(out, start, n, tile, row, lanes, beta, BLEND)
    elif how == STREAM:
        store_block(out, start, n, tile, row, lanes, beta, STREAM)
    else:
        store_block(out, start, n, tile, row, lanes, beta, STORE)


def exchange_lines(tile, slot, u, first, before, place, out, last, n, beta):
    """Contiguous lines into `tile` (rows slot…), others out of the tile `before` (rows place…), in turn.

    Whole tiles of lines of n values: from u, lines first…, and to out, lines last…, plus beta times what is there.
    Memory is read and written at once, which takes less time than one after the other. False if types are not real.
    """


@overload(exchange_lines)
def _choose_exchange(tile, slot, u, first, before, place, out, last, n, beta):
    return _exchange if isinstance(u.dtype, types.Float) else _exchange_nothing


def _exchange_nothing(tile, slot, u, first, before, place, out, last, n, beta):
    return False


def _exchange(tile, slot, u, first, before, place, out, last, n, beta):
    lanes = lane_count(u)
    side = 32 // u.itemsize
    source, target = first * n, last * n
    whole = n // (2 * side) * 2 * side
    how = _lines_goal(out, target, n, beta)
    for lane in range(0, lanes, side):
        for c in range(0, whole, 2 * side):
            _load_piece(tile, (slot + c) * lanes + lane, u, source + lane * n + c, n)
            _store_piece(before, (place + c) * lanes + lane, out, target + lane * n + c, n, beta, how)
    for lane in range(lanes):
        for c in range(whole, n):
            tile[(slot + c) * lanes + lane] = u[source + lane * n + c]
            _store_value(out, target + lane * n + c, before[(place + c) * lanes + lane], beta)
    return True
