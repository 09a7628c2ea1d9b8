"""Forced turbulence and its data sets as users run them: balance, stop and resume on other ranks, the same bits."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.run import exit_codes

EXAMPLES = Path(__file__).parents[2] / "examples"


def drive(name: str, ranks: int, *arguments: object, check: bool = True):
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    return run_ranks(ranks, code, *arguments, timeout=200, check=check)


@pytest.mark.timeout(600)
def test_forced_turbulence_balances_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    flags = ["--n", "24", "--k-force", "5", "--nu", "0.02", "--t-end", "0.5", "--dt", "0.02", "--fields-every", "0.25"]
    flags += ["--statistics-every", "2", "--out"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    printed = drive("forced_turbulence", 1, *flags, whole).stdout
    assert float(re.search(r"does not balance: (\S+)", printed)[1]) < 0.02
    assert (whole / "vorticity.png").stat().st_size > 10_000
    stopped = drive("forced_turbulence", 3, *flags, parts, "--wall-limit", "0.001", check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    drive("forced_turbulence", 2, *flags, parts, "--resume")
    for name in ("energy", "injected"):
        one, other = (tp.io.load(out / "diagnostics.h5", name).values for out in (whole, parts))
        np.testing.assert_array_equal(one, other)
    for name in ("spectrum", "energy", "dissipation", "wavenumber"):
        one, other = (tp.io.load(out / "statistics.h5", name).values for out in (whole, parts))
        np.testing.assert_array_equal(one, other)
    spectrum, energy = (tp.io.load(whole / "statistics.h5", name).values for name in ("spectrum", "energy"))
    assert spectrum.sum() == pytest.approx(float(energy[0]), rel=1e-12)
    assert spectrum[0].argmax() in (3, 4, 5)


@pytest.mark.timeout(600)
def test_a_data_set_is_the_same_file_on_other_ranks_and_after_a_stop(tmp_path: Path) -> None:
    flags = ["--n", "16", "--samples", "7", "--batch", "2", "--steps", "20", "--t-end", "2", "--out", "out"]
    for name in ("whole", "parts"):
        (tmp_path / name).mkdir()

    def make(where: str, ranks: int, *more: str, check: bool = True):
        code = (EXAMPLES / "make_dataset.py").read_text(encoding="utf-8")
        return run_ranks(ranks, code, *flags, *more, timeout=200, check=check, cwd=tmp_path / where)

    make("whole", 1)
    stopped = make("parts", 2, "--wall-limit", "0.001", check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    make("parts", 3)
    one, other = (tmp_path / name / "out" / "forced_vorticity.h5" for name in ("whole", "parts"))
    assert one.read_bytes() == other.read_bytes()
    values = tp.io.load(one, "vorticity").values
    assert values.shape == (7, 16, 16) and values.std(axis=(1, 2)).min() > 0.3
