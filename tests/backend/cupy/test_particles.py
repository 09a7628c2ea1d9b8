"""Sums over pairs of particles on the GPU backend: as on the CPU."""

import numpy as np
import pytest
import standin

with standin.present():
    from tensorpde import backend
    from tensorpde.backend import cupy as gpu
    from tensorpde.electro import PoissonBoltzmann, RangeSeparated

cpu = backend.get("numpy")
rng = np.random.default_rng(7)
X, Q = rng.random((12, 3)), rng.standard_normal(12)


def test_all_pairs():
    targets = np.concatenate([X[:3], rng.random((4, 3))])  # a source exactly at a target does not count
    expected = cpu.particles.direct(targets, X, Q)
    assert np.allclose(gpu.particles.direct(targets, X, Q).get(), expected, rtol=1e-13)
    assert np.allclose(gpu.particles.direct(gpu.asarray(targets), gpu.asarray(X), gpu.asarray(Q)).get(), expected)


def test_near_ones_in_cells():
    positions, lanes = 3 * X, cpu.neighbours.LANES
    shape, corner = np.array([4, 3, 2]), positions.min(axis=0)
    edge = np.ptp(positions, axis=0) / shape * (1 + 1e-9)
    cell = np.ravel_multi_index(((positions - corner) // edge).astype(int).T, shape)
    order = np.argsort(cell, kind="stable")
    starts = np.searchsorted(cell[order], np.arange(shape.prod() + 1))
    sources, charges = np.pad(positions[order].T, ((0, 0), (0, lanes))), np.pad(Q[order], (0, lanes))
    targets = np.concatenate([positions[:4], 3 * rng.random((3, 3)), [[9.0, 9.0, 9.0]]])
    args = (np.ascontiguousarray(sources), charges, starts, shape, corner, edge, rng.standard_normal((6, 2)))
    found, expected = gpu.neighbours.near(targets, *args).get(), cpu.neighbours.near(targets, *args)
    assert np.allclose(found, expected, rtol=1e-11, atol=1e-11)
    assert expected[:4, 0].all() and not expected[7].any()


def test_near_ones_on_a_grid():
    lines, positions = (np.linspace(0, 3, 4), np.linspace(0, 3, 3), np.linspace(0, 3, 9)), 3 * X
    positions[0] = 1.0, 1.5, 1.5  # on a point of the grid
    start, series = rng.random((4, 3, 9)), rng.standard_normal(6)
    expected, found = start.copy(), gpu.asarray(start)
    cpu.neighbours.around(expected, lines, positions, Q, series)
    gpu.neighbours.around(found, lines, positions, Q, series)
    assert np.allclose(found.get(), expected, rtol=1e-11, atol=1e-11)
    assert not np.allclose(expected, start)


@pytest.mark.parametrize("long", ["mesh", "tucker"])
def test_range_separation(long):
    """Potential, forces and a grid with both parts, not pair by pair; the grid's Field on the device."""
    given = {"tol": 3e-2, "direct": False, "long": long, "sigma": 1.0}
    ours, theirs = (RangeSeparated(3 * X, Q, backend=name, **given) for name in ("cupy", "numpy"))
    scale = np.abs(theirs.potential()).max()
    for found, expected in ((ours.potential(), theirs.potential()), (ours.forces(), theirs.forces())):
        assert np.allclose(found, expected, rtol=1e-11, atol=1e-11 * scale)
    found, expected = ours.grid((5, 4, 6)), theirs.grid((5, 4, 6))
    assert backend.of(found.local) is gpu
    assert np.abs(found.gather() - expected.gather()).max() < 1e-11 * scale


def test_poisson_boltzmann():
    """The reaction potential and the energy of two balls."""
    x, q, radii = [[0.0, 0.0, 0.0], [1.5, 0.0, 0.3]], [0.5, -0.3], [1.5, 1.7]
    given = {"n": 6, "box": [(-4.0, 5.0)] * 3, "kappa": 0.3}
    ours, theirs = (PoissonBoltzmann(x, q, radii, backend=name, **given).solve() for name in ("cupy", "numpy"))
    assert backend.of(ours.reaction.local) is gpu
    assert np.isclose(ours.energy, theirs.energy, rtol=1e-7)
    assert np.allclose(ours.reaction.gather(), theirs.reaction.gather(), atol=1e-7)
