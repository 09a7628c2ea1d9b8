"""Means over time at every point, for flows that have no homogeneous direction."""

from __future__ import annotations

import math
from typing import Any

from tensorpde.field import Field, Space


class PointStatistics:
    """⟨u_i⟩ and ⟨u_i' u_j'⟩ at every point, by weights that are given: U_i = Σ w u_i / Σ w.

    The sums are a Field: part of the state of a run, so that checkpoints keep it on pencils. Its values are the same
    bits on any number of ranks and after a restart wherever those of u are.

        state = run.restore({"u": u, "sums": tp.pde.PointStatistics.empty(space)})
        means = tp.pde.PointStatistics(state["sums"], run.attributes.setdefault("statistics", {}))
        means.add(state["u"], clock.dt)

    Parameters
    ----------
    sums
        As `empty` makes it, or as a checkpoint gave it back; changed in place.
    kept
        The dictionary in which Σ w lives, empty at first, or as a checkpoint gave it back.

    Raises
    ------
    ValueError
        If the Field has not as many components as there are means and products, naming both.

    Notes
    -----
    Nothing is communicated. Memory: d + d (d + 1)/2 arrays, the sums.
    """

    def __init__(self, sums: Field, kept: dict[str, Any] | None = None) -> None:
        d = sums.space.ndim
        self._pairs = [(i, j) for i in range(d) for j in range(i, d)]
        if sums.lead != (d + len(self._pairs),):
            raise ValueError(f"sums need {d + len(self._pairs)} components in {d} dimensions, not {sums.lead}")
        self.sums, self._kept = sums, {} if kept is None else kept
        self._kept.setdefault("weight", 0.0)

    @staticmethod
    def empty(space: Space) -> Field:
        """The sums of nothing."""
        d = space.ndim
        return space.zeros(lead=(d + d * (d + 1) // 2,))

    @property
    def weight(self) -> float:
        """The sum of all weights so far."""
        return self._kept["weight"]

    def add(self, v: Field, weight: float) -> None:
        """Add the velocity of an instant, its components first; further components are left out."""
        d, sums, u = self.sums.space.ndim, self.sums.local, v.to(self.sums.pencil).local
        sums[:d] += weight * u[:d]
        for k, (i, j) in enumerate(self._pairs, d):
            sums[k] += weight * (u[i] * u[j])
        self._kept["weight"] += weight

    def mean(self, i: int) -> Field:
        """U_i; NaN while nothing has been added."""
        return self._mean(i)

    def stress(self, i: int, j: int) -> Field:
        """⟨u_i' u_j'⟩; NaN while nothing has been added."""
        k = self.sums.space.ndim + self._pairs.index((min(i, j), max(i, j)))
        return self._mean(k) - self._mean(i) * self._mean(j)

    def rms(self, i: int) -> Field:
        """√⟨u_i'²⟩; NaN while nothing has been added."""
        square = self.stress(i, i)
        square.local[...] = square.local.clip(0.0) ** 0.5  # round-off may leave −1e-17
        return square

    def _mean(self, k: int) -> Field:
        return self.sums[k] * (1.0 / self.weight if self.weight else math.nan)
