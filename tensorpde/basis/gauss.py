"""Gauss points of the elements of an axis as a place for data: point values whose integral is the Gauss rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tensorpde.basis.base import Basis, Line, Piecewise, gauss


@dataclass(frozen=True)
class Gauss(Basis):
    """Values at q Gauss–Legendre points of each of some elements; made by `Axis.quadrature`.

    Parameters
    ----------
    axis
        The axis with the elements.
    q
        Points per element.
    elements
        The range (first, last + 1) of elements.
    """

    axis: Line
    q: int
    elements: tuple[int, int]

    def check(self, axis: Line) -> None:
        """There are q values per element."""
        count = (self.elements[1] - self.elements[0]) * self.q
        if axis.n != count:
            raise ValueError(f"n={axis.n} values at the {count} Gauss points of elements {self.elements}")

    def intervals(self, axis: Line) -> int:
        """Number of elements."""
        return self.elements[1] - self.elements[0]

    def reference(self, axis: Line) -> np.ndarray:
        """The Gauss points in ξ."""
        return gauss(self.axis, self._breaks, self.q)[0].ravel()

    def integrals(self, axis: Line) -> np.ndarray:
        """The Gauss weights in x."""
        return gauss(self.axis, self._breaks, self.q)[1].ravel()

    @property
    def _breaks(self) -> np.ndarray:
        basis = self.axis.basis
        assert isinstance(basis, Piecewise)
        return basis.breaks(self.axis)[self.elements[0] : self.elements[1] + 1]
