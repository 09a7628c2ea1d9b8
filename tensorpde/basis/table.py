"""Table: the functions of a basis at the quadrature points of an axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Table:
    """Values of k functions at q quadrature points of each of E elements, in physical units.

    Attributes
    ----------
    first : (E,) number of each element's first function among all functions; its others follow.
    values : (E, q, k) of φ.
    slopes : (E, q, k) of dφ/dx.
    points : (E, q) coordinates x.
    weights : (E, q), Σ weights · f(points) ≈ ∫ f dx.
    functions : number of all functions, known ones too.
    periodic : whether numbers of functions count modulo `functions`.
    known : functions (left, right) at the ends that are no unknowns: 0 or 1 each.
    """

    first: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    functions: int
    periodic: bool
    known: tuple[int, int]

    @property
    def columns(self) -> np.ndarray:
        """(E, k) numbers of the functions of each element, 0 ≤ number < functions."""
        return (self.first[:, None] + np.arange(self.values.shape[2])) % self.functions

    @property
    def unknowns(self) -> slice:
        """The functions that are unknowns, among all."""
        return slice(self.known[0], self.functions - self.known[1])

    @property
    def integrals(self) -> np.ndarray:
        """∫ φ dx of all functions."""
        totals = np.zeros(self.functions)
        np.add.at(totals, self.columns, np.einsum("eq,eqk->ek", self.weights, self.values))
        return totals
