"""The plan of banded systems that differ from line to line, between its set-up and the kernels of a backend."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class Bands(NamedTuple):
    """Plan of (β A + σ B) x = R u, β and σ differing from line to line.

    The last p unknowns border the others (p = 0 unless the line is periodic). Row i of the open part has its entries
    from column i − low[i] on; up[i] columns right of the diagonal fill in elimination, kept in slots offset[i]…

    rhs : R as sweeps, a kernel's form of them after `prepare`; a, b : (m, w) open rows; ea, eb : (m, p) entries in the
    border's columns; column, fa, fb : (p, q) places and values of the border's rows; sizes : (2,) largest row sums of A
    and B.
    """

    rhs: Any
    a: np.ndarray
    b: np.ndarray
    low: np.ndarray
    up: np.ndarray
    offset: np.ndarray
    ea: np.ndarray
    eb: np.ndarray
    column: np.ndarray
    fa: np.ndarray
    fb: np.ndarray
    sizes: np.ndarray
