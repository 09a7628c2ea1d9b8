"""Fourier layers on the GPU backend: the kernels as on the CPU, and a whole operator with its gradients."""

import numpy as np
import pytest
import standin

with standin.present():
    from tensorpde import backend, learn
    from tensorpde.backend import cupy as gpu

RANDOM = np.random.default_rng(5)


def normal(*shape, dtype):
    return RANDOM.standard_normal(shape).astype(dtype)


def agree(function, arrays, limit):
    """Call function(backend, arrays…), which changes some of them, on either backend, and compare all."""
    ours, theirs = [gpu.asarray(a) for a in arrays], [a.copy() for a in arrays]
    results = [function(package, *given) or () for package, given in ((gpu, ours), (backend.get("numpy"), theirs))]
    for found, expected in zip([*results[0], *ours], [*results[1], *theirs], strict=True):
        np.testing.assert_allclose(gpu.to_host(found), expected, atol=limit * max(1, abs(expected).max()), rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_channels(dtype):
    limit = 1e-5 if dtype == "float32" else 1e-13
    x, v, y = normal(2, 3, 7, dtype=dtype), normal(2, 4, 7, dtype=dtype), normal(2, 4, 7, dtype=dtype)
    w, alpha, beta = normal(4, 3, dtype=dtype), normal(2, 4, dtype=dtype), normal(2, 4, dtype=dtype)
    agree(lambda b, *a: b.channels.join(*a), [w, x, v, beta], limit)
    agree(lambda b, *a: b.channels.join(*a), [w, x, v, beta, alpha, y], limit)
    agree(lambda b, *a: b.channels.join(*a, active=False), [w, x, v, beta, alpha], limit)
    w1, b1, w2 = normal(5, 3, dtype=dtype), normal(5, dtype=dtype), normal(4, 5, dtype=dtype)
    agree(lambda b, w1, b1, w2, *a: b.channels.mlp((w1, b1, w2), *a), [w1, b1, w2, x, v, beta], limit)
    arrays = [w1, b1, w2, x, v, beta, 2 * y, alpha, y]
    agree(lambda b, w1, b1, w2, *a: b.channels.mlp((w1, b1, w2), *a, active=True), arrays, limit)
    for active in (False, True):

        def back(b, w1, b1, w2, x, d, v, dx, active=active):
            return b.channels.mlp_backward((w1, b1, w2), x, active, d, v if active else None, dx)

        def joined(b, w, x, d, dx, other, gamma, active=active):
            return b.channels.join_backward(w, x, active, d, dx, other, gamma)

        agree(back, [w1, b1, w2, x, y, v, 0 * x], limit)
        agree(joined, [w, x, y, 2 * x, 3 * x, normal(3, dtype=dtype)], limit)
        agree(lambda b, w, x, d, dx, on=active: b.channels.join_backward(w, x, on, d, dx)[:2], [w, x, y, 2 * x], limit)


def test_tensors():
    matrix, x, d = (normal(*s, dtype="complex128") for s in ((3, 4), (2, 4, 5), (2, 3, 5)))
    agree(lambda b, m, x: [b.tensors.multiply(m, x)], [matrix, x], 1e-13)
    agree(lambda b, d, x: [b.tensors.gradient(d, x), b.products.conjugate(x)], [d, x], 1e-13)


@pytest.mark.parametrize("norm", [None, "layer"])
def test_an_operator_and_its_gradients(norm):
    model = learn.TFNO((4, 4), 2, 1, 4, n_layers=2, rank=0.5, norm=norm, dtype="float64")
    params, x, dy = model.init(seed=1), normal(2, 2, 8, 6, dtype="float64"), normal(2, 1, 8, 6, dtype="float64")
    y, saved = model.forward(params, x)
    dx, grads = model.backward(params, saved, dy)
    there = model.init(seed=1, backend="cupy")
    found, saved = model.forward(there, gpu.asarray(x))
    np.testing.assert_allclose(gpu.to_host(found), y, atol=1e-13)
    back, slopes = model.backward(there, saved, gpu.asarray(dy))
    np.testing.assert_allclose(gpu.to_host(back), dx, atol=1e-13)
    for name, grad in grads.items():
        np.testing.assert_allclose(gpu.to_host(slopes[name]), grad, atol=1e-12, err_msg=name)
