"""Advection, anisotropic diffusion and reaction by alternating directions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import KronSum, TensorOperator
from tensorpde.operators import derivative, mixed_derivative
from tensorpde.pde.pressure import Schemes
from tensorpde.stepping import HundsdorferVerwer
from tensorpde.stepping.alternating import SourceTerm
from tensorpde.stepping.predictor import Explicit


class AdvectionDiffusionReaction:
    """u_t = −c·∇u + Σ D_ij ∂²u/∂x_i∂x_j + reaction(u, t) + source.

    Everything along an axis is implicit, in one banded solve; mixed derivatives and the reaction are explicit. Second
    order in time by Hundsdorfer and Verwer's method.

    Parameters
    ----------
    space
        Where u lives; its boundary data may change in time.
    velocity
        c [L/T], one number per axis.
    diffusivity
        D [L²/T]: a number or a symmetric matrix.
    dt
        The time step.
    reaction
        A function of (u, t) that gives a Field like u.
    source
        A function of (coordinates…, t).
    schemes
        Of first and second derivatives; those of an axis must add up to one operator, as the default ones do (compact,
        of order 6).

    Raises
    ------
    ValueError
        If velocity or diffusivity do not fit the number of axes, or the matrix is not symmetric.
    """

    def __init__(
        self, space: Space, velocity: Sequence[float], diffusivity: float | np.ndarray, dt: float,
        reaction: Explicit | None = None, source: SourceTerm | None = None, schemes: Schemes | None = None,
    ) -> None:  # fmt: skip
        matrix = np.asarray(diffusivity, float)
        matrix = matrix * np.eye(space.ndim) if matrix.ndim == 0 else matrix
        if len(velocity) != space.ndim or matrix.shape != (space.ndim, space.ndim):
            raise ValueError(
                f"{space.ndim} axes need as many velocities and a matrix of that size, got {len(velocity)} velocities "
                f"and a diffusivity of shape {matrix.shape}"
            )
        if not np.array_equal(matrix, matrix.T):
            raise ValueError(f"the diffusivity must be symmetric, got {matrix.tolist()}")
        self.space, self.source, self.reaction = space, source, reaction
        self.operator = _operator(space, velocity, matrix, schemes or Schemes())
        self.advance = HundsdorferVerwer(self.operator, dt, explicit=reaction)

    def step(self, u: Field, t: float = 0.0, dt: float | None = None) -> Field:
        """Advance u in place from t by dt (default: the step it was made for) and return it. Collective."""
        return self.advance(u, t, self.source, dt)

    def diagnostics(self, u: Field) -> dict[str, float]:
        """The integral of u by quadrature, largest and smallest value. Collective."""
        return {"mass": u.integral(), "max": u.max(), "min": u.min()}


def _operator(space: Space, velocity: Sequence[float], matrix: np.ndarray, schemes: Schemes) -> TensorOperator:
    terms: list[TensorOperator] = []
    for axis in range(space.ndim):
        terms.append(float(matrix[axis, axis]) * derivative(space, axis, schemes.second))
        if velocity[axis] != 0:
            terms.append(-float(velocity[axis]) * derivative(space, axis, schemes.first))
    for i, j in combinations(range(space.ndim), 2):
        if matrix[i, j] != 0:
            terms.append(2 * float(matrix[i, j]) * mixed_derivative(space, (i, j), schemes.first))
    return KronSum(terms)
