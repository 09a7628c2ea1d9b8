"""exp(−κr)/r, the screened potential: g = (2/√π) exp(−κ²/4t²)."""

from __future__ import annotations

import numpy as np

from tensorpde.electro.kernels.kernel import Kernel


def yukawa(kappa: float) -> Kernel:
    """exp(−κr)/r with κ > 0."""
    return Kernel(
        f"Yukawa(κ={kappa:g})",
        lambda r: np.exp(-kappa * r) / r,
        lambda t: 2 / np.sqrt(np.pi) * np.exp(-((kappa / (2 * t)) ** 2)),
        even=False,
        source="W. Hackbusch, B. N. Khoromskij, Computing 76 (2006) 177–202",
    )
