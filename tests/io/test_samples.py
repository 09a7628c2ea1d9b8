"""Data sets of samples: the same file on any number of ranks and after a kill, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.parallel import alone
from tensorpde.run.contents import describe

HERE = "io/test_samples.py"
COORDINATES = {"x": np.linspace(0, 1, 5), "y": np.linspace(0, 1, 4)}
RECIPE = {"seed": 3, "nu": 0.1}


def make(samples: range) -> dict[str, np.ndarray]:
    k = np.asarray(samples, np.float32)[:, None, None]
    f = k + 10 * np.arange(5, dtype=np.float32)[:, None] + 100 * np.arange(4, dtype=np.float32)
    return {"f": f, "w": np.sin(f).astype(np.float64)}


def dataset(path: Path | str, count: int = 11, function=make, **options) -> Path:
    recipe = options.pop("recipe", RECIPE)
    return tp.io.make_dataset(path, function, count, recipe, COORDINATES, 3, **options)


def test_a_data_set_is_made_and_read(tmp_path: Path) -> None:
    done = []
    path = dataset(tmp_path / "set.h5", parameters="n = 5\n", after_round=lambda *counts: done.append(counts))
    assert done == [(3, 11), (6, 11), (9, 11), (11, 11)]
    assert list(tmp_path.iterdir()) == [path]
    with h5py.File(path) as file:
        assert file["f"].shape == (11, 5, 4) and file["f"].chunks == (1, 5, 4) and file["f"].dtype == np.float32
        assert json.loads(file.attrs["recipe"]) == {"batch": 3, "count": 11, **RECIPE}
    one = tp.io.load(path, "w", {"sample": 7})
    assert np.array_equal(one.values, make(range(7, 8))["w"][0]) and one.dimensions == ("x", "y")
    words = describe(path)
    assert "dataset, written by" in words and "11 × 5 × 4" in words and "n = 5" in words
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert data.w.dims == ("sample", "x", "y") and np.array_equal(data.y, COORDINATES["y"])


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    asked = []

    def stopping(samples: range) -> dict[str, np.ndarray]:
        asked.append(samples)
        if samples.start >= 6:
            raise KeyboardInterrupt
        return make(samples)

    whole = dataset(tmp_path / "whole.h5").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        dataset(tmp_path / "set.h5", function=stopping)
    (tmp_path / "set.h5.parts" / ".batch_00000002.h5.part").write_bytes(b"torn")
    asked.clear()

    def counting(samples: range) -> dict[str, np.ndarray]:
        asked.append(samples)
        return make(samples)

    path = dataset(tmp_path / "set.h5", function=counting)
    assert asked == [range(6, 9), range(9, 11)]
    assert path.read_bytes() == whole
    dataset(path, function=counting)
    assert len(asked) == 2


def extended(path: str) -> None:
    dataset(path, 7)
    dataset(path, 11)


@pytest.mark.parametrize("ranks", [1, 2])
def test_more_samples_go_behind_those_there(ranks: int, tmp_path: Path) -> None:
    path, asked = dataset(tmp_path / "set.h5", 7), []

    def counting(samples: range) -> dict[str, np.ndarray]:
        asked.append(samples)
        return make(samples)

    def stopping(done: int, count: int) -> None:
        if done > 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        dataset(path, 10, counting, after_round=stopping)  # leaves a part of one sample, which is one of two below
    dataset(path, 11, counting)
    assert asked == [range(6, 9), range(9, 10), range(9, 11)]
    whole = dataset(tmp_path / "whole.h5").read_bytes()
    assert path.read_bytes() == whole
    run_ranks(ranks, f"{HERE}::extended", str(tmp_path / "other.h5"), timeout=60)
    assert (tmp_path / "other.h5").read_bytes() == whole
    with pytest.raises(ValueError, match=r"set\.h5 has 11 samples, more than 7"):
        dataset(path, 7)


def fill(path: str) -> None:
    dataset(path)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_same_file_on_any_number_of_ranks(ranks: int, tmp_path: Path) -> None:
    one = dataset(tmp_path / "one.h5", comm=alone()).read_bytes()
    run_ranks(ranks, f"{HERE}::fill", str(tmp_path / "many.h5"), timeout=240)
    assert (tmp_path / "many.h5").read_bytes() == one


def broken(path: str) -> None:
    def failing(samples: range) -> dict[str, np.ndarray]:
        if samples.start == 3:
            raise ArithmeticError("the solver failed")
        return make(samples)

    with pytest.raises(ArithmeticError, match=r"rank 1, while making samples for .*set.h5: the solver failed"):
        dataset(path, function=failing)


def test_an_error_on_one_rank_is_that_of_all_and_other_batches_are_kept(tmp_path: Path) -> None:
    run_ranks(3, f"{HERE}::broken", str(tmp_path / "set.h5"), timeout=60)
    kept = sorted(part.name for part in (tmp_path / "set.h5.parts").iterdir())
    assert kept == ["batch_00000000.h5", "batch_00000002.h5"]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda s: {"f": np.zeros((len(s), 5, 5))}, r"f of samples range\(0, 3\) has shape \(3, 5, 5\), expected"),
        (lambda s: {"f": np.where(np.arange(60).reshape(3, 5, 4) == 25, np.nan, 0)}, r"not finite in samples \[1\]"),
    ],
)
def test_bad_samples_are_refused(function, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words):
        dataset(tmp_path / "set.h5", function=function)


def test_samples_of_another_recipe_are_refused(tmp_path: Path) -> None:
    path = dataset(tmp_path / "set.h5")
    with pytest.raises(ValueError, match=r'"nu": 0.1.*, not by .*"nu": 0.2'):
        dataset(path, recipe=RECIPE | {"nu": 0.2})
