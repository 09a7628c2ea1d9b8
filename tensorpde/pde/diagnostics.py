"""What a flow is judged by while it runs: energy, dissipation two ways, enstrophy, divergence."""

from __future__ import annotations

import math

from tensorpde.boundary import resolve
from tensorpde.field import Field, Space
from tensorpde.kron import Kron
from tensorpde.operators import derivative
from tensorpde.parallel.reduce import dot
from tensorpde.pde.pressure import Projection, Schemes
from tensorpde.schemes import Scheme


class Diagnostics:
    """Means over the box of a velocity field at time t, by the schemes of the solver. Collective.

    A call returns

    - ``energy``: ½ ⟨u·u⟩
    - ``enstrophy``: ½ ⟨ω·ω⟩
    - ``dissipation``: −ν ⟨u·∇²u⟩, what the discrete viscous term takes from the energy
    - ``dissipation_vorticity``: ν ⟨ω·ω⟩, equal to it for exact derivatives in a box with no wall work
    - ``divergence``: max |∇·u|
    - ``speed``: max |u_i|
    """

    def __init__(self, space: Space, nu: float, schemes: Schemes, projection: Projection) -> None:
        self.space, self.nu, self._projection = space, nu, projection
        axes = range(space.ndim)
        self._first = [[_along(space, schemes.first, i, a) for a in axes] for i in axes]
        self._second = [[_along(space, schemes.second, i, a) for a in axes] for i in axes]

    def __call__(self, v: Field, t: float = 0.0) -> dict[str, float]:
        axes, pencil = range(self.space.ndim), self.space.pencil
        viscous = squares = 0.0
        with pencil.process_grid.workspace(self.space.backend).lent(pencil.local_shape, self.space.dtype) as block:
            work = Field(self.space, block, pencil)
            for i in axes:
                for a in axes:
                    self._second[i][a].apply(v[i], out=work, beta=float(a > 0))
                    self._second[i][a].add_lifting(work, t)
                viscous += self.mean(v[i], work)
            for a, b in _planes(self.space.ndim):
                self._curl(v, a, b, work, t)
                squares += self.mean(work, work)
        return {
            "energy": 0.5 * sum(self.mean(v[i], v[i]) for i in axes),
            "enstrophy": 0.5 * squares,
            "dissipation": -self.nu * viscous,
            "dissipation_vorticity": self.nu * squares,
            "divergence": self._projection.largest_divergence(v, t),
            "speed": v.norm("max"),
        }

    def mean(self, f: Field, g: Field) -> float:
        """⟨f g⟩ by the quadrature weights. Collective."""
        axes = self.space.axes
        total = float(dot(f.pencil, f.local, g.local, [axis.weights for axis in axes]))
        return total / math.prod(axis.length for axis in axes)

    def _curl(self, v: Field, a: int, b: int, out: Field, t: float) -> Field:
        """∂_a v_b − ∂_b v_a."""
        self._first[a][b].apply(v[a], out=out)
        self._first[b][a].apply(v[b], out=out, beta=-1.0)
        self._first[a][b].add_lifting(out, t, -1.0)
        self._first[b][a].add_lifting(out, t)
        return out

    def vorticity(self, v: Field, t: float) -> Field:
        planes = _planes(self.space.ndim)
        out = self.space.empty(lead=(len(planes),))
        for part, (a, b) in zip(out, planes, strict=True):
            self._curl(v, a, b, part, t)
        return out if len(planes) > 1 else out[0]

    def q_criterion(self, v: Field, t: float) -> Field:
        out = self.space.zeros()
        for i in range(self.space.ndim):
            for j in range(i + 1):
                one = self._first[i][j](v[i], t)
                other = one if i == j else self._first[j][i](v[j], t)
                out -= (0.5 if i == j else 1.0) * (one * other)
        return out


def _planes(ndim: int) -> list[tuple[int, int]]:
    """The planes of rotation (a, b), vorticity component ∂_a v_b − ∂_b v_a."""
    return [(0, 1)] if ndim == 2 else [(1, 2), (2, 0), (0, 1)]


def _along(space: Space, scheme: Scheme, component: int, axis: int) -> Kron:
    """A derivative of one velocity component, velocities of walls counted."""
    left, right = (resolve(side, component, axis) for side in space.axes[axis].sides)
    return derivative(space, axis, scheme, bc=(left, right))
