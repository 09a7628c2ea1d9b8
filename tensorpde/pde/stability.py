"""Linear theory of layers between streams: the wave that grows fastest, by a dense eigenvalue problem."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy  # loads its parts when they are used

from tensorpde.line.modal import Modal

MICHALKE = 0.4446, 0.1897
"""Wavenumber and rate of the fastest wave on U = tanh y without friction: A. Michalke, On the inviscid instability of
the hyperbolic-tangent velocity profile, J. Fluid Mech. 19 (1964) 543–556."""


class LayerMode:
    """The wave (u, v)(y) e^{iαx + st} that grows fastest on a stream U(y) between free-slip planes y = ±height.

        s (v″ − α²v) = −iα (U (v″ − α²v) − U″ v) + ν (v⁗ − 2α²v″ + α⁴v),    v = v″ = 0 on the planes,    iαu + v′ = 0

    The equation of Orr and Sommerfeld for a stream that a force keeps from spreading, by collocation of sines. Cost:
    O(modes³), once.

    Parameters
    ----------
    stream, bend
        U and U″.
    alpha
        Wavenumber.
    nu
        Viscosity; 0 is Rayleigh's equation.
    height
        Of the planes.
    modes
        Number of sines. They must resolve U, which should have no slope left at the planes.

    Attributes
    ----------
    rate : s, complex; its real part is the growth rate.
    """

    def __init__(
        self, stream: Callable[[np.ndarray], np.ndarray], bend: Callable[[np.ndarray], np.ndarray], alpha: float,
        nu: float = 0.0, height: float = 10.0, modes: int = 255,
    ) -> None:  # fmt: skip
        self.alpha, self.height = alpha, height
        y = 2 * height * np.arange(1, modes + 1) / (modes + 1) - height
        self._k = np.pi * np.arange(1, modes + 1) / (2 * height)
        transform = Modal("dst1", modes)
        sines = transform.inverse().matrix()
        bent = -(self._k**2 + alpha**2)
        values = transform.matrix() @ ((stream(y)[:, None] * sines) * bent - bend(y)[:, None] * sines)
        rates, vectors = scipy.linalg.eig((-1j * alpha * values) / bent[:, None] + np.diag(nu * bent))
        fastest = int(np.argmax(rates.real))
        self.rate = complex(rates[fastest])
        self._sines = sines.max() * vectors[:, fastest]
        self._sines /= np.abs(self.v(y)).max()

    def v(self, y: np.ndarray) -> np.ndarray:
        """v(y), complex; its largest modulus is about 1."""
        return np.tensordot(self._sines, np.sin(np.multiply.outer(self._k, y + self.height)), 1)

    def u(self, y: np.ndarray) -> np.ndarray:
        """u(y) = i v′ / α."""
        slopes = self._k[:, None] * np.cos(np.multiply.outer(self._k, np.ravel(y) + self.height))
        return np.reshape(1j / self.alpha * (self._sines @ slopes), np.shape(y))
