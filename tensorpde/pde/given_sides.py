"""What velocities that are given on the sides of a box add to the discrete divergence."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Dirichlet, resolve
from tensorpde.field import Field, Space
from tensorpde.filling import is_steady, on_wall
from tensorpde.kron import Kron
from tensorpde.parallel import agree

ALIKE = 0.01  # how much more may flow in than out, as a part: points at which data jump are coarse


class GivenSides:
    """The lifting of D u, of constant, steady or moving data. Making one is collective.

    Not all of it can be balanced by velocities inside: where a moving wall meets another the velocity jumps, and the
    interpolations turn the jump into a little of the checkerboard that they do not see and no velocity makes; and
    what flows in is as much as flows out only up to the error of the points. The projection, which leaves null modes
    alone, does not feel that part; it does not count as divergence either.

    Parameters
    ----------
    space
        Of the velocity.
    divergence
        D, one Kron per component, with the velocities of the sides as boundary data.
    balanced
        Replaces a Field by the part of it that velocities inside can make.

    Attributes
    ----------
    moving : whether the data depend on the time.

    Raises
    ------
    ValueError
        If at t = 0 not as much flows out as in, naming both.
    """

    def __init__(self, space: Space, divergence: Sequence[Kron], balanced: Callable[[Field], Field]) -> None:
        self._space, self._divergence = space, divergence
        self._normal = [
            (axis, side, bc.value)
            for axis, line in enumerate(space.axes)
            for side, bc in enumerate(resolve(one, axis, axis) for one in line.sides)
            if isinstance(bc, Dirichlet) and bc.value != 0
        ]
        data = [d for line in space.axes for bc in line.sides for d in _velocities(bc)]
        self.moving = any(callable(d) and not is_steady(d, space.ndim - 1) for d in data)
        self._kept: Field | None = None
        self.check(0.0)
        if any(operator.sources for operator in divergence) and not self.moving:
            lifting = divergence[0].range.zeros()
            self._add_all(lifting, 0.0)
            self._kept = balanced(lifting)

    def add(self, out: Field, t: float) -> None:
        """Out += the lifting at time t, of steady data only the part that can be balanced. Collective."""
        if self.moving:
            self._add_all(out, t)
        elif self._kept is not None:
            out += self._kept

    def _add_all(self, out: Field, t: float) -> None:
        for operator in self._divergence:
            operator.add_lifting(out, t)

    def check(self, t: float) -> None:
        """As much must flow out as in at time t. Collective.

        Raises
        ------
        ValueError
            If not, naming both.
        """
        with agree(self._space.comm, "evaluating boundary data"):
            flows = [self._through(axis, side, data, t) for axis, side, data in self._normal]
        incoming, outgoing = (sum(flow[k] for flow in flows) for k in (0, 1))
        if abs(incoming - outgoing) > ALIKE * max(incoming, outgoing):
            what = f"{incoming:.6g} flows in through the sides and {outgoing:.6g} out"
            raise ValueError(f"at t = {t:g} {what}; it must be as much")

    def _through(self, axis: int, side: int, data: Any, t: float) -> tuple[float, float]:
        """What flows in and out through a side, by the midpoint rule between the points."""
        others = [line for k, line in enumerate(self._space.axes) if k != axis]
        edges = [np.linspace(line.lo, line.hi, 8 * line.n + 1) for line in others]
        x = np.ix_(*(0.5 * (edge[1:] + edge[:-1]) for edge in edges))
        values = on_wall(data, len(others), t)(*x) if callable(data) else data
        u = np.broadcast_to(values, tuple(len(edge) - 1 for edge in edges)) * (1 if side == 0 else -1)
        area = math.prod(float(edge[1] - edge[0]) for edge in edges)
        return float(np.maximum(u, 0).sum()) * area, float(np.maximum(-u, 0).sum()) * area


def _velocities(bc: object) -> tuple:
    velocity = getattr(bc, "velocity", ())
    return velocity if isinstance(velocity, tuple) else (velocity,)
