"""What the kernels of sum factorization are told: small matrices, places of unknowns, coefficients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .rows import ALIGNMENT

ROUND_OFF = 1e-10  # functions of short elements, computed far from the origin, differ by so much at most


class Factor(NamedTuple):
    """Small matrices, one for each element along an axis.

    forward, backward : laid out by `mirrored`, the matrix that all elements share and its transpose; bank is None then.
    Or the same room for those of a group, (entries, lanes), filled from rows `which` of the bank (matrices, entries).
    """

    forward: Any
    backward: Any
    bank: Any
    which: Any


class Line(NamedTuple):
    """The elements of this rank along one axis, E of them with k functions and q points.

    load, store : (E, k) what each function adds to its place in the source and in the result; below zero for none.
    load_whole, store_whole : (E,) whether these are k places in a row.
    functions, points : tuples of k and of q zeros: their lengths are known to the compiler.
    values : Factor of the functions at points; slope : of derivatives from values at points; scale : of what fluxes
    along the axis are multiplied with, or None.
    """

    load: Any
    store: Any
    load_whole: Any
    store_whole: Any
    functions: Any
    points: Any
    values: Any
    slope: Any
    scale: Any


class Weighted(NamedTuple):
    """∫ c u v: coef is a flat array of (groups, points, lanes)."""

    coef: Any


class Separate(NamedTuple):
    """Σ over axes of ∫ c_a (D u) (D v), where D is the derivative along the axis or not.

    coef : flat (groups, parts, points, lanes); offsets : per axis the first point of its part; before, after : per
    axis the table for D u and that for D v, None for the function itself.
    """

    coef: Any
    offsets: Any
    before: Any
    after: Any


class Coupled(NamedTuple):
    """∫ ∇u·C ∇v with a symmetric C: coef is flat (groups, parts, points, lanes), parts as `mixed_flux` has them."""

    coef: Any


class Form(NamedTuple):
    """What `add` needs for one type of data: the three Lines, Weighted, Separate or Coupled, and `stride`."""

    lines: Any
    terms: Any
    stride: int


def lane_count(dtype: Any) -> int:
    """Elements in a group: a cache line of values."""
    return ALIGNMENT // np.dtype(dtype).itemsize


def factor(matrices: np.ndarray, chosen: np.ndarray, sign: int, dtype: Any) -> Factor:
    """The Factor of some elements.

    Parameters
    ----------
    matrices
        (E, m, n), of all elements of the axis: what they share must not depend on the rank.
    chosen
        Numbers of the elements that this rank works on.
    sign
        M[m-1-i, n-1-j] = sign · M[i, j] of a symmetric element, to round-off.
    dtype
        Of the data.
    """
    first = matrices[0]
    limit = ROUND_OFF * np.abs(matrices).max()
    if np.abs(matrices - first).max() <= limit and np.abs(first - sign * first[::-1, ::-1]).max() <= limit:
        return Factor(mirrored(first, sign).astype(dtype), mirrored(first.T, sign).astype(dtype), None, None)
    bank, which = np.unique(matrices.reshape(len(matrices), -1).astype(dtype), axis=0, return_inverse=True)
    room = np.zeros((bank.shape[1], lane_count(dtype)), dtype)
    return Factor(room, room, bank, which.reshape(-1)[chosen])


def mirrored(matrix: np.ndarray, sign: int) -> np.ndarray:
    """The halves of a matrix that meet the even and the odd part of a column, row by row, as `product` reads them."""
    m, n = matrix.shape
    even, odd = (matrix + matrix[:, ::-1]) / 2, (matrix - matrix[:, ::-1]) / 2  # the middle column is even
    entries: list[float] = []
    for i in range((m + 1) // 2):
        middle = i == m - 1 - i
        if not middle or sign > 0:
            entries += [*even[i, : (n + 1) // 2]]
        if not middle or sign < 0:
            entries += [*odd[i, : n // 2]]
    return np.array([*entries, 0.0])  # never empty
