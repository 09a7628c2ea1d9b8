"""The statistics of a channel in wall units, both halves together."""

from __future__ import annotations

import math

import numpy as np

from tensorpde.pde.budget import FlowStatistics


class WallUnits:
    """Profiles between two equal walls in units of u_τ and ν / u_τ, each the mean of both halves.

    u_τ² is the mean of the friction at both walls. Of a profile that is odd about the middle, such as ⟨u'v'⟩, one half
    counts with the opposite sign.

    Parameters
    ----------
    statistics
        Of a flow along component 0 with walls at both ends of the axis that is left.

    Attributes
    ----------
    u_tau, re_tau : friction velocity, and u_τ h / ν with half the distance h of the walls.
    y : y⁺ of the points of the lower half.
    mean : U⁺ there.
    stresses : by name, √⟨u_i'²⟩⁺ and −⟨u'v'⟩⁺ there.
    budget : terms of `FlowStatistics.budget` by name, in units of u_τ⁴ / ν.

    Raises
    ------
    ValueError
        If an end is no wall (see `FlowStatistics.wall_stress`), if the flow does not drag both walls along with it,
        naming both frictions, or if there are no statistics yet.
    """

    def __init__(self, statistics: FlowStatistics) -> None:
        space, normal = statistics.flow.space, statistics.normal
        axis, nu = space.axes[normal], statistics.flow.nu
        lower, upper = statistics.wall_stress()
        if min(lower, upper) <= 0:
            raise ValueError(f"wall units need friction of one sign at both walls, not {lower:g} and {upper:g}")
        self.u_tau = math.sqrt((lower + upper) / 2)
        self.re_tau = self.u_tau * axis.length / 2 / nu
        self._half = (axis.n + 1) // 2
        self.y = (axis.x[: self._half] - axis.lo) * self.u_tau / nu
        self.mean = self._folded(statistics.mean(0)) / self.u_tau
        names = "uvw"[: space.ndim]
        self.stresses = {
            f"{name}_rms": np.sqrt(self._folded(statistics.stress(i, i))) / self.u_tau for i, name in enumerate(names)
        }
        self.stresses[f"-u{names[normal]}"] = -self._folded(statistics.stress(0, normal), -1) / self.u_tau**2
        self.budget = {name: self._folded(term) * nu / self.u_tau**4 for name, term in statistics.budget().items()}

    def _folded(self, profile: np.ndarray, sign: int = 1) -> np.ndarray:
        return 0.5 * (profile + sign * profile[::-1])[: self._half]
