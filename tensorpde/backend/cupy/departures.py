"""Copies of device arrays on the host, made while the device goes on working."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from types import SimpleNamespace
from typing import Any

import cupy
import numpy as np

from .. import workspace
from . import blocks, device

PIECE = 1 << 22  # bytes that are copied at once where the device has no room for a whole copy


class HostCopies:
    """Copies that begin one by one and are finished together, in pinned memory that is used again.

    What is to be copied is first packed on the device, in the order of its work, and goes to the host on a stream of
    its own. So the work that follows may change the source at once, after a pass over the memory of the device; waiting
    for the way to the host instead would take some fifty times as long. Where the device has no room for the packed
    copy, the source goes piece by piece while the host waits.
    """

    def __init__(self) -> None:
        self._stream = cupy.cuda.Stream(non_blocking=True)  # the default stream waits for one of another kind
        self._pinned = workspace.Workspace(SimpleNamespace(empty=blocks.pinned))
        self._packed: list[cupy.ndarray] = []
        self._copies: list[np.ndarray] = []

    def take(self, source: cupy.ndarray, dtype: Any) -> np.ndarray:
        """Begin a copy of the values that the source has now, as another type; they are there once `finished`."""
        copy = self._pinned.take(source.shape, dtype)
        self._copies.append(copy)
        try:
            with device.memory_for(source.shape, dtype):
                packed = cupy.empty(source.shape, dtype)
        except MemoryError:
            _piece_by_piece(source, copy)
            return copy
        packed[...] = source
        ready = cupy.cuda.Event(disable_timing=True)
        ready.record()
        self._stream.wait_event(ready)
        packed.get(stream=self._stream, out=copy, blocking=False)
        self._packed.append(packed)
        return copy

    @contextmanager
    def finished(self) -> Iterator[None]:
        """All copies that were begun are there while this lasts; then their memory is used for others."""
        self._stream.synchronize()
        self._packed.clear()
        try:
            yield
        finally:
            for copy in self._copies:
                self._pinned.give(copy)
            self._copies.clear()


def _piece_by_piece(source: cupy.ndarray, copy: np.ndarray) -> None:
    rows = max(1, PIECE // max(prod(source.shape[1:]) * source.itemsize, 1))
    for first in range(0, len(source), rows):
        copy[first : first + rows] = source[first : first + rows].get()
