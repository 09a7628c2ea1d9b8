"""Symmetries of a box with equal sides: samples in any of its positions, and outputs averaged over all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import permutations, product
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field
from tensorpde.learn.data import Pairs


@dataclass(frozen=True)
class Symmetries:
    """The 2^d d! flips and exchanges of the axes of scalar fields.

    Parameters
    ----------
    ndim
        Number of axes d, of equal lengths.
    cells
        Whether points lie in the middle of cells, so that a flip takes point j to n−1−j; else it takes j to −j mod n,
        as for periodic nodes.
    """

    ndim: int
    cells: bool = False

    @cached_property
    def all(self) -> list[tuple[tuple[int, ...], tuple[bool, ...]]]:
        """(order of the axes, which are flipped after that), the identity first."""
        return list(product(permutations(range(self.ndim)), product((False, True), repeat=self.ndim)))

    def turn(self, values: Any, number: int) -> Any:
        """Values (…, *grid) in position `number`."""
        order, flipped = self.all[number]
        lead = values.ndim - self.ndim
        moved = values.transpose(*range(lead), *(lead + axis for axis in order))
        return backends.of(values).asarray(self._flip(moved, flipped, lead))

    def back(self, values: Any, number: int) -> Any:
        """The inverse of `turn`."""
        order, flipped = self.all[number]
        lead = values.ndim - self.ndim
        moved = self._flip(values, flipped, lead).transpose(
            *range(lead), *(lead + order.index(axis) for axis in range(self.ndim))
        )
        return backends.of(values).asarray(moved)

    def _flip(self, values: Any, flipped: tuple[bool, ...], lead: int) -> Any:
        axes = tuple(lead + axis for axis, flip in enumerate(flipped) if flip)
        values = np.flip(values, axes)
        return values if self.cells or not axes else np.roll(values, 1, axes)


class Turned:
    """Pairs whose samples are each in a position that is drawn anew for every epoch, by seed, epoch and number alone.

    Parameters
    ----------
    pairs
        Of scalar fields, whole on every rank.
    symmetries
        The positions.

    Raises
    ------
    ValueError
        If axes have different lengths, or ranks share a field.
    """

    def __init__(self, pairs: Pairs, symmetries: Symmetries) -> None:
        if len(set(pairs.shape)) != 1 or pairs.spread:
            raise ValueError(f"turned samples need whole fields on equal axes, not {pairs.shape} on {pairs.ranks}")
        self._pairs, self.symmetries = pairs, symmetries
        self._positions = np.zeros(pairs.count, int)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pairs, name)

    def order(self, seed: int, epoch: int) -> np.ndarray:
        """As of `Pairs`; the samples are in the positions of this epoch from now on."""
        stream = np.random.Generator(np.random.Philox(key=[seed, 2**32 + epoch]))
        self._positions = stream.integers(len(self.symmetries.all), size=self._pairs.count)
        return self._pairs.order(seed, epoch)

    def batch(self, numbers: Any) -> tuple[Any, Any]:
        """As of `Pairs`."""
        x, y = self._pairs.batch(numbers)
        for k, number in enumerate(self._pairs.mine(numbers)):
            for values in (x, y):
                values[k] = self.symmetries.turn(values[k], self._positions[number])
        return x, y


@dataclass(frozen=True)
class Averaged:
    """y = mean over all positions g of back_g(model(turn_g x)): an operator with the symmetry, for evaluation."""

    model: Any
    symmetries: Symmetries

    def __call__(self, params: dict[str, Any], x: Any) -> Any:
        """The averaged output, at as many times the cost as there are positions. Collective as the model is."""
        if isinstance(x, Field):
            raise TypeError("averaging over symmetries needs whole fields, not a Field on several ranks")
        count = len(self.symmetries.all)
        total = self.symmetries.back(self.model(params, self.symmetries.turn(x, 0)), 0)
        for number in range(1, count):
            total = total + self.symmetries.back(self.model(params, self.symmetries.turn(x, number)), number)
        return total / count
