"""Singular separable problems: the modes of eigenvalue 0, what of the data lies on them, the mean they leave free."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron
from tensorpde.line import Banded, RowBand
from tensorpde.solve.eigen import Modes


def null_modes(eigenvalues: Sequence[np.ndarray], shift: complex, tolerance: float) -> np.ndarray:
    """All (i, j, …) with |λ_i + λ_j + … − shift| ≤ tolerance, as rows of an integer array.

    The last axis is searched by bisection for each sum of the others: O(N^{d−1} log N).
    """
    *first, last = eigenvalues
    order = np.argsort(last.real, kind="stable")
    sums = np.zeros(1)
    for values in first:
        sums = np.add.outer(sums, values).ravel()
    wanted = np.real(shift - sums)
    ascending = last.real[order]
    low = np.searchsorted(ascending, wanted - tolerance, "left")
    high = np.searchsorted(ascending, wanted + tolerance, "right")
    found: list[tuple] = []
    for flat in np.flatnonzero(high > low):
        near = order[low[flat] : high[flat]]
        place = np.unravel_index(flat, [len(values) for values in first]) if first else ()
        found += [(*place, mode) for mode in near[np.abs(sums[flat] + last[near] - shift) <= tolerance]]
    return np.array(found, dtype=int).reshape(-1, len(eigenvalues))


def round_off(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Round-off of the sum a⊗b⊗b + b⊗a⊗b + b⊗b⊗a: 64 ε times the largest it can be."""
    largest = [tuple(float(np.abs(part).max(initial=0.0)) for part in pair) for pair in pairs]
    sums = (own * prod(b for other, (_, b) in enumerate(largest) if other != k) for k, (own, _) in enumerate(largest))
    return 64 * np.finfo(float).eps * sum(sums)


class NullSpace:
    """The null modes of a solve on `space` and what to do about them.

    Parameters
    ----------
    space
        Where the solution lives.
    modes
        Per axis.
    found
        Rows (i, j, …) as from `null_modes`.
    masses
        B of each axis, None for the identity. With W A V = a, W B V = b the part of f on a mode is W f · B V / b.
    """

    def __init__(
        self, space: Space, modes: Sequence[Modes], found: np.ndarray, masses: Sequence[np.ndarray | None]
    ) -> None:
        self.space, self.found = space, found
        wanted = [np.unique(found[:, axis], return_inverse=True) for axis in range(space.ndim)]
        rows = [mode.rows(own) for mode, (own, _) in zip(modes, wanted)]
        columns = [mode.columns(own) for mode, (own, _) in zip(modes, wanted)]
        images = [
            column if b is None else b @ column / mode.b[own]
            for mode, column, b, (own, _) in zip(modes, columns, masses, wanted)
        ]
        self._places = tuple(place for _, place in wanted)
        self._sizes = prod(np.linalg.norm(image, axis=0)[place] for image, place in zip(images, self._places))
        self._heights = prod(np.abs(image).max(axis=0)[place] for image, place in zip(images, self._places))
        coefficients = space.like(grid=Grid(*(Axis(len(row), 0.0, 1.0) for row in rows)))
        if any(map(np.iscomplexobj, rows)):
            coefficients = coefficients.like(dtype="complex128")
        factors = {axis: Banded(_full_rows(row)) for axis, row in enumerate(rows)}
        self._functionals = Kron(space, factors, range=coefficients)
        self.constant = len(found) == 1 and all(np.ptp(column) <= 1e-12 * np.abs(column).max() for column in columns)
        # The solve leaves W B u = 0 (a banded axis W u = 0) on the null mode: is that the mean?
        sums = [
            row[0] if b is None or mode.kind == "banded" else row[0] @ b for row, b, mode in zip(rows, masses, modes)
        ]
        self.free_mean = self.constant and not all(
            np.allclose(row / row.sum(), axis.weights / axis.length, rtol=0, atol=1e-12 / axis.n)
            for row, axis in zip(sums, space.axes)
        )

    def part(self, f: Field) -> tuple[float, float]:
        """How much of f lies on the null modes: relative to the norm of f, and as the largest value. Collective."""
        values = (self._functionals @ f).gather()[(..., *self._places)]
        norm = f.norm()
        relative = float(np.sqrt((np.abs(values * self._sizes) ** 2).sum())) / norm if norm > 0 else 0.0
        return relative, float((np.abs(values) * self._heights).sum(axis=-1).max(initial=0.0))

    def set_mean(self, u: Field, mean: float) -> None:
        """Move u by a constant so that its mean by quadrature is `mean`. Collective."""
        now = u.mean() if self.free_mean else 0.0
        change: Any = mean - now
        if np.any(change):
            shape = (*np.shape(change), *[1] * self.space.ndim)
            u.local[...] += self.space.backend.asarray(np.reshape(change, shape))


def _full_rows(rows: np.ndarray) -> RowBand:
    return RowBand(np.zeros(len(rows), dtype=int), rows, rows.shape[1])
