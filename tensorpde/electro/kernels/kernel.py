"""What a kernel is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kernel:
    """φ(r) = ∫₀^∞ g(t) exp(−r² t²) dt.

    Attributes
    ----------
    name : for messages.
    value : φ, for arrays of r > 0.
    density : g, for arrays of t > 0.
    even : whether g has an even analytic continuation to t < 0, so that a quadrature may start at t = 0.
    source : citation.
    """

    name: str
    value: Callable[[np.ndarray], np.ndarray]
    density: Callable[[np.ndarray], np.ndarray]
    even: bool
    source: str
