"""The passes of a self-sorting (Stockham) Fourier transform of a tile of lines, lines in SIMD lanes.

A pass of radix r takes values x[q + s·(p + m·j)] and puts out

    y[q + s·(r·p + k)] = w^{pk} Σ_j x[q + s·(p + m·j)] e^{−2πi jk/r},   w = e^{−2πi/(r·m)},

for p < m, j, k < r, q < s, where r·m·s is the length of the transform times the lanes of a tile, and s
counts reals. Real and imaginary parts are separate planes of a 1-D array: xr, xi, yr, yi say where they
start, so exchanging them on both sides gives the inverse transform. `tw` holds the r − 1 twiddle
factors w^{pk} (k = 1…r−1, real then imaginary part) of each p, from `t` on; None means m = 1 (the last
pass), where they are 1. Source: the Stockham scheme as in C. Van Loan, Computational Frameworks for the
Fast Fourier Transform, SIAM 1992, §1.7.
"""

from __future__ import annotations

import math

from numba import types
from numba.extending import overload

from .compiled import part
from .fft_lanes import fma, fnma, lanes_of, load, store

_H = math.sqrt(0.5)
_S3 = math.sqrt(0.75)
_C51, _S51 = math.cos(2 * math.pi / 5), math.sin(2 * math.pi / 5)
_C52, _S52 = math.cos(4 * math.pi / 5), math.sin(4 * math.pi / 5)


def _at(tw, t):
    """The twiddle factor at t, or None where there are none."""


@overload(_at)
def _(tw, t):
    if isinstance(tw, types.NoneType):
        return lambda tw, t: (None, None)
    return lambda tw, t: (tw[t], tw[t + 1])


@part
def _put(y, yr, yi, vr, vi, wr, wi):
    """Store the complex lanes v, times the twiddle factor w if there is one."""
    if wr is None:
        store(y, yr, vr)
        store(y, yi, vi)
    else:
        store(y, yr, fnma(vi, wi, vr * wr))
        store(y, yi, fma(vr, wi, vi * wr))


@part
def pass2(x, xr, xi, y, yr, yi, m, s, tw, t):
    """Radix 2."""
    lanes = lanes_of(x)
    for p in range(m):
        w1r, w1i = _at(tw, t + 2 * p)
        for q in range(0, s, lanes):
            i, o = q + s * p, q + 2 * s * p
            ar, ai, br, bi = load(x, xr + i), load(x, xi + i), load(x, xr + i + s * m), load(x, xi + i + s * m)
            _put(y, yr + o, yi + o, ar + br, ai + bi, None, None)
            _put(y, yr + o + s, yi + o + s, ar - br, ai - bi, w1r, w1i)


@part
def pass3(x, xr, xi, y, yr, yi, m, s, tw, t):
    """Radix 3."""
    lanes = lanes_of(x)
    half, sine = x.dtype.type(0.5), x.dtype.type(_S3)
    for p in range(m):
        w1r, w1i = _at(tw, t + 4 * p)
        w2r, w2i = _at(tw, t + 4 * p + 2)
        for q in range(0, s, lanes):
            i, o, d = q + s * p, q + 3 * s * p, s * m
            ar, br, cr = load(x, xr + i), load(x, xr + i + d), load(x, xr + i + 2 * d)
            ai, bi, ci = load(x, xi + i), load(x, xi + i + d), load(x, xi + i + 2 * d)
            sr, si, dr, di = br + cr, bi + ci, (br - cr) * sine, (bi - ci) * sine
            er, ei = fnma(sr, half, ar), fnma(si, half, ai)
            _put(y, yr + o, yi + o, ar + sr, ai + si, None, None)
            _put(y, yr + o + s, yi + o + s, er + di, ei - dr, w1r, w1i)
            _put(y, yr + o + 2 * s, yi + o + 2 * s, er - di, ei + dr, w2r, w2i)


@part
def _four(ar, ai, br, bi, cr, ci, dr, di):
    """The Fourier transform of four complex values."""
    pr, pi, mr, mi = ar + cr, ai + ci, ar - cr, ai - ci
    ur, ui, vr, vi = br + dr, bi + di, br - dr, bi - di
    return pr + ur, pi + ui, mr + vi, mi - vr, pr - ur, pi - ui, mr - vi, mi + vr


