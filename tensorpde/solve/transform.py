"""The modes of one axis at work on a backend: forward, back, or both with the division between them."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from tensorpde.line import Dense
from tensorpde.solve.eigen import Modes
from tensorpde.solve.route import Route

MATRIX_UP_TO = 256
"""Number of points up to which cosine and sine transforms of lengths without a compiled kernel are matrix products.

Measured on one core, a solve in three dimensions with one such axis: 40 to 80 ns per value, 55 to 440 with scipy.fft.
"""


class AxisTransform:
    """Appends the steps of one axis to a Route.

    Parameters
    ----------
    modes
        Of the axis.
    dtype
        Of the values that come in: a Fourier axis keeps half of the modes of real ones.
    backend
        Of the arrays.

    Attributes
    ----------
    values : the eigenvalues (a, b) of the modes that are kept.
    dtype : of the coefficients.
    """

    def __init__(self, modes: Modes, dtype: np.dtype, backend: ModuleType) -> None:
        self._n, self._backend = modes.n, backend
        self.values, self.dtype = (modes.a, modes.b), np.dtype(dtype)
        self._plan = self._dense = None
        if modes.left is not None and modes.right is not None:
            self._dense = Dense(modes.left), Dense(modes.right)
            self.dtype = self._dense[0].result_type(dtype)
        elif modes.kind != "identity":
            kind = modes.kind
            if kind == "fourier":
                kind = "fft" if self.dtype.kind == "c" else "rfft"
            plan = backend.transforms.Plan(kind, modes.n, self.dtype)
            if not plan.compiled and modes.kind != "fourier" and modes.n <= MATRIX_UP_TO:
                every = np.arange(modes.n)
                self._dense = Dense(modes.rows(every)), Dense(modes.columns(every))
                return
            self._plan = plan
            if kind == "rfft":
                self.dtype = np.result_type(dtype, np.complex64)
                self.values = modes.a[: modes.n // 2 + 1], modes.b[: modes.n // 2 + 1]

    def forward(self, route: Route, axis: int) -> None:
        """Values to coefficients of modes."""
        if self._dense is not None:
            route.line(self._dense[0].apply, axis, self._dense[0].shape[0], self.dtype)
        elif self._plan is not None:
            route.line(self._plan.forward, axis, self._plan.modes, self.dtype, in_place=True)

    def backward(self, route: Route, axis: int, dtype: np.dtype) -> None:
        """Coefficients to values of `dtype`: the real part where they were real on the way forward."""
        if self._dense is not None:
            route.line(self._dense[1].apply, axis, self._n, self._dense[1].result_type(self.dtype))
            route.cast(dtype)
        elif self._plan is not None:
            route.line(self._plan.inverse, axis, self._n, dtype, in_place=True)

    def solve(self, route: Route, axis: int, multiplier: Any) -> None:
        """Forward, times the multiplier, and back: in one pass by a transform."""
        if self._plan is not None:
            before, fused = route.dtype, self._plan.solve
            route.line(lambda u, place, out: fused(u, place, multiplier, out), axis, self._n, before, in_place=True)
            return
        scale = self._backend.shifted.scale

        def divide(u: Any, place: int, out: Any) -> None:
            if out is not u:
                out[...] = u
            scale(out, place, multiplier)

        self.between(route, axis, divide)

    def between(self, route: Route, axis: int, change: Callable[[Any, int, Any], None]) -> None:
        """Forward, change(modes, axis, out), and back."""
        before = route.dtype
        self.forward(route, axis)
        route.line(change, axis, len(self.values[0]), in_place=True)
        self.backward(route, axis, before)
