"""exp(−κr): g = (κ/√π) t⁻² exp(−κ²/4t²)."""

from __future__ import annotations

import numpy as np

from tensorpde.electro.kernels.kernel import Kernel


def slater(kappa: float) -> Kernel:
    """exp(−κr) with κ > 0."""
    return Kernel(
        f"Slater(κ={kappa:g})",
        lambda r: np.exp(-kappa * r),
        lambda t: kappa / np.sqrt(np.pi) / t**2 * np.exp(-((kappa / (2 * t)) ** 2)),
        even=False,
        source="B. N. Khoromskij, Tensor Numerical Methods in Scientific Computing, de Gruyter 2018",
    )