@part
def pass4(x, xr, xi, y, yr, yi, m, s, tw, t):
    """Radix 4."""
    lanes = lanes_of(x)
    d = s * m
    for p in range(m):
        w1r, w1i = _at(tw, t + 6 * p)
        w2r, w2i = _at(tw, t + 6 * p + 2)
        w3r, w3i = _at(tw, t + 6 * p + 4)
        for q in range(0, s, lanes):
            i, o = q + s * p, q + 4 * s * p
            ar, ai, br, bi, cr, ci, dr, di = _four(
                load(x, xr + i),
                load(x, xi + i),
                load(x, xr + i + d),
                load(x, xi + i + d),
                load(x, xr + i + 2 * d),
                load(x, xi + i + 2 * d),
                load(x, xr + i + 3 * d),
                load(x, xi + i + 3 * d),
            )
            _put(y, yr + o, yi + o, ar, ai, None, None)
            _put(y, yr + o + s, yi + o + s, br, bi, w1r, w1i)
            _put(y, yr + o + 2 * s, yi + o + 2 * s, cr, ci, w2r, w2i)
            _put(y, yr + o + 3 * s, yi + o + 3 * s, dr, di, w3r, w3i)


@part
def _five(ar, ai, br, bi, cr, ci, dr, di, er, ei, c1, s1, c2, s2):
    """Outputs 1 to 4 of the Fourier transform of five complex values; output 0 is their sum."""
    pr, pi, qr, qi = br + er, bi + ei, cr + dr, ci + di
    ur, ui, vr, vi = br - er, bi - ei, cr - dr, ci - di
    fr, fi = fma(qr, c2, fma(pr, c1, ar)), fma(qi, c2, fma(pi, c1, ai))
    gr, gi = fma(qr, c1, fma(pr, c2, ar)), fma(qi, c1, fma(pi, c2, ai))
    hr, hi = fma(vr, s2, ur * s1), fma(vi, s2, ui * s1)
    kr, ki = fnma(vr, s1, ur * s2), fnma(vi, s1, ui * s2)
    return fr + hi, fi - hr, gr + ki, gi - kr, gr - ki, gi + kr, fr - hi, fi + hr


@part
def pass5(x, xr, xi, y, yr, yi, m, s, tw, t):
    """Radix 5."""
    lanes = lanes_of(x)
    real = x.dtype.type
    c1, s1, c2, s2, d = real(_C51), real(_S51), real(_C52), real(_S52), s * m
    for p in range(m):
        w1r, w1i = _at(tw, t + 8 * p)
        w2r, w2i = _at(tw, t + 8 * p + 2)
        w3r, w3i = _at(tw, t + 8 * p + 4)
        w4r, w4i = _at(tw, t + 8 * p + 6)
        for q in range(0, s, lanes):
            i, o = q + s * p, q + 5 * s * p
            ar, br, cr = load(x, xr + i), load(x, xr + i + d), load(x, xr + i + 2 * d)
            ai, bi, ci = load(x, xi + i), load(x, xi + i + d), load(x, xi + i + 2 * d)
            dr, di, er, ei = (
                load(x, xr + i + 3 * d),
                load(x, xi + i + 3 * d),
                load(x, xr + i + 4 * d),
                load(x, xi + i + 4 * d),
            )
            fr, fi, gr, gi, hr, hi, kr, ki = _five(ar, ai, br, bi, cr, ci, dr, di, er, ei, c1, s1, c2, s2)
            _put(y, yr + o, yi + o, ar + ((br + er) + (cr + dr)), ai + ((bi + ei) + (ci + di)), None, None)
            _put(y, yr + o + s, yi + o + s, fr, fi, w1r, w1i)
            _put(y, yr + o + 2 * s, yi + o + 2 * s, gr, gi, w2r, w2i)
            _put(y, yr + o + 3 * s, yi + o + 3 * s, hr, hi, w3r, w3i)
            _put(y, yr + o + 4 * s, yi + o + 4 * s, kr, ki, w4r, w4i)


