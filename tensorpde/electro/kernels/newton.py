"""1/r, the potential of a unit charge: g = 2/√π."""

from __future__ import annotations

import numpy as np

from tensorpde.electro.kernels.kernel import Kernel

NEWTON = Kernel(
    "Newton",
    lambda r: 1 / r,
    lambda t: np.full(np.shape(t), 2 / np.sqrt(np.pi)),
    even=True,
    source="W. Hackbusch, B. N. Khoromskij, Computing 76 (2006) 177–202",
)
