"""Mean flow, Reynolds stresses and the budget of the turbulent energy of flows with one direction that is not
homogeneous."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tensorpde.boundary import Boundary, Dirichlet, Even, NoSlip, Odd, Periodic, resolve
from tensorpde.field import Field, Space
from tensorpde.operators import derivative
from tensorpde.parallel import alone
from tensorpde.pde.navier_stokes import NavierStokes
from tensorpde.pde.statistics import Statistics
from tensorpde.schemes import Scheme


class FlowStatistics:
    """Profiles over the one axis y that is not homogeneous, of a velocity U_i + u_i' with mean U.

    Accumulated: ⟨u_i⟩, ⟨u_i u_j⟩, ⟨u_i u_i v⟩, ⟨∂_a u_i ∂_a u_i⟩, ⟨u_i ∂_i p⟩, spectra of u_i along each homogeneous
    periodic axis. The pressure of an instant is that which keeps the rate of change divergence-free: one more slope and
    one solve per call. Kept in checkpoints as `Statistics` says.

    Parameters
    ----------
    flow
        The solver.
    over
        The homogeneous axes: all but one.
    kept
        As of `Statistics`.

    Raises
    ------
    ValueError
        If not exactly one axis is left.
    """

    def __init__(self, flow: NavierStokes, over: Sequence[int], kept: dict[str, Any] | None = None) -> None:
        space = flow.space
        left = sorted(set(range(space.ndim)) - {axis % space.ndim for axis in over})
        if len(left) != 1:
            raise ValueError(f"budgets need one axis that is not homogeneous, {list(over)} leave {left}")
        self.flow, self.normal = flow, left[0]
        self.statistics = Statistics(space, over, kept)
        self.y = space.axes[self.normal].x
        axes = range(space.ndim)
        self._along = [[_component(space, flow.schemes.first, i, a) for a in axes] for i in axes]
        self._line = Space(space.axes[self.normal], alone())

    def add(self, v: Field, weight: float, t: float = 0.0) -> None:
        """Add the velocity at time t. Collective."""
        axes = range(self.flow.space.ndim)
        n = self.normal
        u = [v[i] for i in axes]
        terms: dict[str, Any] = {_mean(i): u[i] for i in axes}
        terms |= {_product(i, j): (u[i], u[j]) for i in axes for j in axes if i <= j}
        terms |= {f"u{i}u{i}v": (u[i], u[i], u[n]) for i in axes if i != n} | {f"u{n}u{n}v": (u[n], u[n], u[n])}
        for i in axes:
            for a in axes:
                slope = self._along[i][a](u[i])
                terms[f"d{a}u{i}²"] = (slope, slope)
        force = self._pressure_gradient(v, t)
        terms |= {f"u{i}dp": (u[i], force[i]) for i in axes} | {f"dp{i}": force[i] for i in axes}
        spectra = {
            f"spectrum of u{i} along axis {a}": (u[i], a)
            for a in self.statistics.over
            if self.flow.space.axes[a].periodic
            for i in axes
        }
        self.statistics.add(weight, terms, spectra)

    def _pressure_gradient(self, v: Field, t: float) -> Field:
        """∇p of this instant: the part of the slope that the projection takes out, for steady sides."""
        slope = self.flow.slope(v, t, v.copy())[: self.flow.space.ndim]
        return slope - self.flow.projection(slope.copy(), at_rest=True)

    def mean(self, i: int) -> np.ndarray:
        """U_i(y)."""
        return self.statistics[_mean(i)]

    def stress(self, i: int, j: int) -> np.ndarray:
        """⟨u_i' u_j'⟩(y)."""
        return self.statistics[_product(min(i, j), max(i, j))] - self.mean(i) * self.mean(j)

    def rms(self, i: int) -> np.ndarray:
        """√⟨u_i'²⟩(y)."""
        return np.sqrt(np.maximum(self.stress(i, i), 0.0))

    def wall_stress(self, i: int = 0) -> tuple[float, float]:
        """ν ∂U_i/∂n at the lower and the upper wall, n into the fluid; a wall needs `NoSlip` with a constant velocity.

        The slope is that of the polynomial through the wall's velocity and the six nearest points.

        Raises
        ------
        ValueError
            If an end of y is no such wall.
        """
        axis, mean, found = self.flow.space.axes[self.normal], self.mean(i), []
        for side, end, toward in zip(self._conditions(i), (axis.lo, axis.hi), (1, -1), strict=True):
            if not isinstance(side, Dirichlet) or callable(side.value):
                raise ValueError(
                    f"friction needs walls with NoSlip on both sides, of constant velocity, not {axis.sides}"
                )
            distance = np.abs(axis.x[::toward][:6] - end)
            scale = distance[-1]
            rise = (mean[::toward][:6] - side.value) / distance
            found.append(self.flow.nu * float(np.polyfit(distance / scale, rise, len(rise) - 1)[-1]))
        return found[0], found[1]

    def spectrum(self, i: int, axis: int) -> np.ndarray:
        """½|û_i|² of the modes 0, 1, … along a homogeneous axis, shape (modes, len(y)); the mean flow is in mode 0."""
        return self.statistics[f"spectrum of u{i} along axis {axis}"]

    def budget(self) -> dict[str, np.ndarray]:
        """What changes k = ½⟨u_i' u_i'⟩: profiles whose sum is ∂k/∂t, zero in a steady state.

        ``production`` −⟨u_i' v'⟩ ∂_y U_i, ``dissipation`` −ν⟨∂_a u_i' ∂_a u_i'⟩, ``turbulent`` −½ ∂_y⟨u_i' u_i' v'⟩,
        ``viscous`` ν ∂_y² k, ``pressure`` −⟨u_i' ∂_i p'⟩; v is the component along y.
        """
        axes, n, nu = range(self.flow.space.ndim), self.normal, self.flow.nu
        slopes = [self._derivative(self.mean(i), self._conditions(i)) for i in axes]
        k = 0.5 * _sum(self.stress(i, i) for i in axes)
        flux = _sum(self._triple(i) for i in axes)
        squares = _sum(self.statistics[f"d{a}u{i}²"] for i in axes for a in axes)
        work = _sum(self.statistics[f"u{i}dp"] - self.mean(i) * self.statistics[f"dp{i}"] for i in axes)
        still = self._of_product(odd=False)
        return {
            "production": -_sum(self.stress(i, n) * slopes[i] for i in axes),
            "dissipation": -nu * (squares - _sum(slope**2 for slope in slopes)),
            "turbulent": -0.5 * self._derivative(flux, self._of_product(odd=True)),
            "viscous": nu * derivative(self._line, 0, self.flow.schemes.second, bc=still)(self._line.field(k)).local,
            "pressure": -work,
        }

    def _triple(self, i: int) -> np.ndarray:
        """⟨u_i' u_i' v'⟩."""
        mean, v = self.mean(i), self.mean(self.normal)
        raw = self.statistics[f"u{i}u{i}v"]
        both = self.statistics[_product(min(i, self.normal), max(i, self.normal))]
        return raw - 2 * mean * both - v * self.statistics[_product(i, i)] + 2 * mean**2 * v

    def _derivative(self, profile: np.ndarray, bc: tuple[Boundary, Boundary]) -> np.ndarray:
        return derivative(self._line, 0, self.flow.schemes.first, bc=bc)(self._line.field(profile)).local

    def _conditions(self, i: int) -> tuple[Boundary, Boundary]:
        left, right = (resolve(side, i, self.normal) for side in self.flow.space.axes[self.normal].sides)
        assert left is not None and right is not None
        return left, right

    def _of_product(self, odd: bool) -> tuple[Boundary, Boundary]:
        """What ⟨u_i' u_i'⟩ does at the ends, or (odd) its flux: fluctuations vanish where nothing slips."""

        def condition(side: Boundary) -> Boundary:
            if isinstance(side, Periodic):
                return side
            return Dirichlet(0.0) if isinstance(side, NoSlip) else Odd() if odd else Even()

        left, right = self.flow.space.axes[self.normal].sides
        return condition(left), condition(right)


def _sum(profiles: Iterable[np.ndarray]) -> np.ndarray:
    return np.sum(list(profiles), axis=0)


def _mean(i: int) -> str:
    return f"u{i}"


def _product(i: int, j: int) -> str:
    return f"u{i}u{j}"


def _component(space: Space, scheme: Scheme, i: int, axis: int) -> Any:
    left, right = (resolve(side, i, axis) for side in space.axes[axis].sides)
    return derivative(space, axis, scheme, bc=(left, right))