@part
def pass8(x, xr, xi, y, yr, yi, m, s, tw, t):
    """Radix 8: two of radix 4 after one round of sums and turned differences."""
    lanes = lanes_of(x)
    h, d = x.dtype.type(_H), s * m
    for p in range(m):
        w1r, w1i = _at(tw, t + 14 * p)
        w2r, w2i = _at(tw, t + 14 * p + 2)
        w3r, w3i = _at(tw, t + 14 * p + 4)
        w4r, w4i = _at(tw, t + 14 * p + 6)
        w5r, w5i = _at(tw, t + 14 * p + 8)
        w6r, w6i = _at(tw, t + 14 * p + 10)
        w7r, w7i = _at(tw, t + 14 * p + 12)
        for q in range(0, s, lanes):
            i, o = q + s * p, q + 8 * s * p
            a0, b0, a4, b4 = load(x, xr + i), load(x, xi + i), load(x, xr + i + 4 * d), load(x, xi + i + 4 * d)
            a2, b2 = load(x, xr + i + 2 * d), load(x, xi + i + 2 * d)
            a6, b6 = load(x, xr + i + 6 * d), load(x, xi + i + 6 * d)
            a1, b1, a5, b5 = load(x, xr + i + d), load(x, xi + i + d), load(x, xr + i + 5 * d), load(x, xi + i + 5 * d)
            a3, b3 = load(x, xr + i + 3 * d), load(x, xi + i + 3 * d)
            a7, b7 = load(x, xr + i + 7 * d), load(x, xi + i + 7 * d)
            e0r, e0i, e1r, e1i, e2r, e2i, e3r, e3i = _four(
                a0 + a4, b0 + b4, a1 + a5, b1 + b5, a2 + a6, b2 + b6, a3 + a7, b3 + b7
            )
            _put(y, yr + o, yi + o, e0r, e0i, None, None)
            _put(y, yr + o + 2 * s, yi + o + 2 * s, e1r, e1i, w2r, w2i)
            _put(y, yr + o + 4 * s, yi + o + 4 * s, e2r, e2i, w4r, w4i)
            _put(y, yr + o + 6 * s, yi + o + 6 * s, e3r, e3i, w6r, w6i)
            ur, ui, vr, vi = a1 - a5, b1 - b5, a3 - a7, b3 - b7
            e0r, e0i, e1r, e1i, e2r, e2i, e3r, e3i = _four(
                a0 - a4, b0 - b4, (ur + ui) * h, (ui - ur) * h, b2 - b6, a6 - a2, (vi - vr) * h, (vr + vi) * -h
            )
            _put(y, yr + o + s, yi + o + s, e0r, e0i, w1r, w1i)
            _put(y, yr + o + 3 * s, yi + o + 3 * s, e1r, e1i, w3r, w3i)
            _put(y, yr + o + 5 * s, yi + o + 5 * s, e2r, e2i, w5r, w5i)
            _put(y, yr + o + 7 * s, yi + o + 7 * s, e3r, e3i, w7r, w7i)


@part
def pass_any(x, xr, xi, y, yr, yi, m, s, tw, t, r, roots):
    """Any radix r from its definition; `roots` holds cos and −sin of 2πj/r for j < r."""
    lanes = lanes_of(x)
    for p in range(m):
        for q in range(0, s, lanes):
            i, o = q + s * p, q + r * s * p
            for k in range(r):
                sr, si = load(x, xr + i), load(x, xi + i)
                for j in range(1, r):
                    c, d, here = roots[2 * (j * k % r)], roots[2 * (j * k % r) + 1], i + j * s * m
                    vr, vi = load(x, xr + here), load(x, xi + here)
                    sr, si = fnma(vi, d, fma(vr, c, sr)), fma(vi, c, fma(vr, d, si))
                if k == 0:
                    _put(y, yr + o, yi + o, sr, si, None, None)
                else:
                    wr, wi = _at(tw, t + 2 * (p * (r - 1) + k - 1))
                    _put(y, yr + o + k * s, yi + o + k * s, sr, si, wr, wi)


@part
def fourier(x, y, t0, t1, width, factors, starts, twiddles, roots):
    """Fourier transform of the rows of a tile, planes at t0 (real) and t1; returns (result, the other buffer).

    With t0 and t1 exchanged it is the inverse, not divided by the length. `factors` are the radices,
    `starts` where the twiddle factors of each pass begin, `roots` those of `pass_any`, one row per pass.
    """
    s, m = width, 1
    for radix in factors:
        m *= radix
    for index, radix in enumerate(factors):
        m //= radix
        t = starts[index]
        if radix == 8 and m == 1:
            pass8(x, t0, t1, y, t0, t1, m, s, None, t)
        elif radix == 8:
            pass8(x, t0, t1, y, t0, t1, m, s, twiddles, t)
        elif radix == 4 and m == 1:
            pass4(x, t0, t1, y, t0, t1, m, s, None, t)
        elif radix == 4:
            pass4(x, t0, t1, y, t0, t1, m, s, twiddles, t)
        elif radix == 2:
            pass2(x, t0, t1, y, t0, t1, m, s, twiddles, t)
        elif radix == 3:
            pass3(x, t0, t1, y, t0, t1, m, s, twiddles, t)
        elif radix == 5:
            pass5(x, t0, t1, y, t0, t1, m, s, twiddles, t)
        else:
            pass_any(x, t0, t1, y, t0, t1, m, s, twiddles, t, radix, roots[index])
        x, y, s = y, x, s * radix
    return x, y
