"""The long-range part on a mesh against its sum over particles."""

import numpy as np
import pytest

from tensorpde.electro.mesh_range import MeshRange, Smooth
from tensorpde.parallel import world


def made(error, box, sigma=1.5, count=60, seed=1):
    random = np.random.default_rng(seed)
    lo, hi = np.array(box).T
    x, q = random.uniform(lo, hi, (count, 3)), random.standard_normal(count)
    smooth = Smooth(sigma, error)
    return MeshRange(x, q, smooth, box, error, world(None)), x, q, smooth


def sums(smooth, points, x, q):
    return smooth(np.linalg.norm(points[:, None] - x, axis=-1)) @ q


@pytest.mark.parametrize("box", [[(0.0, 5.0)] * 3, [(-3.0, 4.0), (1.0, 2.5), (0.0, 9.0)]])
def test_errors_fall_as_asked(box):
    for error in (1e-3, 1e-6, 1e-9):
        mesh, x, q, smooth = made(error, box)
        lo, hi = np.array(box).T
        points = np.concatenate([x, [lo, hi], np.random.default_rng(0).uniform(lo, hi, (20, 3))])
        found = mesh.values_and_gradients(points)
        size = np.linalg.norm(q) / smooth.sigma
        assert np.abs(found[:, 0] - sums(smooth, points, x, q)).max() < 2 * error * size
        step = 1e-4
        for k in range(3):
            ahead, behind = (sums(smooth, points + sign * step * np.eye(3)[k], x, q) for sign in (1, -1))
            slope = (ahead - behind) / (2 * step)
            assert np.abs(found[:, 1 + k] - slope).max() < max(60 * error, 1e-7) * size / smooth.sigma


def test_grids_as_factors():
    mesh, x, q, smooth = made(1e-6, [(0.0, 5.0), (0.0, 4.0), (1.0, 5.0)])
    lines = [np.linspace(0, 5, 7), np.linspace(0.5, 4, 5), np.linspace(1, 4.9, 6)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    tensor = mesh.on_grid(lines)
    assert tensor.shape == (7, 5, 6)
    assert tensor.rank == mesh.rank
    np.testing.assert_allclose(tensor.full().ravel(), mesh.values_and_gradients(points)[:, 0], atol=1e-12)
    np.testing.assert_allclose(tensor.full().ravel(), sums(smooth, points, x, q), atol=1e-5)


def test_the_smooth_kernel():
    smooth = Smooth(2.0, 1e-8)
    r = np.linspace(2.0, 9.0, 50)
    np.testing.assert_allclose(smooth(r), 1 / r, rtol=1e-15)
    assert np.isfinite(smooth(np.zeros(1))).all()
    assert smooth(np.zeros(1))[0] == pytest.approx(smooth(np.array([1e-4]))[0], rel=1e-6)
