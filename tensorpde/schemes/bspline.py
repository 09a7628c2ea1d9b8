"""Spline collocation at Greville points: derivatives of the spline through the values, in bands.

With B the values (at walls also slopes) of the B-splines at the points and B' their derivatives, coefficients are
B⁻¹ u and the derivative is B' B⁻¹ u: a banded solve and a banded product; where both commute, on a periodic axis with
equal spacing, in one pass as B⁻¹ B'. A datum on a wall gives the first or second coefficient by the others, so that
there are as many of these as values.

Orders for smooth u: the second derivative p for even p, p − 1 for odd p and in a few rows beside walls; solutions of
u'' = f p for even and p − 1 for odd p everywhere. The first derivative p for even p, p + 1 for odd p (p beside walls).
Source: F. Auricchio, L. Beirão da Veiga, T. J. R. Hughes, A. Reali, G. Sangalli, Isogeometric collocation methods,
Math. Models Methods Appl. Sci. 20 (2010), 2075–2107.
"""

from __future__ import annotations

import numpy as np

from tensorpde.basis import Greville
from tensorpde.boundary import Boundary
from tensorpde.grid import Axis
from tensorpde.line import Banded, BandedSolve, Compact, LineOperator, RowBand
from tensorpde.schemes.collocation import Collocation, Lines, check, slope_of

CITATION = "Auricchio, Beirao da Veiga, Hughes, Reali, Sangalli, M3AS 20 (2010) 2075"
COMMUTE = 1e-12

first_derivative = Collocation("spline first derivative", 1, citation=CITATION)
second_derivative = Collocation("spline second derivative", 2, citation=CITATION)


def lines(axis: Axis, derivative: int, pair: tuple[Boundary | None, ...]) -> Lines:
    """The derivative 1 or 2 on an axis with the basis Greville, between a pair of conditions.

    Raises
    ------
    ValueError
        If the conditions are not of the kinds that the points of the axis were made for, naming both.

    Notes
    -----
    Set-up on the host. 2 (2p + 1) + 2 (p + 1) flops per value, two passes over the data, one on uniform periodic axes.
    """
    check(axis, axis, pair)
    basis = axis.basis
    assert isinstance(basis, Greville)
    slopes = [slope_of(condition) for condition in pair]
    if basis.slopes(axis) != tuple(int(slope is not None) for slope in slopes):
        raise ValueError(f"the points of {basis} were made for {axis.sides}; they cannot be used with {pair}")
    xi, order = basis.interpolation(axis)
    values = basis.matrix(axis, xi, order)
    rows = basis.matrix(axis, basis.reference(axis), np.full(axis.n, derivative)) / axis.length**derivative
    if axis.periodic:
        none = np.zeros(axis.n)
        return Lines(_periodic(values, rows), none, none)
    places = [0 if known else 1 for known in axis.known]
    places[1] = len(xi) - 1 - places[1]
    conditions: dict[int, int] = {}  # the coefficient that a datum stands for, by side
    for side, (place, slope, known) in enumerate(zip(places, slopes, axis.known)):
        if slope is not None:
            values[place] *= (2 * side - 1) * slope.normal / axis.length
            values[place, -side] += slope.value
        if slope is not None or known:
            conditions[side] = place
    free = np.delete(np.arange(len(xi)), list(conditions.values()))
    some = np.eye(len(xi))[:, free]
    data = np.zeros((2, len(xi)))
    for side, place in conditions.items():
        some[place] = -values[place, free] / values[place, place]
        data[side, place] = 1 / values[place, place]
    values = values[free]
    solve, product = RowBand.from_matrix(values @ some), RowBand.from_matrix(rows @ some)
    left, right = (rows @ add - product.matrix() @ np.linalg.solve(solve.matrix(), values @ add) for add in data)
    return Lines(Banded(product) @ BandedSolve(solve), left, right)


def _periodic(values: np.ndarray, rows: np.ndarray) -> LineOperator:
    solve, product = RowBand.from_matrix(values, periodic=True), RowBand.from_matrix(rows, periodic=True)
    if np.abs(values @ rows - rows @ values).max() <= COMMUTE * np.abs(rows).max():
        return Compact(solve, product)
    return Banded(product) @ BandedSolve(solve)
