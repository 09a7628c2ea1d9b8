"""Two-dimensional flow on a torus by its vorticity, pseudo-spectral: turbulence that stirs itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.parallel.reduce import dot, largest
from tensorpde.pde.fourier import Fourier, lent
from tensorpde.stepping import CARPENTER_KENNEDY_RK4, IntegratingFactor, LowStorage

Force = Callable[[Field, float, Field], object]
_IN_CACHE = 16384  # values of each array that are worked on at a time


class Vorticity:
    """∂ω/∂t + u·∇ω = ν ∇²ω − α ω + f,  u = (∂ψ/∂y, −∂ψ/∂x),  −∇²ψ = ω, on a periodic rectangle.

    The state is the Field of Fourier coefficients ω̂ (see `Fourier`), of any leading dimensions: so many independent
    flows. Convection is (∂_x² − ∂_y²)(u v) + ∂_x∂_y (v² − u²), two real transforms each way; modes with
    |m| ≥ n/3 along an axis are left out, so that products have no aliases and the truncated equations conserve energy
    and enstrophy as the whole ones do. The mean of ω is zero. Diffusion and drag are exact, by an integrating factor.

    Parameters
    ----------
    space
        Real, of two periodic axes; where values of the vorticity live.
    nu
        Kinematic viscosity ν [L²/T].
    drag
        α [1/T], of the linear (Ekman) drag.
    force
        Steady f, a Field of values or of modes with leading dimensions like those of the state; or a function
        ``force(state, t, out)`` that adds f̂ to the modes in `out`. See `set_force`.
    tableau
        Of the integrating-factor steps.
    cfl
        Fraction of the convective stability limit that `dt` and `step(state, dt=None)` take.

    Raises
    ------
    ValueError
        If the Space is no real torus of two axes, or ν or α is negative.

    Notes
    -----
    Cost of a stage: two real transforms each way per flow; besides the state, two Fields of modes, and work
    arrays of two Fields of modes and two of values, lent by the process grid.
    S. A. Orszag, J. Atmos. Sci. 28 (1971) 1074 (the rule of two thirds); C. Basdevant, J. Comput. Phys. 50 (1983)
    209–214 (convection by two products). All methods are collective.
    """

    def __init__(
        self, space: Space, nu: float, drag: float = 0.0, force: Field | Force | None = None,
        tableau: LowStorage = CARPENTER_KENNEDY_RK4, cfl: float = 0.5,
    ) -> None:  # fmt: skip
        if space.ndim != 2 or not (nu >= 0 and drag >= 0):
            raise ValueError(f"vorticity needs 2 axes and nu, drag ≥ 0, got {space.ndim} axes, nu={nu} and drag={drag}")
        self.space, self.nu, self.drag, self.cfl, self.tableau = space, nu, drag, cfl, tableau
        self.fourier = Fourier(space)
        kx, ky = self.fourier.wavenumbers()
        squares = kx**2 + ky**2
        inside = self.fourier.below_nyquist(2 / 3) & (squares > 0)
        inverse = inside / np.where(squares > 0, squares, 1.0)
        self._inside, self._inverse = self._kept(inside), self._kept(inverse)
        self._decay = self._kept((nu * squares + drag) * inside)
        n = self.fourier.points
        self._velocity = [self._kept(factor) for factor in (1j * ky * inverse * n, -1j * kx * inverse * n)]
        self._products = [
            self._kept(factor * inside / n) for factor in (kx**2 - ky**2, np.broadcast_to(kx * ky, inside.shape))
        ]
        self._factors: dict[float, Any] = {}
        self._highest = np.array([2 * np.pi / axis.length * ((axis.n - 1) // 3) for axis in space.axes])
        self.set_force(force)

    def _kept(self, values: np.ndarray) -> Any:
        """An array over this rank's modes in the precision of the Space."""
        kind = np.result_type(self.space.dtype, np.complex64) if np.iscomplexobj(values) else self.space.dtype
        return self.space.backend.asarray(values, kind)

    def set_force(self, force: Field | Force | None) -> None:
        """Take another force from now on. Collective."""
        self._force: Force | None = None
        if isinstance(force, Field):
            modes = self.start(force)

            def steady(state: Field, t: float, out: Field) -> None:
                out += modes

            self._force = steady
        else:
            self._force = force
        same_at_any_time = force is None or isinstance(force, Field)
        self._advance = IntegratingFactor(self.slope, self._propagate, self.tableau, same_at_any_time)

    def start(self, omega: Field) -> Field:
        """The state from values of the vorticity (or from modes): resolved modes alone, mean zero. Collective."""
        modes = omega.copy() if omega.dtype.kind == "c" else self.fourier.coefficients(omega)
        modes.local[...] *= self._inside
        return modes

    def vorticity(self, state: Field) -> Field:
        """The values of ω. Collective."""
        return self.fourier.values(state)

    def velocity(self, state: Field) -> Field:
        """The values of (u, v), lead=(2, …). Collective."""
        out = self.space.empty((2, *state.lead))
        return self._flow(state, out)

    def _flow(self, state: Field, out: Field) -> Field:
        with lent(self.fourier.modes, (2, *state.lead)) as modes:
            for part, factor in zip(modes.local, self._velocity, strict=True):
                np.multiply(state.local, factor, out=part)
            return self.fourier.backward.apply(modes, out=out)

    def slope(self, state: Field, t: float, out: Field) -> Field:
        """out = −u·∇ω + f, without what the integrating factor does. Collective."""
        with lent(self.space, (2, *state.lead), self.fourier.pencil) as values:
            _products(*self._flow(state, values).local)
            with lent(self.fourier.modes, (2, *state.lead)) as modes:
                self.fourier.forward.apply(values, out=modes)
                for part, factor in zip(modes.local, self._products, strict=True):
                    part *= factor
                np.add(modes.local[0], modes.local[1], out=out.local)
        if self._force is not None:
            self._force(state, t, out)
        return out

    def _propagate(self, f: Field, tau: float) -> None:
        """f ← e^{−(νk² + α)τ} f."""
        if tau not in self._factors:
            if len(self._factors) >= self.tableau.stages:
                self._factors.clear()
            self._factors[tau] = np.exp(-tau * self._decay)
        f.local[...] *= self._factors[tau]

    def dt(self, state: Field) -> float:
        """`cfl` times the largest stable time step for the fastest of the flows. Collective."""
        courant = self.space.backend.pointwise.courant
        with lent(self.space, (2, *state.lead), self.fourier.pencil) as values:
            rate = courant(self._flow(state, values).local, self._highest / self.tableau.imaginary)
        rate = largest(self.space.comm, rate)
        return self.cfl / rate if rate else np.inf

    def step(self, state: Field, dt: float | None = None, t: float = 0.0) -> Field:
        """Advance the state in place from t by dt (None: `self.dt(state)`) and return it. Collective."""
        modes = self.fourier.modes
        if state.space.shape != modes.shape or state.pencil != modes.pencil or state.dtype != modes.dtype:
            raise ValueError(f"{state} is no state of {self.space}: it needs modes of {modes} in the home pencil")
        return self._advance(state, t, self.dt(state) if dt is None else dt)

    def diagnostics(self, state: Field) -> dict[str, Any]:
        """Means over the torus: numbers, or arrays of the leading dimensions. Collective.

        ``energy`` ½⟨u·u⟩, ``enstrophy`` ½⟨ω²⟩, ``dissipation`` ν⟨ω²⟩ and ``friction`` α⟨u·u⟩, what viscosity and drag
        take from the energy, ``palinstrophy`` ½⟨|∇ω|²⟩. The same bits on any number of ranks.
        """
        with lent(state.space, state.lead) as work:
            np.multiply(state.local, self._inverse, out=work.local)
            energy = 0.5 * self._sum(state, work)
            enstrophy = 0.5 * self._sum(state, state)
            kx, ky = self.fourier.wavenumbers()
            np.multiply(state.local, self._kept(kx**2 + ky**2), out=work.local)
            palinstrophy = 0.5 * self._sum(state, work)
        return {
            "energy": energy,
            "enstrophy": enstrophy,
            "dissipation": 2 * self.nu * enstrophy,
            "friction": 2 * self.drag * energy,
            "palinstrophy": palinstrophy,
        }

    def spectrum(self, state: Field) -> tuple[np.ndarray, np.ndarray]:
        """k and E(k): the energy of the modes with k − Δk/2 ≤ |κ| < k + Δk/2, over Δk = 2π / the longer side.

        Its sum times Δk is the energy. The same bits on any number of ranks. Gathers the modes of one flow. Collective.
        """
        width = 2 * np.pi / max(axis.length for axis in self.space.axes)
        lines = [2 * np.pi / axis.length * np.rint(np.fft.fftfreq(axis.n, 1 / axis.n)) for axis in self.space.axes]
        lines[0] = np.abs(lines[0][: self.fourier.modes.shape[0]])
        k = np.hypot(*np.ix_(*lines))
        energy = (
            0.5 * np.abs(state.gather()) ** 2 / np.where(k > 0, k, 1.0) ** 2 * self.fourier.multiplicity[0][:, None]
        )
        shells = np.rint(k / width).astype(int)
        sums = np.bincount(shells.ravel(), energy.ravel())
        return width * np.arange(1, len(sums)), sums[1:] / width

    def _sum(self, a: Field, b: Field) -> Any:
        found = dot(a.pencil, a.local, b.local, self.fourier.multiplicity).real
        return found.item() if found.ndim == 0 else found


def _products(u: Any, v: Any) -> None:
    """(u, v) ← (u v, v² − u²), a stretch that stays in cache at a time."""
    u, v = u.reshape(-1), v.reshape(-1)
    for start in range(0, u.size, _IN_CACHE):
        a, b = u[start : start + _IN_CACHE], v[start : start + _IN_CACHE]
        both = a * b
        a *= a
        b *= b
        b -= a
        a[...] = both
