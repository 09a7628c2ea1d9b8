"""Shell-averaged energy spectra of the components of a vector, or of one scalar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Array = np.ndarray


def shell_spectrum(
    components: Sequence[Array], lengths: Sequence[float], axes: Sequence[int] | None = None
) -> tuple[Array, Array]:
    """Energy in shells of wavenumber: ``E(k) Δk = Σ ½ |û(κ)|²`` over ``k − Δk/2 ≤ |κ| < k + Δk/2``.

    ``û`` are the Fourier coefficients along the periodic axes; over the other axes the energy is averaged.
    ``Σ E(k) Δk`` is the mean kinetic energy ``½⟨u·u⟩``. Shells beyond the smallest Nyquist wavenumber are
    only partly filled and left out, so that the sum may fall short of it.

    Parameters
    ----------
    components
        Real arrays of one shape, uniform and periodic along ``axes``.
    lengths
        The period along each of ``axes``.
    axes
        Default: all.

    Returns
    -------
    k, E
        ``k`` are the multiples 1, 2, … of ``Δk = 2π / max(lengths)``. Cost: one real FFT per component.
    """
    shape = components[0].shape
    axes = tuple(range(len(shape)) if axes is None else axes)
    if len(axes) != len(lengths):
        raise ValueError(f"{len(lengths)} lengths for {len(axes)} periodic axes")
    width = 2.0 * np.pi / max(lengths)
    points = [shape[axis] for axis in axes]
    wavenumbers = [2.0 * np.pi / length * np.fft.fftfreq(n, 1.0 / n) for n, length in zip(points, lengths)]
    half = points[-1] // 2 + 1
    wavenumbers[-1] = np.abs(wavenumbers[-1][:half])
    magnitude = np.sqrt(sum(k**2 for k in np.meshgrid(*wavenumbers, indexing="ij", sparse=True)))
    weight = np.full(half, 2.0)  # the conjugate half that a real transform leaves out
    weight[0] = 1.0
    if points[-1] % 2 == 0:
        weight[-1] = 1.0
    energy = np.zeros((*points[:-1], half))
    rest = tuple(axis for axis in range(len(shape)) if axis not in axes)
    for u in components:
        modes = np.fft.rfftn(u, axes=axes, norm="forward")
        energy += np.mean(modes.real**2 + modes.imag**2, axis=rest)
    shells = np.rint(magnitude / width).astype(int)
    count = int(min(n // 2 * 2.0 * np.pi / length for n, length in zip(points, lengths)) / width * (1 + 1e-12))
    sums = np.bincount(shells.ravel(), (0.5 * weight * energy).ravel(), minlength=count + 1)
    return width * np.arange(1, count + 1), sums[1 : count + 1] / width
