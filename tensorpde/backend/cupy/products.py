"""Matrix products on device arrays, by cuBLAS, and what is made of them."""

from __future__ import annotations

from collections.abc import Iterator

import cupy

AT_ONCE = 1 << 24  # values that go through a work array together


def matmul(a: cupy.ndarray, b: cupy.ndarray, out: cupy.ndarray | None = None) -> cupy.ndarray:
    """a @ b over leading dimensions, to `out` if it is given; views that are transposes are read as they lie."""
    return cupy.matmul(a, b, out=out)


def conjugate(x: cupy.ndarray) -> cupy.ndarray:
    """A copy of x with its complex conjugate values."""
    return x.conj()


def row_sums(x: cupy.ndarray) -> cupy.ndarray:
    """Σ x along the last axis."""
    return x.sum(axis=-1)


def row_dots(x: cupy.ndarray, y: cupy.ndarray) -> cupy.ndarray:
    """Σ x y along the last axis of two real arrays of one shape."""
    return (x * y).sum(axis=-1)


def gram(x: cupy.ndarray) -> cupy.ndarray:
    """Σ x conj(x) over the indices before and after: (before, n, after) → (n, n)."""
    found = cupy.zeros((x.shape[1], x.shape[1]), x.dtype)
    for columns in _columns(x):
        found += columns.T @ columns.conj()
    return found


def triangle(x: cupy.ndarray) -> cupy.ndarray:
    """R, at most n × n, with RᴴR = conj(gram(x)), by a QR factorization, which keeps what is small."""
    r = cupy.zeros((0, x.shape[1]), x.dtype)
    for columns in _columns(x):
        r = cupy.linalg.qr(cupy.concatenate([r, columns]), mode="r")
    return r


def _columns(x: cupy.ndarray) -> Iterator[cupy.ndarray]:
    """The columns of x, each as a row, some at a time: (any number, n)."""
    before, n, after = x.shape
    if x.size == 0:
        return
    if before == 1 or after == 1:
        rows = x.reshape(before, n) if after == 1 else x[0].T
        step = max(AT_ONCE // n, n)
        yield from (rows[first : first + step] for first in range(0, len(rows), step))
        return
    step = max(AT_ONCE // (n * after), 1)
    for first in range(0, before, step):
        yield x[first : first + step].transpose(0, 2, 1).reshape(-1, n)
