"""Readers: foreign files, orders, shares, one pass of statistics, and one clear error for what is wrong."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.learn import Normaliser, Pairs
from tensorpde.parallel.blocks import collected
from tensorpde.parallel.rank_grid import RankGrid

HERE = "learn/test_data.py"


def stored(path: Path, **arrays: np.ndarray) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return path


RNG = np.random.default_rng(4)
X, Y = RNG.standard_normal((7, 3, 5, 6)) + 1e3, RNG.integers(0, 9, (7, 5, 6)).astype("uint8")


def test_batches_hold_the_samples_asked_for(tmp_path: Path) -> None:
    pairs = Pairs(stored(tmp_path / "f.h5", **{"g/x": X, "g/y": Y}), "g/x", ["g/y", "g/x"], ndim=2)
    assert (pairs.count, pairs.shape, pairs.channels) == (7, (5, 6), (3, 4))
    x, y = pairs.batch([4, 0])
    assert x.dtype == y.dtype == np.float32
    np.testing.assert_array_equal(x, X[[4, 0]].astype("f4"))
    np.testing.assert_array_equal(y, np.concatenate([Y[[4, 0], None], X[[4, 0]]], axis=1).astype("f4"))
    seen = list(pairs.batches(3, pairs.order(seed=5, epoch=2)))
    assert [len(part) for part in seen] == [3, 3, 1] and sorted(np.concatenate(seen)) == list(range(7))
    np.testing.assert_array_equal(
        np.concatenate(list(pairs.batches(3, pairs.order(5, 2), 1))), np.concatenate(seen[1:])
    )
    assert not np.array_equal(pairs.order(5, 2), pairs.order(5, 3))


def test_a_data_set_of_the_suite_is_read_too(tmp_path: Path) -> None:
    def make(samples: range) -> dict[str, np.ndarray]:
        return {"f": X[samples, 0], "w": X[samples, 1]}

    path = tp.io.make_dataset(tmp_path / "set.h5", make, 7, {}, {"x": np.arange(5), "y": np.arange(6)}, 2)
    np.testing.assert_array_equal(Pairs(path, "f", "w", dtype="float64").batch([3])[1], X[3:4, 1:2])


def test_normalisers_are_mean_and_deviation(tmp_path: Path) -> None:
    pairs = Pairs(stored(tmp_path / "f.h5", x=X, y=Y, z=0 * Y), "x", ["y", "z"], ndim=2, dtype="float64")
    one, two = pairs.normalisers()
    np.testing.assert_allclose(one.mean, X.mean(axis=(0, 2, 3)), rtol=1e-14)
    np.testing.assert_allclose(one.deviation, X.std(axis=(0, 2, 3)), rtol=1e-10)
    np.testing.assert_allclose([two.mean, two.deviation], [[Y.mean(), 0], [Y.std(), 1]], rtol=1e-12)
    x = pairs.batch(range(7))[0]
    coded = one.encode(x)
    np.testing.assert_allclose(coded.std(axis=(0, 2, 3)), 1, rtol=1e-9)
    np.testing.assert_allclose(one.decode(coded), x, rtol=1e-13)
    np.testing.assert_allclose(np.vdot(one.decode_adjoint(x), x), np.vdot(x, one.decode(x) - one.decode(0 * x)))


def shares(path: str) -> None:
    reference = h5py.File(path)["x"][...]
    for shape in [(4, 1, 1), (2, 2, 1), (2, 1, 2), (1, 1, 4), (1, 2, 2)]:
        ranks = RankGrid(None, *shape)
        pairs = Pairs(path, "x", "y", ranks, ndim=2, dtype="float64")
        numbers = [6, 0, 3, 2, 5]
        x, _ = pairs.batch(numbers)
        assert isinstance(x, tp.Field) == (shape[2] > 1)
        found = collected(ranks.samples, x.gather() if shape[2] > 1 else x)
        np.testing.assert_array_equal(found, reference[numbers])
        means = np.array([n.mean + n.deviation for n in pairs.normalisers()], dtype=object)
        (one, two) = Pairs(path, "x", "y", ndim=2).normalisers()
        assert [means[0], means[1]] == [one.mean + one.deviation, two.mean + two.deviation]  # to the bit


def test_ranks_share_samples_and_fields(tmp_path: Path) -> None:
    run_ranks(4, f"{HERE}::shares", str(stored(tmp_path / "f.h5", x=X, y=Y)))


def broken(name: str, folder: Path) -> Pairs:
    path = folder / "f.h5"
    stored(path, x=X, y=Y, short=Y[:5], text=np.array([b"a", b"b"]), coarse=Y[:, ::2], line=Y[:, 0, 0])
    names = {"absent": ("nothing", "y"), "group": ("x", "g"), "short": ("x", "short"), "text": ("text", "y")}
    names |= {"coarse": ("x", "coarse"), "line": ("line", "line")}
    if name == "cut":
        path.write_bytes(path.read_bytes()[:-500])
    if name in ("link", "group"):
        with h5py.File(path, "a") as file:
            file["g/y"] = h5py.SoftLink("/y")
        names["link"] = ("x", "g/y")
    return Pairs(path, *names.get(name, ("x", "y")), ndim=2 if name != "line" else None)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("absent", "no dataset 'nothing'; it holds coarse, line, short, text, x, y"),
        ("group", "'g' is a group of y"),
        ("link", "'g/y' is a link"),
        ("short", r"numbers of samples are \{'x': 7, 'short': 5\}"),
        ("text", "element type"),
        ("coarse", "different grids"),
        ("line", r"shape \(7,\)"),
        ("cut", "is damaged"),
    ],
)
def test_files_that_do_not_hold_what_is_asked(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        broken(name, tmp_path)


def test_a_value_that_is_not_finite_is_found_before_training(tmp_path: Path) -> None:
    bad = X.copy()
    bad[5, 1, 2, 2] = np.nan
    pairs = Pairs(stored(tmp_path / "f.h5", x=bad, y=Y), "x", "y", ndim=2)
    with pytest.raises(ValueError, match="x is not finite in sample 5"):
        pairs.normalisers()
    with pytest.raises(FileNotFoundError):
        Pairs(tmp_path / "none.h5", "x", "y")
    with pytest.raises(ValueError, match="2 channels for 3"):
        Normaliser((0.0, 0.0), (1.0, 1.0)).encode(X)
