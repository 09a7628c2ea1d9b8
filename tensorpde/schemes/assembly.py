"""From a scheme and an axis to the bands of a line operator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tensorpde.boundary import Boundary, Periodic
from tensorpde.grid import Axis
from tensorpde.line.band import RowBand
from tensorpde.schemes.rows import Entries, RowMaker, TooShort
from tensorpde.schemes.scheme import Scheme
from tensorpde.schemes.walls import Wall


@dataclass(frozen=True)
class Assembled:
    """A scheme on an axis: lhs · f^(d) = rhs · u + left · g_left + right · g_right, in physical units.

    Parameters
    ----------
    lhs
        m×m band of a compact scheme, None for an explicit one.
    rhs
        m×n band.
    left, right
        Factors of the boundary data, shape (m,). g is the Dirichlet value, the outward normal derivative or the
        Robin value.
    """

    lhs: RowBand | None
    rhs: RowBand
    left: np.ndarray
    right: np.ndarray


def assemble(
    scheme: Scheme, axis: Axis, to: Axis | None = None, bc: Boundary | Sequence[Boundary | None] | None = None
) -> Assembled:
    """The bands of a scheme on an axis, closures, metric and boundary data included.

    Parameters
    ----------
    scheme
        What to compute.
    axis
        Where the data are.
    to
        Where the result is wanted; default: the same points, for staggered schemes `axis.staggered()`.
    bc
        Scalar conditions to use instead of those of `axis`: one for both sides or a pair, in which None stands for
        no boundary information.

    Raises
    ------
    ValueError
        If the axes do not fit each other or the scheme, a condition is not a scalar one, or the line is too short;
        the message names both values.

    Notes
    -----
    Set-up on the host, O(n); not collective.
    """
    target = to or (axis.staggered() if scheme.shift else axis)
    _check(scheme, axis, target)
    pair = _pair(axis, bc)
    try:
        rows = _rows(scheme, axis, target, pair)
    except TooShort:
        needed = _shortest(scheme, axis, target, pair)
        raise ValueError(f"{scheme.name} between {pair[0]} and {pair[1]} needs n ≥ {needed}, but n={axis.n}") from None
    lhs = _band([row.lhs for row in rows], target.n, axis.periodic)
    explicit = lhs.width == 1 and bool(np.all(lhs.coef == 1))
    rhs = _band([row.rhs for row in rows], axis.n, axis.periodic)
    left, right = (np.array([row.data[side] for row in rows]) for side in (0, 1))
    return Assembled(None if explicit else lhs, rhs, left, right)


def _rows(scheme: Scheme, axis: Axis, target: Axis, pair: tuple[Boundary | None, Boundary | None]) -> list[Entries]:
    walls = None if axis.periodic else (Wall.of(pair[0], 0.0), Wall.of(pair[1], float(axis.intervals)))
    return RowMaker(scheme, axis, target, walls).rows()


def _shortest(scheme: Scheme, axis: Axis, target: Axis, pair: tuple[Boundary | None, Boundary | None]) -> int:
    """The smallest n that is long enough."""
    more = 0
    while True:
        more += 1
        try:
            _rows(scheme, axis.like(n=axis.n + more), target.like(n=target.n + more), pair)
        except TooShort:
            continue
        return axis.n + more


def _check(scheme: Scheme, axis: Axis, target: Axis) -> None:
    """The two axes must be the same line of point values, and their points apart by the shift of the scheme."""
    for line in (axis, target):
        if line.basis is not None:
            raise ValueError(f"{scheme.name} needs point values, but the axis has coefficients of {line.basis}")
    for what in ("lo", "hi", "mapping", "periodic", "intervals"):
        here, there = getattr(axis, what), getattr(target, what)
        if here != there:
            raise ValueError(f"{scheme.name}: data and result differ in {what}: {here} and {there}")
    staggered = axis.location != target.location
    if staggered != bool(scheme.shift):
        kind = "a staggered scheme" if scheme.shift else "a scheme on equal points"
        raise ValueError(f"{scheme.name} is {kind}, but leads from {axis.location} to {target.location} here")


def _pair(axis: Axis, bc: Boundary | Sequence[Boundary | None] | None) -> tuple[Boundary | None, Boundary | None]:
    """The conditions to use."""
    if bc is None:
        return axis.sides
    left, right = (bc, bc) if isinstance(bc, Boundary) else bc
    if axis.periodic != isinstance(left, Periodic) or axis.periodic != isinstance(right, Periodic):
        raise ValueError(f"conditions {left} and {right} do not fit an axis with {axis.sides[0]} and {axis.sides[1]}")
    return left, right


def _band(rows: list[dict[int, float]], n: int, periodic: bool) -> RowBand:
    """Rows given by their columns as the narrowest RowBand; columns of a periodic band may lie outside 0…n−1."""
    rows = [{k: c for k, c in row.items() if c} for row in rows]
    spans = [(min(row), max(row)) if row else None for row in rows]
    width = max([last - first + 1 for first, last in filter(None, spans)], default=1)
    start = np.zeros(len(rows), dtype=np.int64)
    coef = np.zeros((len(rows), width))
    previous = next((span[0] for span in spans if span), 0)
    for i, (row, span) in enumerate(zip(rows, spans)):
        first = span[0] if span else previous
        previous = start[i] = first if periodic else min(first, n - width)
        for column, value in row.items():
            coef[i, column - start[i]] += value
    return RowBand(start, coef, n, periodic)
