"""Fused pointwise kernels of neural operators against erf, forward and backward."""

import mpi
import numpy as np
import pytest
from scipy.special import erf

from tensorpde.backend.numpy import activations

TOLERANCE = {"float32": 3e-7, "float64": 2e-15}


def values(dtype, shape=(2, 3, 2500)):
    return np.linspace(-12, 12, np.prod(shape)).reshape(shape).astype(dtype)


def exact(v):
    v = v.astype(float)
    return 0.5 * v * (1 + erf(v / np.sqrt(2)))


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_gelu_and_its_slope(dtype):
    v = values(dtype)
    d, y = np.ones_like(v), np.empty_like(v)
    activations.gelu_backward(v, d, y)
    wide = v.astype(float)
    slope = 0.5 * (1 + erf(wide / np.sqrt(2))) + wide * np.exp(-0.5 * wide**2) / np.sqrt(2 * np.pi)
    assert abs(y - exact(v)).max() < 4 * TOLERANCE[dtype]
    assert abs(y - exact(v))[abs(v) < 3].max() < TOLERANCE[dtype]
    assert abs(d - slope).max() < 3 * TOLERANCE[dtype]


@pytest.mark.parametrize("active", [False, True])
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_one_pass(dtype, kept, skip, scaled, active):
    random = np.random.default_rng(1)
    v, addend = (random.standard_normal((2, 3, 41)).astype(dtype) for _ in range(2))
    alpha, beta, gamma = (random.standard_normal((2, 3)).astype(dtype) for _ in range(3))
    total = v * (alpha if scaled else 1)[..., None] if scaled else v.copy()
    total = total + beta[..., None] + (gamma[..., None] * addend if skip else 0)
    out = np.empty_like(v) if kept else None
    activations.combine(v, beta, *((addend, gamma) if skip else (None, None)), alpha if scaled else None, out, active)
    expected = exact(total) if active else total
    np.testing.assert_allclose(out if kept and active else v, expected, atol=8 * TOLERANCE[dtype])
    if kept and active:
        np.testing.assert_allclose(v, total, atol=8 * TOLERANCE[dtype])


def test_nothing_hides_what_is_not_a_number():
    v = np.full((1, 1, 9), np.nan, np.float32)
    activations.combine(v, np.zeros((1, 1), np.float32))
    assert np.isnan(v).all()


def test_threads_change_no_bits():
    code = (
        "import numpy as np, hashlib; from tensorpde.backend.numpy import activations as a\n"
        "v = np.random.default_rng(1).standard_normal((4, 8, 8192)).astype('float32'); y = np.empty_like(v)\n"
        "a.combine(v, np.ones((4, 8), 'float32'), out=y); a.gelu_backward(v, y)\n"
        "print(hashlib.sha1(y.tobytes()).hexdigest())"
    )
    one, two = (mpi.run_ranks(1, code, env={"TENSORPDE_THREADS": n}).stdout for n in ("1", "2"))
    assert one == two != ""
