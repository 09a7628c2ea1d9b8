"""Whether a flow has become steady."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tensorpde.field import Field


class Steady:
    """Watches the rate of change of a state over one step of every so many::

        settled = tp.pde.Steady(1e-5)
        for clock in run.loop(…, until=settled):
            with settled.watch(state, clock.step, clock.dt):
                flow.step(state, clock.dt, clock.time)

    Parameters
    ----------
    limit
        Steady is what has no |∂/∂t| above it.
    every
        Steps from one look to the next.

    Attributes
    ----------
    change : the largest |∂/∂t| of any component at the last look; infinite before the first.
    """

    def __init__(self, limit: float, every: int = 100) -> None:
        self.limit, self.every, self.change = limit, every, np.inf

    @contextmanager
    def watch(self, state: Field, step: int, dt: float) -> Iterator[None]:
        """Look at the step that is taken in the `with`, which changes `state` in place, if its turn has come.

        Collective.
        """
        before = state.copy() if step % self.every == 0 else None
        yield
        if before is not None:
            before -= state
            self.change = before.norm("max") / dt

    def __call__(self) -> bool:
        """Whether the last look found a steady state."""
        return bool(self.change < self.limit)
