"""Particles to a mesh and back, and sums over neighbours, against loops that say the same slowly."""

import numpy as np
import pytest

from tensorpde.backend.numpy import mesh, neighbours


def slow_window(window, p):
    """First point and values of a window at p."""
    width = window.shape[1]
    first = int(np.ceil(p - 0.5 * width))
    v = 2 * (first - p + 0.5 * width) - 1
    return first, np.array([np.polynomial.polynomial.polyval(v, window[:, i]) for i in range(width)])


@pytest.mark.parametrize("width", [3, 4, 9, 13])
def test_spread_and_interpolate(width):
    random = np.random.default_rng(0)
    window, slope = random.standard_normal((5, width)), random.standard_normal((4, width))
    shape = (width + 4, width + 6, width + 5 + mesh.PADDING)
    places = random.uniform(0.5 * width, 0.5 * width + 3.9, (7, 3))
    charges = random.standard_normal(7)
    wanted, values = np.zeros(shape), random.standard_normal(shape)
    sums = np.zeros((7, 4))
    for n, place in enumerate(places):
        windows = [slow_window(window, p) for p in place]
        part = tuple(slice(first, first + width) for first, _ in windows)
        lines = [w for _, w in windows]
        wanted[part] += charges[n] * np.einsum("i,j,k->ijk", *lines)
        sums[n, 0] = np.einsum("ijk,i,j,k->", values[part], *lines)
        for k in range(3):
            steep = [*lines[:k], slow_window(slope, place[k])[1], *lines[k + 1 :]]
            sums[n, 1 + k] = np.einsum("ijk,i,j,k->", values[part], *steep)
    whole = np.zeros(shape)
    mesh.spread(whole, 0, places, charges, window)
    np.testing.assert_allclose(whole, wanted, atol=1e-12 * np.abs(wanted).max())
    for begin, end in ((0, 3), (3, 5), (5, shape[1])):
        block = np.zeros((shape[0], end - begin, shape[2]))
        mesh.spread(block, begin, places, charges, window)
        np.testing.assert_array_equal(block, whole[:, begin:end])
    np.testing.assert_allclose(mesh.interpolate(values, places, window, slope), sums, atol=1e-12 * np.abs(sums).max())
    first, rows = mesh.lines(places[:, 0], window)
    for n, place in enumerate(places[:, 0]):
        assert first[n] == slow_window(window, place)[0]
        np.testing.assert_allclose(rows[n], slow_window(window, place)[1], atol=1e-13 * np.abs(rows).max())


def test_neighbours():
    random = np.random.default_rng(1)
    x, q = random.uniform(0, 3, (200, 3)), random.standard_normal(200)
    shape, edge, corner = np.array([5, 7, 9]), np.array([0.62, 0.43, 0.34]), np.array([-0.05, -0.01, 0.0])
    cells = np.ravel_multi_index(tuple(((x - corner) / edge).astype(int).T), tuple(shape))
    order = np.argsort(cells, kind="stable")
    starts = np.searchsorted(cells[order], np.arange(shape.prod() + 1))
    sources, charges = np.zeros((3, 200 + neighbours.LANES)), np.zeros(200 + neighbours.LANES)
    sources[:, :200], charges[:200] = x[order].T, q[order]
    table = random.standard_normal((6, 2))
    targets = np.concatenate([x[:30], random.uniform(-0.8, 3.8, (40, 3)), [[50.0, 0, 0]], x[:1] + 1e-12])
    found = neighbours.near(targets, sources, charges, starts, shape, corner, edge, table)
    apart = targets[:, None] - x
    r = np.linalg.norm(apart, axis=-1)
    inverse = np.where(r > 0, 1 / np.where(r > 0, r, 1.0), 0.0)
    P, Q = (np.polynomial.polynomial.polyval(2 * r**2 - 1, table[:, k]) for k in range(2))
    weight = np.where(r <= 1, q, 0.0)
    wanted = np.column_stack(
        [(weight * (inverse - P)).sum(axis=1), np.einsum("ij,ijk->ik", weight * (inverse**3 + Q), apart)]
    )
    np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-11)
    assert not found[70].any()
    np.testing.assert_array_equal(
        neighbours.near(targets[5:9], sources, charges, starts, shape, corner, edge, table), found[5:9]
    )
