"""What drives a flow besides pressure and friction: body forces, buoyancy, sources of scalars."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tensorpde.faces import add_outer
from tensorpde.field import Field, Space
from tensorpde.filling import at_time
from tensorpde.parallel import agree
from tensorpde.pde.scalars import Scalar, Values

StateForce = Callable[[Field, float, Field], object]
Force = StateForce | Sequence[Values] | None
"""A function of the state, or one number or function of (coordinates…) or (coordinates…, t) per velocity component."""


class Forcing:
    """out += force + Σ buoyancy θ, and the sources of scalars. Making one is collective.

    Functions of the coordinates alone are evaluated once and kept; those of t at every call, which makes it collective.

    Parameters
    ----------
    space
        Of every component.
    force
        ``force(u, t, out)``, which adds to the Field `out`; or one number or function per velocity component.
    scalars
        The scalars that follow the velocity in the state.

    Raises
    ------
    ValueError
        If the number of components does not fit.
    """

    def __init__(self, space: Space, force: Force, scalars: Sequence[Scalar]) -> None:
        self.space = space
        self._of_state = force if callable(force) else None
        given = [0.0] * space.ndim if force is None or callable(force) else list(force)
        if len(given) != space.ndim:
            raise ValueError(f"a force of {len(given)} components for a velocity of {space.ndim}")
        values = [*given, *(scalar.source for scalar in scalars)]
        self._numbers = [(i, float(v)) for i, v in enumerate(values) if not callable(v) and v != 0]
        functions = [(i, v) for i, v in enumerate(values) if callable(v)]
        steady = [(i, v) for i, v in functions if at_time(v, space.ndim, 0.0) is v]
        self._kept = [(i, space.field(v)) for i, v in steady]
        self._moving = [pair for pair in functions if pair not in steady]
        self._buoyancy = [
            (i, space.ndim + k, float(b)) for k, one in enumerate(scalars) for i, b in enumerate(one.buoyancy) if b
        ]

    def __call__(self, u: Field, t: float, out: Field) -> None:
        """Add everything to out, a Field like u."""
        axpby = self.space.backend.pointwise.axpby
        for i, number in self._numbers:
            out.local[i] += number
        for i, kept in self._kept:
            axpby(1.0, kept.local, 1.0, out.local[i])
        for i, k, factor in self._buoyancy:
            axpby(factor, u.local[k], 1.0, out.local[i])
        if self._moving:
            with agree(self.space.comm, "evaluating forces"):
                for i, function in self._moving:
                    add_outer(out[i], {}, at_time(function, self.space.ndim, t))
        if self._of_state is not None:
            self._of_state(u, t, out)
