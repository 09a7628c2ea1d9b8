"""Scheme: a finite-difference formula as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Closure:
    """How rows near a wall are made where the interior stencil has not enough points.

    Such a row matches Taylor series, one-sided, on the points nearest to it; boundary data enter as one more value.
    On its left-hand side it keeps the interior coefficients of those neighbours that exist, times a factor.

    Parameters
    ----------
    order
        Formal order of the rows.
    free
        Factor in rows that use no boundary data.
    data
        Factor in rows that use boundary data.
    wall
        Order, if different, on nodes whose wall value is not known (Neumann, Robin, no data).
    cells
        Order, if different, on cells.
    reflect
        Take Dirichlet data by reflection, u(−s) = 2g − u(s): symmetric, but of global order 2 at best.
    """

    order: int
    free: float = 1.0
    data: float = 0.0
    wall: int | None = None
    cells: int | None = None
    reflect: bool = False

    def order_at(self, location: str, known: bool) -> int:
        """The order of the rows at a wall, by location and whether the wall value is known."""
        special = self.cells if location == "cells" else None if known else self.wall
        return self.order if special is None else special


@dataclass(frozen=True)
class Scheme:
    """A derivative, interpolation or filter on equidistant points, explicit or compact.

    Σ_k lhs[|k|] r(x_i + k h) = h^−d Σ_p ± rhs[·] f(x_i + p h), r being the result and the sign that of p for a first
    derivative, + otherwise.

    Parameters
    ----------
    name
        For messages.
    derivative
        d: 0 (interpolation, filter), 1 or 2.
    order
        Formal order of the interior formula.
    lhs
        Half of the left-hand side: coefficients at distances 0, 1, 2…; lhs[0] = 1. (1.0,) is explicit.
    rhs
        Half of the right-hand side: coefficients at distances shift, shift + 1, …
    closure
        What to do near walls.
    shift
        0 if the result is on the points of the data, 0.5 if it is midway between them (staggered).
    narrower
        If not empty, replaces the Taylor-matched closure: narrower[r] is the scheme for a row that knows r values on
        either side, the last entry the widest.
    citation
        Where the coefficients come from.
    """

    name: str
    derivative: int
    order: int
    lhs: tuple[float, ...]
    rhs: tuple[float, ...]
    closure: Closure
    shift: float = 0.0
    narrower: tuple[Scheme, ...] = ()
    citation: str = ""

    @property
    def distances(self) -> tuple[float, ...]:
        """Distances of the right-hand-side coefficients in spacings."""
        return tuple(self.shift + k for k in range(len(self.rhs)))

    def stencil(self) -> tuple[np.ndarray, np.ndarray]:
        """The whole right-hand side: offsets p and their coefficients, ascending in p."""
        sign = -1.0 if self.derivative % 2 else 1.0
        left = [(-p, sign * c) for p, c in zip(self.distances, self.rhs) if p > 0]
        right = list(zip(self.distances, self.rhs))
        offsets, coefficients = zip(*left[::-1], *right)
        return np.array(offsets), np.array(coefficients)

    def symbol(self, theta: np.ndarray | float) -> np.ndarray:
        """Eigenvalue × h^d of the periodic operator on exp(iθj), θ = k h in radians per point.

        Real for d = 0 and 2, imaginary for d = 1. For staggered schemes the result is referred to the midpoint: the
        phase exp(iθ/2) of the shift itself is not included.
        """
        theta = np.asarray(theta, dtype=float)
        lhs = self.lhs[0] + 2 * sum(c * np.cos(k * theta) for k, c in enumerate(self.lhs) if k)
        wave, unit = (np.sin, 2j) if self.derivative % 2 else (np.cos, 2.0)
        centre = self.rhs[0] if self.shift == 0 and self.derivative % 2 == 0 else 0.0
        rhs = centre + unit * sum(c * wave(p * theta) for p, c in zip(self.distances, self.rhs) if p > 0)
        return rhs / lhs

    def modified_wavenumber(self, theta: np.ndarray | float) -> np.ndarray:
        """The real θ' that the scheme sees instead of θ.

        First derivative: Im symbol. Second derivative: the root of −symbol, so that it compares with θ too.
        Interpolation and filter: the transfer function itself.
        """
        symbol = self.symbol(theta)
        if self.derivative == 1:
            return symbol.imag
        return np.sqrt(np.maximum(-symbol, 0)) if self.derivative == 2 else symbol
