"""The Allen–Cahn equation: diffusion by alternating directions, reaction explicit."""

from __future__ import annotations

from tensorpde.field import Field, Space
from tensorpde.operators import laplacian
from tensorpde.schemes import Scheme, lele1992
from tensorpde.stepping import ModifiedCraigSneyd


class AllenCahn:
    """u_t = ε² ∇²u + u − u³: phases ±1 with interfaces of width ε that move by their mean curvature.

    Parameters
    ----------
    space
        Where u lives; walls with Neumann() or Even() conditions, or periodic axes.
    epsilon
        ε [L]; the time is in units of the reaction.
    dt
        The time step, limited by the reaction alone.
    scheme
        Of the second derivatives; default: compact, of order 4.
    """

    def __init__(self, space: Space, epsilon: float, dt: float, scheme: Scheme | None = None) -> None:
        self.space, self.epsilon = space, epsilon
        self.diffusion = epsilon**2 * laplacian(space, scheme or lele1992.second(4))
        self.advance = ModifiedCraigSneyd(self.diffusion, dt, explicit=reaction)

    def step(self, u: Field, t: float = 0.0, dt: float | None = None) -> Field:
        """Advance u in place from t by dt (default: the step it was made for) and return it. Collective."""
        return self.advance(u, t, dt=dt)

    def diagnostics(self, u: Field) -> dict[str, float]:
        """Energy ∫ ½ε²|∇u|² + ¼(1 − u²)², which never grows, and the mean. Collective.

        The gradient is integrated by parts, for walls where it has no normal component.
        """
        density = (self.diffusion @ u) * u * -0.5 + 0.25 * (1.0 - u * u) ** 2
        return {"energy": density.integral(), "mean": u.mean(), "max": u.max()}


def reaction(u: Field, t: float) -> Field:
    """u − u³."""
    return u - u * u * u
