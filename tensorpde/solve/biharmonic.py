"""The biharmonic equation Δ²u = f between simply supported and clamped walls.

Between simply supported walls, u = g and Δu = 0, it is two Poisson problems with the same modes: one fast
diagonalization of λ². A clamped wall, u = g and ∂u/∂n = h, has a wall value μ of Δu that nobody knows. Each choice of μ
gives a u by the same solve; the right one has the slope h. That is a linear system on the walls alone, the capacitance
system.

Sources: B. L. Buzbee, F. W. Dorr, The direct solution of the biharmonic equation on rectangular regions and the Poisson
equation on irregular regions, SIAM J. Numer. Anal. 11 (1974), 753–763; P. E. Bjørstad, Fast numerical solution of the
biharmonic Dirichlet problem on rectangles, SIAM J. Numer. Anal. 20 (1983), 59–71.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import scipy  # loads its parts when they are used

from tensorpde.boundary import Clamped, Dirichlet
from tensorpde.field import Field, Space
from tensorpde.kron import Kron, KronSum
from tensorpde.lending import lent, lent_like
from tensorpde.operators import laplacian
from tensorpde.schemes import Scheme, central
from tensorpde.solve.conjugate_gradients import ConjugateGradients
from tensorpde.solve.diagonal import FastDiagonal
from tensorpde.solve.eigen import symmetrizer
from tensorpde.solve.iteration import Vector
from tensorpde.solve.walls import ClampedWalls

BATCH = 32


class Biharmonic:
    """Solver of Δ²u = f with u = g on all walls and Δu = 0 (Dirichlet(g)) or ∂u/∂n = h (Clamped(g, h)) on each.

    Parameters
    ----------
    space
        Its axes are periodic or have Dirichlet or Clamped walls, of any mix.
    scheme
        Of the second derivative; Δ² is its Laplacian applied twice. Walls close it to the same order. In three and more
        dimensions clamped walls need a scheme that is symmetric but for a diagonal: the central one of order 2.
    tolerance
        Of the conjugate gradients.

    Attributes
    ----------
    iterations : of the conjugate gradients in the last solve; 0 where there are none.

    Raises
    ------
    ValueError
        If an axis has other conditions, or conjugate gradients would not apply, naming what disagrees.

    Notes
    -----
    With simply supported walls: one transform and back per axis, storage O(ΣN).
    Clamped walls in one and two dimensions: two such solves, and on every rank a dense factored matrix of the m = 2 ΣN
    unknowns on the walls: 8 m² bytes, 16 N² numbers for N×N; m/32 batches of solves to set it up.
    Clamped walls in three and more dimensions: conjugate gradients on the m = 2 Σ(N_a N_b) unknowns on the walls, five
    vectors of them, one solve per iteration; the preconditioner is 2 √−Δ of each wall, which makes the number of
    iterations grow slowly with N.
    On uniform axes, central order 2 and no data this is the classical 13-point formula (25 points in three dimensions).
    Results are the same on any number of ranks where those of `FastDiagonal` are, but for the dense matrix.
    """

    def __init__(self, space: Space, scheme: Scheme = central.second_derivative, tolerance: float = 1e-12) -> None:
        for axis, line in enumerate(space.axes):
            if line.basis is not None or not (line.periodic or all(isinstance(bc, Dirichlet) for bc in line.sides)):
                raise ValueError(
                    "a biharmonic axis is periodic or has Dirichlet or Clamped walls, and point values; "
                    f"axis {axis} has {line.sides[0]}, {line.sides[1]} and the basis {line.basis}"
                )
        self.space = space
        self._laplacian = laplacian(space, scheme)
        self._linear = KronSum([Kron(space, term.factors) for term in self._laplacian.terms])
        self._minus = -1.0 * self._linear
        self._solver = FastDiagonal(self._linear, function=np.square)
        scales = [symmetrizer(term.factors[axis].matrix()) for axis, term in enumerate(self._linear.terms)]
        clamped = [axis for axis, line in enumerate(space.axes) if any(isinstance(bc, Clamped) for bc in line.sides)]
        self._walls = [ClampedWalls(space, axis, scheme, scales) for axis in clamped]
        self._matrix: Any = None
        self._iteration: ConjugateGradients | None = None
        if self._walls and space.ndim < 3:
            self._matrix = scipy.linalg.lu_factor(self._capacitance_matrix())
        elif self._walls:
            if not all(wall.symmetric for wall in self._walls):
                raise ValueError(
                    f"clamped walls in {space.ndim} dimensions need a symmetric scheme such as central.second(2), not "
                    f"{scheme.name} of order {scheme.order}"
                )
            self._iteration = ConjugateGradients(self._capacitance, self._precondition, tolerance)

    @property
    def iterations(self) -> int:
        """Of the conjugate gradients in the last solve."""
        return 0 if self._iteration is None else self._iteration.iterations

    def solve(self, f: Field, t: float = 0.0, out: Field | None = None) -> Field:
        """U with Δ²u = f, data at time t. Collective.

        Parameters
        ----------
        f
            Right-hand side, any pencil and leading dimensions.
        t
            Time at which boundary data are taken.
        out
            Where u goes; may be f.
        """
        u = self._supported(f, t, out)
        if not self._walls:
            return u
        right = [wall.missing(u, t) for wall in self._walls]
        if self._iteration is None:
            moments = self._by_matrix(right)
        else:
            moments = [part.copy() for part in right]
            self._iteration.solve(right, moments)
        with lent_like(u) as change:
            self._response(moments, change)
            u.space.backend.pointwise.axpby(-1.0, change.local, 1.0, u.local)
        return u

    def _supported(self, f: Field, t: float, out: Field | None) -> Field:
        """The solution with Δu = 0 on all walls: Δ²u = f − Δ (what values on walls add to Δu)."""
        if not self._laplacian.sources:
            return self._solver.solve(f, out=out)
        with lent_like(f) as right, lent_like(f) as lifting:
            right.local[...], lifting.local[...] = f.local, 0
            self._laplacian.add_lifting(lifting, t)
            self._minus.apply(lifting, right, 1.0)
            return self._solver.solve(right, out=f.copy() if out is None else out)

    def _response(self, moments: Vector, out: Field) -> None:
        """out: −u for wall values μ of Δu and no other data."""
        for number, (wall, part) in enumerate(zip(self._walls, moments, strict=True)):
            wall.spread.apply(part, out, float(number > 0))
        self._solver.solve(out, out=out)

    def _capacitance(self, moments: Vector, out: Vector) -> None:
        """The slopes that wall values μ of Δu make."""
        with lent(self.space, moments[0].lead, dtype=moments[0].dtype) as response:
            self._response(moments, response)
            for wall, part, result in zip(self._walls, moments, out, strict=True):
                wall.own.apply(part, result)
                wall.slope.apply(response, result, 1.0)

    def _precondition(self, residual: Vector, out: Vector) -> None:
        for wall, part, result in zip(self._walls, residual, out, strict=True):
            wall.precondition(part, result)

    def _capacitance_matrix(self) -> np.ndarray:
        """All columns, some at a time."""
        spaces = [wall.space for wall in self._walls]
        sizes = [prod(space.shape) for space in spaces]
        matrix, first = np.empty((sum(sizes), sum(sizes))), 0
        for number, size in enumerate(sizes):
            for start in range(0, size, BATCH):
                count = min(BATCH, size - start)
                units = np.eye(count, size, start).reshape(count, *spaces[number].shape)
                given = [s.field(units) if k == number else s.zeros((count,)) for k, s in enumerate(spaces)]
                made = [s.zeros((count,)) for s in spaces]
                self._capacitance(given, made)
                columns = np.concatenate([part.gather().reshape(count, -1) for part in made], axis=1)
                matrix[:, first + start : first + start + count] = columns.T
            first += size
        return matrix

    def _by_matrix(self, right: Vector) -> list[Field]:
        whole = [part.gather() for part in right]
        lead, spaces = right[0].lead, [wall.space for wall in self._walls]
        values = np.concatenate([part.reshape(*lead, -1) for part in whole], axis=-1)
        found = scipy.linalg.lu_solve(self._matrix, values.reshape(-1, values.shape[-1]).T).T.reshape(values.shape)
        cuts = np.cumsum([prod(space.shape) for space in spaces])[:-1]
        parts = np.split(found, cuts, axis=-1)
        return [
            space.like(dtype=found.dtype).field(part.reshape(*lead, *space.shape), pencil=own.pencil)
            for space, part, own in zip(spaces, parts, right, strict=True)
        ]
