"""From the Fourier modes of packed real lines to modes, cosines and sines, and back; and the solve.

Every lane is one line, which never meets another line: the bits of a result do not depend on the
company a line keeps. A real line v of even length n = 2N is packed as z_j = v_{2j} + i v_{2j+1} into N
complex rows of a tile: real parts from row 0 at t, imaginary parts from t + h. All functions work in
place on the rows k and N−k together: with S = Z_k + conj Z_{N−k}, D = Z_k − conj Z_{N−k} the modes of v are

    X_k = ½(S − i e^{−iπk/N} D),   X_{N−k} = ½ conj(S + i e^{−iπk/N} D),

and the modes of z, doubled, come back with the sign of the exponent changed and without the halves.
`turn` holds cos and sin of πk/N, and of the quarter angle πk/2n where a function needs it, per k.
Source of types II and III: J. Makhoul, IEEE Trans. ASSP 28 (1980) 27–34.
"""

from __future__ import annotations

from .compiled import part
from .fft_lanes import fma, fnma, lanes_of, load, reciprocal, store


@part
def _unpacked(x, at, mirror, h, c, s):
    """2X_k and 2X_{N−k}."""
    ar, ai, br, bi = load(x, at), load(x, at + h), load(x, mirror), load(x, mirror + h)
    sr, si, dr, di = ar + br, ai - bi, ar - br, ai + bi
    ur, ui = fnma(dr, s, di * c), fma(di, s, dr * c)
    return sr + ur, si - ui, sr - ur, (si + ui) * x.dtype.type(-1.0)


@part
def _packed(x, at, mirror, h, ar, ai, br, bi, c, s):
    """Store 2Z_k and 2Z_{N−k} made from X_k = a and X_{N−k} = b."""
    sr, si, dr, di = ar + br, ai - bi, ar - br, ai + bi
    ur, ui = fma(dr, s, di * c), fnma(di, s, dr * c)
    store(x, mirror, sr + ur)
    store(x, mirror + h, ui - si)
    store(x, at, sr - ur)
    store(x, at + h, si + ui)


