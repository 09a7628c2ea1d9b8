"""Compact schemes of Lele: first and second derivative, midpoint interpolation, staggered derivative, filter.

Source: S. K. Lele, Compact finite difference schemes with spectral-like resolution, J. Comput. Phys. 103 (1992),
16–42. The numbers below are his α, β on the left-hand side, β r_{i±2} + α r_{i±1} + r_i, r the result, and a, b, c on
the right-hand side,

    first derivative      Σ_p (a, b, c)_p (f_{i+p} − f_{i−p}) / (2p h),            p = 1, 2, 3
    second derivative     Σ_p (a, b, c)_p (f_{i+p} − 2 f_i + f_{i−p}) / (p h)²,    p = 1, 2, 3
    staggered derivative  Σ_p (a, b, c)_p (f_{i+p} − f_{i−p}) / (2p h),            p = ½, 3/2, 5/2
    interpolation         Σ_p (a, b, c)_p (f_{i+p} + f_{i−p}) / 2,                 p = ½, 3/2, 5/2

Tables are keyed by (order, number of diagonals on the left-hand side).
"""

from __future__ import annotations

from math import comb

from tensorpde.schemes.scheme import Closure, Scheme

CITATION = "Lele, J. Comput. Phys. 103 (1992) 16"

_FIRST = {
    (4, 3): ((1 / 4,), (3 / 2,)),
    (6, 3): ((1 / 3,), (14 / 9, 1 / 9)),
    (8, 3): ((3 / 8,), (25 / 16, 1 / 5, -1 / 80)),
    (8, 5): ((4 / 9, 1 / 36), (40 / 27, 25 / 54)),
    (10, 5): ((1 / 2, 1 / 20), (17 / 12, 101 / 150, 1 / 100)),
}
_SECOND = {
    (4, 3): ((1 / 10,), (6 / 5,)),
    (6, 3): ((2 / 11,), (12 / 11, 3 / 11)),
    (8, 3): ((9 / 38,), (147 / 152, 51 / 95, -23 / 760)),
    (8, 5): ((344 / 1179, 23 / 2358), (320 / 393, 310 / 393)),
    (10, 5): ((334 / 899, 43 / 1798), (1065 / 1798, 1038 / 899, 79 / 1798)),
}
_STAGGERED = {
    (4, 3): ((1 / 22,), (12 / 11,)),
    (6, 3): ((9 / 62,), (63 / 62, 17 / 62)),
    (8, 3): ((25 / 118,), (2675 / 2832, 925 / 1888, -61 / 5664)),
    (8, 5): ((6114 / 25669, 183 / 51338), (23400 / 25669, 14680 / 25669)),
    (10, 5): ((96850 / 288529, 9675 / 577058), (683425 / 865587, 505175 / 577058, 69049 / 1731174)),
}
_INTERPOLATION = {
    (4, 3): ((1 / 6,), (4 / 3,)),
    (6, 3): ((3 / 10,), (3 / 2, 1 / 10)),
    (8, 3): ((5 / 14,), (25 / 16, 5 / 32, -1 / 224)),
    (8, 5): ((2 / 5, 1 / 70), (8 / 5, 8 / 35)),
    (10, 5): ((10 / 21, 5 / 126), (5 / 3, 5 / 14, 1 / 126)),
}
_SPECTRAL_LIKE = ((0.5771439, 0.0896406), (1.3025166, 0.99355, 0.03750245))

_Table = dict[tuple[int, int], tuple[tuple[float, ...], tuple[float, ...]]]

_FIRST_CLOSURE = {
    (4, 3): Closure(3),
    (6, 3): Closure(4, free=1.5),
    (8, 3): Closure(4, free=1.25),
    (8, 5): Closure(4, free=1.25),
    (10, 5): Closure(5, free=1.25),
}
_SECOND_CLOSURE = {
    4: Closure(4),
    6: Closure(4, wall=6, cells=5),
    8: Closure(6, wall=8, cells=7),
    10: Closure(8, wall=10, cells=9),
}


def first(order: int = 6, diagonals: int | None = None, closure: Closure | None = None) -> Scheme:
    """The first derivative on the points: tridiagonal of order 4, 6, 8 or pentadiagonal of order 8, 10.

    Closures of order 3 (order 4), 4 (order 6, 8) and 5 (order 10), the highest found that are stable for advection
    from a Dirichlet wall; the global order beside walls is one more.
    """
    key = _key(_FIRST, order, diagonals)
    return _first("first derivative", key, *_FIRST[key], closure or _FIRST_CLOSURE[key])


def second(order: int = 6, diagonals: int | None = None, closure: Closure | None = None) -> Scheme:
    """The second derivative on the points: tridiagonal of order 4, 6, 8 or pentadiagonal of order 8, 10.

    Closures that keep the order globally: two less beside a known wall, where the solution of u'' = f gains two
    orders, one less on cells. Spectra are negative for all conditions, and real for order 4 and 6 (save some coarse,
    strongly stretched axes); a higher closure, such as Closure(6), is more accurate, but gives some complex pairs.
    """
    key = _key(_SECOND, order, diagonals)
    lhs, abc = _SECOND[key]
    half = [a / p**2 for p, a in enumerate(abc, 1)]
    return _scheme("second derivative", 2, key, lhs, (-2 * sum(half), *half), closure or _SECOND_CLOSURE[order])


