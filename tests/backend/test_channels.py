"""Channels mixed and activated in one pass, against numpy; adjoints by formula; the same bits on any threads."""

import mpi
import numpy as np
import pytest
from scipy.special import erf

from tensorpde.backend.numpy import channels

TOLERANCE = {"float32": 3e-6, "float64": 1e-14}
RANDOM = np.random.default_rng(1)


def gelu(v):
    return 0.5 * v * (1 + erf(v / np.sqrt(2)))


def slope(v):
    return 0.5 * (1 + erf(v / np.sqrt(2))) + v * np.exp(-0.5 * v**2) / np.sqrt(2 * np.pi)


def normal(*shape, dtype):
    return RANDOM.standard_normal(shape).astype(dtype)


def setting(dtype, points):
    """Channels 5 → (9 →) 7, two samples: sizes that fill no panel; x, v, matrices."""
    x, v = normal(2, 5, points, dtype=dtype), normal(2, 7, points, dtype=dtype)
    return x, v, (normal(9, 5, dtype=dtype), normal(9, dtype=dtype), normal(7, 9, dtype=dtype))


def close(found, expected, dtype):
    np.testing.assert_allclose(found, expected, atol=TOLERANCE[dtype] * max(1, abs(expected).max()) * 3, rtol=0)


@pytest.mark.parametrize("points", [3, 1000])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_joining(dtype, points):
    x, v, _ = setting(dtype, points)
    weight, alpha, beta = normal(7, 5, dtype=dtype), normal(2, 7, dtype=dtype), normal(2, 7, dtype=dtype)
    plain, y = v.copy(), np.empty_like(v)
    expected = weight @ x + alpha[..., None] * v + beta[..., None]
    channels.join(weight, x, v, beta, alpha, y)
    close(v, expected, dtype)
    close(y, gelu(expected), dtype)
    expected = weight @ x + plain + beta[..., None]
    here = plain.copy()
    channels.join(weight, x, here, beta)
    close(here, gelu(expected), dtype)
    channels.join(weight, x, plain, beta, active=False)
    close(plain, expected, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_a_perceptron(dtype):
    x, v, (w1, b1, w2) = setting(dtype, 400)
    beta, gamma, addend, y = normal(2, 7, dtype=dtype), normal(2, 7, dtype=dtype), v.copy(), np.empty_like(v)
    expected = w2 @ gelu(w1 @ x + b1[:, None]) + beta[..., None]
    channels.mlp((w1, b1, w2), x, v, beta)
    close(v, expected, dtype)
    expected = expected + gamma[..., None] * addend
    channels.mlp((w1, b1, w2), x, v, beta, addend, gamma, y, active=True)
    close(v, expected, dtype)
    close(y, gelu(expected), dtype)
    channels.mlp((w1, b1, w2), x, v, beta, addend, gamma, active=True)
    np.testing.assert_array_equal(v, y)


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_adjoints(dtype, active):
    points = channels.PIECE + 100
    x, v, (w1, b1, w2) = setting(dtype, points)
    d, dx = normal(2, 7, points, dtype=dtype), np.empty_like(x)
    dv = slope(v) * d if active else d.copy()
    u = gelu(x) if active else x
    hidden = w1 @ u + b1[:, None]
    below = slope(hidden) * (w2.T @ dv)
    found = channels.mlp_backward((w1, b1, w2), x, active, d, v if active else None, dx)
    sums = "bmp,bnp->mn"
    expected = np.einsum(sums, below, u), below.sum((0, 2)), np.einsum(sums, dv, gelu(hidden)), dv.sum((0, 2))
    for one, other in zip(found, expected, strict=True):
        close(one, other, dtype)
    close(d, dv, dtype)
    close(dx, (w1.T @ below) * (slope(x) if active else 1), dtype)
    weight, other, gamma, start = (
        normal(7, 5, dtype=dtype),
        normal(*x.shape, dtype=dtype),
        normal(5, dtype=dtype),
        dx.copy(),
    )
    found = channels.join_backward(weight, x, active, d, dx, other, gamma)
    expected = np.einsum(sums, d, u), d.sum((0, 2)), (u * other).sum((0, 2))
    for one, another in zip(found, expected, strict=True):
        close(one, another, dtype)
    close(dx, start + weight.T @ d + gamma[:, None] * other, dtype)
    plain = start.copy()
    channels.join_backward(weight, x, active, d, plain)
    close(plain, start + weight.T @ d, dtype)


def digests():
    """Prints a number that depends on every bit of the results."""
    import hashlib

    x, v, weights = setting("float32", 3 * channels.PIECE)
    d, dx, beta, digest = (
        normal(*v.shape, dtype="float32"),
        np.empty_like(x),
        np.zeros((2, 7), "float32"),
        hashlib.sha256(),
    )
    channels.mlp(weights, x, v, beta)
    for array in (v, *channels.mlp_backward(weights, x, True, d, v, dx), dx, d):
        digest.update(array)
    for array in (*channels.join_backward(weights[0], x, False, normal(2, 9, x.shape[2], dtype="float32"), dx), dx):
        digest.update(array)
    print(digest.hexdigest())


def test_threads_change_no_bits():
    where = "backend/test_channels.py::digests"
    found = [mpi.run_ranks(1, where, env={"TENSORPDE_THREADS": str(n)}).stdout.split()[-1] for n in (1, 3)]
    assert len(found[0]) == 64 and found[0] == found[1]
