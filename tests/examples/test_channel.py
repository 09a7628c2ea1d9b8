"""The channel's driver: its laminar and linear limits, and statistics across restart and ranks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.run import exit_codes

EXAMPLES = Path(__file__).parents[2] / "examples"
CODE, LIMITS = ((EXAMPLES / f"{name}.py").read_text(encoding="utf-8") for name in ("channel", "channel_limits"))


def number(printed: str, before: str) -> float:
    found = re.search(re.escape(before) + r"\s*([-+]?[0-9.]+(e[-+]?[0-9]+)?)", printed)
    assert found, f"no {before!r} in {printed}"
    return float(found[1])


@pytest.mark.timeout(300)
def test_laminar_limit(tmp_path: Path) -> None:
    flags = ["--ny", 15, "--t-end", 8, "--out", tmp_path]
    printed = run_ranks(1, LIMITS, *flags, timeout=200).stdout
    assert number(printed, "largest difference:") < 1e-6
    assert number(printed, "force / 2ν:") == pytest.approx(1.0, abs=1e-6)
    assert number(printed, "max |div u|") < 1e-13
    mean = tp.io.load(tmp_path / "diagnostics.h5", "mean").values
    np.testing.assert_allclose(mean, mean[0], rtol=1e-14)
    assert (tmp_path / "profile.png").stat().st_size > 10_000


@pytest.mark.timeout(300)
def test_linear_limit(tmp_path: Path) -> None:
    """The growth rate of the unstable wave at Re = 7500 to 0.1 %."""
    flags = ["--config", EXAMPLES / "channel_limits.toml", "--nx", 14]
    printed = run_ranks(1, LIMITS, *flags, "--out", tmp_path, timeout=200).stdout
    assert number(printed, "growth rate") == pytest.approx(0.00223498, rel=1e-3)
    assert number(printed, "speed") == pytest.approx(0.24989154, rel=1e-4)
    assert number(printed, "max |div u|") < 1e-13
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def sums(out: Path) -> dict[str, np.ndarray]:
    attributes: dict = {}
    axes = [tp.Axis(6, 0.0, 1.0), tp.Axis(11, -1.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(1.8)), tp.Axis(6, 0.0, 1.0)]
    tp.io.load_checkpoint(out / "checkpoints", tp.Space(tp.Grid(*axes)), attributes)
    return {name: np.asarray(values) for name, values in attributes["statistics"]["sums"].items()}


@pytest.mark.timeout(300)
def test_statistics_of_a_turbulent_run_across_a_restart_and_ranks(tmp_path: Path) -> None:
    """Stopped on two ranks, resumed on one; the dense modes between the walls leave round-off."""
    flags = [
        "--nx",
        6,
        "--ny",
        11,
        "--nz",
        6,
        "--length",
        1,
        "--width",
        1,
        "--settled",
        0,
        "--every",
        1,
        "--t-end",
        0.2,
    ]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    printed = run_ranks(1, CODE, *flags, "--out", whole).stdout
    assert len(tp.io.load(whole / "statistics.h5", "production").values[0]) == 11
    assert "Re_tau" in printed and number(printed, "max |div u|") < 1e-11
    assert (whole / "profiles.png").stat().st_size > 10_000 and (whole / "flow.png").stat().st_size > 10_000
    stopped = run_ranks(2, CODE, *flags, "--out", parts, "--wall-limit", 0.001, check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    run_ranks(1, CODE, *flags, "--out", parts, "--resume")
    expected, resumed = sums(whole), sums(parts)
    assert len(expected) > 30
    for name, values in expected.items():
        np.testing.assert_allclose(resumed[name], values, rtol=0, atol=1e-9 * max(np.abs(values).max(), 1e-3))


@pytest.mark.timeout(300)
def test_a_run_that_ends_before_its_statistics_says_so(tmp_path: Path) -> None:
    flags = ["--nx", 8, "--ny", 9, "--nz", 8, "--t-end", 0.05, "--out", tmp_path]
    assert "no statistics: the run ended at t = 0.05" in run_ranks(1, CODE, *flags, timeout=200).stdout
