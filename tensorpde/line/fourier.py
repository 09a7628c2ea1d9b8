"""Truncated Fourier transforms of lines, dense or fast, that turn the order of the axes as they go."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.line.modal import Modal


class TruncatedFourier:
    """The lowest Fourier modes of lines of n values, and the sum of modes at n points.

    `to_modes` is Z_k = scale Σ_j u_j e^{−2πi k j/n} for the m frequencies k given; `from_modes` its adjoint in the real
    inner product Re⟨·,·⟩, u_j = scale Σ_k Z_k e^{2πi k j/n}, or its real part for real lines. Complex values are
    pairs of real arrays, stacked along a first axis of 2, so that every product is a real GEMM. `to_modes` takes the
    last axis of an array to the front, `from_modes` the first to the back: the transforms of all axes in turn need no
    relayout and end as (modes…, everything else), where a convolution is a product per mode.

    Parameters
    ----------
    n
        Values on a line.
    frequencies
        The integers k, each at most n/2 in modulus.
    real
        Whether lines are real; then k ≥ 0.
    scale
        A number, or one per frequency: a factor of both directions.
    fast
        Whether to use an FFT of all modes; None: by a formula on n and m.

    Raises
    ------
    ValueError
        If a frequency is not on the grid, naming it.

    Notes
    -----
    Dense: 2nm flops per real value and line of n (4nm for complex ones) at the speed of GEMM. Fast: about 2.5 n log₂ n
    flops per real line at a sixth of that speed, whatever m. Sums along a line by GEMM are the BLAS library's.
    """

    def __init__(self, n: int, frequencies: np.ndarray, real: bool, scale: Any = 1.0, fast: bool | None = None) -> None:
        self.n, self.frequencies, self.real = int(n), np.asarray(frequencies, int), real
        wrong = self.frequencies[(2 * abs(self.frequencies) > n) | (real & (self.frequencies < 0))]
        if wrong.size:
            raise ValueError(f"frequency {wrong[0]} is not one of those of {n} {'real' if real else 'complex'} values")
        self.scale = np.broadcast_to(np.asarray(scale, float), self.frequencies.shape)
        self.fast = len(self.frequencies) > 4 * math.log2(max(n, 2)) if fast is None else fast
        self._all = Modal("rfft" if real else "fft", n)
        self._device: dict[Any, Any] = {}

    @property
    def work(self) -> float:
        """Multiply-adds per line, of either direction."""
        parts = 1 if self.real else 2
        return parts * (1.25 * self.n * math.log2(self.n) if self.fast else 2 * self.n * len(self.frequencies))

    def matrix(self) -> np.ndarray:
        """The dense m×n matrix of `to_modes`, on the host."""
        turns = np.outer(self.frequencies, np.arange(self.n)) % self.n
        return self.scale[:, None] * np.exp(-2j * np.pi / self.n * turns)

    def to_modes(self, u: Any) -> Any:
        """The modes of lines along the last axis.

        Parameters
        ----------
        u
            (…, n), or (2, …, n) for complex lines, C-contiguous.

        Returns
        -------
        Array (2, m, …).
        """
        rest = u.shape[:-1] if self.real else u.shape[1:-1]
        backend = backends.of(u)
        if self.fast:
            return self._fast_to_modes(u, rest)
        lines = u.reshape(1 if self.real else 2, math.prod(rest), self.n)
        return backend.turning.to_front(self._factors(u), lines).reshape(2, len(self.frequencies), *rest)

    def from_modes(self, z: Any) -> Any:
        """The adjoint: from (2, m, …) to (…, n), or (2, …, n) for complex lines."""
        rest = z.shape[2:]
        backend = backends.of(z)
        if self.fast:
            return self._fast_from_modes(z, rest)
        modes = z.reshape(2 * len(self.frequencies), math.prod(rest))
        lines = backend.turning.to_back(self._factors(z), modes)
        return lines.reshape(*(() if self.real else (2,)), *rest, self.n)

    def _factors(self, like: Any) -> Any:
        """Real (2m, n) matrices for the real and, where lines have one, the imaginary part of lines."""
        backend = backends.of(like)
        key = backend.name, like.dtype
        if key not in self._device:
            matrix = self.matrix()
            both = np.concatenate([matrix.real, matrix.imag]), np.concatenate([-matrix.imag, matrix.real])
            self._device[key] = backend.asarray(np.stack(both[: 1 if self.real else 2]), like.dtype)
        return self._device[key]

    def _fast_to_modes(self, u: Any, rest: tuple[int, ...]) -> Any:
        backend = backends.of(u)
        out = backend.recycling.empty((2, len(self.frequencies), *rest), u.dtype)
        if out.size:
            lines = u if self.real else u[0] + 1j * u[1]
            modes = self._all.apply(lines, -1)[..., self.frequencies]
            kept = np.moveaxis(modes * backend.asarray(self.scale, u.dtype), -1, 0)
            out[0], out[1] = kept.real, kept.imag
        return out

    def _fast_from_modes(self, z: Any, rest: tuple[int, ...]) -> Any:
        backend = backends.of(z)
        out = backend.recycling.empty((*(() if self.real else (2,)), *rest, self.n), z.dtype)
        if not out.size:
            return out
        # The inverse transform carries 1/n, and counts twice the modes whose conjugates real lines leave out.
        weight = self.scale * self.n
        if self.real:
            weight = weight / self._all.multiplicity()[self.frequencies]
        values = (z[0] + 1j * z[1]) * backend.asarray(weight, z.dtype).reshape((-1, *[1] * len(rest)))
        full = backend.zeros((*rest, self._all.shape[0]), values.dtype)
        full[..., self.frequencies] = np.moveaxis(values, 0, -1)
        lines = self._all.inverse().apply(full, -1)
        if self.real:
            return lines
        out[0], out[1] = lines.real, lines.imag
        return out
