"""Steps that do the same each time, which a device may record and repeat (TENSORPDE_GRAPH=1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tensorpde.field import Field


class Repeated:
    """Steps of one stepper."""

    def __init__(self) -> None:
        self._recordings: dict[str, Any] = {}

    def __call__(self, step: Callable[[], object], u: Field, dt: float) -> None:
        """Do step(), which advances u by dt: on one rank, where no message is waited for, in the backend's own way."""
        if u.space.comm.size > 1:
            step()
            return
        backend = u.space.backend
        if backend.name not in self._recordings:
            self._recordings[backend.name] = backend.graphs.Recording()
        lent = u.pencil.process_grid.workspace(backend)
        self._recordings[backend.name](step, [u.local], dt, lent.buffers)
