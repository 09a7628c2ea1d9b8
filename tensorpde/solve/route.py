"""A solve as a list of steps on blocks: move to another pencil, or do something to whole lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from tensorpde.backend.workspace import Workspace
from tensorpde.parallel import Pencil, Transpose


class Step(NamedTuple):
    """run(u, out) fills `out`, of this local shape (after leading dimensions) and dtype; in_place: out may be u."""

    run: Callable[[Any, Any], Any]
    shape: tuple[int, ...]
    dtype: np.dtype
    in_place: bool = False


class Route:
    """Steps from one pencil to the next; two work arrays, lent by the process grid, serve all.

    Attributes
    ----------
    pencil, dtype : of the data after the last step.
    """

    def __init__(self, pencil: Pencil, dtype: Any, backend: ModuleType) -> None:
        self.pencil, self.dtype, self.backend = pencil, np.dtype(dtype), backend
        self.steps: list[Step] = []

    def move(self, pencil: Pencil) -> None:
        """Transpose to another pencil, if it is another."""
        if pencil != self.pencil:
            transpose = Transpose.between(self.pencil, pencil)
            self.pencil = pencil
            self._append(transpose.forward, False)

    def line(self, function: Callable[..., Any], axis: int, n: int, dtype: Any = None, in_place: bool = False) -> None:
        """function(u, axis, out) along a whole axis that has n values afterwards, of `dtype` if it changes.

        `in_place`: the function allows out to be u where shape and dtype stay.
        """
        place, before = axis - self.pencil.ndim, (self.pencil, self.dtype)
        shape = list(self.pencil.shape)
        shape[axis] = n
        self.pencil = self.pencil.reshaped(shape)
        self.dtype = self.dtype if dtype is None else np.dtype(dtype)
        same = before == (self.pencil, self.dtype)
        self._append(lambda u, out: function(u, place, out) if out.size else None, in_place and same)

    def cast(self, dtype: Any) -> None:
        """Change the type of the values: real to complex, or to the real part."""
        if self.dtype != np.dtype(dtype):
            real = self.dtype.kind == "c" and np.dtype(dtype).kind != "c"
            self.dtype = np.dtype(dtype)
            self._append(_real_part if real else _copy, False)

    def _append(self, run: Callable[[Any, Any], Any], in_place: bool) -> None:
        self.steps.append(Step(run, self.pencil.local_shape, self.dtype, in_place))

    def run(self, u: Any, out: Any) -> None:
        """Take u, a block in the first pencil, to `out`, one in the last; out may be u. Collective."""
        lead = u.shape[: u.ndim - self.pencil.ndim]
        work = self.pencil.process_grid.workspace(self.backend)
        buffers, targets = self._targets(lead, work)
        if not self.steps:
            _copy(u, out)
        for step, target in zip(self.steps, [*targets, out]):
            step.run(u, target)
            u = target
        for buffer in buffers:
            work.give(buffer)

    def _targets(self, lead: tuple[int, ...], work: Workspace) -> tuple[list[Any], list[Any]]:
        """Two buffers used in turn, and laid over them the arrays that all steps but the last write to."""
        places, side = [], 0
        for number, step in enumerate(self.steps[:-1]):
            if not (step.in_place and number):
                side = 1 - side
            places.append(side)
        sizes = [prod((*lead, *step.shape)) * step.dtype.itemsize for step in self.steps[:-1]]
        largest = [max((size for size, place in zip(sizes, places) if place == side), default=0) for side in (0, 1)]
        buffers = [work.take((size,), "uint8") for size in largest]
        return buffers, [
            buffers[place][:size].view(step.dtype).reshape((*lead, *step.shape))
            for step, size, place in zip(self.steps, sizes, places)
        ]


def aligned(pencil: Pencil, axis: int, done: Sequence[int]) -> Pencil:
    """The nearest pencil with `axis` whole, cutting an axis that is `done` in its place if there is one."""
    if pencil.is_whole(axis):
        return pencil
    ranks = pencil.process_grid.dims[pencil.distribution[axis] or 0]
    spare = [other for other in done if pencil.is_whole(other) and pencil.shape[other] >= ranks]
    if not spare:
        return pencil.aligned(axis)
    distribution = list(pencil.distribution)
    other = min(spare, key=lambda other: abs(other - axis))
    distribution[other], distribution[axis] = distribution[axis], None
    return Pencil(pencil.shape, pencil.process_grid, tuple(distribution))


def _copy(u: Any, out: Any) -> None:
    if out is not u:
        out[...] = u


def _real_part(u: Any, out: Any) -> None:
    out[...] = u.real
