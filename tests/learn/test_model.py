"""The whole model: gradients against central differences, Fields against arrays, errors, files."""

import json
import sys
from pathlib import Path

import mpi
import numpy as np
import pytest

import tensorpde as tp

sys.path.insert(0, str(Path(__file__).parent))
from differences import worst_error

SMALL = {"in_channels": 2, "out_channels": 1, "hidden_channels": 4, "n_layers": 2, "dtype": "float64", "rank": 0.5}
VARIANTS = [
    {"joint": True},
    {"joint": True, "factorization": "tt"},
    {"separable": True},
    {"implementation": "reconstructed"},
    {"norm": "instance"},
    {"norm": "group", "norm_groups": 2},
    {"norm": "layer", "preactivation": True},
    {"preactivation": True},
    {"skip": "identity", "gate": "linear"},
    {"skip": "soft-gating", "gate": "identity"},
    {"skip": None, "gate": None},
    {"domain_padding": 0.25},
    {"domain_padding": (0.25, 0.0), "padding": "reflect"},
    {"remat": True},
    {"positional_embedding": None},
    {"active_modes": (2, 3)},
]


@pytest.mark.parametrize("factorization", [None, "tucker", "cp", "tt"])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_gradients(ndim, factorization):
    model = tp.learn.TFNO(n_modes=(4, 4, 3)[:ndim], factorization=factorization, **SMALL)
    assert worst_error(model, (7, 6, 5)[:ndim]) < 1e-8


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_gradients_of_variants(changes):
    model = tp.learn.TFNO(**{"n_modes": (4, 4), "factorization": "tucker"} | SMALL | changes)
    assert worst_error(model, (7, 6)) < 1e-8


def test_backward_can_be_repeated():
    model = tp.learn.TFNO(n_modes=(4, 4), **SMALL)
    params, x = model.init(), np.random.default_rng(1).standard_normal((2, 2, 8, 8))
    y, saved = model.forward(params, x)
    first, second = (model.backward(params, saved, y)[1] for _ in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_settings_and_types():
    model = tp.learn.TFNO(n_modes=(4, 3), in_channels=1, out_channels=2, hidden_channels=4, rank=(2, 2, 3, 2))
    assert tp.learn.TFNO(**json.loads(json.dumps(model.settings()))) == model
    params = model.init(seed=1)
    assert params["blocks.0.spectral.core"].dtype == np.complex64
    assert params["blocks.0.spectral.core"].shape == (3, 2, 2, 2)
    assert model.parameter_count() == sum(p.size * (2 if p.dtype.kind == "c" else 1) for p in params.values())
    x = np.random.default_rng(1).standard_normal((3, 1, 9, 8)).astype("float32")
    y = model(params, x)
    assert y.shape == (3, 2, 9, 8) and y.dtype == np.float32
    wide = model.like(dtype="float64")
    exact = wide({name: p.astype(wide.dtypes[name]) for name, p in params.items()}, x)
    np.testing.assert_allclose(y, exact, atol=1e-6)


def test_seeds_give_different_parameters_and_the_same_again():
    model = tp.learn.TFNO(n_modes=(4,), **SMALL)
    a, b, c = model.init(seed=1), model.init(seed=1), model.init(seed=2)
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert not any(np.array_equal(a[name], c[name]) for name in a if not name.endswith("gate.weight"))
    assert not np.array_equal(a["blocks.0.spectral.core"], a["blocks.1.spectral.core"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"factorization": "svd"}, "factorization='svd'"),
        ({"hidden_channels": 0}, "hidden_channels must be at least 1, not 0"),
        ({"n_modes": (4, 0)}, r"\(4, 0\)"),
        ({"norm": "group", "norm_groups": 3}, "4 channels do not divide into norm_groups=3"),
        ({"active_modes": (5, 2)}, r"active_modes=\(5, 2\)"),
        ({"rank": (2, 2)}, "4 ranks"),
        ({"domain_padding": 1.5}, "domain_padding=1.5"),
        ({"mlp_ratio": 0.01}, "mlp_ratio"),
    ],
)
def test_impossible_settings(changes, words):
    with pytest.raises(ValueError, match=words):
        tp.learn.TFNO(**{"n_modes": (4, 4)} | SMALL | changes)


