"""Gaussian random fields on periodic boxes, the same numbers on any grid and any number of ranks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.parallel import agree
from tensorpde.pde.fourier import Fourier

Spectrum = Callable[[np.ndarray], np.ndarray]


class RandomField:
    """Real Gaussian fields f = Σ_k f̂_k e^{ik·x} with independent coefficients, E|f̂_k|² = spectrum(|k|).

    The measure N(0, C) with C = c (−Δ + τ²)^{−a} on a box of volume V has spectrum(k) = c (k² + τ²)^{−a} / V. The
    pointwise variance is the sum of spectrum over all modes. Modes from the Nyquist wavenumber up are zero.

    The coefficient of a mode is drawn from the counter-based generator Philox with the key (seed, sample) at a place in
    its sequence that the mode alone says. So a sample does not depend on ranks, on other samples, or (for the modes
    that both have) on the number of points.

    Parameters
    ----------
    space
        Real, with at most four periodic axes of equal spacing.
    spectrum
        A function of an array of |k| [1/L], with finite values of 0 or more; at k = 0 the variance of the mean.

    Raises
    ------
    ValueError
        If the Space has no Fourier modes, or the spectrum has other values, on every rank.

    References
    ----------
    J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, Parallel random numbers: as easy as 1, 2, 3, SC'11 (2011).
    """

    def __init__(self, space: Space, spectrum: Spectrum) -> None:
        self.space, self.fourier = space, Fourier(space)
        if space.ndim > 4:
            raise ValueError(f"random fields need at most 4 axes, got {space.ndim}")
        with agree(space.comm, "evaluating the spectrum"):
            k = np.sqrt(sum(part**2 for part in self.fourier.wavenumbers()))
            variance = np.broadcast_to(np.asarray(spectrum(k), float), k.shape)
            if not (np.isfinite(variance).all() and (variance >= 0).all()):
                raise ValueError(f"a spectrum must be finite and 0 or more, got {variance.min()} to {variance.max()}")
        self._deviation = np.sqrt(np.where(self.fourier.below_nyquist(), variance, 0.0))

    def modes(self, seed: int, samples: int | Sequence[int] = 0) -> Field:
        """The coefficients of one sample, or of several with lead=(number of them,).

        Parameters
        ----------
        seed, samples
            Integers of 0 or more, below 2⁶⁴.
        """
        many = list(samples) if isinstance(samples, Sequence) else [samples]
        out = self.fourier.modes.empty((len(many),))
        for part, sample in zip(out, many, strict=True):
            part.local[...] = self.space.backend.asarray(self._deviation * self._draw(seed, sample), out.dtype)
        return out if isinstance(samples, Sequence) else out[0]

    def __call__(self, seed: int, samples: int | Sequence[int] = 0) -> Field:
        """The values of one sample, or of several with lead=(number of them,). Collective."""
        return self.fourier.values(self.modes(seed, samples))

    def _draw(self, seed: int, sample: int) -> np.ndarray:
        """Standard complex normal numbers, E|z|² = 1, of this rank's modes, with z_{−k} = conj z_k."""
        first = self.fourier.modes.pencil.slices[0]
        numbers = [part.reshape(-1).astype(np.int64) for part in self.fourier.numbers()[1:]]
        z = np.zeros((first.stop - first.start, *(len(own) for own in numbers)), complex)
        stream = Stream(seed, sample)
        for place in map(tuple, np.argwhere(self._deviation.any(axis=0))):
            line = [int(own[index]) for own, index in zip(numbers, place, strict=True)]
            z[(slice(None), *place)] = stream(line, first.stop)[first.start :]
            if first.start == 0:
                z[(0, *place)] = _at_zero(stream, line)
        return z


class Stream:
    """Standard complex normal numbers, E|z|² = 1, that three integers and a place in a line say.

    Parameters
    ----------
    seed, sample
        The key of the generator, integers of 0 or more, below 2⁶⁴.
    """

    def __init__(self, seed: int, sample: int) -> None:
        self._bits = np.random.Philox(key=np.array([seed, sample], np.uint64))
        self._generator = np.random.Generator(self._bits)
        self._start = self._bits.state  # nothing drawn, nothing left over

    def __call__(self, line: Sequence[int], count: int) -> np.ndarray:
        """The first `count` numbers of a line, which at most three integers of either sign name."""
        words = np.array([0, *line, *[0] * (3 - len(line))], np.int64)
        self._start["state"]["counter"] = words.view(np.uint64)
        self._bits.state = self._start
        pairs = self._generator.standard_normal((count, 2))
        return (pairs[:, 0] + 1j * pairs[:, 1]) * np.sqrt(0.5)


def _at_zero(stream: Stream, line: Sequence[int]) -> complex:
    """The number of the mode (0, line): of a pair ±k the conjugate for one; real at k = 0."""
    sign = next((np.sign(m) for m in line if m), 0)
    if sign == 0:
        return complex(np.sqrt(2) * stream(line, 1)[0].real)
    drawn = stream([int(sign * m) for m in line], 1)[0]
    return drawn if sign > 0 else np.conj(drawn)
