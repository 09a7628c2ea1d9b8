"""Chebyshev collocation on Gauss–Lobatto points: dense differentiation matrices, and the same by cosine transforms.

Between N + 1 points the polynomial of degree N is differentiated. A wall with a Neumann or Robin condition adds its
datum to what the polynomial interpolates, and one degree: the equation holds at every unknown and the condition
holds as well.

Sources: R. Baltensperger, M. R. Trummer, Spectral differencing with a twist, SIAM J. Sci. Comput. 24 (2003), 1465–1487
(differences of points by sines, diagonals by negative sums); D. Gottlieb, S. A. Orszag, Numerical Analysis of Spectral
Methods, SIAM 1977 (the recurrence of coefficients).
"""

from __future__ import annotations

import numpy as np

from tensorpde.basis import Chebyshev
from tensorpde.boundary import Boundary
from tensorpde.grid import Axis
from tensorpde.line import Banded, Compact, Dense, LineOperator, RowBand
from tensorpde.line.modal import Modal
from tensorpde.mapping import Uniform
from tensorpde.schemes.collocation import Collocation, Lines, Slope, check, slope_of

CITATION = "Baltensperger and Trummer, SIAM J. Sci. Comput. 24 (2003) 1465"
DCT_FROM = 512
"""Number of points from which the cosine transform is the faster form."""


def first(form: str | None = None) -> Collocation:
    """The first derivative; `form` "dense", "dct" or None for the faster one."""
    return Collocation("Chebyshev first derivative", 1, form, CITATION)


def second(form: str | None = None) -> Collocation:
    """The second derivative; `form` "dense", "dct" or None for the faster one."""
    return Collocation("Chebyshev second derivative", 2, form, CITATION)


first_derivative = first()
second_derivative = second()


def lines(axis: Axis, derivative: int, pair: tuple[Boundary | None, ...], form: str | None = None) -> Lines:
    """The derivative 1 or 2 on an axis with the basis Chebyshev, between a pair of conditions.

    Raises
    ------
    ValueError
        For a form that is not known, or "dct" on an axis with Neumann or Robin walls, whose data it has no place for.

    Notes
    -----
    Set-up O(n²). Dense: 2n flops per value. By transforms: O(log n) flops per value, several passes over the data.
    """
    check(axis, axis, pair)
    slopes = [slope_of(condition) for condition in pair]
    if form not in (None, "dense", "dct"):
        raise ValueError(f'form {form!r} is neither "dense" nor "dct"')
    if form == "dct" and any(slopes):
        raise ValueError(f'form="dct" takes no slopes as data, but the walls are {pair[0]} and {pair[1]}; use "dense"')
    matrix, left, right = _with_data(axis, derivative, slopes)
    assert isinstance(axis.basis, Chebyshev)
    keep = axis.basis.unknowns(axis)
    rows = matrix[keep]
    left, right = (
        rows[:, end] if known else data[keep] for end, known, data in zip((0, -1), axis.known, (left, right))
    )
    operator: LineOperator = Dense(rows[:, keep])
    if form == "dct" or (form is None and len(matrix) >= DCT_FROM and not any(slopes)):
        operator = _by_transforms(axis, derivative, keep)
    return Lines(operator, left, right)


def differentiation(n: int, derivative: int) -> np.ndarray:
    """The matrix of d/dt or d²/dt² on the N + 1 = n points t_j = −cos(πj/N)."""
    last = n - 1
    sine = np.sin(np.pi / (2 * last) * np.minimum(np.arange(2 * last + 1), 2 * last - np.arange(2 * last + 1)))
    i, j = np.indices((n, n))
    apart = 2 * sine[i + j] * np.where(i > j, 1, -1) * sine[np.abs(i - j)] + np.eye(n)  # t_i − t_j
    weights = (-1.0) ** np.arange(n)
    weights[[0, -1]] /= 2
    matrix = weights / weights[:, None] / apart
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    if derivative == 1:
        return matrix
    second = 2 * matrix * (np.diag(matrix)[:, None] - 1 / apart)
    np.fill_diagonal(second, 0.0)
    np.fill_diagonal(second, -second.sum(axis=1))
    return second


