"""The main driver as its users run it, pinned to numbers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.run import exit_codes

EXAMPLE = Path(__file__).parents[2] / "examples" / "taylor_green.py"
ENERGY = 0.124515267  # at t = 1, of the 512³ DNS by Dairay and others (2017)


def drive(ranks: int, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
    return run_ranks(ranks, EXAMPLE.read_text(), *arguments, timeout=250, check=check)


def energy(out: Path) -> float:
    return float(tp.io.load(out / "diagnostics.h5", "energy").values[-1])


@pytest.mark.timeout(600)
def test_run_stop_resume_and_refine(tmp_path: Path) -> None:
    whole, parts, finer = (str(tmp_path / name) for name in ("whole", "parts", "finer"))
    flags = ("--n", "16", "--t-end", "1", "--cfl", "0.3", "--fields-every", "0.5")
    printed = drive(2, *flags, "--out", whole).stdout
    assert "deviation" in printed
    assert "finished: " in printed
    assert energy(Path(whole)) == pytest.approx(ENERGY, rel=1e-5)
    assert (Path(whole) / "dissipation.png").stat().st_size > 10_000

    stopped = drive(1, *flags, "--out", parts, "--wall-limit", "0.001", check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    drive(3, *flags, "--out", parts, "--resume")
    assert energy(Path(parts)) == energy(Path(whole))
    ends = [sorted(Path(out).glob("fields_*.h5"))[-1] for out in (whole, parts)]
    one, other = (tp.io.load(end, "u_x").values for end in ends)
    assert np.array_equal(one, other)

    drive(2, "--n", "20", "--t-end", "0.1", "--out", finer, "--start-from", str(ends[0]))
    assert tp.io.load(Path(finer) / "diagnostics.h5", "energy").values[0] == pytest.approx(
        energy(Path(whole)), rel=1e-6
    )


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), "--n", "64", "--dry-run", "--out", str(tmp_path / "out")]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "64 × 64 × 64" in printed
    assert "fields_" in printed
    assert not (tmp_path / "out").exists()
