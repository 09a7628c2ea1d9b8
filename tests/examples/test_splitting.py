"""The examples of alternating directions as their users run them, pinned to numbers; stop and resume."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.run import exit_codes

EXAMPLES = Path(__file__).parents[2] / "examples"


def drive(name: str, ranks: int, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    return run_ranks(ranks, code, *arguments, timeout=120, check=check)


def series(out: Path, name: str) -> np.ndarray:
    return tp.io.load(out / "diagnostics.h5", name).values


def check_heat(out: Path) -> None:
    assert series(out, "error").max() < 2e-5


def check_allen_cahn(out: Path) -> None:
    assert np.all(np.diff(series(out, "energy")) < 0)
    radius = series(out, "radius")
    law = np.sqrt(radius[0] ** 2 - 2 * 0.05**2 * 6)
    assert radius[-1] == pytest.approx(law, abs=0.008)


def check_schrodinger(out: Path) -> None:
    norm, place = series(out, "norm"), series(out, "place")
    assert norm == pytest.approx(norm[0], rel=1e-12)
    assert norm[0] == pytest.approx(1.0, rel=1e-12)
    assert place[-1] == pytest.approx(2 * np.cos(0.5), abs=2e-4)


def check_wave(out: Path) -> None:
    energy = series(out, "energy")
    assert energy == pytest.approx(energy[0], rel=1e-12)
    rate = 4 * 25**2 * np.sin(np.pi / 50) ** 2  # −(eigenvalue) of an axis, c = 1
    mu = 0.05**2 * 2 * rate / (1 + 0.25 * 0.05**2 * rate) ** 2
    assert series(out, "likeness")[-1] == pytest.approx(np.cos(40 * 2 * np.arcsin(np.sqrt(mu) / 2)), abs=1e-11)


def check_advection_diffusion_reaction(out: Path) -> None:
    mass = series(out, "mass")
    assert mass[-1] == pytest.approx(mass[0] * np.exp(-0.5 * 0.1), rel=1e-5)
    assert series(out, "error")[-1] < 1e-3


RUNS = {
    "heat": (["--n", "12", "--t-end", "0.1"], "heat.png", check_heat),
    "allen_cahn": (["--n", "32", "--epsilon", "0.05", "--t-end", "6"], "drop.png", check_allen_cahn),
    "schrodinger": (["--n", "40", "--t-end", "0.5", "--dt", "0.02"], "psi.png", check_schrodinger),
    "wave": (["--n", "24", "--width", "0", "--steps", "40"], "drum.png", check_wave),
    "advection_diffusion_reaction": (["--n", "48", "--t-end", "0.1"], "cloud.png", check_advection_diffusion_reaction),
}


RANKS = {
    "heat": (1, 2, 3), "allen_cahn": (4, 1, 2), "schrodinger": (1, 3, 2), "wave": (2, 1, 4),
    "advection_diffusion_reaction": (1, 2, 4),
}  # fmt: skip


def bits(out: Path) -> dict[str, np.ndarray]:
    """All that a run has recorded and its last checkpoint."""
    found = {}
    for path in (out / "diagnostics.h5", max((out / "checkpoints").glob("checkpoint_*.h5"))):
        with h5py.File(path) as file:
            found |= {name: data[...] for name, data in file.items() if isinstance(data, h5py.Dataset)}
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RUNS)
def test_example_whole_and_stopped_and_resumed_on_other_ranks(name: str, tmp_path: Path) -> None:
    flags, picture, check = RUNS[name]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    first, second, third = RANKS[name]
    printed = drive(name, first, *flags, "--out", str(whole)).stdout
    assert "finished: " in printed
    assert (whole / picture).stat().st_size > 10_000
    check(whole)
    stopped = drive(name, second, *flags, "--out", str(parts), "--wall-limit", "0.001", check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    drive(name, third, *flags, "--out", str(parts), "--resume")
    one, other = bits(whole), bits(parts)
    assert one.keys() == other.keys() and {"time", "step"} < one.keys()
    for key, values in one.items():
        np.testing.assert_array_equal(other[key], values, err_msg=key)


@pytest.mark.parametrize("name", RUNS)
def test_dry_run_writes_nothing(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--dry-run", "--out", str(tmp_path / "out")]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "fields_" in printed
    assert not (tmp_path / "out").exists()
