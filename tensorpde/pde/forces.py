"""What drives a flow besides pressure and friction: body forces, buoyancy, sources of scalars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tensorpde.faces import add_outer
from tensorpde.field import Field, Space
from tensorpde.filling import at_time
from tensorpde.kron import Kron
from tensorpde.parallel import agree
from tensorpde.pde.scalars import Scalar, Values


class ConstantFlux:
    """A uniform force along an axis that keeps the mean velocity along it, the mass flux of a channel.

    It is found in every stage as the pressure is, so that the mean is right to round-off after each.

    Parameters
    ----------
    mean
        The mean of the velocity over the box, by quadrature.
    axis
        The axis, periodic.

    Attributes
    ----------
    force : the force per mass in the last stage, −∂P/∂x of the mean pressure.
    """

    def __init__(self, mean: float, axis: int = 0) -> None:
        self.mean, self.axis, self.force = float(mean), axis, 0.0

    def check(self, space: Space) -> None:
        """Complain about an axis that is not periodic.

        Raises
        ------
        ValueError
            Naming the axis.
        """
        if not 0 <= self.axis < space.ndim or not space.axes[self.axis].periodic:
            kinds = ["periodic" if axis.periodic else "walls" for axis in space.axes]
            raise ValueError(f"a constant flux needs a periodic axis, not axis {self.axis} of {kinds}")

    def restore(self, u: Field, span: float, solve: Kron | None = None) -> None:
        """Give u the mean by a force over the time `span`, which an implicit stage puts through `solve`. Collective."""
        space, part = u.space, u[self.axis]
        profiles = (
            {} if solve is None else {b: line.apply(np.ones(space.shape[b]), 0) for b, line in solve.factors.items()}
        )
        mean = math.prod(float(s @ space.axes[b].weights) / space.axes[b].length for b, s in profiles.items())
        change = (self.mean - part.mean()) / mean
        add_outer(part, profiles, change)
        self.force = change / span


StateForce = Callable[[Field, float, Field], object]
Force = StateForce | ConstantFlux | Sequence[Values] | None
"""A function of the state; or a `ConstantFlux`; or one number or function of (coordinates…) or (coordinates…, t) per
velocity component."""


class Forcing:
    """out += force + Σ buoyancy θ, and the sources of scalars. Making one is collective.

    Functions of the coordinates alone are evaluated once and kept; those of t at every call, which makes it collective.

    Parameters
    ----------
    space
        Of every component.
    force
        ``force(u, t, out)``, which adds to the Field `out`; or one number or function per velocity component. A
        `ConstantFlux` adds nothing here: it is found with the pressure.
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
        elsewhere = force is None or callable(force) or isinstance(force, ConstantFlux)
        given = [0.0] * space.ndim if elsewhere else list(force)  # type: ignore[arg-type]
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
