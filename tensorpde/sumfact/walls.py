"""What walls add to forms with coefficients: functions of given values, integrals with the metric of the surface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Robin
from tensorpde.faces import Face, OnWall, faces, has_data, natural_walls
from tensorpde.field import Field, Space
from tensorpde.galerkin import wall_load
from tensorpde.kron import Kron, Source, TensorOperator
from tensorpde.line import Banded, RowBand
from tensorpde.opaque import Multiplication
from tensorpde.sumfact.elements import Elements
from tensorpde.sumfact.geometry import Geometry, inverted
from tensorpde.sumfact.operator import ElementOperator
from tensorpde.sumfact.weights import MASS, Weights, given_at_points, weigh

Forms = Sequence[tuple[Elements, Weights]]


def between_walls(space: Space, forms: Forms) -> ElementOperator:
    """Forms on the unknowns, with what walls of given values add."""
    return ElementOperator(space, space, forms, 1.0, tuple(_lifted(space, forms, face) for face in faces(space)))


def _lifted(space: Space, forms: Forms, face: Face) -> Source:
    """The forms applied to the function that a wall of known values makes."""
    columns = [part or slice(None) for part in face.columns]
    own = [(Elements(space, e.q, face.coefficients, columns, e.wall), weights) for e, weights in forms]
    through: TensorOperator = ElementOperator(face.coefficients, space, own)
    if face.interpolation:
        through = through @ Kron(face.space, face.interpolation, range=face.coefficients)
    return Source(face.values, through=through)


def natural(
    space: Space, kappa: Any, geometry: Geometry | None, q: int | None
) -> tuple[list[tuple[Elements, Weights]], list[Source]]:
    """What walls with Neumann and Robin conditions add to a stiffness. Collective.

    With a u + b ∂u/∂n = g the integral −∫ κ ∂u/∂n φ_i over the wall is ∫ κ (a/b) u φ_i − ∫ κ (g/b) φ_i.

    Returns
    -------
    forms : elements and weights of each Robin wall.
    sources : of the data, one for each wall that has any.
    """
    forms: list[tuple[Elements, Weights]] = []
    sources: list[Source] = []
    for axis, side, condition in natural_walls(space):
        a, b = (condition.a, condition.b) if isinstance(condition, Robin) else (0.0, 1.0)
        if a == 0 and not has_data(condition):
            continue
        load = wall_load(space, axis, side, q)
        density = _density(space, load.domain, (axis, side), kappa, geometry, q)
        if a != 0:
            elements = Elements.of(space, q, (axis, side))
            forms.append((elements, weigh(elements, MASS, density * (a / b), None, 1, "kappa")))
        if has_data(condition):
            through = load @ Multiplication(density * (-1 / b))
            sources.append(Source(OnWall(load.domain, axis, condition.value), 1.0, through))
    return forms, sources


def _density(
    space: Space, points: Space, wall: tuple[int, int], kappa: Any, geometry: Geometry | None, q: int | None
) -> Field:
    """κ times the area of the surface per area of the wall of the box, at the quadrature points of the wall.

    A kappa that is known inside only, by its values at quadrature points, is continued to the wall as the polynomial
    through those of the element.
    """
    axis, side = wall
    points = points.like(dtype="float64")
    box = [(line.lo, line.hi) for line in space.axes]
    inside_only = isinstance(kappa, Field) or (not callable(kappa) and np.size(kappa) > 1)

    def value(*xi: np.ndarray) -> Any:
        x: Any = xi
        area: Any = 1.0
        if geometry is not None:
            x, jacobian = geometry.at([np.ravel(line) for line in xi], box)
            determinant, inverse = inverted(jacobian)
            area = determinant * np.sqrt((inverse[axis] ** 2).sum(axis=0))
        return area if inside_only else area * np.asarray(kappa(*x) if callable(kappa) else kappa)

    density = points.field(value)
    if not inside_only:
        return density
    elements = Elements.of(space, q)
    inside = given_at_points(elements, kappa, "kappa")
    onward = _continuation(inside.space.shape[axis], elements.counts[axis], side)
    return density * (Kron(inside.space, {axis: Banded(onward)}, range=points) @ inside)


def _continuation(n: int, q: int, side: int) -> RowBand:
    """From n values at points to that on a wall: the polynomial through the q Gauss points of the element there."""
    points, end = np.polynomial.legendre.leggauss(q)[0], (-1.0, 1.0)[side]
    powers = np.polynomial.legendre.legvander(np.append(points, end), q - 1)
    return RowBand(np.array([side * (n - q)]), np.linalg.solve(powers[:-1].T, powers[-1])[None], n)
