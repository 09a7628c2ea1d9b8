"""Derivatives of the function that interpolates the data: which one, and what an axis needs of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tensorpde.boundary import Boundary, Dirichlet, Even, Neumann, Periodic, Robin
from tensorpde.grid import Axis
from tensorpde.line import LineOperator


@dataclass(frozen=True)
class Collocation:
    """The first or second derivative of the interpolant, for axes with a collocation basis.

    Parameters
    ----------
    name
        For messages.
    derivative
        1 or 2.
    form
        How a Chebyshev axis applies it: "dense", "dct", or None for the faster one (see `schemes.chebyshev`).
    citation
        Where it comes from.
    """

    name: str
    derivative: int
    form: str | None = None
    citation: str = ""

    shift = 0.0


@dataclass(frozen=True)
class Lines:
    """What a scheme is on an axis: f^(d) = operator · u + left · g_left + right · g_right, in physical units.

    Parameters
    ----------
    operator
        m×n.
    left, right
        Factors of the boundary data, shape (m,). g is the Dirichlet value, the outward normal derivative or the
        Robin value.
    """

    operator: LineOperator
    left: np.ndarray
    right: np.ndarray


@dataclass(frozen=True)
class Slope:
    """A datum that is not a value: g = value·u + normal·∂u/∂n at a wall that carries an unknown."""

    value: float
    normal: float


def slope_of(condition: Boundary | None) -> Slope | None:
    """The slope datum of a condition; None for one that gives a value or nothing."""
    if isinstance(condition, Robin):
        return Slope(float(condition.a), float(condition.b))
    return Slope(0.0, 1.0) if isinstance(condition, (Neumann, Even)) else None


def check(axis: Axis, to: Axis, pair: tuple[Boundary | None, ...]) -> None:
    """Result and data must have the same points, and conditions must say of each wall what its points take for granted.

    Raises
    ------
    ValueError
        Naming both values.
    """
    if not np.array_equal(axis.x, to.x):
        raise ValueError(f"collocation with {axis.basis} gives values at its own points {axis.x}, not at {to.x}")
    for side, given, placed in zip(("left", "right"), pair, axis.sides, strict=True):
        if isinstance(given, Periodic) and axis.periodic:
            continue
        if not (given is None or isinstance(given, (Dirichlet, Neumann, Robin, Even))):
            raise ValueError(
                f"{axis.basis} cannot use {given} on the {side}: it takes Dirichlet, Neumann or Robin data"
            )
        if isinstance(given, Dirichlet) != placed.wall_is_known:
            raise ValueError(f"the {side} wall of an axis with {placed} cannot be used with {given} by {axis.basis}")
