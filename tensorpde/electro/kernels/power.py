"""r^(−p): g = (2/Γ(p/2)) t^(p−1)."""

from __future__ import annotations

import math

from tensorpde.electro.kernels.kernel import Kernel


def power(p: float) -> Kernel:
    """r^(−p) with p > 0."""
    return Kernel(
        f"power({p:g})",
        lambda r: r**-p,
        lambda t: 2 / math.gamma(p / 2) * t ** (p - 1),
        even=p % 2 == 1,
        source="D. Braess, W. Hackbusch, IMA J. Numer. Anal. 25 (2005) 685–697",
    )
