"""Fourier modes of real fields on periodic boxes, as Kronecker products of transforms."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import Kron
from tensorpde.line.modal import Modal
from tensorpde.mapping import Uniform
from tensorpde.parallel import Pencil


class Fourier:
    """f(x) = Σ_k f̂_k e^{ik·(x − x₀)} on a periodic box with the first point x₀, k = 2π m / L along each axis.

    The modes of a real field have f̂_{−k} = conj f̂_k: of the first axis those with m ≥ 0 are kept. Fields of modes lie
    in the home pencil and values in `pencil`, where the first axis is whole, so that a transform takes one transpose.

    Parameters
    ----------
    space
        Real, with periodic axes of equal spacing.

    Attributes
    ----------
    modes : the Space of the modes, complex.
    pencil : where `forward` takes values from and `backward` puts them without a transpose of its own.
    forward : values → N f̂, N the number of points; unnormalised, as `Modal` is.
    backward : N f̂ → values.
    points : N.
    multiplicity : per axis, how many modes of a real field each kept one stands for.

    Raises
    ------
    ValueError
        If the Space is not real, or an axis not periodic or stretched, naming it.
    """

    def __init__(self, space: Space) -> None:
        if space.dtype.kind != "f":
            raise ValueError(f"Fourier modes of real fields need a real Space, not {space.dtype}")
        for number, axis in enumerate(space.axes):
            if not axis.periodic or not isinstance(axis.mapping, Uniform) or axis.basis is not None:
                raise ValueError(f"axis {number}: Fourier modes need a periodic axis of equal spacing, not {axis}")
        self.space, self.points, self.pencil = space, math.prod(space.shape), space.pencil_for(0)
        factors = {axis: Modal("fft" if axis else "rfft", n) for axis, n in enumerate(space.shape)}
        self.forward = Kron(space, factors)
        self.modes = self.forward.range
        inverses = {axis: factor.inverse() for axis, factor in factors.items()}
        self.backward = Kron(self.modes, inverses, range=space)
        self._angles = [factor.angles for factor in factors.values()]
        self.multiplicity = [factors[0].multiplicity(), *(np.ones(n) for n in space.shape[1:])]

    def numbers(self) -> tuple[np.ndarray, ...]:
        """The integers m of this rank's modes, one array per axis; the arrays broadcast together."""
        lines = [np.rint(a * n / (2 * np.pi)) for a, n in zip(self._angles, self.space.shape, strict=True)]
        return np.ix_(*(line[part] for line, part in zip(lines, self.modes.pencil.slices, strict=True)))

    def wavenumbers(self) -> tuple[np.ndarray, ...]:
        """The components of k [1/L] of this rank's modes; the arrays broadcast together."""
        units = [2 * np.pi / axis.length for axis in self.space.axes]  # the same k to the bit on any number of points
        return tuple(unit * m for unit, m in zip(units, self.numbers(), strict=True))

    def below_nyquist(self, part: float = 1.0) -> np.ndarray:
        """Whether |m| < part · n/2 along every axis, for this rank's modes: part=2/3 keeps products free of aliases."""
        inside = [np.abs(m) < part * n / 2 for m, n in zip(self.numbers(), self.space.shape, strict=True)]
        return np.logical_and.reduce(np.broadcast_arrays(*inside))

    def values(self, modes: Field) -> Field:
        """The real Field with these coefficients, in the home pencil. Collective."""
        out = self.space.empty(modes.lead)
        return self.backward.apply(modes * float(self.points), out=out)

    def coefficients(self, f: Field) -> Field:
        """The coefficients f̂ of a real Field. Collective."""
        out = self.modes.empty(f.lead)
        self.forward.apply(f, out=out)
        out *= 1.0 / self.points
        return out


@contextmanager
def lent(space: Space, lead: Sequence[int] = (), pencil: Pencil | None = None) -> Iterator[Field]:
    """A Field with undefined values in work memory of the process grid, until the end of the `with`."""
    pencil = pencil or space.pencil
    with space.process_grid.workspace(space.backend).lent((*lead, *pencil.local_shape), space.dtype) as block:
        yield Field(space, block, pencil)
