"""The banded axis of a mixed solve: for each pair of modes of the other axes one small banded system per line."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde.backend.bordered import Bands
from tensorpde.line import Compact, LineOperator, RowBand
from tensorpde.line.factor import sweeps
from tensorpde.solve.eigen import FITS, Modes
from tensorpde.solve.route import Route
from tensorpde.solve.separate import Pair

MAX_GROWTH = 1e10


class BandedAxis:
    """Solves (β A + σ B) u = f along one axis, β and σ from the modes of the other axes.

    Parameters
    ----------
    pair
        A and B: banded, or compact with one left-hand side, which then multiplies f.
    shift
        Of the whole problem.

    Attributes
    ----------
    modes : the null mode of A alone, if constants are one; else no mode at all.

    Raises
    ------
    ValueError
        If an operator is not banded, or the left-hand sides differ.

    Notes
    -----
    No pivoting; the growth is checked when the steps are made. Where A has no inverse and σ = 0, u has no part on the
    null mode, and f loses the one it has.
    """

    def __init__(self, pair: Pair, shift: complex) -> None:
        self._shift = shift
        a, b, left = _bands(pair)
        self._plan = bordered(a, b, left)
        matrix = a if left is None else np.linalg.solve(left.matrix(), a)
        self.singular = bool(np.abs(a.sum(axis=1)).max() <= FITS * np.abs(a).sum(axis=1).max())
        null = _left_null(matrix) if self.singular else np.zeros((0, pair.n))
        count = len(null)
        constants = np.ones((pair.n, count), matrix.dtype)
        images = constants if pair.b is None else pair.b.matrix() @ constants
        sizes = np.einsum("ki,ik->k", null, images)
        self.modes = Modes(pair.n, np.zeros(count), sizes, "banded", null, constants)
        if self.singular:
            projection = np.ones((pair.n, 1)) @ null
            loss = images / sizes @ null
            self._pseudo_inverse = np.linalg.solve(matrix + projection, np.eye(pair.n) - loss)

    def add_to(self, route: Route, axis: int, values: list[tuple[np.ndarray, np.ndarray]], tol: float) -> float:
        """Append the solve to a route at the pencil it has come to; the growth of its factors on this rank.

        Parameters
        ----------
        values
            Eigenvalues (a, b) of the other axes, whole.
        tol
            Values of σ up to this magnitude are 0.
        """
        backend = route.backend
        kernels = backend.shifted
        here = [
            (np.zeros(1), np.ones(1)) if k == axis else (own[block], mass[block])
            for k, ((own, mass), block) in enumerate(zip(values, route.pencil.slices))
        ]
        lanes = backend.transforms.separable(here, axis, self._shift, tol)
        numbers = (lanes.a, lanes.ao, lanes.bo, lanes.ai, lanes.bi, self._plan.a, self._plan.b)
        kind = route.dtype if any(map(np.iscomplexobj, numbers)) else np.empty(0, route.dtype).real.dtype
        bands = kernels.prepare(self._plan, kind)
        pinned = self._pinned(lanes, tol) if self.singular else []

        def solve(u: Any, place: int, out: Any) -> None:
            kept = [lines.copy() for lines in _lines(u, place, pinned, len(lanes.ao))]
            kernels.solve(bands, u, place, lanes, self.singular, out)
            for lines, target, (_, _, beta) in zip(kept, _lines(out, place, pinned, len(lanes.ao)), pinned):
                target[...] = lines @ backend.asarray(self._pseudo_inverse.T / beta, lines.dtype)

        route.line(solve, axis, self.modes.n, in_place=True)
        trial = backend.zeros(route.pencil.local_shape, route.dtype)
        return kernels.solve(bands, trial, axis, lanes, self.singular, trial)

    @staticmethod
    def _pinned(lanes: Any, tol: float) -> list[tuple[int, int, complex]]:
        """(outer, inner, β) of the lines where σ = 0 but β is not."""
        beta = lanes.bo[:, None] * lanes.bi
        sigma = lanes.ao[:, None] * lanes.bi + lanes.bo[:, None] * lanes.ai + lanes.a[0] * beta
        return [(int(o), int(i), beta[o, i]) for o, i in np.argwhere((np.abs(sigma) <= tol) & (np.abs(beta) > tol))]


def check_growth(growth: float) -> None:
    """Raise where elimination without pivoting has lost most digits."""
    if not growth < MAX_GROWTH:
        raise ValueError(
            f"a banded axis cannot be eliminated without pivoting: growth {growth:.1e}, allowed is {MAX_GROWTH:.0e}; "
            "diagonalize that axis too (banded_axis=None)"
        )


def bordered(a: np.ndarray, b: np.ndarray, left: RowBand | None) -> Bands:
    """The plan of a pair of n×n matrices; what lies in the corners makes the last unknowns a border."""
    n = len(a)
    used = (a != 0) | (b != 0) | np.eye(n, dtype=bool)
    i, j = np.nonzero(used)
    reach = np.abs(j - i)
    corner = reach > n / 2
    border = int((n - reach[corner]).max()) if np.any(corner) and n > 4 else 0
    m = n - border
    inside = used[:m, :m]
    first = inside.argmax(axis=1)
    last = m - 1 - inside[:, ::-1].argmax(axis=1)
    for row in range(m):
        last[row] = max(last[row], last[first[row] : row].max(initial=0))
    low, up = np.arange(m) - first, last - np.arange(m)
    columns = first[:, None] + np.arange((last - first).max() + 1)
    kept, columns = columns < m, np.minimum(columns, m - 1)
    count = used[m:].sum(axis=1)
    width = int(count.max(initial=0))
    column = np.argsort(~used[m:], axis=1, kind="stable")[:, :width]  # of the entries first
    entry = np.arange(width) < count[:, None]
    rows = np.arange(n)[:, None]
    open_a, open_b = (np.where(kept, matrix[rows[:m], columns], 0) for matrix in (a, b))
    border_a, border_b = (np.where(entry, matrix[rows[m:], column], 0) for matrix in (a, b))
    identity = RowBand(np.arange(n), np.ones((n, 1)), n)
    return Bands(
        rhs=sweeps(None, identity if left is None else left),
        a=open_a, b=open_b, low=low, up=up, offset=np.concatenate([[0], np.cumsum(up)]),
        ea=a[:m, m:], eb=b[:m, m:], column=column, fa=border_a, fb=border_b,
        sizes=np.array([np.abs(matrix).sum(axis=1).max() for matrix in (a, b)]),
    )  # fmt: skip


def _bands(pair: Pair) -> tuple[np.ndarray, np.ndarray, RowBand | None]:
    """A and B multiplied by their common left-hand side, and that."""
    operators = [operator for _, operator in pair.a] + ([] if pair.b is None else [pair.b])
    left = next((operator.lhs for operator in operators if isinstance(operator, Compact) and operator.lhs), None)
    a: Any = sum((number * _right(operator, left) for number, operator in pair.a), np.zeros((pair.n, pair.n)))
    if pair.b is not None:
        return a, _right(pair.b, left), left
    return a, np.eye(pair.n) if left is None else left.matrix(), left


def _right(operator: LineOperator, left: RowBand | None) -> np.ndarray:
    """left · operator as a matrix, where that is a band."""
    if isinstance(operator, Compact) and operator.lhs is not None:
        assert left is not None
        if operator.lhs is not left and not np.array_equal(operator.lhs.matrix(), left.matrix()):
            raise ValueError(f"a banded axis has one left-hand side, but {operator} has another than those before it")
        return operator.rhs.matrix() if operator.rhs is not None else np.eye(operator.shape[0])
    return operator.matrix() if left is None else left.matrix() @ operator.matrix()


def _left_null(matrix: np.ndarray) -> np.ndarray:
    """The left null vector of a matrix whose right one is constant, as a row that has the product 1 with it."""
    vectors, _, _ = np.linalg.svd(matrix)
    row = vectors[:, -1].conj()
    return (row / row.sum())[None]


def _lines(u: Any, axis: int, places: list[tuple[int, int, complex]], outer: int) -> list[Any]:
    """Views (leading indices, n) of the lines at some (outer, inner) indices."""
    axis %= u.ndim
    view = u.reshape(-1, u.shape[axis], int(np.prod(u.shape[axis + 1 :])))
    return [view[o::outer, :, i] for o, i, _ in places]
