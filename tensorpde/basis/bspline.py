"""B-splines and rational B-splines (NURBS) of any degree, knots and continuity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from tensorpde.basis.base import Line, Piecewise, degree

SAME = 1e-12


@dataclass(frozen=True)
class BSpline(Piecewise):
    """Splines of degree p; the data are coefficients of B-splines (control values).

    Parameters
    ----------
    p
        Degree, ≥ 1.
    knots
        Of a bounded axis: the whole non-decreasing vector t_0 … t_{N+p} of N functions; t_p lies at ξ = 0 and t_N at
        ξ = 1, in any units. At a known wall all p + 1 knots must be equal. Of a periodic axis: one period t_0 … t_N,
        where t_N is t_0 again. A knot that is given m times leaves p − m continuous derivatives; m ≤ p inside.
        None: equal spacing, p − 1 continuous derivatives, open ends on a bounded axis.
    weights
        One positive number per function makes the splines rational, R_i = w_i N_i / Σ w_j N_j, in the order of the
        points of the functions; known functions have one too.

    Raises
    ------
    ValueError
        If knots decrease or repeat too often, weights are not positive; from the Axis, if its n does not fit.

    Notes
    -----
    The points that stand for functions (`axis.x`) are the Greville abscissae (t_{i+1} + … + t_{i+p}) / p.
    Source: C. de Boor, A Practical Guide to Splines, Springer 2001, chapters IX and X.
    """

    p: int
    knots: Sequence[float] | np.ndarray | None = None
    weights: Sequence[float] | np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", degree(self.p))
        if self.knots is not None:
            knots = np.asarray(self.knots, dtype=float)
            if knots.ndim != 1 or len(knots) < 2 or not np.all(np.isfinite(knots)) or np.any(np.diff(knots) < 0):
                raise ValueError(f"knots must be finite numbers that do not decrease, not {self.knots}")
            object.__setattr__(self, "knots", tuple(knots.tolist()))
        if self.weights is not None:
            weights = np.asarray(self.weights, dtype=float)
            if weights.ndim != 1 or not np.all((weights > 0) & np.isfinite(weights)):
                raise ValueError(f"weights of a rational basis must be positive numbers, not {self.weights}")
            object.__setattr__(self, "weights", tuple(weights.tolist()))

    @property
    def nodal(self) -> bool:
        """False: coefficients are control values."""
        return False

    def check(self, axis: Line) -> None:
        """Knots and weights must make as many functions as the axis has; known walls must have one function."""
        functions = self.functions(axis)
        fewest = self.p + 1
        walls = "a periodic axis" if axis.periodic else f"{sum(axis.known)} known walls"
        if functions < fewest:
            raise ValueError(f"n={axis.n} is too small for {self} with {walls}: needs n ≥ {fewest - sum(axis.known)}")
        if self.knots is not None:
            made = len(self.knots) - (1 if axis.periodic else fewest)
            if made != functions:
                raise ValueError(
                    f"n={axis.n} does not fit {len(self.knots)} knots of degree {self.p}: with {walls} they make "
                    f"n={made - sum(axis.known)}"
                )
        if self.weights is not None and len(self.weights) != functions:
            raise ValueError(f"{len(self.weights)} weights for the {functions} functions of n={axis.n} with {walls}")
        self._check_multiplicity(axis)

    def _check_multiplicity(self, axis: Line) -> None:
        p, knots = self.p, self._extended(axis)
        inside = knots if axis.periodic else knots[(knots > 0) & (knots < 1)]
        if np.any(inside[p:] <= inside[:-p]) or np.any(knots[p + 1 :] <= knots[: -p - 1]):
            raise ValueError(
                f"a knot may repeat p={p} times inside and {p + 1} times at an open end, not more: {self.knots}"
            )
        for wall, known, end in zip(("left", "right"), axis.known, (knots[1 : p + 1], knots[-p - 1 : -1])):
            if known and np.ptp(end) > 0:
                raise ValueError(f"the {wall} wall is known, but the knots {end} at it are not equal")

    def _extended(self, axis: Line) -> np.ndarray:
        """Knots t_0 … t_{N+p} scaled to ξ; of a periodic axis p more at either end, t_0 … t_{N+2p}."""
        p, functions = self.p, self.functions(axis)
        if axis.periodic:
            period = np.linspace(0, 1, functions + 1) if self.knots is None else np.array(self.knots)
            period = (period - period[0]) / (period[-1] - period[0])
            turns, place = np.divmod(np.arange(-p, functions + p + 1), functions)
            return period[place] + turns
        if self.knots is None:
            inner = np.linspace(0, 1, functions - p + 1)
            return np.concatenate([np.zeros(p), inner, np.ones(p)])
        knots = np.array(self.knots)
        if not knots[functions] > knots[p]:
            raise ValueError(f"knots span no interval: t_{p}={knots[p]} and t_{functions}={knots[functions]}")
        return (knots - knots[p]) / (knots[functions] - knots[p])

    def _spans(self, axis: Line) -> np.ndarray:
        """Numbers j of the intervals t_j < t_{j+1} of `_extended` that are elements."""
        knots = self._extended(axis)
        place = np.arange(self.p, self.functions(axis) + (self.p if axis.periodic else 0))
        return place[knots[place] < knots[place + 1]]

    def _greville(self, axis: Line) -> np.ndarray:
        """Greville abscissae of all B-splines over `_extended`, on a periodic axis p more than there are functions."""
        windows = np.lib.stride_tricks.sliding_window_view(self._extended(axis)[1:-1], self.p)
        return windows.mean(axis=1)

    def _before(self, axis: Line) -> int:
        """How many B-splines of a periodic axis come before the one that is counted as the first, at ξ ≥ 0."""
        return int(np.count_nonzero(self._greville(axis) < -SAME)) if axis.periodic else 0

    def breaks(self, axis: Line) -> np.ndarray:
        """Different knots."""
        knots = self._extended(axis)
        return np.append(knots[self._spans(axis)], 1.0)

    def nodes(self, axis: Line) -> np.ndarray:
        """Greville abscissae."""
        before = self._before(axis)
        return np.clip(self._greville(axis)[before : before + self.functions(axis)], 0.0, 1.0)

    def first(self, axis: Line) -> np.ndarray:
        """On the interval after knot j, functions j − p … j are not zero."""
        return self._spans(axis) - self.p - self._before(axis)

    def on_elements(self, axis: Line, element: np.ndarray, xi: np.ndarray, derivative: int) -> np.ndarray:
        """B-splines by the recursion of Cox and de Boor, rational ones by the product rule."""
        knots, span = self._extended(axis), self._spans(axis)[element]
        if self.weights is None:
            return _cox_de_boor(knots, self.p, span, xi, derivative)
        columns = (self.first(axis)[element][:, None] + np.arange(self.p + 1)) % self.functions(axis)
        weights = np.array(self.weights)[columns]
        raw = [weights * _cox_de_boor(knots, self.p, span, xi, order) for order in range(derivative + 1)]
        total = [part.sum(axis=1, keepdims=True) for part in raw]
        rational: list[np.ndarray] = []
        for order, part in enumerate(raw):
            lower = sum(comb(order, k) * total[k] * rational[order - k] for k in range(1, order + 1))
            rational.append((part - lower) / total[0])
        return rational[derivative]


def _cox_de_boor(knots: np.ndarray, p: int, span: np.ndarray, xi: np.ndarray, derivative: int) -> np.ndarray:
    """d^r N / dξ^r of the p + 1 B-splines that are not zero on the intervals after knots t_span, shape (points, p + 1).

    The last `derivative` steps of the recursion from degree to degree are those of derivatives.
    """
    values = np.ones((len(xi), 1))
    for order in range(1, p + 1):
        lower = span[:, None] - order + 1 + np.arange(order)
        low, high = knots[lower], knots[lower + order]
        share = values / (high - low)
        if order <= p - derivative:
            rising, falling = xi[:, None] - low, high - xi[:, None]
        else:
            rising, falling = np.full_like(low, order), np.full_like(low, -order)
        values = np.zeros((len(xi), order + 1))
        values[:, 1:] += rising * share
        values[:, :-1] += falling * share
    return values if derivative <= p else np.zeros_like(values)
