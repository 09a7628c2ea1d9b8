"""Work arrays that operators share: a step allocates nothing, and what is not in use together has the same memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np


class Workspace:
    """Buffers of one backend, handed out as arrays of any shape and type.

    Parameters
    ----------
    backend
        The backend package whose arrays they are, or what else has its `empty`.
    """

    def __init__(self, backend: ModuleType | SimpleNamespace) -> None:
        self._backend = backend
        self._free: list[Any] = []
        self._lent: dict[int, tuple[Any, Any]] = {}

    def take(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """A C-contiguous array with undefined values, to be given back: of the smallest free buffer that holds it.

        Where none does, the largest free one is dropped for a new one.
        """
        dtype = np.dtype(dtype)
        size = prod(shape) * dtype.itemsize
        fitting = [buffer for buffer in self._free if buffer.size >= size]
        if fitting:
            buffer = min(fitting, key=lambda b: b.size)
        else:
            self._forget(max(self._free, key=lambda b: b.size, default=None))
            buffer = self._backend.empty((size,), "uint8")
        self._forget(buffer)
        array = buffer[:size].view(dtype).reshape(shape)
        self._lent[id(array)] = array, buffer
        return array

    def give(self, array: Any) -> None:
        """Take back an array that `take` handed out."""
        self._free.append(self._lent.pop(id(array))[1])

    @contextmanager
    def lent(self, shape: tuple[int, ...], dtype: Any) -> Iterator[Any]:
        """An array as of `take`, given back at the end of the `with`."""
        array = self.take(shape, dtype)
        try:
            yield array
        finally:
            self.give(array)

    def buffers(self) -> list[Any]:
        """All buffers, for whoever still needs them when others no longer fit."""
        return [*self._free, *(buffer for _, buffer in self._lent.values())]

    def _forget(self, buffer: Any) -> None:
        self._free = [other for other in self._free if other is not buffer]

    @property
    def nbytes(self) -> int:
        """Bytes of all buffers."""
        return sum(b.size for b in self.buffers())
