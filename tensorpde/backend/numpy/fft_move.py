"""Moves between lines of an array and the rows of a tile, whose lanes are lines.

The array is flat and real; a complex number is two reals (`parts` = 2). Sample j of line l starts at
array[base + l·line + j·sample]. Either lines are neighbours (line = parts) or samples are
(sample = parts); then blocks are transposed in registers. A tile row holds `width` lanes; sample j
belongs to row rows[j], its imaginary part `second` reals further on, and is multiplied by scale[j] on
its way. `inward` (array to tile, or back) is constant through the inner loops, which the compiler
therefore splits.
"""

from __future__ import annotations

from .compiled import part
from .fft_lanes import (
    gather_complex,
    gather_real,
    lanes_of,
    load,
    load_complex,
    scatter_complex,
    scatter_real,
    store,
    store_complex,
)


@part
def move(inward, array, base, line, sample, parts, tile, second, width, lines, rows, scale):
    """Move `lines` lines of len(rows) samples into a tile or out of it."""
    if line == parts and parts == 2:
        _rows_complex(inward, array, base, sample, tile, second, width, lines, rows, scale)
    elif line == parts:
        _rows(inward, array, base, sample, tile, width, lines, rows, scale)
    elif parts == 2:
        _columns_complex(inward, array, base, line, tile, second, width, lines, rows, scale)
    else:
        _columns(inward, array, base, line, tile, width, lines, rows, scale)


@part
def _rows(inward, array, base, sample, tile, width, count, rows, scale):
    """All samples of `count` neighbouring real lines."""
    lanes = lanes_of(tile)
    whole = count - count % lanes
    for j in range(len(rows)):
        at, t, factor = base + j * sample, rows[j] * width, scale[j]
        if inward:
            for k in range(0, whole, lanes):
                store(tile, t + k, load(array, at + k) * factor)
            for k in range(whole, count):
                tile[t + k] = array[at + k] * factor
        else:
            for k in range(0, whole, lanes):
                store(array, at + k, load(tile, t + k) * factor)
            for k in range(whole, count):
                array[at + k] = tile[t + k] * factor


@part
def _rows_complex(inward, array, base, sample, tile, second, width, count, rows, scale):
    """All samples of `count` neighbouring complex lines."""
    lanes = lanes_of(tile)
    whole = count - count % lanes
    for j in range(len(rows)):
        at, t, factor = base + j * sample, rows[j] * width, scale[j]
        if inward:
            for k in range(0, whole, lanes):
                real, imag = load_complex(array, at + 2 * k)
                store(tile, t + k, real * factor)
                store(tile, t + second + k, imag * factor)
            for k in range(whole, count):
                tile[t + k] = array[at + 2 * k] * factor
                tile[t + second + k] = array[at + 2 * k + 1] * factor
        else:
            for k in range(0, whole, lanes):
                real, imag = load(tile, t + k), load(tile, t + second + k)
                store_complex(array, at + 2 * k, real * factor, imag * factor)
            for k in range(whole, count):
                array[at + 2 * k] = tile[t + k] * factor
                array[at + 2 * k + 1] = tile[t + second + k] * factor


@part
def _columns(inward, array, base, line, tile, width, count, rows, scale):
    """All samples of `count` real lines, each contiguous."""
    lanes = lanes_of(tile)
    n = len(rows)
    for k in range(0, count, lanes):
        full = n - n % lanes if k + lanes <= count else 0
        for j in range(0, full, lanes):
            at = base + k * line + j
            if inward:
                gather_real(tile, k, k, width, rows, scale, j, array, at, line)
            else:
                scatter_real(tile, k, k, width, rows, scale, j, array, at, line)
        for j in range(full, n):
            _sample(inward, array, base + j, line, tile, rows[j] * width, k, min(k + lanes, count), scale[j])


@part
def _columns_complex(inward, array, base, line, tile, second, width, count, rows, scale):
    """All samples of `count` complex lines, each contiguous."""
    lanes = lanes_of(tile)
    n = len(rows)
    for k in range(0, count, lanes):
        full, last = n - n % lanes if k + lanes <= count else 0, min(k + lanes, count)
        for j in range(0, full, lanes):
            at = base + k * line + 2 * j
            if inward:
                gather_complex(tile, k, second + k, width, rows, scale, j, array, at, line)
            else:
                scatter_complex(tile, k, second + k, width, rows, scale, j, array, at, line)
        for j in range(full, n):
            _sample(inward, array, base + 2 * j, line, tile, rows[j] * width, k, last, scale[j])
            _sample(inward, array, base + 2 * j + 1, line, tile, second + rows[j] * width, k, last, scale[j])


@part
def _sample(inward, array, at, line, tile, t, first, last, factor):
    """One real of the lines first…last−1, one by one: what does not fill a block."""
    for k in range(first, last):
        if inward:
            tile[t + k] = array[at + k * line] * factor
        else:
            array[at + k * line] = tile[t + k] * factor
