"""Explicit central differences of order 2, 4, 6, 8, on the points and midway between them.

Source: B. Fornberg, Generation of finite difference formulas on arbitrarily spaced grids,
Math. Comp. 51 (1988), 699–706.
"""

from __future__ import annotations

from tensorpde.schemes.scheme import Closure, Scheme

CITATION = "Fornberg, Math. Comp. 51 (1988) 699"

_FIRST = {
    2: (0.0, 1 / 2),
    4: (0.0, 2 / 3, -1 / 12),
    6: (0.0, 3 / 4, -3 / 20, 1 / 60),
    8: (0.0, 4 / 5, -1 / 5, 4 / 105, -1 / 280),
}
_SECOND = {
    2: (-2.0, 1.0),
    4: (-5 / 2, 4 / 3, -1 / 12),
    6: (-49 / 18, 3 / 2, -3 / 20, 1 / 90),
    8: (-205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560),
}
_STAGGERED_FIRST = {
    2: (1.0,),
    4: (9 / 8, -1 / 24),
    6: (75 / 64, -25 / 384, 3 / 640),
    8: (1225 / 1024, -245 / 3072, 49 / 5120, -5 / 7168),
}
_INTERPOLATION = {
    2: (1 / 2,),
    4: (9 / 16, -1 / 16),
    6: (75 / 128, -25 / 256, 3 / 256),
    8: (1225 / 2048, -245 / 2048, 49 / 2048, -5 / 2048),
}

_FIRST_CLOSURE = {2: Closure(2), 4: Closure(3), 6: Closure(3), 8: Closure(4)}
_SECOND_CLOSURE = {
    2: Closure(1, reflect=True),
    4: Closure(4),
    6: Closure(4, wall=6, cells=5),
    8: Closure(6, wall=8, cells=7),
}


def first(order: int = 2, closure: Closure | None = None) -> Scheme:
    """The first derivative on the points; order 2, 4, 6 or 8.

    Closures of order 2, 3, 3, 4, the highest found stable for advection from a Dirichlet wall: global order 2, 4, 4, 5.
    """
    return _scheme("first derivative", 1, _pick(_FIRST, order), order, closure or _FIRST_CLOSURE[order])


def second(order: int = 2, closure: Closure | None = None) -> Scheme:
    """The second derivative on the points; order 2, 4, 6 or 8, which is also the global order beside walls.

    Order 2 takes boundary data by reflection, which makes it symmetric (up to a diagonal).
    """
    return _scheme("second derivative", 2, _pick(_SECOND, order), order, closure or _SECOND_CLOSURE[order])


def staggered(order: int = 2, closure: Closure | None = None) -> Scheme:
    """The first derivative midway between the points; order 2, 4, 6 or 8, beside walls 3 (2 for order 2)."""
    rhs = _pick(_STAGGERED_FIRST, order)
    return _scheme("staggered derivative", 1, rhs, order, closure or Closure(min(order, 3)), 0.5)


def interpolation(order: int = 2, closure: Closure | None = None) -> Scheme:
    """The value midway between the points; order 2, 4, 6 or 8, beside walls too."""
    return _scheme("interpolation", 0, _pick(_INTERPOLATION, order), order, closure or Closure(order), 0.5)


def _scheme(
    what: str, derivative: int, rhs: tuple[float, ...], order: int, closure: Closure, shift: float = 0.0
) -> Scheme:
    return Scheme(f"central {what} of order {order}", derivative, order, (1.0,), rhs, closure, shift, citation=CITATION)


def _pick(table: dict[int, tuple[float, ...]], order: int) -> tuple[float, ...]:
    if order not in table:
        raise ValueError(f"central differences come in orders {sorted(table)}, not {order}")
    return table[order]


first_derivative = first(2)
"""The default first derivative."""

second_derivative = second(2)
"""The default second derivative."""
