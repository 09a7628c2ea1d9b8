"""Radial kernels as short sums of Gaussians: sinc quadrature of their Gaussian integrals."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from tensorpde.electro.kernels import NEWTON, Kernel

SAMPLES = 300  # radii at which a step is tried
CHECKS = 4000  # radii at which the result is verified
FIRST_STEP = 5.5  # times 1 / log(1/tol): where the search for the step starts
SHRINK = 0.97
SMALLEST_STEP = 0.02
SCALES = np.geomspace(0.5, 4.0, 15)  # of the half-line rule, tried around the best on [1e-3, 1], 1.9


@dataclass(frozen=True)
class Gaussians:
    """φ(r) ≈ Σ_k w_k exp(−t_k² r²) for r in an interval, t rising.

    Attributes
    ----------
    exponents : t, shape (R,).
    weights : w.
    interval : (a, b).
    error : the largest error found at 4000 radii, in the measure that was asked for.
    step : h of the quadrature.
    """

    exponents: np.ndarray
    weights: np.ndarray
    interval: tuple[float, float]
    error: float
    step: float

    def __len__(self) -> int:
        return len(self.weights)

    def __call__(self, r: np.ndarray) -> np.ndarray:
        """The sum at any r ≥ 0."""
        return np.exp(-np.multiply.outer(np.square(r), self.exponents**2)) @ self.weights


@functools.lru_cache(maxsize=64)
def gaussians(a: float, b: float, tol: float, kernel: Kernel = NEWTON, relative: bool = True) -> Gaussians:
    """The kernel on [a, b] as a sum of as few Gaussians as the quadrature allows.

    Parameters
    ----------
    a, b
        Smallest and largest distance, 0 < a < b.
    tol
        Largest error, relative to φ(r), or to φ(a) with `relative=False`.
    kernel
        Newton's by default.

    Raises
    ------
    ValueError
        If a, b or tol make no sense, or the tolerance is not met: the sum is verified before it is returned.

    Notes
    -----
    Trapezoidal rule after a substitution that makes the integrand decay: t = s sinh x on the half line where it is
    even (nodes t_k = s sinh kh, w_k = g h s cosh kh, w₀ halved; s fitted), else t = e^x on the whole line, w_k = g h t.
    The step h falls from 5.5 / log(1/tol) until the error fits; then terms at the ends that nobody needs are dropped.
    R grows like log(1/tol) log(b/(a tol)): 1/r on [1e-3, 1] takes 31 terms for 7e-7, 41 for 7e-9, 51 for 7e-11.
    Sources: F. Stenger, Numerical Methods Based on Sinc and Analytic Functions, Springer 1993; the kernel's own.
    """
    if not (0 < a < b < np.inf and 1e-14 < tol < 1):
        raise ValueError(f"an interval 0 < a < b and 1e-14 < tol < 1 are needed, not a={a}, b={b}, tol={tol}")
    step = min(1.0, FIRST_STEP / np.log(1 / tol))
    while step > SMALLEST_STEP:
        for t, w in _candidates(kernel, step, a, b, tol):
            found = _shortened(kernel, t, w, (a, b), tol, relative, step)
            if found is not None:
                return found
        step *= SHRINK
    raise ValueError(f"no sum of Gaussians represents {kernel.name} on [{a}, {b}] to {tol}")


def _candidates(kernel: Kernel, step: float, a: float, b: float, tol: float):  # type: ignore[no-untyped-def]
    """(t, w) of the rules with a step, more terms than are needed."""
    last = np.sqrt(np.log(1e4 / tol)) / a
    if not kernel.even:
        first = np.log(last) - np.arange(0, 60 + np.log(b / a), step)
        t = np.exp(first[::-1])
        with np.errstate(over="ignore", under="ignore"):
            yield t, step * t * kernel.density(t)
        return
    errors = []
    r = np.geomspace(a, b, SAMPLES)
    for scale in SCALES / b:
        t, w = _half_line(kernel, step, scale, last)
        errors.append(np.abs(np.exp(-np.multiply.outer(r**2, t**2)) @ w / kernel.value(r) - 1).max())
    best = int(np.argmin(errors))
    for scale in np.geomspace(SCALES[max(best - 1, 0)], SCALES[min(best + 1, len(SCALES) - 1)], 9) / b:
        yield _half_line(kernel, step, scale, last)


def _half_line(kernel: Kernel, step: float, scale: float, last: float) -> tuple[np.ndarray, np.ndarray]:
    x = step * np.arange(int(np.arcsinh(last / scale) / step) + 2)
    t = scale * np.sinh(x)
    w = kernel.density(t) * step * scale * np.cosh(x)
    w[0] /= 2
    return t, w


def _shortened(
    kernel: Kernel, t: np.ndarray, w: np.ndarray, interval: tuple[float, float], tol: float, relative: bool, step: float
) -> Gaussians | None:
    """The rule without the terms at its ends that the tolerance does not need; None if it does not meet it."""
    r = np.geomspace(*interval, SAMPLES)
    exact = kernel.value(r)
    scale = exact if relative else exact[0]
    terms = np.exp(-np.multiply.outer(r**2, t**2)) * w
    if not (np.abs(terms.sum(axis=1) - exact) <= 0.9 * tol * scale).all():
        return None
    errors = np.abs(np.cumsum(terms, axis=1) - exact[:, None]) / np.reshape(scale, (-1, 1))
    stop = int(np.argmax((errors <= 0.95 * tol).all(axis=0))) + 1
    errors = np.abs(np.cumsum(terms[:, :stop][:, ::-1], axis=1)[:, ::-1] - exact[:, None]) / np.reshape(scale, (-1, 1))
    start = int(np.flatnonzero((errors <= 0.97 * tol).all(axis=0))[-1])
    r = np.geomspace(*interval, CHECKS)
    made = Gaussians(t[start:stop], w[start:stop], interval, 0.0, step)
    exact = kernel.value(r)
    error = float((np.abs(made(r) - exact) / (exact if relative else exact[0])).max())
    return Gaussians(made.exponents, made.weights, interval, error, step) if error <= tol else None
