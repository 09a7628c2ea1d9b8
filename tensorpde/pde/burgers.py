"""Burgers' equation in any number of dimensions, and an exact solution of it."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.operators import derivative
from tensorpde.parallel.reduce import largest
from tensorpde.pde.fourier import lent
from tensorpde.pde.pressure import Schemes
from tensorpde.pde.transport import Transport
from tensorpde.stepping import WILLIAMSON_RK3, Butcher, LowStorage, RungeKutta


class Burgers:
    """∂u/∂t + u·∇u = ν ∇²u, for as many components as axes, on periodic axes.

    Convection is the skew-symmetric form of `Transport` plus ½ u ∇·u; explicit Runge–Kutta.

    Parameters
    ----------
    space
        Real, of periodic axes.
    nu
        ν > 0 [L²/T].
    schemes
        Of first and second derivatives; default: compact, of order 6.
    tableau
        Default: Williamson's low-storage third-order method.
    cfl
        Fraction of the stability limit that `dt` and `step(u, dt=None)` take.

    Raises
    ------
    ValueError
        If ν is not positive, or the Space is not real and periodic.

    Notes
    -----
    Nothing holds a front together that the points do not resolve: its width is about 4ν over the jump across it.
    """

    def __init__(
        self, space: Space, nu: float, schemes: Schemes | None = None,
        tableau: LowStorage | Butcher = WILLIAMSON_RK3, cfl: float = 0.5,
    ) -> None:  # fmt: skip
        if not nu > 0 or space.dtype.kind != "f" or not all(axis.periodic for axis in space.axes):
            raise ValueError(f"Burgers' equation needs nu > 0 and a real periodic Space, got nu={nu} and {space.axes}")
        schemes = schemes or Schemes()
        self.space, self.nu, self.cfl = space, nu, cfl
        self._transport = Transport(space, nu, schemes.first, schemes.second)
        self._slopes = [derivative(space, axis, schemes.first) for axis in range(space.ndim)]
        self._advance = RungeKutta(self.slope, tableau)
        theta = np.linspace(0, np.pi, 400)
        spacings = np.array([np.diff(axis.x).min() for axis in space.axes])
        self._convective = np.abs(schemes.first.symbol(theta)).max() / spacings / tableau.imaginary
        self._viscous = nu * np.abs(schemes.second.symbol(theta)).max() * (spacings**-2.0).sum() / tableau.real

    def slope(self, u: Field, t: float, out: Field) -> Field:
        """out = −u·∇u + ν ∇²u. Collective."""
        self._transport(u, out)
        with lent(self.space) as divergence:
            for axis, operator in enumerate(self._slopes):
                operator.apply(u[axis], out=divergence, beta=float(axis > 0))
            divergence *= 0.5
            with lent(self.space) as product:
                for component in range(self.space.ndim):
                    np.multiply(u.local[component], divergence.local, out=product.local)
                    out.local[component] += product.local
        return out

    def dt(self, u: Field) -> float:
        """`cfl` times the largest stable time step. Collective."""
        fastest = self.space.backend.pointwise.courant(u.local, self._convective)
        return self.cfl / (largest(self.space.comm, fastest) + self._viscous)

    def step(self, u: Field, dt: float | None = None, t: float = 0.0) -> Field:
        """Advance u, lead=(number of axes,), in place from t by dt (None: `self.dt(u)`) and return it. Collective."""
        return self._advance(u, t, self.dt(u) if dt is None else dt)

    def diagnostics(self, u: Field) -> dict[str, Any]:
        """``energy`` ½⟨u·u⟩, the mean of each component, which periodic flows without rotation keep, and the largest
        speed. Collective."""
        squares = sum((part * part).mean() for part in u)
        means = {f"mean_{i}": value for i, value in enumerate(np.atleast_1d(u.mean()))}
        return {"energy": 0.5 * squares, **means, "speed": u.norm("max")}


def cole_hopf(space: Space, nu: float, t: float, offset: float = 1.1) -> Field:
    """The exact u = −2ν ∇φ/φ for φ = offset + e^{−dνt} Π cos x_i, which obeys φ_t = ν ∇²φ, on (0, 2π)^d. Collective.

    The nearer `offset` is to 1, the steeper. E. Hopf, Comm. Pure Appl. Math. 3 (1950) 201–230; J. D. Cole, Quart. Appl.
    Math. 9 (1951) 225–236.
    """
    d = space.ndim
    decay = np.exp(-d * nu * t)

    def values(*x: np.ndarray) -> list:
        waves = [np.cos(c) for c in x]
        phi = offset + decay * np.prod(np.broadcast_arrays(*waves), axis=0)
        slopes = []
        for i in range(d):
            others = [wave for j, wave in enumerate(waves) if j != i]
            slopes.append(-decay * np.sin(x[i]) * (np.prod(np.broadcast_arrays(*others), axis=0) if others else 1.0))
        return [-2 * nu * slope / phi for slope in slopes]

    return space.field(values, lead=(d,))
