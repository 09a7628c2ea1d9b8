"""The pressure: where it lives, the discrete divergence and gradient, and the projection that joins them.

On periodic and free-slip axes the pressure shares the points of the velocity and both operators are the
first derivative. On an axis with a no-slip wall it lives half a spacing away (between the velocity points,
n + 1 of them for n interior velocities), and the operators are the staggered derivative along the axis
and midpoint interpolations along the others. Either way

    D u* = D G p,   u = u* − G p

is solved for exactly these operators by fast diagonalization of the pairs (D_a G_a, I_a J_a), so that D u
is at round-off. Modes that neither operator sees (the mean; the sawtooth at the Nyquist wavenumber) are in
the null space of the pairs and are set to zero: the pressure cannot hold a checkerboard.
"""

from __future__ import annotations

from dataclasses import dataclass

from tensorpde.boundary import Boundary, FreeSlip, NoSlip, resolve
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.kron import Kron, KronSum
from tensorpde.line import Compact, Identity, LineOperator
from tensorpde.schemes import Scheme, assemble, lele1992
from tensorpde.solve.diagonal import FastDiagonal


@dataclass(frozen=True)
class Schemes:
    """The finite-difference formulas of a flow solver."""

    first: Scheme = lele1992.first_derivative
    second: Scheme = lele1992.second_derivative
    staggered: Scheme = lele1992.staggered_derivative
    interpolation: Scheme = lele1992.midpoint_interpolation


@dataclass(frozen=True)
class _Line:
    """Along one axis: the pressure's Axis; divergence and interpolation to it, gradient and interpolation from it."""

    axis: Axis
    divergence: LineOperator
    to_pressure: LineOperator
    gradient: LineOperator
    to_velocity: LineOperator


class Projection:
    """u ← u − G (D G)⁻¹ D u, and the operators it is made of. Making and calling it are collective.

    Parameters
    ----------
    space
        The Space of every velocity component; its axes carry the flow conditions.
    schemes
        The formulas.

    Attributes
    ----------
    space : the Space of the pressure.
    divergence : one Kron per component, velocity to pressure.
    gradient : one Kron per component, pressure to velocity.
    pressure : the Field that the last call subtracted the gradient of.
    """

    def __init__(self, space: Space, schemes: Schemes) -> None:
        lines = [_line(axis, number, schemes) for number, axis in enumerate(space.axes)]
        self.space = space.like(grid=Grid(*(line.axis for line in lines)))
        axes = range(space.ndim)
        self.divergence = [
            Kron(space, {b: lines[b].divergence if b == a else lines[b].to_pressure for b in axes}, range=self.space)
            for a in axes
        ]
        self.gradient = [
            Kron(self.space, {b: lines[b].gradient if b == a else lines[b].to_velocity for b in axes}, range=space)
            for a in axes
        ]
        self._walls = [(a, k) for a, axis in enumerate(space.axes) for k in _wall_points(axis)]
        self._down = [-operator for operator in self.gradient]
        pairs = [
            (line.divergence.matrix() @ line.gradient.matrix(), line.to_pressure.matrix() @ line.to_velocity.matrix())
            for line in lines
        ]
        self._solver = FastDiagonal.from_pairs(self.space, pairs)
        self.pressure = self.space.zeros()
        self._divergence = self.space.zeros()

    def divergence_of(self, u: Field, out: Field | None = None) -> Field:
        """D u. Collective."""
        out = self.space.zeros() if out is None else out
        for a, operator in enumerate(self.divergence):
            operator.apply(u[a], out=out, beta=float(a > 0))
        return out

    def largest_divergence(self, u: Field) -> float:
        """max |D u|. Collective."""
        found = self.divergence_of(u, self._divergence)
        return max(found.max(), -found.min())

    def __call__(self, u: Field) -> Field:
        """Make u divergence-free in place, zero across free-slip walls, and return it. Collective."""
        for a, point in self._walls:
            part = u.pencil.slices[a]
            if part.start <= point < part.stop:
                u.local[(a, *[slice(None)] * a, point - part.start)] = 0
        self._solver.solve(self.divergence_of(u, self._divergence), out=self.pressure)
        for a, operator in enumerate(self._down):
            operator.apply(self.pressure, out=u[a], beta=1.0)
        return u


def _line(axis: Axis, number: int, schemes: Schemes) -> _Line:
    normal = _conditions(axis, number, number)
    if not any(isinstance(bc, NoSlip) for bc in axis.sides):
        even = _conditions(axis, "pressure", number)
        same = Identity(axis.n)
        shared = axis.like(bc=even)
        down, up = _operator(schemes.first, axis, None, normal), _operator(schemes.first, shared, None, even)
        return _Line(shared, down, same, up, same)
    if any(getattr(bc, "value", 0.0) != 0 for bc in normal):
        raise ValueError(f"axis {number}: {axis.sides} let flow through a wall; walls can move along themselves only")
    if axis.location != "nodes":
        raise ValueError(f'axis {number}: NoSlip walls need location="nodes", not {axis.location!r}')
    tangential = _conditions(axis, number + 1, number)
    none = _conditions(axis, "pressure", number)
    middle = axis.staggered()
    return _Line(
        middle,
        _operator(schemes.staggered, axis, middle, normal),
        _operator(schemes.interpolation, axis, middle, tangential),
        _operator(schemes.staggered, middle, axis, none),
        _operator(schemes.interpolation, middle, axis, none),
    )


def _wall_points(axis: Axis) -> list[int]:
    """Unknowns that lie on a free-slip wall, where the normal velocity is zero."""
    if axis.location != "nodes":
        return []
    return [k for k, side in zip((0, axis.n - 1), axis.sides, strict=True) if isinstance(side, FreeSlip)]


def _conditions(axis: Axis, component: int | str, number: int) -> tuple[Boundary | None, Boundary | None]:
    left, right = (resolve(bc, component, number) for bc in axis.sides)
    return left, right


def _operator(scheme: Scheme, axis: Axis, to: Axis | None, bc: tuple) -> LineOperator:
    parts = assemble(scheme, axis, to=to, bc=bc[0] if axis.periodic else bc)
    return Compact(parts.lhs, parts.rhs)


def divergence_sum(projection: Projection) -> KronSum:
    """D G as an operator on pressures, for tests and other solvers."""
    return KronSum([d @ g for d, g in zip(projection.divergence, projection.gradient, strict=True)])
