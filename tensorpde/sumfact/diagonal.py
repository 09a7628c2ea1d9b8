"""Diagonals of weak forms by sum factorization: squares of functions at points instead of functions."""

from __future__ import annotations

from itertools import combinations_with_replacement
from math import prod
from typing import Any

import numpy as np

from tensorpde.sumfact.elements import Elements
from tensorpde.sumfact.weights import COUPLED, MASS, STIFFNESS, Weights

ELEMENTS_AT_ONCE = 256


def diagonal(elements: Elements, weights: Weights) -> np.ndarray:
    """The diagonal of a form, on this rank's home block: O(p^(d+1)) per element and part."""
    pencil = elements.space.pencil
    own = pencil.local_shape
    total = np.zeros(prod(own))
    shape = tuple(len(chosen) for chosen in elements.chosen)
    stores = [
        np.where((place >= 0) & (place < part.stop - part.start), place, -1)
        for place, part in (
            (table.columns[chosen] - table.unknowns.start - part.start, part)
            for table, chosen, part in zip(elements.tables, elements.chosen, pencil.slices, strict=True)
        )
    ]
    for start in range(0, prod(shape), ELEMENTS_AT_ONCE):
        stop = min(start + ELEMENTS_AT_ONCE, prod(shape))
        number = np.unravel_index(np.arange(start, stop), shape)
        coefficients = weights.of_elements(start, stop).reshape(stop - start, -1, *elements.counts)
        values = sum(
            _tested(coefficients[:, part], [tables[axis][n] for axis, n in enumerate(number)])
            for part, tables in _terms(elements, weights.name)
        )
        place = np.zeros((stop - start,) + (1,) * len(shape), int)
        inside = place == 0
        for axis, n in enumerate(number):
            line = stores[axis][n].reshape(stop - start, *(-1 if k == axis else 1 for k in range(len(shape))))
            place, inside = place * own[axis] + line, inside & (line >= 0)
        inside = np.broadcast_to(inside, values.shape)
        np.add.at(total, np.broadcast_to(place, values.shape)[inside], values[inside])
    return total.reshape(own)


def _terms(elements: Elements, name: str) -> list[tuple[int, list[np.ndarray]]]:
    """(part, per axis the products of two 1-D functions at points, (elements, q, k)) of each term."""
    ndim = len(elements.tables)
    chosen = elements.chosen
    values = [table.values[own] for table, own in zip(elements.tables, chosen, strict=True)]
    slopes = [table.slopes[own] for table, own in zip(elements.tables, chosen, strict=True)]
    plain = [
        slope / rate[own][..., None] for slope, rate, own in zip(slopes, elements.rates, chosen, strict=True)
    ]  # as the parts of mapped forms have the rates in them

    def squares(a: int | None, b: int | None, derivatives: list[np.ndarray]) -> list[np.ndarray]:
        left = [derivatives[k] if k == a else values[k] for k in range(ndim)]
        right = [derivatives[k] if k == b else values[k] for k in range(ndim)]
        return [x * y for x, y in zip(left, right, strict=True)]

    if name == MASS:
        return [(0, squares(None, None, plain))]
    if name == STIFFNESS:
        return [(0, squares(a, a, slopes)) for a in range(ndim)]
    if name == COUPLED:
        pairs = list(combinations_with_replacement(range(ndim), 2))
        both = [(part, squares(a, b, plain)) for part, (a, b) in enumerate(pairs)]
        return both + [both[part] for part, (a, b) in enumerate(pairs) if a != b]
    return [(a, squares(a, None, plain)) for a in range(ndim)]


def _tested(values: Any, tables: list[np.ndarray]) -> Any:
    """Σ over points of values (elements, q…) · products of 1-D functions, (elements, k…), one axis at a time."""
    for table in tables:
        values = np.einsum("eq...,eqk->e...k", values, table)
    return values
