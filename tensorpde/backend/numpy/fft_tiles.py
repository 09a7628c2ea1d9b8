"""The loop over tiles: gather lines, transform, multiply, transform back, scatter: each value read and written once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from . import fft_cores
from .compiled import kernel, part
from .fft_lanes import lanes_of
from .fft_move import move
from .fft_passes import fourier

# What is done to the rows of a tile: see `_transform`.
NONE, FOURIER, INVERSE, REAL, UNREAL, COSINES, UNCOSINES, QUARTER, EVEN, ODD = range(10)


class Tables(NamedTuple):
    """What a transform of one length and precision needs beside the data (see fft_passes and fft_cores)."""

    factors: np.ndarray
    starts: np.ndarray
    twiddles: np.ndarray
    roots: np.ndarray
    turn: np.ndarray
    length: int  # of the complex transform


class Side(NamedTuple):
    """One side of a move: sample j is in tile row rows[j], times scale[j]; `parts` reals make a sample.

    The imaginary part of a sample is `second` rows after the real part.
    """

    parts: int
    second: int
    rows: np.ndarray
    scale: np.ndarray


class Multiplier(NamedTuple):
    """Mode k, in row rows[k], is multiplied by own[k], or as in transforms.Separable."""

    separable: bool
    second: int
    rows: np.ndarray
    own: np.ndarray
    mass: np.ndarray
    ao: np.ndarray
    bo: np.ndarray
    ai: np.ndarray
    bi: np.ndarray
    tol: float


@part
def _before(core, x, t, h, width, tables):
    """What comes before the Fourier transform of the rows at t."""
    if core == UNREAL:
        fft_cores.from_modes(x, t, h, tables.length, width, tables.turn)
    elif core == UNCOSINES:
        fft_cores.from_cosines(x, t, h, tables.length, width, tables.turn)
    elif core == QUARTER:
        fft_cores.rotate(x, t, h, tables.length, width, tables.turn)
    elif core in (EVEN, ODD):
        fft_cores.extend(x, t, h, tables.length, width, core == ODD)


@part
def _after(core, x, t, h, width, tables):
    """What comes after the Fourier transform of the rows at t."""
    if core == REAL:
        fft_cores.to_modes(x, t, h, tables.length, width, tables.turn)
    elif core == COSINES:
        fft_cores.to_cosines(x, t, h, tables.length, width, tables.turn)
    elif core == QUARTER:
        fft_cores.rotate(x, t, h, tables.length, width, tables.turn)
    elif core in (EVEN, ODD):
        fft_cores.to_whole(x, t, h, tables.length, width, tables.turn, core == ODD)


@part
def _transform(core, x, y, sets, width, tables):
    """Apply a core to the `sets` sets of complex rows of the tile x; returns (result, the other buffer)."""
    if core == NONE:
        return x, y
    h = (tables.length + 1) * width
    inverse = core in (INVERSE, UNREAL, UNCOSINES)
    a, b = x, y
    for index in range(sets):
        t = 2 * index * h
        _before(core, x, t, h, width, tables)
        real, imag = (t + h, t) if inverse else (t, t + h)
        a, b = fourier(x, y, real, imag, width, tables.factors, tables.starts, tables.twiddles, tables.roots)
        _after(core, a, t, h, width, tables)
    return a, b


@part
def _transfer(inward, array, inner, o, i, lines, side, x, width):
    """Move the lines of one tile, the first of which is (o, i)."""
    parts, n = side.parts, len(side.rows)
    line, sample = (parts, inner * parts) if inner > 1 else (n * parts, parts)
    base = (o * n * inner + i) * parts
    move(inward, array, base, line, sample, parts, x, side.second * width, width, lines, side.rows, side.scale)


@part
def _line_sums(sums, o, i, inner, lines, width, by):
    """The parts A and B of the denominators that belong to the lines of a tile."""
    sums[: 2 * width] = 0.0
    for lane in range(lines):
        first, second = (o, i + lane) if inner > 1 else (o + lane, 0)
        first %= len(by.ao)
        sums[lane] = by.ao[first] * by.bi[second] + by.bo[first] * by.ai[second]
        sums[width + lane] = by.bo[first] * by.bi[second]


@kernel
def run(src, dst, outer, inner, sets, first, second, tables, source, target, by, work, sums, widest):
    """Transform all lines of src (viewed as (outer, n, inner), flat reals) into dst, tile by tile.

    `first` and `second` are cores, with the multiplier between them if it has rows. `work` holds two
    buffers. src and dst may be one array. Tiles are `widest` lanes wide, the last one of a row as narrow as
    it can be.
    """
    lanes = lanes_of(work)
    x, y = work[0], work[1]
    span = inner if inner > 1 else outer
    for row in range(outer if inner > 1 else 1):
        for start in range(0, span, widest):
            lines = min(widest, span - start)
            width = (lines + lanes - 1) // lanes * lanes
            o, i = (row, start) if inner > 1 else (start, 0)
            if lines < width:
                x[: 2 * sets * (tables.length + 1) * width] = 0.0  # lanes without a line
            _transfer(True, src, inner, o, i, lines, source, x, width)
            x, y = _transform(first, x, y, sets, width, tables)
            if len(by.rows) > 0:
                if by.separable:
                    _line_sums(sums, o, i, inner, lines, width, by)
                further, tol = by.second * width, x.dtype.type(by.tol)
                fft_cores.scale(x, further, width, by.rows, by.own, by.mass, sums, tol, by.separable)
            x, y = _transform(second, x, y, sets, width, tables)
            _transfer(False, dst, inner, o, i, lines, target, x, width)
