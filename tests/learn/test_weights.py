"""Spectral weights in all formats: against the dense tensor, adjoints, ranks, and the variance at the start."""

import numpy as np
import pytest

from tensorpde.learn import network
from tensorpde.learn.weights import Weights

FORMATS = [None, "tucker", "cp", "tt"]
MODES = (4, 5, 3)


RANDOM = np.random.default_rng(1)


def normal(shape):
    return (RANDOM.standard_normal(shape) + 1j * RANDOM.standard_normal(shape)) / np.sqrt(2)


def dense(weights, stored, layer):
    """The tensor (modes…, in, out) or (modes…, channel), by one sum over all ranks."""
    own, joint = "abc"[: len(weights.modes)], "l" if weights.layers else ""
    channels = "io" if len(weights.channels) == 2 else "z"
    letters = ",".join(weights.indices.values())
    whole = np.einsum(f"{letters}->{joint}{own}{channels}", *stored.values(), optimize=True)
    return whole[layer] if joint else whole


@pytest.mark.parametrize("rebuilt", [False, True])
@pytest.mark.parametrize("layers", [None, 3])
@pytest.mark.parametrize("channels", [(3, 4), (3,)])
@pytest.mark.parametrize("factorization", FORMATS)
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_products_and_adjoints(ndim, factorization, channels, layers, rebuilt):
    weights = Weights(MODES[:ndim], channels, factorization, 0.5, layers, rebuilt)
    stored, layer, part = weights.initial(normal, 0.7), 2 if layers else 0, [slice(1, m) for m in MODES[:ndim]]
    x = normal((*(m - 1 for m in MODES[:ndim]), 6, channels[0]))
    whole = dense(weights, stored, layer)[tuple(part)]
    given = {"x": x} | {name: array[weights.taken(name, layer, part)] for name, array in stored.items()}
    known = network.run(weights.steps, given)
    expected = x @ whole if len(channels) == 2 else x * whole[..., None, :]
    np.testing.assert_allclose(known["y"], expected, atol=1e-12)
    change = normal(expected.shape)
    grads = network.run_backward(weights.steps, known, change, list(given))
    for name, value in given.items():  # the product is linear in each of them
        way = normal(value.shape)
        there = network.run(weights.steps, given | {name: way})["y"]
        assert np.vdot(grads[name], way).real == pytest.approx(np.vdot(change, there).real, rel=1e-10), name


@pytest.mark.parametrize("layers", [None, 4])
@pytest.mark.parametrize("factorization", FORMATS)
def test_entries_have_the_variance_of_dense_weights(factorization, layers):
    weights = Weights((8, 5), (8, 8), factorization, 0.4, layers)
    found = np.mean([np.mean(abs(dense(weights, weights.initial(normal, 0.3), 0)) ** 2) for _ in range(30)])
    assert found == pytest.approx(0.3**2, rel=0.25)


@pytest.mark.parametrize(
    ("factorization", "ranks"),
    [
        ("tucker", {"I": 18, "O": 18, "A": 9, "B": 5}),
        ("cp", {"R": 166}),
        ("tt", {"P": 22, "Q": 17, "R": 9}),
    ],
)
def test_a_fraction_gives_the_ranks_of_tensorly(factorization, ranks):
    weights = Weights((16, 9), (32, 32), factorization, 0.1)
    assert {letter: weights.sizes[letter] for letter in ranks} == ranks
    count = sum(np.prod(shape) for shape in weights.shapes.values())
    assert count == pytest.approx(0.1 * 32 * 32 * 16 * 9, rel=0.1)


def test_ranks_may_be_given():
    assert Weights((4, 3), (5, 6), "tucker", (2, 3, 4, 1)).shapes["core"] == (4, 1, 2, 3)
    assert Weights((4, 3), (5, 6), "cp", 7).shapes["in"] == (5, 7)
    assert Weights((4, 3), (5, 6), "tt", 2).shapes["out"] == (2, 6, 2)
    for factorization, rank in (("tucker", (2, 2)), ("tt", (1, 2, 3, 4)), ("cp", (2, 2)), ("cp", 0), ("tucker", 0.0)):
        with pytest.raises(ValueError, match="rank"):
            _ = Weights((4, 3), (5, 6), factorization, rank).sizes


@pytest.mark.parametrize("indices", ["ab,bc->ac", "cB,aBd->acd", "aBd,cB->acd", "abd,acd->bc", "ab,ab->ab", "ab,ab->a"])
def test_contractions(indices):
    sizes = {"a": 3, "b": 4, "B": 4, "c": 5, "d": 2}
    left, right = (normal([sizes[i] for i in letters]) for letters in indices.split("->")[0].split(","))
    for conjugate, other in ((False, right), (True, right.conj())):
        found = network.contract(indices, left, right, conjugate)
        np.testing.assert_allclose(found, np.einsum(indices, left, other), atol=1e-12)
