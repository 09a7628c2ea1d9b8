"""Matrix products on host arrays, by the BLAS library on each of the threads."""

from __future__ import annotations

import numpy as np

from .recycling import empty
from .threads import share

_ROWS = 1024  # of a large matrix that are one product, on however many threads


def matmul(a: np.ndarray, b: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """a @ b over leading dimensions, to `out` if it is given; views that are transposes are read as they lie."""
    if out is None:
        shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
        out = empty(shape, np.result_type(a, b))
    if a.ndim > 2 and a.shape[:-2] == b.shape[:-2]:
        share(lambda part: np.matmul(a[part], b[part], out=out[part]), len(a), a.size)
    elif a.ndim == b.ndim == 2 and len(a) > _ROWS and a.flags.c_contiguous:
        share(lambda part: _by_rows(a, b, out, part), -(-len(a) // _ROWS), a.size)
    else:
        np.matmul(a, b, out=out)
    return out


def _by_rows(a: np.ndarray, b: np.ndarray, out: np.ndarray, part: slice) -> None:
    for k in range(part.start, part.stop):
        rows = slice(k * _ROWS, (k + 1) * _ROWS)
        np.matmul(a[rows], b, out=out[rows])


def conjugate(x: np.ndarray) -> np.ndarray:
    """A copy of x with its complex conjugate values."""
    return np.conjugate(x, out=empty(x.shape, x.dtype))


def row_sums(x: np.ndarray) -> np.ndarray:
    """Σ x along the last axis."""
    return x @ np.ones(x.shape[-1], x.dtype)


def row_dots(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Σ x y along the last axis of two real arrays of one shape."""
    return np.vecdot(x, y)


def gram(x: np.ndarray) -> np.ndarray:
    """Σ x conj(x) over the indices before and after: (before, n, after) → (n, n)."""
    rows = _unfolded(x)
    return rows @ rows.conj().T


def triangle(x: np.ndarray) -> np.ndarray:
    """R, at most n × n, with RᴴR = conj(gram(x)), by a QR factorization, which keeps what is small."""
    return np.asarray(np.linalg.qr(np.ascontiguousarray(_unfolded(x).T), mode="r"))


def _unfolded(x: np.ndarray) -> np.ndarray:
    return x.transpose(1, 0, 2).reshape(x.shape[1], x.shape[0] * x.shape[2])
