"""Bands of weak forms: functions of a basis at quadrature points, integrals against them, and products of both.

With B the functions at quadrature points and W the weights, ∫ φ_i f is (Bᵀ W) f, and ∫ φ_i φ_j is Bᵀ W B.
"""

from __future__ import annotations

import numpy as np

from tensorpde.basis import Table
from tensorpde.line.band import RowBand


def values(table: Table, derivative: int = 0) -> RowBand:
    """B: the function (derivative 0) or its slope (1) at all E·q points, from the coefficients of all functions."""
    entries = table.slopes if derivative else table.values
    elements, q, k = entries.shape
    return RowBand(np.repeat(table.first, q), entries.reshape(elements * q, k), table.functions, table.periodic)


def tests(table: Table, derivative: int = 0) -> RowBand:
    """Bᵀ W: integrals against all functions (derivative 0) or their slopes (1), from values at all E·q points."""
    entries = (table.slopes if derivative else table.values) * table.weights[..., None]
    elements, q, k = entries.shape
    turns, rows = np.divmod(table.first[:, None] + np.arange(k), table.functions)
    places = (np.arange(elements)[:, None] - turns * elements) * q
    start = np.full(table.functions, np.iinfo(int).max)
    stop = np.full(table.functions, np.iinfo(int).min)
    np.minimum.at(start, rows, places)
    np.maximum.at(stop, rows, places + q)
    width = int((stop - start).max())
    if not table.periodic:
        start = np.minimum(start, elements * q - width)
    coef = np.zeros((table.functions, width))
    columns = (places - start[rows])[:, :, None] + np.arange(q)
    coef[rows[:, :, None], columns] = entries.transpose(0, 2, 1)
    return RowBand(start, coef, elements * q, table.periodic)


def form(table: Table, test: int = 0, trial: int = 0) -> RowBand:
    """∫ φ_i^(test) φ_j^(trial) dx over all functions i, j; 0 is the function, 1 its slope."""
    return tests(table, test) @ values(table, trial)


def chosen(band: RowBand, rows: slice = slice(None), columns: slice = slice(None)) -> RowBand:
    """The rows and columns of a band that two slices choose."""
    first, stop, _ = columns.indices(band.n)
    if (first, stop) != (0, band.n):
        place = np.arange(band.n) - first
        inside = (place >= 0) & (place < stop - first)
        few = np.clip(place, 0, stop - first - 1)
        band = band @ RowBand(few, inside[:, None].astype(float), stop - first)
    return RowBand(band.start[rows], band.coef[rows], band.n, band.periodic)
