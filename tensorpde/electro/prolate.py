"""Prolate spheroidal wave functions of order zero: the most concentrated ones of a band, for splits and windows."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.polynomial import legendre

STEP = 0.25  # between band limits that are tried
LARGEST_BAND = 60.0


@dataclass(frozen=True)
class Prolate:
    """ψ on [−1, 1], ψ(0) = 1, of which the largest part that is possible lies in the frequencies |ω| ≤ band.

    It is its own Fourier transform: ∫ ψ(x) e^{iωx} dx = 2 half ψ(ω / band) for |ω| ≤ band; beyond it little more than
    `edge` = ψ(1), about exp(−band), is left.

    Attributes
    ----------
    band : c.
    series : Legendre coefficients.
    half : ∫₀¹ ψ.
    """

    band: float
    series: np.ndarray
    half: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """ψ(x), 0 outside [−1, 1]."""
        x = np.asarray(x, float)
        return np.where(np.abs(x) <= 1, legendre.legval(np.clip(x, -1, 1), self.series), 0.0)

    @property
    def edge(self) -> float:
        """ψ(1)."""
        return float(self.series.sum())

    def integral(self, x: np.ndarray) -> np.ndarray:
        """∫₀ˣ ψ / ∫₀¹ ψ: rises from −1 to 1 on [−1, 1] and stays there."""
        return legendre.legval(np.clip(x, -1, 1), legendre.legint(self.series)) / self.half


@functools.lru_cache(maxsize=256)
def prolate(band: float) -> Prolate:
    """ψ of a band limit, by the eigenvector of a tridiagonal matrix in Legendre polynomials of even degree.

    Source: H. Xiao, V. Rokhlin, N. Yarvin, Inverse Problems 17 (2001) 805–838.
    """
    k = 2.0 * np.arange(int(band) + 20)
    squared = band**2
    diagonal = k * (k + 1) + squared * (2 * k * (k + 1) - 1) / ((2 * k + 3) * (2 * k - 1))
    beside = squared * (k + 2) * (k + 1) / ((2 * k + 3) * np.sqrt((2 * k + 1) * (2 * k + 5)))
    _, vectors = scipy.linalg.eigh_tridiagonal(diagonal, beside[:-1], select="i", select_range=(0, 0))
    series = np.zeros(2 * len(k) - 1)
    series[::2] = vectors[:, 0] * np.sqrt(k + 0.5)  # of normalized polynomials
    series /= legendre.legval(0.0, series)
    return Prolate(band, series, float(series[0]))


@functools.lru_cache(maxsize=256)
def concentrated(error: float) -> Prolate:
    """The ψ of the smallest band whose edge is no more than `error`.

    Raises
    ------
    ValueError
        If the error is less than 1e-15, below what numbers of 64 bits hold.
    """
    if error < 1e-15:
        raise ValueError(f"no window has an edge of {error}: 1e-15 is the least")
    for band in np.arange(2.0, LARGEST_BAND, STEP):
        if prolate(float(band)).edge <= error:
            break
    return prolate(float(band))