@part
def to_modes(x, t, h, count, width, turn):
    """Rows Z_0…Z_{N−1} become X_0…X_N."""
    lanes = lanes_of(x)
    half, zero = x.dtype.type(0.5), x.dtype.type(0.0)
    for q in range(t, t + width, lanes):
        a, b = load(x, q), load(x, q + h)
        store(x, q, a + b)
        store(x, q + h, a * zero)
        store(x, q + count * width, a - b)
        store(x, q + count * width + h, a * zero)
    for k in range(1, count // 2 + 1):
        c, s = turn[4 * k], turn[4 * k + 1]
        for q in range(t, t + width, lanes):
            at, mirror = q + k * width, q + (count - k) * width
            ar, ai, br, bi = _unpacked(x, at, mirror, h, c, s)
            store(x, mirror, br * half)
            store(x, mirror + h, bi * half)
            store(x, at, ar * half)
            store(x, at + h, ai * half)


@part
def from_modes(x, t, h, count, width, turn):
    """Rows X_0…X_N become 2Z_0…2Z_{N−1}; the imaginary parts of X_0 and X_N do not count."""
    lanes = lanes_of(x)
    for q in range(t, t + width, lanes):
        a, b = load(x, q), load(x, q + count * width)
        store(x, q, a + b)
        store(x, q + h, a - b)
    for k in range(1, count // 2 + 1):
        c, s = turn[4 * k], turn[4 * k + 1]
        for q in range(t, t + width, lanes):
            at, mirror = q + k * width, q + (count - k) * width
            ar, ai, br, bi = load(x, at), load(x, at + h), load(x, mirror), load(x, mirror + h)
            _packed(x, at, mirror, h, ar, ai, br, bi, c, s)


@part
def to_cosines(x, t, h, count, width, turn):
    """DCT-II of the line whose reordered samples have the modes X_k, with φ = πk/2n:

    C_k = 2 Re(e^{−iφ} X_k) in the real row k and C_{n−k} = −2 Im(e^{−iφ} X_k) in the imaginary row k,
    for k = 0, where C_n = 0, C_N instead.
    """
    lanes = lanes_of(x)
    two, root = x.dtype.type(2.0), turn[4 * count + 2] * x.dtype.type(2.0)
    for q in range(t, t + width, lanes):
        a, b = load(x, q), load(x, q + h)
        store(x, q, (a + b) * two)
        store(x, q + h, (a - b) * root)
    for k in range(1, count // 2 + 1):
        j = count - k
        for q in range(t, t + width, lanes):
            at, mirror = q + k * width, q + j * width
            ar, ai, br, bi = _unpacked(x, at, mirror, h, turn[4 * k], turn[4 * k + 1])
            c, s = turn[4 * j + 2], turn[4 * j + 3]
            store(x, mirror, fma(bi, s, br * c))
            store(x, mirror + h, fnma(bi, c, br * s))
            c, s = turn[4 * k + 2], turn[4 * k + 3]
            store(x, at, fma(ai, s, ar * c))
            store(x, at + h, fnma(ai, c, ar * s))


@part
def from_cosines(x, t, h, count, width, turn):
    """Modes 2Z whose inverse transform is the reordered DCT-III, from coefficients placed as by `to_cosines`."""
    lanes = lanes_of(x)
    root = turn[4 * count + 2] * x.dtype.type(2.0)
    for q in range(t, t + width, lanes):
        a, b = load(x, q), load(x, q + h) * root
        store(x, q, a + b)
        store(x, q + h, a - b)
    for k in range(1, count // 2 + 1):
        j = count - k
        for q in range(t, t + width, lanes):
            at, mirror = q + k * width, q + j * width
            ar, ai = _quarter_back(x, at, h, turn[4 * k + 2], turn[4 * k + 3])
            br, bi = _quarter_back(x, mirror, h, turn[4 * j + 2], turn[4 * j + 3])
            _packed(x, at, mirror, h, ar, ai, br, bi, turn[4 * k], turn[4 * k + 1])


@part
def _quarter_back(x, at, h, c, s):
    """e^{iφ}(C_k − i C_{n−k})."""
    a, b = load(x, at), load(x, at + h)
    return fma(b, s, a * c), fnma(b, c, a * s)


@part
def rotate(x, t, h, count, width, turn):
    """Multiply row j by e^{−iφ}, φ = π(j + ⅛)/n the quarter angle in `turn`: before and after DCT-IV."""
    lanes = lanes_of(x)
    for j in range(count):
        c, s = turn[4 * j + 2], turn[4 * j + 3]
        for q in range(t + j * width, t + (j + 1) * width, lanes):
            a, b = load(x, q), load(x, q + h)
            store(x, q, fma(b, s, a * c))
            store(x, q + h, fnma(a, s, b * c))


@part
def extend(x, t, h, count, width, odd):
    """Pack the even (or odd) extension of length 2N, e_{2N−l} = ±e_l, of e_0…e_N in the real rows 0…N.

    An odd extension has e_0 = e_N = 0 whatever those rows hold.
    """
    lanes = lanes_of(x)
    sign = x.dtype.type(-1.0 if odd else 1.0)
    if odd:
        x[t : t + width] = 0.0
        x[t + count * width : t + (count + 1) * width] = 0.0
    for a in range((count + 1) // 2):
        for q in range(t, t + width, lanes):
            store(x, q + a * width + h, load(x, q + (2 * a + 1) * width))
    for a in range(1, count // 2 + 1):
        for q in range(t, t + width, lanes):
            store(x, q + a * width, load(x, q + 2 * a * width))
    for a in range(count // 2 + 1, count):
        for q in range(t, t + width, lanes):
            store(x, q + a * width, load(x, q + (count - a) * width) * sign)
    for a in range((count + 1) // 2, count):
        for q in range(t + h, t + h + width, lanes):
            store(x, q + a * width, load(x, q + (count - 1 - a) * width) * sign)


@part
def to_whole(x, t, h, count, width, turn, odd):
    """DCT-I in the real rows 0…N, or DST-I in the real rows 1…N−1: real, or minus the imaginary, parts of X."""
    lanes = lanes_of(x)
    half = x.dtype.type(0.5)
    for q in range(t, t + width, lanes):
        a, b = load(x, q), load(x, q + h)
        store(x, q, a + b)
        store(x, q + count * width, a - b)
    for k in range(1, count // 2 + 1):
        for q in range(t, t + width, lanes):
            at, mirror = q + k * width, q + (count - k) * width
            ar, ai, br, bi = _unpacked(x, at, mirror, h, turn[4 * k], turn[4 * k + 1])
            store(x, mirror, bi * -half if odd else br * half)
            store(x, at, ai * -half if odd else ar * half)


@part
def scale(x, second, width, rows, own, mass, sums, tol, separable):
    """Multiply mode k, in row rows[k] (and `second` further on if not 0), by own[k] or the separable multiplier.

    The latter is 1/(own[k]·B + mass[k]·A), A and B the lines' own parts: `sums` holds A, then B, of the lanes.
    """
    lanes = lanes_of(x)
    for k in range(len(rows)):
        a, b = own[k], mass[k]
        for q in range(0, width, lanes):
            at = rows[k] * width + q
            if separable:
                factor = reciprocal(fma(load(sums, q), b, load(sums, width + q) * a), tol)
                store(x, at, load(x, at) * factor)
                if second > 0:
                    store(x, at + second, load(x, at + second) * factor)
            else:
                store(x, at, load(x, at) * a)
                if second > 0:
                    store(x, at + second, load(x, at + second) * a)
