"""With weights copied from neuraloperator 2: the same outputs and gradients."""

import sys
from pathlib import Path

import numpy as np
import pytest

import tensorpde as tp

sys.path.insert(0, str(Path(__file__).parent))
import peer

torch = pytest.importorskip("torch")
neuralop = pytest.importorskip("neuralop")


@pytest.mark.parametrize("implementation", ["factorized", "reconstructed"])
@pytest.mark.parametrize("factorization", [None, "tucker", "cp", "tt"])
@pytest.mark.parametrize("shape", [(16, 12), (12, 8, 10), (16, 16)])
def test_same_outputs_and_gradients(shape, factorization, implementation):
    ours = tp.learn.TFNO(
        n_modes=(16, 16) if shape == (16, 16) else (8, 6, 8)[: len(shape)], in_channels=2, out_channels=1,
        hidden_channels=8, n_layers=3, factorization=factorization, rank=0.3, implementation=implementation,
    )  # fmt: skip
    torch.manual_seed(1)
    theirs = peer.model(neuralop, ours)
    table = {name: (tensor, change) for name, tensor, change in peer.pairs(theirs, ours)}
    assert set(table) == set(ours.shapes)
    kinds = {name: dtype.kind == "c" for name, dtype in ours.dtypes.items()}
    params = {name: peer.converted(*table[name], kinds[name]) for name in ours.shapes}
    random = np.random.default_rng(2)
    x, dy = (random.standard_normal((3, c, *shape)).astype("float32") for c in (2, 1))
    given = torch.from_numpy(x).requires_grad_()
    expected = theirs(given)
    expected.backward(torch.from_numpy(dy))
    y, saved = ours.forward(params, x)
    dx, grads = ours.backward(params, saved, dy)
    close(y, expected.detach().numpy(), 1e-5)
    close(dx, given.grad.numpy(), 1e-4)
    for name, (tensor, change) in table.items():
        close(grads[name], peer.converted(tensor.grad, change, kinds[name]), 1e-4, name)


def close(found, expected, tolerance, name=""):
    """Equal relative to the largest value."""
    np.testing.assert_allclose(found, expected, atol=tolerance * max(abs(expected).max(), 1e-3), rtol=0, err_msg=name)
