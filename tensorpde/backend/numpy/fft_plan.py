"""Which passes, tables and row orders make a transform of a given kind and length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import fft_tiles as tiles

LARGEST_RADIX = 13
INVERSE_KIND = {"dct2": "dct3", "dct3": "dct2", "dst2": "dst3", "dst3": "dst2"}  # the others invert themselves


@dataclass(frozen=True)
class Program:
    """One direction of a transform: gather by rows_in and scale_in, `core`, scatter by rows_out and scale_out."""

    core: int
    rows_in: np.ndarray
    scale_in: np.ndarray
    rows_out: np.ndarray
    scale_out: np.ndarray


def radices(count: int) -> list[int] | None:
    """Factors of `count` that the passes know, the fastest last; None if a prime factor is too large."""
    found = []
    for prime in (13, 11, 7, 5, 3):
        while count % prime == 0:
            found.append(prime)
            count //= prime
    twos = count.bit_length() - 1
    if count != 1 << twos:
        return None
    fours = {0: 0, 1: 2, 2: 1}[twos % 3]
    if twos == 1:
        return [*found, 2]
    return [*found, *[4] * fours, *[8] * ((twos - 2 * fours) // 3)]


def complex_count(kind: str, n: int) -> int | None:
    """Length of the Fourier transform behind a transform of n values; None where there is no kernel."""
    if kind == "fft":
        count = n
    elif kind in ("dct1", "dst1"):
        count = n - 1 if kind == "dct1" else n + 1
    elif n % 2:
        return None
    else:
        count = n // 2
    return count if radices(count) is not None else None


def programs(kind: str, n: int) -> tuple[Program, Program]:
    """The forward and the inverse transform; together they divide by what scipy's norm="backward" divides by."""
    count = complex_count(kind, n)
    assert count is not None
    j = np.arange(n)
    if kind == "fft":
        return _program(tiles.FOURIER, j, j), _program(tiles.INVERSE, j, j, scale_out=1.0 / n)
    if kind == "rfft":
        modes, samples = np.arange(count + 1), _packed(j, count)
        return _program(tiles.REAL, samples, modes), _program(tiles.UNREAL, modes, samples, scale_out=1.0 / n)
    forward, backward = _real(kind, n, count), _real(INVERSE_KIND.get(kind, kind), n, count, inverse=True)
    factor = 1.0 / (2 * count if kind[3] == "1" else 2 * n)
    scaled = Program(backward.core, backward.rows_in, backward.scale_in, backward.rows_out, backward.scale_out * factor)
    return forward, scaled


def _program(core, rows_in, rows_out, scale_in=1.0, scale_out=1.0) -> Program:
    gather = np.broadcast_to(np.asarray(scale_in, float), rows_in.shape).copy()
    scatter = np.broadcast_to(np.asarray(scale_out, float), rows_out.shape).copy()
    return Program(core, rows_in.astype(np.intp), gather, rows_out.astype(np.intp), scatter)


def _packed(position: np.ndarray, count: int) -> np.ndarray:
    """The row of v_position: even ones are real parts, odd ones imaginary parts, count + 1 rows further on."""
    return position // 2 + position % 2 * (count + 1)


def _real(kind: str, n: int, count: int, inverse: bool = False) -> Program:
    """Cosine and sine transforms; the sine ones are cosine ones with signs and reversals.

    The rows that a transform leaves its modes in are those that its inverse takes them from, so that a solve
    need not move them; DST-IV, its own inverse, is therefore written in its two forms, signs first or last.
    """
    j = np.arange(n)
    sine, number = kind.startswith("dst"), kind[3]
    sign = (-1.0) ** j if sine else np.ones(n)
    if number == "1":
        rows = j + 1 if sine else j
        return _program(tiles.ODD if sine else tiles.EVEN, rows, rows)
    if number == "4":
        pair = np.where(j % 2, (n - 1 - j) // 2 + count + 1, j // 2)
        turned, halves = pair[::-1] if sine else pair, np.where(j % 2, -2.0, 2.0)
        if inverse:
            return _program(tiles.QUARTER, pair, turned, sign, halves[::-1] if sine else halves)
        return _program(tiles.QUARTER, turned, pair, 1.0, halves * sign)
    samples = _packed(np.where(j % 2, n - 1 - j // 2, j // 2), count)  # Makhoul's order
    modes = np.where(j < count, j, np.where(j == count, count + 1, count + 1 + n - j))  # see fft_cores.to_cosines
    modes = modes[::-1] if sine else modes
    if number == "2":
        return _program(tiles.COSINES, samples, modes, scale_in=sign)
    return _program(tiles.UNCOSINES, modes, samples, scale_out=sign)


def tables(kind: str, n: int, dtype: np.dtype) -> tiles.Tables:
    """Radices, twiddle factors and angles, computed in double precision."""
    count = complex_count(kind, n)
    assert count is not None
    factors = radices(count) or []
    twiddles, starts, length = [np.zeros(0)], [], count
    roots = np.zeros((len(factors), 2 * LARGEST_RADIX))
    for index, radix in enumerate(factors):
        starts.append(sum(map(len, twiddles)))
        powers = np.outer(np.arange(length // radix), np.arange(1, radix))
        twiddles.append(_turns(powers.ravel() % length, length))
        roots[index, : 2 * radix] = _turns(np.arange(radix), radix)
        length //= radix
    k = np.arange(count + 1)
    whole = np.conj(_turns(k, 2 * count).view(complex))
    quarter = np.exp(1j * np.pi * (k + 0.125) / n) if kind[-1] == "4" else np.exp(0.5j * np.pi * k / n)
    turn = np.stack([whole.real, whole.imag, quarter.real, quarter.imag], axis=1).ravel()
    return tiles.Tables(
        np.array(factors, dtype=np.intp),
        np.array(starts, dtype=np.intp),
        np.concatenate(twiddles).astype(dtype),
        roots.astype(dtype),
        turn.astype(dtype),
        count,
    )


def _turns(k: np.ndarray, n: int) -> np.ndarray:
    """cos and −sin of 2πk/n, alternating."""
    return np.exp(-2j * np.pi * k / n).view(float)
