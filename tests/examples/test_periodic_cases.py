"""Shear layers and Burgers' equation as users run them, pinned to what they are compared with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

EXAMPLES = Path(__file__).parents[2] / "examples"


def drive(name: str, ranks: int, *arguments: object) -> str:
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    return run_ranks(ranks, code, *arguments, timeout=200).stdout


def series(out: Path, name: str) -> np.ndarray:
    return tp.io.load(out / "diagnostics.h5", name).values


@pytest.mark.timeout(300)
def test_shear_layer(tmp_path: Path) -> None:
    drive("shear_layer", 2, "--n", 32, "--rho", 10, "--nu", 1e-3, "--t-end", 0.4, "--out", tmp_path)
    assert series(tmp_path, "difference")[-1] < 3e-4
    assert series(tmp_path, "energy")[-1] == pytest.approx(series(tmp_path, "spectral_energy")[-1], rel=2e-6)
    assert series(tmp_path, "divergence").max() < 1e-13
    assert (tmp_path / "vorticity.png").stat().st_size > 10_000


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("ndim", "n", "limit"), [(1, 48, 2e-6), (3, 16, 2e-3)])
def test_burgers(ndim: int, n: int, limit: float, tmp_path: Path) -> None:
    flags = ["--ndim", ndim, "--n", n, "--offset", 1.5, "--nu", 0.1, "--t-end", 0.5, "--out", tmp_path]
    assert "finished: " in drive("burgers", 2, *flags)
    error = series(tmp_path, "error")
    assert error[0] == 0 and 0 < error[-1] < limit
    assert (tmp_path / "burgers.png").stat().st_size > 10_000
