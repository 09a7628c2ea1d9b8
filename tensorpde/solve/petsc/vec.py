"""Fields as PETSc's vectors and PETSc's vectors as Fields: the same memory."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.parallel import Pencil

KEPT = 256  # views of PETSc's work vectors; more than any method has


@contextmanager
def vector(PETSc: Any, f: Field) -> Iterator[Any]:
    """The values of f as a Vec, for the time of the `with`: PETSc reads and writes the block of f itself. Collective.

    Its numbering is that of ranks and, within a rank, of the block in C order, leading dimensions first.

    Raises
    ------
    TypeError
        If PETSc was built for another type of number.
    """
    if f.dtype != np.dtype(PETSc.ScalarType):
        raise TypeError(f"{f} has values of type {f.dtype}, PETSc was built for {np.dtype(PETSc.ScalarType)}")
    vec = PETSc.Vec().createWithArray(f.local.reshape(-1), comm=f.space.comm)
    try:
        yield vec
    finally:
        vec.destroy()


class Layout:
    """Where the blocks of Fields of one kind are, for Vecs of that size.

    Parameters
    ----------
    PETSc
        The module.
    space, pencil, lead
        Of the Fields.
    """

    def __init__(self, PETSc: Any, space: Space, pencil: Pencil, lead: tuple[int, ...]) -> None:
        self.PETSc, self.space, self.pencil, self.lead = PETSc, space, pencil, lead
        self.comm = space.comm
        self._shape = (*lead, *pencil.local_shape)
        self._size = prod(self._shape)
        self.sizes = self._size, prod(lead) * prod(space.shape)
        self._views: dict[int, Field] = {}

    def read(self, vec: Any) -> Field:
        """The values of a Vec as a Field, to be read only: a view."""
        return self._view(vec, -1)

    def write(self, vec: Any) -> Field:
        """The values of a Vec as a Field, to be changed: a view. PETSc is told that its norms are stale."""
        vec.stateIncrease()
        return self._view(vec, -2)

    def _view(self, vec: Any, empty: int) -> Field:
        # `empty`: no two fields are one for operators, not even without values
        # numpy marks arrays of Vecs that PETSc has locked as read-only, for which kernels would be compiled again
        address = vec.getArray(readonly=True).ctypes.data if self._size else empty
        if address not in self._views:
            if len(self._views) >= KEPT:
                self._views.clear()
            kind = np.dtype(self.PETSc.ScalarType)
            if self._size:
                raw = (ctypes.c_char * (self._size * kind.itemsize)).from_address(address)
                array = np.frombuffer(raw, kind).reshape(self._shape)
            else:
                array = np.empty(self._shape, kind)
            self._views[address] = Field(self.space, array, self.pencil)
        return self._views[address]
