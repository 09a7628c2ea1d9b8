"""The Schrödinger equation, linear or with a cubic interaction, by unitary splittings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.operators import laplacian
from tensorpde.schemes import Scheme, lele1992
from tensorpde.stepping import PeacemanRachford


class Schrodinger:
    """i ψ_t = −½ ∇²ψ + V(x…) ψ + g |ψ|² ψ.

    Strang's splitting: half a step of the potential, which turns phases only; a step of −½∇² as a product of Cayley
    transforms, one kernel per axis; another half step. Of second order, and unitary: the norm is conserved to
    round-off wherever the discrete ∇² is symmetric (periodic axes, central differences of order 2 between walls).

    Parameters
    ----------
    space
        Complex; zero or periodic boundary conditions.
    dt
        The time step.
    potential
        V, a function of the coordinates.
    interaction
        g.
    scheme
        Of the second derivatives; default: compact, of order 6.

    Raises
    ------
    ValueError
        If the Space is real.
    """

    def __init__(
        self, space: Space, dt: float, potential: Callable | None = None, interaction: float = 0.0,
        scheme: Scheme | None = None,
    ) -> None:  # fmt: skip
        if space.dtype.kind != "c":
            raise ValueError(f"wave functions need a complex Space, got {space}")
        self.space, self.interaction = space, interaction
        self.laplacian = laplacian(space, scheme or lele1992.second_derivative)
        self.advance = PeacemanRachford(0.5j * self.laplacian, dt)
        real = space.like(dtype=np.empty(0, space.dtype).real.dtype)
        self.potential = real.field(potential or 0.0)

    def step(self, psi: Field, t: float = 0.0, dt: float | None = None) -> Field:
        """Advance ψ in place from t by dt (default: the step it was made for) and return it. Collective."""
        half = 0.5 * (self.advance.dt if dt is None else dt)
        self._turn(psi, half)
        self.advance(psi, t, dt=dt)
        self._turn(psi, half)
        return psi

    def _turn(self, psi: Field, time: float) -> None:
        """ψ ← e^{−i (V + g|ψ|²) time} ψ, exact: |ψ| does not change on the way."""
        psi *= Field(self.space, np.exp(-1j * time * self._local(psi)), psi.pencil)

    def _local(self, psi: Field) -> np.ndarray:
        """V + g|ψ|² on this rank's block of ψ."""
        here = self.potential.to(psi.pencil).local
        return here + self.interaction * np.abs(psi.local) ** 2 if self.interaction else here

    def diagnostics(self, psi: Field) -> dict[str, float]:
        """Integrals by quadrature of |ψ|² ("norm") and of the energy density, ½|∇ψ|² by parts. Collective."""
        density = Field(self.potential.space, np.abs(psi.local) ** 2, psi.pencil)
        kinetic = np.real(np.conj(psi.local) * (self.laplacian @ psi).local)
        potential = self.potential.to(psi.pencil).local + 0.5 * self.interaction * density.local
        energy = Field(density.space, potential * density.local - 0.5 * kinetic, psi.pencil)
        return {"norm": density.integral(), "energy": energy.integral()}
