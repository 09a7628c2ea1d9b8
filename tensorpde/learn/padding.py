"""Room beyond the ends of axes that are not periodic, and its removal, as line operators."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde.field import Field
from tensorpde.kron import Kron
from tensorpde.learn.place import Place
from tensorpde.line import Banded, LineOperator, RowBand

KINDS = ("zero", "reflect")


class Padding:
    """Every axis longer by round(fraction · n) points at both ends, filled with zeros or the reflected field.

    Parameters
    ----------
    place
        The grid to be padded.
    fractions
        One per axis; 0 leaves it.
    kind
        "zero"; "reflect": the value as far inside of the last point as the new point is outside.

    Raises
    ------
    ValueError
        If an axis has too few points to reflect.
    """

    def __init__(self, place: Place, fractions: tuple[float, ...], kind: str) -> None:
        self.inner, self.outer = place, place
        self._pad: dict[int, LineOperator] = {}
        self._crop: dict[int, LineOperator] = {}
        for axis, (n, fraction) in enumerate(zip(place.shape, fractions, strict=True)):
            p = round(fraction * n)
            if not p:
                continue
            if p >= n:
                raise ValueError(f"padding of axis {axis} by {p} points at each end needs more than its {n} points")
            self._pad[axis] = _selection(np.arange(-p, n + p), n, kind)
            self._crop[axis] = _selection(np.arange(p, n + p), n + 2 * p, kind)
            shape = (*self.outer.shape[:axis], n + 2 * p, *self.outer.shape[axis + 1 :])
            space = self.outer.space
            self.outer = Place(shape, None if space is None else space.like(axis=axis, n=n + 2 * p))

    def pad(self, u: Any) -> Any:
        """The padded field of (batch, channels, points). Collective on pencils."""
        return _applied(self._pad, u, self.inner, self.outer)

    def crop(self, u: Any) -> Any:
        """The inner part of (batch, channels, points) of the padded grid. Collective on pencils."""
        return _applied(self._crop, u, self.outer, self.inner)

    def pad_adjoint(self, u: Any) -> Any:
        """The adjoint of `pad`. Collective on pencils."""
        return _applied({axis: factor.T for axis, factor in self._pad.items()}, u, self.outer, self.inner)

    def crop_adjoint(self, u: Any) -> Any:
        """The adjoint of `crop`. Collective on pencils."""
        return _applied({axis: factor.T for axis, factor in self._crop.items()}, u, self.inner, self.outer)


def _selection(points: np.ndarray, n: int, kind: str) -> Banded:
    """The values at these points of a line of n, those beyond its ends by the kind of padding."""
    inside = (points >= 0) & (points < n)
    reflected = np.where(points < 0, -points, np.where(points >= n, 2 * (n - 1) - points, points))
    coefficients = np.where(inside, 1.0, 0.0) if kind == "zero" else np.ones(len(points))
    return Banded(RowBand(np.clip(reflected, 0, n - 1), coefficients[:, None], n, False))


def _applied(factors: dict[int, LineOperator], u: Any, start: Place, end: Place) -> Any:
    lead = u.shape[:2]
    u = u.reshape(*lead, *start.local_shape)
    if start.space is not None and end.space is not None:
        u = (Kron(start.space, factors, range=end.space) @ Field(start.space, u)).to(end.space.pencil).local
    else:
        for axis, factor in factors.items():
            u = factor.apply(u, axis + 2)
    return u.reshape(*lead, -1)
