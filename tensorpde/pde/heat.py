"""The heat equation by implicit steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.kron import KronSum
from tensorpde.operators import derivative
from tensorpde.schemes import Scheme, lele1992
from tensorpde.stepping import DouglasGunn
from tensorpde.stepping.alternating import SourceTerm

Diffusivity = float | Sequence[float] | Callable[[float], float]


class Heat:
    """u_t = Σ κ_k ∂²u/∂x_k² + source, with the boundary data of the Space, which may change in time.

    Parameters
    ----------
    space
        Where u lives.
    kappa
        The diffusivity [L²/T]: a number, one per axis, or a function of t.
    dt
        The time step; any is stable.
    scheme
        Of the second derivatives; default: compact, of order 4.
    source
        A function of (coordinates…, t).
    method
        What makes steps from (operator or function of t, dt): `DouglasGunn`, one axis after the other, or
        `tp.solve.petsc.ImplicitSteps`, all together.

    Raises
    ------
    ValueError
        If there are neither one nor as many diffusivities as axes.
    """

    def __init__(
        self,
        space: Space,
        kappa: Diffusivity,
        dt: float,
        scheme: Scheme | None = None,
        source: SourceTerm | None = None,
        method: Callable[..., Any] = DouglasGunn,
    ) -> None:
        scheme = scheme or lele1992.second(4)
        parts = [derivative(space, axis, scheme) for axis in range(space.ndim)]
        if callable(kappa):
            function, whole = kappa, KronSum(parts)
            self.advance = method(lambda t: function(t) * whole, dt)
        else:
            values = np.atleast_1d(kappa)
            if values.shape not in ((1,), (space.ndim,)):
                raise ValueError(f"kappa is a number or one per axis: got {kappa} for {space.ndim} axes")
            values = np.broadcast_to(values, space.ndim)
            self.advance = method(KronSum([float(k) * part for k, part in zip(values, parts)]), dt)
        self.space, self.source = space, source

    def step(self, u: Field, t: float = 0.0, dt: float | None = None) -> Field:
        """Advance u in place from t by dt (default: the step it was made for) and return it. Collective."""
        return self.advance(u, t, self.source, dt)

    def diagnostics(self, u: Field) -> dict[str, float]:
        """Mean by quadrature, largest and smallest value. Collective."""
        return {"mean": u.mean(), "max": u.max(), "min": u.min()}