def _scale(axis: Axis) -> np.ndarray:
    """dt/dx at all points."""
    assert isinstance(axis.basis, Chebyshev)
    return 2 / (axis.length * axis.mapping.slope(axis.basis.nodes(axis)))


def _physical(axis: Axis, derivative: int) -> np.ndarray:
    """d/dx or d²/dx² on all points."""
    scale, n = _scale(axis)[:, None], axis.intervals + 1
    if derivative == 1 or isinstance(axis.mapping, Uniform):
        return scale**derivative * differentiation(n, derivative)
    once = scale * differentiation(n, 1)
    return once @ once


def _with_data(axis: Axis, derivative: int, slopes: list[Slope | None]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The matrix on all points and the factors of slope data."""
    matrix, once = _physical(axis, derivative), _physical(axis, 1)
    data = [np.zeros(len(matrix)), np.zeros(len(matrix))]
    for side, slope in enumerate(slopes):
        if slope is not None:
            extra = _extra(axis, derivative, side, slopes[1 - side] is not None)
            sign, wall = 2 * side - 1, -side
            # The slope that the extra polynomial adds: what the condition asks for less what the values have.
            missing = -once[wall]
            missing[wall] -= sign * slope.value / slope.normal
            matrix = matrix + np.outer(extra, missing)
            data[side] = extra * sign / slope.normal
    return matrix, data[0], data[1]


def _extra(axis: Axis, derivative: int, side: int, both: bool) -> np.ndarray:
    """The derivative at all points of the polynomial that is 0 there and has slope 1 at one wall (0 at the other).

    It is ω = (1 − t²) T_N'(t), times 1 ± t where the other wall has a slope too, over its slope at the wall.
    """
    last = axis.intervals
    t = -np.cos(np.pi / last * np.arange(last + 1))
    high = (-1.0) ** (last - np.arange(last + 1))  # T_N at the points
    ends = np.isin(np.arange(last + 1), (0, last))
    rise = -(last**2) * high * np.where(ends, 2, 1)  # ω'
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = t * last**2 * high / (1 - t**2)
    bend = np.where(ends, -np.sign(t) * last**2 * high * (last**2 + 1 + (last**2 - 1) / 3), inside)  # ω''
    if both:
        sign = 2 * side - 1
        rise, bend = rise * (1 + sign * t), bend * (1 + sign * t) + 2 * sign * rise
    scale = _scale(axis)
    norm = rise[-side] * scale[-side]
    if derivative == 1:
        return scale * rise / norm
    return (scale**2 * bend + scale * (differentiation(last + 1, 1) @ scale) * rise) / norm


def _by_transforms(axis: Axis, derivative: int, keep: slice) -> LineOperator:
    """Values to coefficients (DCT-I), their recurrence for each derivative, and back."""
    n = axis.intervals + 1
    transform, recurrence = Modal("dct1", n), _recurrence(n)
    scale = _scale(axis)
    inclusion = RowBand.from_matrix(np.eye(n)[:, keep])
    operator: LineOperator = transform @ Banded(inclusion)
    if isinstance(axis.mapping, Uniform):
        for _ in range(derivative):
            operator = recurrence @ operator
        return (Banded(inclusion.T) * scale[0] ** derivative) @ (transform.inverse() @ operator)
    metric = Banded.diagonal(scale)
    for left in range(derivative - 1, -1, -1):
        operator = metric @ (transform.inverse() @ (recurrence @ operator))
        operator = transform @ operator if left else operator
    return Banded(inclusion.T) @ operator


def _recurrence(n: int) -> Compact:
    """Coefficients of d/dt from those of u, as the DCT-I of n values gives them.

    c_k b'_k − b'_{k+2} = 2 (k + 1) b_{k+1} with c_0 = 2 and else 1. The first and last entry of the transform are twice
    the coefficients, and its points run from t = 1 to −1, which changes the sign.
    """
    k = np.arange(n)
    ends = np.where(np.isin(k, (0, n - 1)), 0.5, 1.0)
    left = np.diag(np.where(k == 0, 2.0, 1.0)) - np.eye(n, k=2)
    right = np.diag(-2.0 * k[1:], 1)
    return Compact(RowBand.from_matrix(left * ends), RowBand.from_matrix(right * ends))
