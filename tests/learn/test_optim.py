"""Optimizers against plain numpy twins, on real and complex weights; schedules; clipping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tensorpde.learn import optim

RNG = np.random.default_rng(2)
SHAPES = {"w": ((3, 4), "float64"), "core": ((2, 5), "complex128"), "b": ((), "float32"), "f": ((4,), "complex64")}


def tree(seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    made = {}
    for name, (shape, kind) in SHAPES.items():
        values = rng.standard_normal((*shape, 2)) @ np.array([1, 1j if kind[0] == "c" else 0])
        made[name] = np.array(values if kind[0] == "c" else values.real, kind)
    return made


def twin(optimizer, history, params, lr):
    """Kingma and Ba's Algorithm 1 (or SGD with momentum) on pairs of reals, in double precision."""
    state = dict.fromkeys(params, (0.0, 0.0))
    for t, grads in enumerate(history, start=1):
        for name, w in params.items():
            pair = np.stack([w.real, w.imag]).astype(float)
            g = np.stack([grads[name].real, grads[name].imag]).astype(float)
            m, v = state[name]
            if isinstance(optimizer, optim.Adam):
                if optimizer.decoupled:
                    pair = pair - lr * optimizer.weight_decay * pair
                else:
                    g = g + optimizer.weight_decay * pair
                m = optimizer.beta1 * m + (1 - optimizer.beta1) * g
                v = optimizer.beta2 * v + (1 - optimizer.beta2) * g**2
                mhat, vhat = m / (1 - optimizer.beta1**t), v / (1 - optimizer.beta2**t)
                pair = pair - lr * mhat / (np.sqrt(vhat) + optimizer.eps)
            else:
                g = g + optimizer.weight_decay * pair
                m = optimizer.momentum * m + g
                pair = pair - lr * (g + optimizer.momentum * m if optimizer.nesterov else m)
            state[name] = m, v
            params[name] = pair[0] + 1j * pair[1]
    return params


@pytest.mark.parametrize(
    "optimizer",
    [
        optim.Adam(),
        optim.Adam(beta1=0.8, beta2=0.95, eps=1e-3, weight_decay=0.1),
        optim.AdamW(weight_decay=0.2),
        optim.SGD(),
        optim.SGD(momentum=0.9, weight_decay=0.01),
        optim.SGD(momentum=0.9, nesterov=True),
    ],
    ids=str,
)
def test_updates_are_those_of_the_formula(optimizer) -> None:
    params, history = tree(0), [tree(k) for k in range(1, 6)]
    expected = twin(optimizer, history, {name: w.astype(complex) for name, w in params.items()}, 0.05)
    before = {name: w.__array_interface__["data"] for name, w in params.items()}
    state = optimizer.init(params)
    for grads in history:
        params, state = optimizer.update(grads, state, params, 0.05)
    assert state["step"] == 5
    for name, w in params.items():
        assert w.__array_interface__["data"] == before[name] and str(w.dtype) == SHAPES[name][1]
        tolerance = 1e-12 if w.real.dtype == "float64" else 1e-5
        np.testing.assert_allclose(w, expected[name], rtol=tolerance, atol=tolerance)


def test_adam_finds_a_minimum_of_a_complex_weight() -> None:
    params = {"z": np.zeros(3, complex)}
    target = np.array([1 + 2j, -0.5j, 3])
    optimizer, state = optim.Adam(), optim.Adam().init(params)
    for _ in range(800):
        params, state = optimizer.update({"z": params["z"] - target}, state, params, 0.03)
    np.testing.assert_allclose(params["z"], target, atol=1e-2)


def test_clipping_shortens_to_the_wanted_norm() -> None:
    grads = tree(3)
    size = np.sqrt(sum(np.sum(np.abs(g.astype(complex)) ** 2) for g in grads.values()))
    assert optim.norm(grads) == pytest.approx(size)
    whole = {name: g.copy() for name, g in grads.items()}
    assert optim.clip(grads, 2 * size) == pytest.approx(size)
    np.testing.assert_array_equal(grads["core"], whole["core"])
    assert optim.clip(grads, 0.5) == pytest.approx(size) and optim.norm(grads) == pytest.approx(0.5)
    np.testing.assert_allclose(grads["core"], whole["core"] * 0.5 / size, rtol=1e-12)
    assert np.isnan(optim.norm({"w": np.array([1.0, np.nan])}))


@pytest.mark.parametrize("optimizer", [optim.Adam(), optim.SGD()])
def test_gradients_that_do_not_fit_are_refused_before_anything_changes(optimizer: Any) -> None:
    params, grads = tree(0), tree(1)
    state, before = optimizer.init(params), {name: w.copy() for name, w in params.items()}
    last = list(params)[-1]
    with pytest.raises(ValueError, match=f"gradient of {last} has shape"):
        optimizer.update(grads | {last: grads[last][None]}, state, params, 0.1)
    with pytest.raises(ValueError, match=f"without gradients: {last}"):
        optimizer.update({name: g for name, g in grads.items() if name != last}, state, params, 0.1)
    for name, w in params.items():
        np.testing.assert_array_equal(w, before[name])


def test_real_parameters_are_counted() -> None:
    assert optim.count(tree(0)) == 12 + 20 + 1 + 8


def test_schedules() -> None:
    cosine = optim.Cosine(0.2, 10, 0.1)
    np.testing.assert_allclose([cosine(k) for k in (0, 5, 10, 11)], [0.2, 0.15, 0.1, 0.1])
    np.testing.assert_allclose([optim.Steps(1.0, 3, 0.1)(k) for k in (0, 2, 3, 6)], [1, 1, 0.1, 0.01])
    np.testing.assert_allclose([optim.WarmUp(optim.Constant(2.0), 4)(k) for k in range(6)], [0.5, 1, 1.5, 2, 2, 2])
