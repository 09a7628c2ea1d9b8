"""Boundary conditions: small immutable descriptions, one per side of an Axis.

A condition says what is known at a wall; how a derivative uses it is the business of the closures in
`tensorpde.schemes`. Boundary data are numbers or callables of (the other coordinates…, t), or without t where they are
steady.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from tensorpde.given import number

Data = float | Callable[..., object]
"""A number, or a function of (the other coordinates…, t), or of the other coordinates alone if it is steady."""


@dataclass(frozen=True)
class Boundary:
    """Base of all conditions.

    `wall_is_known` tells where nodes go: a wall whose value is given (Dirichlet, NoSlip) carries no unknown,
    every other wall does.
    """

    @property
    def wall_is_known(self) -> bool:
        """True where the wall value is data, so that no node is placed there."""
        return False


@dataclass(frozen=True)
class Periodic(Boundary):
    """The axis closes on itself: stands for both sides at once."""


@dataclass(frozen=True)
class Dirichlet(Boundary):
    """The value is given: u = value."""

    value: Data = 0.0

    def __post_init__(self) -> None:
        _check(self, value=self.value)

    @property
    def wall_is_known(self) -> bool:
        """True: the wall value is data."""
        return True


@dataclass(frozen=True)
class Clamped(Dirichlet):
    """Value and outward normal derivative are given: u = value, ∂u/∂n = slope. For equations of fourth order.

    In operators of second order it is Dirichlet(value).
    """

    slope: Data = 0.0

    def __post_init__(self) -> None:
        _check(self, value=self.value, slope=self.slope)


@dataclass(frozen=True)
class Neumann(Boundary):
    """The outward normal derivative is given: ∂u/∂n = value."""

    value: Data = 0.0

    def __post_init__(self) -> None:
        _check(self, value=self.value)


@dataclass(frozen=True)
class Robin(Boundary):
    """A mix is given: a·u + b·∂u/∂n = value, n outward.

    Raises
    ------
    ValueError
        If b is 0: then the wall value is known and the condition is Dirichlet(value / a).
    """

    a: float
    b: float
    value: Data = 0.0

    def __post_init__(self) -> None:
        number(self.a, "a of Robin")
        number(self.b, "b of Robin")
        _check(self, value=self.value)
        if self.b == 0:
            other = "no condition at all" if self.a == 0 else "Dirichlet(value / a)"
            raise ValueError(f"Robin(a={self.a}, b={self.b}) has no derivative term: it is {other}")


@dataclass(frozen=True)
class Odd(Boundary):
    """The function reflects antisymmetrically about the wall, u(−s) = −u(s): exact ghosts, no data.

    A node is placed on the wall; its value is 0.
    """


@dataclass(frozen=True)
class Even(Boundary):
    """The function reflects symmetrically about the wall, u(−s) = u(s): exact ghosts, no data."""


@dataclass(frozen=True)
class NoSlip(Boundary):
    """A side where every component of the velocity is given: a wall at rest or moving, an inflow or outflow.

    Parameters
    ----------
    velocity
        0 for a wall at rest, or one number or callable per component. A single non-zero value is refused, for it is
        rarely meant: it would also blow fluid through the wall.
    """

    velocity: float | tuple[Data, ...] = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.velocity, (tuple, list)):
            object.__setattr__(self, "velocity", tuple(self.velocity))
            _check(self, **{f"component {i}": data for i, data in enumerate(self.velocity)})
        elif callable(self.velocity) or self.velocity != 0:
            raise ValueError(f"NoSlip(velocity={self.velocity}): give 0 or one value per component, as in (1.0, 0.0)")

    @property
    def wall_is_known(self) -> bool:
        """True: the wall velocity is data."""
        return True


@dataclass(frozen=True)
class FreeSlip(Boundary):
    """A plane of symmetry for the flow: no normal velocity, no shear stress."""


def _check(condition: Boundary, **given: Data) -> None:
    """Raise an error for data that are neither a number nor a function."""
    for name, data in given.items():
        if not callable(data):
            number(data, f"{name} of {type(condition).__name__}, if not a function,")


def on_side(function: Callable[..., object], axis: int, place: float) -> Callable[..., object]:
    """Boundary data where coordinate `axis` is `place`, from a function of all coordinates, or of these and t."""

    def data(*others: object) -> object:
        return function(*others[:axis], place, *others[axis:])

    known = inspect.signature(function)
    left = [parameter for number, parameter in enumerate(known.parameters.values()) if number != axis]
    data.__signature__ = known.replace(parameters=left)  # type: ignore[attr-defined] # tells whether t is taken
    return data


def resolve(bc: Boundary, component: int | str, axis: int) -> Boundary | None:
    """The scalar condition that a flow condition means for one variable.

    Parameters
    ----------
    bc
        The condition on one side of axis number `axis`. A scalar condition stands for itself.
    component
        The index of a velocity component, or "pressure".
    axis
        The number of the axis that carries `bc`: component == axis is the normal velocity.

    Returns
    -------
    Boundary or None
        NoSlip: Dirichlet(velocity of the component), nothing (None) for the pressure. FreeSlip: Odd for the
        normal velocity, Even for the others and for the pressure.

    Raises
    ------
    ValueError
        If `component` is neither an index nor "pressure", or NoSlip has no velocity for it.
    """
    if component != "pressure" and not (isinstance(component, int) and component >= 0):
        raise ValueError(f'component {component!r} is neither an index ≥ 0 nor "pressure"')
    if isinstance(bc, FreeSlip):
        return Odd() if component == axis else Even()
    if not isinstance(bc, NoSlip):
        return bc
    if isinstance(component, str):
        return None
    if not isinstance(bc.velocity, tuple):
        return Dirichlet(bc.velocity)
    if component >= len(bc.velocity):
        raise ValueError(f"velocity component {component} asked of NoSlip with {len(bc.velocity)} components")
    return Dirichlet(bc.velocity[component])
