"""The Matérn covariance: g = (2/Γ(ν)) (κ/2)^(2ν) t^(−2ν−1) exp(−κ²/4t²)."""

from __future__ import annotations

import math

import numpy as np
import scipy

from tensorpde.electro.kernels.kernel import Kernel


def matern(nu: float, kappa: float) -> Kernel:
    """2^(1−ν)/Γ(ν) (κr)^ν K_ν(κr) with ν, κ > 0: 1 at r = 0."""
    return Kernel(
        f"Matérn(ν={nu:g}, κ={kappa:g})",
        lambda r: 2 ** (1 - nu) / math.gamma(nu) * (kappa * r) ** nu * scipy.special.kv(nu, kappa * r),
        lambda t: 2 / math.gamma(nu) * (kappa / 2) ** (2 * nu) * t ** (-2 * nu - 1) * np.exp(-((kappa / (2 * t)) ** 2)),
        even=False,
        source="B. Matérn, Spatial Variation, Springer 1986",
    )
