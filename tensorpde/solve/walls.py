"""The two walls at the ends of an axis as a Space of their own, and the operators between it and the box."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Clamped, Data, Neumann
from tensorpde.faces import add_outer
from tensorpde.field import Field, Space
from tensorpde.filling import on_wall
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron, KronSum
from tensorpde.lending import lent_like
from tensorpde.line import Banded, RowBand
from tensorpde.operators import derivative
from tensorpde.schemes import Scheme, on_axis
from tensorpde.solve.diagonal import FastDiagonal


class ClampedWalls:
    """What the capacitance system needs of the walls of one axis.

    Scaled, where the scheme allows it, so that the system is symmetric: with ν = κ D μ for the wall values μ of Δu.

    Parameters
    ----------
    space
        The box.
    axis
        Whose walls.
    scheme
        Of the second derivative.
    scales
        Per axis d > 0 with diag(d) A diag(1/d) symmetric; None where there is none.

    Attributes
    ----------
    space : two points along the axis, on the walls.
    spread : ν to what μ adds to the operator Δ inside.
    slope : u to minus the scaled outward slope it has on the walls, without the data.
    own : the part of the slope that comes from μ directly.
    symmetric : whether the scaling makes the system symmetric.
    """

    def __init__(self, space: Space, axis: int, scheme: Scheme, scales: Sequence[np.ndarray | None]) -> None:
        line = space.axes[axis]
        pair = Neumann(), Neumann()
        axes = [Axis(2, line.lo, line.hi, bc=pair) if k == axis else other for k, other in enumerate(space.axes)]
        self.space = space.like(grid=Grid(*axes))
        self._axis, self._sides = axis, line.sides
        self._active = np.array([isinstance(side, Clamped) for side in line.sides], dtype=float)
        made = on_axis(scheme, line)
        columns = np.stack([made.left, made.right], axis=1) * self._active
        self._slopes = [_wall_slope(line, side, scheme.order) for side in (0, 1)]
        rows = np.zeros((2, line.n))
        for side, (near, values, _, _) in enumerate(self._slopes):
            rows[side, near] = self._active[side] * values
        self.symmetric = scheme.order == 2 and all(scale is not None for scale in scales)
        kappa, rho = np.ones(2), np.ones(2)
        others: dict[int, np.ndarray] = {}
        if self.symmetric:
            d = scales[axis]
            assert d is not None
            ends = [0, line.n - 1]
            kappa = np.where(self._active, columns[ends, [0, 1]] * d[ends], 1.0)
            rho = np.where(self._active, d[ends] / np.where(self._active, -rows[[0, 1], ends], 1.0), 1.0)
            others = {k: scale for k, scale in enumerate(scales) if k != axis and scale is not None and np.ptp(scale)}
        bend = np.array([part[3] for part in self._slopes])
        gamma = np.where(self._active, rho * bend / kappa, 1.0)
        down = {k: Banded.diagonal(scale) for k, scale in others.items()}
        up = {k: Banded.diagonal(1 / scale) for k, scale in others.items()}
        self.spread = Kron(self.space, {axis: Banded(RowBand.from_matrix(columns / kappa)), **up}, range=space)
        self.slope = Kron(space, {axis: Banded(RowBand.from_matrix(-rho[:, None] * rows)), **down}, range=self.space)
        self.own = self._on_walls(gamma)
        self._scaled = Kron(self.space, {axis: Banded.diagonal(rho * self._active), **down})
        tangential = [derivative(self.space, k, scheme) for k in range(space.ndim) if k != axis]
        self._tangential = KronSum(tangential) if tangential else None
        if self.symmetric and self._tangential is not None:
            self._set_up_preconditioner(float(bend.mean()), line.length, kappa / rho, down, up)

    def _on_walls(self, values: np.ndarray) -> Kron:
        return Kron(self.space, {self._axis: Banded.diagonal(values)})

    def _set_up_preconditioner(
        self, least: float, length: float, factor: np.ndarray, down: dict[int, Banded], up: dict[int, Banded]
    ) -> None:
        """The slope that cos(k y) of μ makes in a half space is cos(k y)/(2k)."""
        assert self._tangential is not None
        linear = KronSum([Kron(self.space, term.factors) for term in self._tangential.terms])
        self._before, self._after = (
            Kron(self.space, up),
            Kron(self.space, {self._axis: Banded.diagonal(factor), **down}),
        )
        self._inverse = FastDiagonal(
            linear, function=lambda sigma: least + 0.5 / np.sqrt(np.maximum(-sigma, 0) + length**-2)
        )

    def precondition(self, residual: Field, out: Field) -> None:
        """An approximate inverse of this wall's part of the system. Collective."""
        with lent_like(residual) as scaled:
            self._before.apply(residual, scaled)
            self._after.apply(self._inverse.solve(scaled, out=scaled), out)

    def missing(self, u: Field, t: float) -> Field:
        """The scaled slope that u, made without μ, has too little of. Collective."""
        pencil = u.pencil.reshaped(self.space.shape)
        wanted, value = (
            Field(self.space, self.space.backend.zeros((*u.lead, *pencil.local_shape), u.dtype), pencil) for _ in "12"
        )
        for side, condition in enumerate(self._sides):
            if not isinstance(condition, Clamped):
                continue
            unit = np.eye(2)[side]
            for data, out in ((condition.slope, wanted), (condition.value, value)):
                add_outer(out, {self._axis: unit}, self._at(data, t))
        wanted -= self._on_walls(np.array([part[2] for part in self._slopes])) @ value
        if self._tangential is not None:
            bend = self._on_walls(np.array([part[3] for part in self._slopes]))
            wanted += bend @ self._tangential(value, t)
        wanted = self._scaled @ wanted
        self.slope.apply(u, wanted, 1.0)
        return wanted

    def _at(self, data: Data, t: float) -> Any:
        """Data at one time: a number, or a function of the coordinates along the wall."""
        return on_wall(data, self.space.ndim - 1, t) if callable(data) else data


def _wall_slope(line: Axis, side: int, order: int) -> tuple[np.ndarray, np.ndarray, float, float]:
    """∂u/∂n at a wall from the nearest values, the wall value and ∂²u/∂n²: (places, their factors, factor, factor).

    Exact for polynomials of degree `order`, which takes order − 1 values inside.
    """
    count = min(order - 1, line.n)
    near = np.arange(count) if side == 0 else np.arange(line.n - count, line.n)
    distance = np.abs(line.x[near] - (line.hi if side else line.lo))
    scale = distance.max()
    powers = np.arange(count + 2)
    moments = np.zeros((count + 2, count + 2))
    moments[:, :count] = (distance / scale) ** powers[:, None]
    moments[0, count] = 1.0
    moments[2 if count + 2 > 2 else 0, count + 1] = 2.0
    inward = np.linalg.solve(moments, (powers == 1).astype(float))
    return near, -inward[:count] / scale, -inward[count] / scale, -inward[count + 1] * scale
