"""The training driver as users run it: a foreign file, a stop and a resume on other ranks, a test, an evaluation."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks
from tiny_operator import write

import tensorpde as tp
from tensorpde.run import exit_codes

EXAMPLES = Path(__file__).parents[2] / "examples"


def drive(name: str, ranks: int, *arguments: object, check: bool = True):
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    return run_ranks(ranks, code, *arguments, timeout=250, check=check)


@pytest.mark.timeout(900)
def test_training_stops_goes_on_and_is_evaluated(tmp_path: Path) -> None:
    data, fine = write(tmp_path / "data.h5", 12, kind="float32"), write(tmp_path / "fine.h5", 3, (16, 16), "float32")
    small = [
        "--n-modes",
        "4",
        "--hidden",
        "6",
        "--layers",
        "2",
        "--rank",
        "0.5",
        "--levels",
        "1",
        "--patch-padding",
        "1",
    ]
    flags = ["--data", data, "--input", "train/x", "--output", "train/y", "--ndim", "2", *small, "--batch", "4"]
    flags += ["--epochs", "2", "--test", f"{data}:train/x:train/y", "--test", f"{fine}:train/x:train/y"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    printed = drive("train_tfno", 2, *flags, "--out", whole, "--patch-ranks", "2").stdout.strip().splitlines()
    assert [line.split(":")[0] for line in printed[-2:]] == [f"test {data}", f"test {fine}"]
    errors = [float(e) for e in re.findall(r"relative L2 (\S+),", "\n".join(printed[-2:]))]
    assert len(errors) == 2 and max(errors) < 1.2
    assert len(list(whole.glob("*.png"))) == 3
    stopped = drive("train_tfno", 1, *flags, "--out", parts, "--wall-limit", "0.001", check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    drive("train_tfno", 2, *flags, "--out", parts, "--resume")
    one, other = (tp.learn.load(folder / "model.h5") for folder in (whole, parts))
    assert one[0] == other[0]
    for name, values in one[1].items():
        np.testing.assert_allclose(values, other[1][name], rtol=2e-3, atol=2e-4)
    assert tp.io.load(parts / "diagnostics.h5", "loss").values.shape == (6,)
    shown = drive(
        "evaluate_tfno", 2, "--model", whole / "model.h5", "--test", f"{fine}:train/x:train/y", "--out", tmp_path
    )
    assert f"relative L2 {errors[1]:.4f}" in shown.stdout and (tmp_path / "spectra_0.png").exists()


@pytest.mark.timeout(600)
def test_a_trained_operator_is_the_first_guess_of_a_solve(tmp_path: Path) -> None:
    data, net = tmp_path / "darcy", tmp_path / "net"
    drive("make_dataset", 2, "--problem", "darcy", "--n", "8", "--samples", "8", "--batch", "4", "--out", data)
    flags = ["--data", data / "darcy.h5", "--input", "coefficient", "--output", "solution", "--walls", "--symmetric"]
    flags += ["--n-modes", "4", "--start-modes", "2", "--explained", "0.999"]
    drive("train_tfno", 1, *flags, "--hidden", "4", "--layers", "1", "--epochs", "2", "--out", net)
    assert tp.learn.load(net / "model.h5")[0].active_modes == (4, 4)
    few = ["--model", net / "model.h5", "--n", "9", "--samples", "3", "--out", tmp_path]
    printed = drive("operator_preconditioner", 2, *few).stdout
    rows = re.findall(r"^ *(none|mean coefficient|symmetric scaling) +(\S+) +(\S+)", printed, re.MULTILINE)
    counts = {name: (float(zero), float(guess)) for name, zero, guess in rows}
    assert set(counts) == {"none", "mean coefficient", "symmetric scaling"}
    assert counts["mean coefficient"][0] < 0.6 * counts["none"][0]
    assert all(0 < guess < zero + 6 for zero, guess in counts.values())
    assert (tmp_path / "residuals.png").exists()


@pytest.mark.timeout(300)
def test_what_does_not_fit_is_one_error_before_training(tmp_path: Path) -> None:
    data = write(tmp_path / "data.h5", 2, kind="float32")
    flags = ["--data", data, "--input", "train/x", "--output", "train/y", "--ndim", "2", "--out", tmp_path / "out"]
    ended = drive("train_tfno", 2, *flags, "--n-modes", "10", check=False)
    assert ended.returncode == 1 and ended.stderr.count("ends the job]") == 1
    assert "10 modes along axis 0 of a grid of 8 points" in ended.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("problem", "names"), [("darcy", ("coefficient", "solution")), ("burgers", ("start", "end"))])
def test_data_sets_are_made(problem: str, names: tuple[str, str], tmp_path: Path) -> None:
    small = ["--n", "8", "--samples", "3", "--batch", "2", "--t-end", "0.05"]
    drive("make_dataset", 2, "--problem", problem, *small, "--out", tmp_path)
    values = [tp.io.load(tmp_path / f"{problem}.h5", name).values for name in names]
    assert {array.shape for array in values} == {(3, *(8,) * (2 if problem == "darcy" else 1))}
    assert (tmp_path / "samples.png").exists()
