"""Multi-grid domain decomposition: a field as patches, each with its surroundings at coarser and coarser spacing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from tensorpde import backend as backends
from tensorpde.boundary import Dirichlet, Odd
from tensorpde.given import whole
from tensorpde.grid import Axis

Extension = Literal["periodic", "reflect", "zero"]
EXTENSIONS = ("periodic", "reflect", "zero")


def extension(axis: Axis) -> Extension:
    """How a field goes on beyond the ends of an axis: periodic, zero where its value there is known, else reflected."""
    if axis.periodic:
        return "periodic"
    return "zero" if any(isinstance(bc, (Dirichlet, Odd)) for bc in axis.sides) else "reflect"


@dataclass(frozen=True)
class Patches:
    """2^levels patches per axis, seen together with levels windows of as many points at spacings 2, 4, … 2^levels.

    All windows of a patch have its centre and n/2^levels + 2·padding points per axis; that of level l holds every
    2^l-th point, so that the last one spans the whole domain. The levels become channels, those of level 0 first.
    Entries of a batch are in the order (patch, sample), patches in C order.

    Parameters
    ----------
    levels
        0 is no decomposition.
    padding
        Points that a window has beyond its patch on each side, of its own spacing; a number or one per axis.
    extension
        What lies beyond the ends of the domain: "periodic" (wrapped), "reflect" (mirrored at the outermost points) or
        "zero"; one word or one per axis. See :func:`extension`.

    Raises
    ------
    TypeError, ValueError
        For numbers that are not whole or negative, or an unknown word, naming it.

    References
    ----------
    J. Kossaifi, N. Kovachki, K. Azizzadenesheli, A. Anandkumar, Multi-grid tensorized Fourier neural operator for
    high-resolution PDEs, arXiv:2310.00120 (2023), section 3.3.
    """

    levels: int = 1
    padding: int | tuple[int, ...] = 0
    extension: Extension | tuple[Extension, ...] = "periodic"

    def __post_init__(self) -> None:
        words = (self.extension,) if isinstance(self.extension, str) else self.extension
        whole(self.levels, "levels", least=0)
        for points in self.padding if isinstance(self.padding, tuple) else (self.padding,):
            whole(points, "padding", least=0)
        if not set(words) <= set(EXTENSIONS):
            raise ValueError(f"extension={self.extension!r} is none of {EXTENSIONS}")

    @property
    def channels(self) -> int:
        """Channels of the model per channel of the field."""
        return self.levels + 1

    def count(self, ndim: int) -> int:
        """Number of patches of one sample."""
        return 2 ** (self.levels * ndim)

    def size(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Points of a patch per axis, without padding.

        Raises
        ------
        ValueError
            If the patches do not divide the grid, naming both.
        """
        parts = 2**self.levels
        if any(n % parts for n in shape):
            raise ValueError(f"{parts} patches per axis do not divide a grid of {'×'.join(map(str, shape))} points")
        return tuple(n // parts for n in shape)

    def window(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Points of a window per axis."""
        return tuple(n + 2 * p for n, p in zip(self.size(shape), self._paddings(len(shape)), strict=True))

    def split(self, x: Any, numbers: Sequence[int] | None = None) -> Any:
        """Windows of the patches with these numbers (all): (batch, channels, …) → (patches·batch, levels·channels, …).

        Each value is copied once per window that it is in.
        """
        batch, channels, *shape = x.shape
        chosen = range(self.count(len(shape))) if numbers is None else numbers
        out = backends.of(x).empty((len(chosen), batch, self.channels, channels, *self.window(shape)), x.dtype)
        for k, number in enumerate(chosen):
            for level in range(self.channels):
                places, inside = self._window(tuple(shape), number, level)
                part = x[(..., *places)]
                out[k, :, level] = part if inside is None else part * backends.of(x).asarray(inside, x.dtype)
        return out.reshape(len(chosen) * batch, self.channels * channels, *out.shape[4:])

    def split_adjoint(self, dx: Any, shape: Sequence[int], numbers: Sequence[int] | None = None) -> Any:
        """The transpose of `split`: (patches·batch, levels·channels, …) → (batch, channels, *shape)."""
        chosen = range(self.count(len(shape))) if numbers is None else numbers
        batch, channels = len(dx) // len(chosen), dx.shape[1] // self.channels
        parts = dx.reshape(len(chosen), batch, self.channels, channels, *dx.shape[2:])
        out = backends.of(dx).zeros((batch, channels, *shape), dx.dtype)
        for k, number in enumerate(chosen):
            for level in range(self.channels):
                places, inside = self._window(tuple(shape), number, level)
                part = parts[k, :, level]
                part = part if inside is None else part * backends.of(dx).asarray(inside, dx.dtype)
                np.add.at(out, (Ellipsis, *places), part)  # type: ignore[arg-type]
        return out

    def stitch(self, y: Any, shape: Sequence[int]) -> Any:
        """The field whose patches these are, without their padding: (patches·batch, channels, …) → (batch, …)."""
        batch = len(y) // self.count(len(shape))
        out = backends.of(y).empty((batch, y.shape[1], *shape), y.dtype)
        for number, part in enumerate(y.reshape(-1, batch, *y.shape[1:])):
            out[(..., *self._place(shape, number))] = part[(..., *self._inner(shape))]
        return out

    def stitch_adjoint(self, dy: Any, numbers: Sequence[int] | None = None) -> Any:
        """The transpose of `stitch`, for the patches with these numbers (all): zeros in the padding."""
        batch, channels, *shape = dy.shape
        chosen = range(self.count(len(shape))) if numbers is None else numbers
        out = backends.of(dy).zeros((len(chosen), batch, channels, *self.window(shape)), dy.dtype)
        for k, number in enumerate(chosen):
            out[(k, ..., *self._inner(shape))] = dy[(..., *self._place(shape, number))]
        return out.reshape(len(chosen) * batch, *out.shape[2:])

    def inner(self, y: Any, shape: Sequence[int]) -> Any:
        """Patches without their padding, for a loss per patch."""
        return np.ascontiguousarray(y[(..., *self._inner(shape))])

    def _paddings(self, ndim: int) -> tuple[int, ...]:
        given = (self.padding,) * ndim if isinstance(self.padding, int) else self.padding
        if len(given) != ndim:
            raise ValueError(f"padding {self.padding} is for {len(given)} axes, the field has {ndim}")
        return given

    def _extensions(self, ndim: int) -> tuple[Extension, ...]:
        given = (self.extension,) * ndim if isinstance(self.extension, str) else self.extension
        if len(given) != ndim:
            raise ValueError(f"extension {self.extension} is for {len(given)} axes, the field has {ndim}")
        return given

    def _inner(self, shape: Sequence[int]) -> tuple[slice, ...]:
        return tuple(slice(p, p + n) for n, p in zip(self.size(shape), self._paddings(len(shape)), strict=True))

    def _place(self, shape: Sequence[int], number: int) -> tuple[slice, ...]:
        where = np.unravel_index(number, (2**self.levels,) * len(shape))
        return tuple(slice(int(k) * n, (int(k) + 1) * n) for k, n in zip(where, self.size(shape), strict=True))

    def _window(
        self, shape: tuple[int, ...], number: int, level: int
    ) -> tuple[tuple[np.ndarray, ...], np.ndarray | None]:
        """Per axis the points of a window, to index with; and 1 or 0 for points inside and outside, None for all in."""
        where = np.unravel_index(number, (2**self.levels,) * len(shape))
        lines, inside = [], []
        rules = zip(shape, self.size(shape), self._paddings(len(shape)), self._extensions(len(shape)), strict=True)
        for k, (n, size, padding, beyond) in zip(where, rules, strict=True):
            line, known = _line(n, size, padding, int(k), level, beyond)
            lines.append(line)
            inside.append(known.astype(int))  # numpy.ix_ would take booleans for places
        places = np.ix_(*lines)
        if all(known.all() for known in inside):
            return places, None
        return places, np.multiply.reduce(np.broadcast_arrays(*np.ix_(*inside)))


@lru_cache(maxsize=4096)
def _line(n: int, size: int, padding: int, patch: int, level: int, beyond: Extension) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the points of a window along one axis, and which of them exist (the others say 0)."""
    points = size + 2 * padding
    start = patch * size - ((2**level - 1) * size) // 2 - padding * 2**level
    j = start + 2**level * np.arange(points)
    inside = (j >= 0) & (j < n)
    if beyond == "periodic":
        return j % n, np.ones(points, bool)
    if beyond == "reflect":
        period = max(2 * (n - 1), 1)
        j = j % period
        return np.minimum(j, period - j), np.ones(points, bool)
    return np.where(inside, j, 0), inside
