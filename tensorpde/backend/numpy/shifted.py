"""What separable solves do on their last axis: division by sums of eigenvalues, and banded systems that differ from line to line."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numba import njit


def scale(u: np.ndarray, axis: int, multiplier: Any) -> None:
    """U *= multiplier in place, in one pass.

    Parameters
    ----------
    u
        C-contiguous array whose values along `axis` are modes; complex where the multiplier is.
    axis
        The axis that the multiplier was made for.
    multiplier
        A `transforms.Separable`.
    """
    axis %= u.ndim
    view = u.reshape(prod(u.shape[:axis]), u.shape[axis], prod(u.shape[axis + 1 :]))
    m = multiplier
    parts = np.result_type(*(np.asarray(part).dtype for part in (m.a, m.b, m.ao, m.bo, m.ai, m.bi)))
    a, b, ao, bo, ai, bi = (np.ascontiguousarray(part, parts) for part in (m.a, m.b, m.ao, m.bo, m.ai, m.bi))
    if view.size:
        _scale(view, a, b, ao, bo, ai, bi, m.tol)


@njit(cache=True)
def _scale(u, a, b, ao, bo, ai, bi, tol):
    for o in range(u.shape[0]):
        p = o % ao.size
        for k in range(u.shape[1]):
            own, mass = a[k] * bo[p], b[k] * bo[p]
            other = b[k] * ao[p]
            for i in range(u.shape[2]):
                den = own * bi[i] + (other * bi[i] + mass * ai[i])
                if abs(den) <= tol:
                    u[o, k, i] = 0
                else:
                    u[o, k, i] = u[o, k, i] / den
