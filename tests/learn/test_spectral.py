"""Spectral convolution on any grid: against FFTs, odd sizes, other resolutions, adjoints; modes that grow."""

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.learn.place import Place
from tensorpde.learn.spectral import Transforms, convolve, kept, stored
from tensorpde.learn.weights import Weights

RANDOM = np.random.default_rng(4)


def normal(shape):
    return (RANDOM.standard_normal(shape) + 1j * RANDOM.standard_normal(shape)) / np.sqrt(2)


def convolution(modes, active=None):
    """A function of fields: a convolution with dense weights of two channels."""
    weights = Weights(stored(modes), (2, 2))
    params = weights.initial(normal, 1.0)

    def apply(u):
        transforms = Transforms(Place(u.shape[2:]), active or modes, modes)
        return convolve(weights, params, 0, transforms, u)[0]

    return apply, params["weight"]


@pytest.mark.parametrize("shape", [(16, 16), (12, 10), (15, 13), (9, 16), (6, 5)])
def test_by_whole_transforms(shape):
    """The textbook way: all modes by numpy, frequencies looked up one by one."""
    modes = (8, 6)
    apply, weight = convolution(modes)
    u = RANDOM.standard_normal((3, 2, *shape))
    found = np.fft.rfftn(u, axes=(2, 3), norm="forward")
    out = np.zeros_like(found)
    for p in range(-4, 4):
        for q in range(4):
            if -(shape[0] // 2) <= p <= (shape[0] - 1) // 2 and q <= shape[1] // 2:
                out[:, :, p, q] = found[:, :, p, q] @ weight[p + 4, q]
    expected = np.fft.irfftn(out, shape, axes=(2, 3), norm="forward")
    np.testing.assert_allclose(apply(u), expected, atol=1e-12)


@pytest.mark.parametrize(("coarse", "fine"), [((9, 11), (27, 22)), ((10, 12), (20, 36)), ((9, 8), (18, 32))])
def test_band_limited_functions_do_not_feel_the_grid(coarse, fine):
    apply, _ = convolution((6, 5))
    terms = [(p, q, *normal((2, 2))) for p in range(-2, 3) for q in range(3)]

    def sampled(shape):
        x, y = (np.arange(n) / n for n in shape)
        wave = [np.exp(2j * np.pi * (p * x[:, None] + q * y)) for p, q, *_ in terms]
        return sum((np.stack(c)[..., None, None] * w).real for (_, _, *c), w in zip(terms, wave, strict=True))

    steps = tuple(slice(None, None, m // n) for n, m in zip(coarse, fine, strict=True))
    here, there = (apply(np.ascontiguousarray(sampled(shape))) for shape in (coarse, fine))
    np.testing.assert_allclose(there[(..., *steps)], here, atol=1e-12)


@pytest.mark.parametrize("shape", [(7,), (8, 9), (5, 6, 4)])
def test_transforms_have_exact_adjoints(shape):
    modes = (4, 4, 3)[: len(shape)]
    transforms = Transforms(Place(shape), modes, modes)
    u = RANDOM.standard_normal((2, 3, *shape))
    z = RANDOM.standard_normal(transforms.analyse(u).shape)
    assert np.vdot(transforms.analyse(u), z) == pytest.approx(np.vdot(u, transforms.analyse_adjoint(z, (2, 3))))
    assert np.vdot(transforms.synthesise(z, (2, 3)), u) == pytest.approx(np.vdot(z, transforms.synthesise_adjoint(u)))


def test_which_frequencies_are_kept():
    assert stored((8, 6, 7)) == (8, 6, 4)
    assert [kept(n, 8, False) for n in (8, 7, 6, 5)] == [slice(0, 8), slice(1, 8), slice(1, 7), slice(2, 7)]
    assert [kept(n, 8, True) for n in (9, 8, 7, 6)] == [slice(0, 5), slice(0, 5), slice(0, 4), slice(0, 4)]
    assert kept(16, 5, False) == slice(0, 5)


def test_fewer_active_modes_are_a_filter():
    apply, weight = convolution((8, 8), active=(4, 2))
    filtered, small = convolution((4, 2))
    small[...] = weight[2:6, :2]
    u = RANDOM.standard_normal((1, 2, 16, 12))
    np.testing.assert_allclose(apply(u), filtered(u), atol=1e-13)


@pytest.mark.parametrize("factorization", [None, "tt"])
@pytest.mark.parametrize("separable", [False, True])
def test_modes_grow_where_the_highest_are_strong(factorization, separable):
    model = tp.learn.TFNO(
        n_modes=(8, 8), in_channels=1, out_channels=1, hidden_channels=4, n_layers=2, factorization=factorization,
        separable=separable, active_modes=(4, 4),
    )  # fmt: skip
    params = model.init()
    assert tp.learn.grown_modes(model, params, explained=0.9).active_modes == (6, 6)
    assert tp.learn.grown_modes(model, params, explained=1e-6).active_modes == (4, 4)
    if factorization is None and not separable:
        for k in range(2):
            weight = params[f"blocks.{k}.spectral.weight"]
            weight[[0, 1, 2, 6, 7]] *= 1e-6  # the first axis: all but |k| ≤ 1
        assert tp.learn.grown_modes(model, params, explained=0.9, buffer=1).active_modes == (4, 6)
    full = model.like(active_modes=None)
    assert tp.learn.grown_modes(full, params, explained=0.99).active_modes == (8, 8)
    with pytest.raises(ValueError, match=r"explained must .*less than 1, not 1\.5"):
        tp.learn.grown_modes(model, params, explained=1.5)