def staggered(order: int = 6, diagonals: int | None = None, closure: Closure | None = None) -> Scheme:
    """The first derivative midway between the points: tridiagonal of order 4, 6, 8 or pentadiagonal of order 8, 10.

    Closures of order 3: the divergence of the gradient then has a real, negative spectrum between no-slip walls,
    stretched axes included. Higher ones are stable but give complex pairs.
    """
    key = _key(_STAGGERED, order, diagonals)
    lhs, abc = _STAGGERED[key]
    rhs = tuple(a / (2 * p + 1) for p, a in enumerate(abc))
    return _scheme("staggered derivative", 1, key, lhs, rhs, closure or Closure(3), 0.5)


def interpolation(order: int = 6, diagonals: int | None = None, closure: Closure | None = None) -> Scheme:
    """The value midway between the points: tridiagonal of order 4, 6, 8 or pentadiagonal of order 8, 10, walls too."""
    key = _key(_INTERPOLATION, order, diagonals)
    lhs, abc = _INTERPOLATION[key]
    return _scheme("interpolation", 0, key, lhs, tuple(a / 2 for a in abc), closure or Closure(order), 0.5)


def filter(alpha: float = 0.45, order: int = 10) -> Scheme:
    """The tridiagonal low-pass filter with transfer function 1 − (1 − 2α) sin^order(θ/2) / (1 + 2α cos θ).

    It removes the shortest wave (θ = π) and keeps long waves to the given order; the nearer α is to ½, the sharper.
    Beside a wall without ghosts the order falls with the distance, and the last two points stay as they are.

    Parameters
    ----------
    alpha
        −½ < α < ½.
    order
        2, 4, 6, 8 or 10.

    Raises
    ------
    ValueError
        If α or the order is out of range.

    Notes
    -----
    Lele (1992), section C; in this one-parameter form: D. V. Gaitonde, M. R. Visbal, AIAA J. 38 (2000) 2103–2112.
    """
    if not -0.5 < alpha < 0.5:
        raise ValueError(f"filter: alpha={alpha} is not between −0.5 and 0.5")
    if order not in (2, 4, 6, 8, 10):
        raise ValueError(f"filter: order={order} is not one of 2, 4, 6, 8, 10")
    identity = Scheme("identity", 0, order, (1.0,), (1.0,), Closure(order))
    narrower = (identity, identity, *(_filter(alpha, 2 * r) for r in range(2, order // 2)))
    return _filter(alpha, order, narrower)


def _filter(alpha: float, order: int, narrower: tuple[Scheme, ...] = ()) -> Scheme:
    """lhs − (1 − 2α) sin^order(θ/2), the power expanded in cosines."""
    half, lhs = order // 2, (1.0, alpha)
    rhs = [
        (lhs[p] if p < 2 else 0.0) - (1 - 2 * alpha) * (-1) ** p * comb(order, half - p) / 2**order
        for p in range(half + 1)
    ]
    name = f"compact filter of order {order}, α={alpha}"
    citation = f"{CITATION}; Gaitonde & Visbal, AIAA J. 38 (2000) 2103"
    return Scheme(name, 0, order, lhs, tuple(rhs), Closure(order), narrower=narrower, citation=citation)


def _first(what: str, key: tuple[int, int], lhs: tuple[float, ...], abc: tuple[float, ...], closure: Closure) -> Scheme:
    return _scheme(what, 1, key, lhs, (0.0, *(a / (2 * p) for p, a in enumerate(abc, 1))), closure)


def _scheme(
    what: str,
    derivative: int,
    key: tuple[int, int],
    lhs: tuple[float, ...],
    rhs: tuple[float, ...],
    closure: Closure,
    shift: float = 0.0,
) -> Scheme:
    kind = "tridiagonal" if len(lhs) == 1 else "pentadiagonal"
    name = f"{kind} {what} of order {key[0]}"
    return Scheme(name, derivative, key[0], (1.0, *lhs), rhs, closure, shift, citation=CITATION)


def _key(table: _Table, order: int, diagonals: int | None) -> tuple[int, int]:
    """The entry asked for; without `diagonals` the one with the fewest."""
    found = [key for key in table if key[0] == order and diagonals in (None, key[1])]
    if not found:
        wanted = f"order {order} with {diagonals or 'any'} diagonals"
        raise ValueError(f"{wanted} is not among (order, diagonals) {list(table)}")
    return min(found)


first_derivative = first()
"""The tridiagonal first derivative of order 6."""

second_derivative = second()
"""The tridiagonal second derivative of order 6."""

staggered_derivative = staggered()
"""The tridiagonal staggered first derivative of order 6."""

midpoint_interpolation = interpolation()
"""The tridiagonal midpoint interpolation of order 6."""

spectral_like = _first("spectral-like first derivative", (4, 5), *_SPECTRAL_LIKE, Closure(4, free=1.5))
"""The pentadiagonal first derivative of order 4 whose other coefficients give the best resolution."""
