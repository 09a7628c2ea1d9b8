"""Scalars that a flow carries, such as a temperature, and that may drive it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tensorpde.boundary import Boundary, Dirichlet, Even, FreeSlip, Neumann, NoSlip, Odd, Periodic, resolve
from tensorpde.grid import Axis

Values = float | Callable[..., object]
"""A number, or a function of (coordinates…) or (coordinates…, t)."""


@dataclass(frozen=True)
class Scalar:
    """∂θ/∂t = −½ (u·∇θ + ∇·(u θ)) + κ ∇²θ + source, and ∂u/∂t = … + buoyancy θ: passive without buoyancy, else active.

    It shares the points of the velocity and follows its components in the state of the flow.

    Parameters
    ----------
    diffusivity
        κ [L²/T].
    walls
        By number of an axis that has walls: the condition on both sides, or a pair (left, right), of Dirichlet,
        Neumann, Robin, Odd or Even, whose data are as those of any boundary. Where nothing is said no θ passes through
        the wall by diffusion. Where fluid passes through a side, θ is given there: Dirichlet. On free-slip walls whose
        axis has its nodes on the wall θ reflects: Even (no flux) or Odd (zero); with cells any condition goes.
    buoyancy
        Factor of θ in the equation of each velocity component (Boussinesq: g β, upwards); () for none.
    source
        A number, or a function of (coordinates…) or (coordinates…, t).
    name
        In diagnostics.
    """

    diffusivity: float
    walls: Mapping[int, Boundary | tuple[Boundary, Boundary]] = field(default_factory=dict)
    buoyancy: Sequence[float] = ()
    source: Values = 0.0
    name: str = "temperature"

    def sides(self, axis: Axis, number: int) -> tuple[Boundary, Boundary]:
        """The conditions (left, right) on an axis of the flow, `number` being its place among the axes."""
        given = self.walls.get(number)
        pair = (given, given) if given is None or isinstance(given, Boundary) else tuple(given)
        left, right = (_side(wall, own) for wall, own in zip(axis.sides, pair, strict=True))
        return left, right

    def check(self, axes: Sequence[Axis]) -> None:
        """Complain about what does not fit the axes of a flow.

        Raises
        ------
        ValueError
            Naming the value that does not fit, and what would.
        """
        if not self.diffusivity >= 0:
            raise ValueError(f"{self.name}: diffusivity {self.diffusivity} must be 0 or more")
        if len(self.buoyancy) not in (0, len(axes)):
            raise ValueError(f"{self.name}: buoyancy has {len(self.buoyancy)} components, the velocity {len(axes)}")
        walled = [number for number, axis in enumerate(axes) if not axis.periodic]
        for number in self.walls:
            if number not in walled:
                raise ValueError(f"{self.name}: a condition for axis {number}, but the axes with walls are {walled}")
        for number, axis in enumerate(axes):
            for wall, side in zip(axis.sides, self.sides(axis, number), strict=True):
                if isinstance(side, (NoSlip, FreeSlip)):
                    raise ValueError(f"{self.name}, axis {number}: {side}; a scalar needs a scalar condition")
                if passes(wall, number) and not isinstance(side, Dirichlet):
                    what = f"{self.name}, axis {number}: {side} where fluid passes through"
                    raise ValueError(f"{what} by {wall}; give Dirichlet")
                if isinstance(wall, FreeSlip) and axis.location == "nodes" and not isinstance(side, (Even, Odd)):
                    what = f"{self.name}, axis {number}: {side} on a free-slip wall with nodes on it"
                    raise ValueError(f'{what}; give Even(), Odd(), or the axis location="cells"')


def passes(wall: Boundary, axis: int) -> bool:
    """Whether fluid may pass through a side of an axis, given its condition on the velocity."""
    normal = resolve(wall, axis, axis)
    return isinstance(normal, Dirichlet) and (callable(normal.value) or normal.value != 0)


def _side(wall: Boundary, own: Boundary | None) -> Boundary:
    """The condition of the scalar on a wall of the flow."""
    if isinstance(wall, Periodic):
        return wall
    insulated = own is None or (isinstance(own, Neumann) and own.value == 0)
    if insulated and not isinstance(wall, NoSlip):
        return Even()  # a reflection, which keeps the order of the interior
    return Neumann(0.0) if own is None else own
