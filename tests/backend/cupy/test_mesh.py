"""Particles to a mesh and back on the GPU backend: as on the CPU, and the same bits in any block."""

import numpy as np
import standin

with standin.present():
    from tensorpde import backend
    from tensorpde.backend import cupy as gpu

cpu = backend.get("numpy")


def test_spread_and_interpolate():
    random, width = np.random.default_rng(0), 4
    window, slope = random.standard_normal((3, width)), random.standard_normal((2, width))
    shape = (width + 2, width + 3, width + 2)
    wide = (*shape[:2], shape[2] + cpu.mesh.PADDING)
    places, charges = random.uniform(0.5 * width, 0.5 * width + 1.9, (5, 3)), random.standard_normal(5)
    expected, found = cpu.zeros(wide), gpu.zeros(shape)
    cpu.mesh.spread(expected, 0, places, charges, window)
    gpu.mesh.spread(found, 0, places, charges, window)
    np.testing.assert_allclose(found.get(), expected[..., : shape[2]], atol=1e-13 * np.abs(expected).max())
    for begin, end in ((0, 3), (3, shape[1])):
        block = gpu.zeros((shape[0], end - begin, shape[2]))
        gpu.mesh.spread(block, begin, gpu.asarray(places), gpu.asarray(charges), window)
        np.testing.assert_array_equal(block.get(), found.get()[:, begin:end])
    gpu.mesh.spread(found, 0, places[:0], charges[:0], window)
    values = random.standard_normal(wide)
    sums = cpu.mesh.interpolate(values, places, window, slope)
    ours = gpu.mesh.interpolate(gpu.asarray(values[..., : shape[2]]), places, window, slope)
    np.testing.assert_allclose(ours.get(), sums, atol=1e-13 * np.abs(sums).max())


def test_windows_of_a_line():
    random = np.random.default_rng(1)
    window, places = random.standard_normal((4, 5)), random.uniform(3.0, 9.0, 7)
    for ours, theirs in zip(gpu.mesh.lines(places, window), cpu.mesh.lines(places, window), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours.get(), theirs, atol=1e-13)