def test_what_does_not_fit_a_model():
    model = tp.learn.TFNO(n_modes=(4, 4), **SMALL)
    params, x = model.init(), np.zeros((2, 2, 8, 8))
    with pytest.raises(ValueError, match="3 channels; the model takes 2"):
        model(params, np.zeros((2, 3, 8, 8)))
    with pytest.raises(ValueError, match="2 axes"):
        model(params, np.zeros((2, 2, 8)))
    with pytest.raises(ValueError, match="4 modes along axis 1 of a grid of 3 points"):
        model.forward(params, np.zeros((2, 2, 8, 3)))
    with pytest.raises(TypeError, match="complex"):
        model(params, x + 1j)
    with pytest.raises(ValueError, match=r"differ in blocks\.0\.gate\.weight"):
        model({name: p for name, p in params.items() if name != "blocks.0.gate.weight"}, x)
    with pytest.raises(ValueError, match=r"parameter lifting\.0\.bias is float32"):
        model(params | {"lifting.0.bias": params["lifting.0.bias"].astype("float32")}, x)
    with pytest.raises(ValueError, match=r"parameter lifting\.0\.bias is a list"):
        model(params | {"lifting.0.bias": [0.0]}, x)
    with pytest.raises(ValueError, match=r"\(0, 2, 8, 8\) has no values"):
        model(params, x[:0])
    y, saved = model.forward(params, x)
    for dy in (y[:1], np.repeat(y, 2, 1), y[..., :4], y[0]):
        with pytest.raises(ValueError, match=r"dy has shape|2 axes"):
            model.backward(params, saved, dy)
    field = tp.Space(tp.Grid(tp.Axis(8, 0, 1), tp.Axis(8, 0, 1))).zeros(y.shape[:2])
    with pytest.raises(ValueError, match="dy is a Field, the output was an array"):
        model.backward(params, saved, field)


def test_settings_and_data_of_other_kinds_are_the_same_model():
    settings = {"n_modes": (4, 4), **SMALL, "rank": 2}
    model = tp.learn.TFNO(**settings)
    other = {"n_modes": np.array([4, 4]), "hidden_channels": np.int64(4), "rank": np.int64(2), "dtype": np.float64}
    again = tp.learn.TFNO(**settings | other)
    assert again == model and json.dumps(again.settings()) == json.dumps(model.settings())
    x = np.arange(256).reshape(2, 2, 8, 8)
    np.testing.assert_array_equal(model(model.init(), x.tolist()), again(again.init(), x.astype(float)))


def test_a_model_comes_back_from_its_file(tmp_path):
    model = tp.learn.TFNO(n_modes=(4, 4), factorization="tt", **SMALL)
    params = model.init(seed=5)
    tp.learn.save(tmp_path / "model.h5", model, params)
    again, found = tp.learn.load(tmp_path / "model.h5")
    assert again == model and list(found) == list(params)
    assert all(np.array_equal(found[name], params[name]) and found[name].dtype == params[name].dtype for name in params)


def test_a_damaged_or_foreign_file_is_refused(tmp_path):
    import h5py

    path = tmp_path / "model.h5"
    model = tp.learn.TFNO(n_modes=(4, 4), **SMALL)
    tp.learn.save(path, model, model.init())
    with h5py.File(path, "r+") as file:
        del file["lifting.0.bias"]
    with pytest.raises(tp.io.Unreadable, match=r"lifting\.0\.bias"):
        tp.learn.load(path)
    with h5py.File(path, "r+") as file:
        file.attrs["settings"] = json.dumps(model.settings() | {"heads": 3})
    with pytest.raises(tp.io.Unreadable, match="heads"):
        tp.learn.load(path)
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(tp.io.Unreadable):
        tp.learn.load(path)


@pytest.mark.parametrize("ranks", [1, 2, 3, 4])
def test_fields_on_ranks(ranks):
    if ranks == 1:
        fields_as_arrays()
    else:
        mpi.run_ranks(ranks, "learn/test_model.py::fields_as_arrays")


def fields_as_arrays():
    cases = [((9,), {}), ((7, 6), {"joint": True}), ((6, 5, 8), {"norm": "group", "norm_groups": 2})]
    cases += [((7, 9), {"domain_padding": 0.3, "padding": "reflect"}), ((8, 6), {"factorization": "tt"})]
    for shape, changes in cases:
        model = tp.learn.TFNO(n_modes=(4, 3, 4)[: len(shape)], **SMALL | changes)
        params, random = model.init(seed=2), np.random.default_rng(3)
        x = random.standard_normal((2, 2, *shape))
        y, saved = model.forward(params, x)
        dy = random.standard_normal(y.shape)
        dx, grads = model.backward(params, saved, dy)
        space = tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0, bc=tp.Periodic()) for n in shape)))
        found, kept = model.forward(params, space.field(x))
        np.testing.assert_allclose(found.gather(), y, atol=1e-12)
        back, sums = model.backward(params, kept, space.field(dy))
        np.testing.assert_allclose(back.gather(), dx, atol=1e-12)
        for name, expected in grads.items():
            np.testing.assert_allclose(sums[name], expected, atol=1e-12 * max(1, abs(expected).max()), err_msg=name)
