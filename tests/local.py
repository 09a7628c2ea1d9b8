"""Values of this rank as a host array, wherever a Field lives: what a test looks into."""

from __future__ import annotations

import numpy as np


def local(field) -> np.ndarray:
    """The block of this rank, on the host."""
    return field.space.backend.to_host(field.local)
