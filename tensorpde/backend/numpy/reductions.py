"""Sums along lines whose bits depend on nothing but the line."""

from __future__ import annotations

from typing import Any

import numpy as np

_VALUES_IN_CACHE = 16384


def line_sums(a: np.ndarray, b: np.ndarray | None = None, weights: np.ndarray | None = None) -> np.ndarray:
    """Σ w conj(a) b along the last axis, in double precision; Σ w a without b.

    A few lines at a time, so that the products stay in cache.

    Parameters
    ----------
    a, b
        C-contiguous arrays of one shape.
    weights
        A real host array of the length of a line; 1 for None.
    """
    is_complex = "c" in {factor.dtype.kind for factor in (a, b) if factor is not None}
    sums = np.zeros(a.shape[:-1], "complex128" if is_complex else "float64")
    if a.size == 0:
        return sums
    n = a.shape[-1]
    factor = np.float64(1) if weights is None else np.ascontiguousarray(weights)
    lines, others, flat = a.reshape(-1, n), None if b is None else b.reshape(-1, n), sums.reshape(-1)
    step = max(1, _VALUES_IN_CACHE // n)
    for start in range(0, len(lines), step):
        part = slice(start, start + step)
        products = _products(lines[part], None if others is None else others[part], factor, is_complex)
        flat[part] = products[0].sum(axis=-1) + (1j * products[1].sum(axis=-1) if is_complex else 0)
    return sums


def _products(a: np.ndarray, b: np.ndarray | None, factor: Any, is_complex: bool) -> tuple[np.ndarray, ...]:
    """Real (and imaginary) part of w conj(a) b, by real arithmetic: rounding must not depend on the place in memory."""
    if not is_complex:
        product = a * factor
        return (product if b is None else np.multiply(product, b, out=product),)
    if b is None:
        return a.real * factor, a.imag * factor
    real, imaginary = a.real * factor, a.imag * factor
    return real * b.real + imaginary * b.imag, real * b.imag - imaginary * b.real
