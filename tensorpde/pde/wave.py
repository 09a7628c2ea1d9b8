"""The wave equation by alternating directions."""

from __future__ import annotations

import math
from collections.abc import Callable

from tensorpde.field import Field, Space
from tensorpde.operators import laplacian
from tensorpde.schemes import Scheme, lele1992
from tensorpde.stepping import ImplicitVerlet
from tensorpde.stepping.alternating import SourceTerm


class Wave:
    """u_tt = c² ∇²u + source, with the boundary data of the Space, which may change in time.

    The state is one Field with lead=(2,): u and u_t.

    Parameters
    ----------
    space
        Where u lives.
    speed
        c [L/T].
    dt
        The time step; any is stable.
    scheme
        Of the second derivatives; default: compact, of order 4.
    source
        A function of (coordinates…, t).
    """

    def __init__(
        self, space: Space, speed: float, dt: float, scheme: Scheme | None = None, source: SourceTerm | None = None
    ) -> None:
        self.space, self.source = space, source
        self.operator = speed**2 * laplacian(space, scheme or lele1992.second(4))
        self.advance = ImplicitVerlet(self.operator, dt)

    def start(self, u: Callable | float, velocity: Callable | float = 0.0) -> Field:
        """The state from functions of the coordinates (or numbers). Collective."""
        state = self.space.zeros((2,))
        state[0], state[1] = self.space.field(u), self.space.field(velocity)
        return state

    def step(self, state: Field, t: float = 0.0, dt: float | None = None) -> Field:
        """Advance the state in place from t by dt (default: the step it was made for) and return it. Collective."""
        return self.advance(state, t, self.source, dt)

    def diagnostics(self, state: Field) -> dict[str, float]:
        """The energy that steps conserve, times the volume of a cell (uniform grids), and the largest |u|. Collective.

        ½∫ u_t² + c²|∇u|² up to errors of the schemes; see `ImplicitVerlet.energy` for what it takes to be conserved.
        """
        cell = math.prod(axis.spacing for axis in self.space.axes)
        return {"energy": cell * self.advance.energy(state), "largest": state[0].norm("max")}
