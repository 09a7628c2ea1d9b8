"""The drivers of the flow cases at small sizes, pinned to the references that their full sizes are compared with."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.run import exit_codes

EXAMPLES = Path(__file__).parents[2] / "examples"


def series(out: Path, name: str) -> np.ndarray:
    return tp.io.load(out / "diagnostics.h5", name).values


def number(printed: str, before: str) -> float:
    """The number printed after some words."""
    found = re.search(re.escape(before) + r"\s*([-+]?[0-9.]+(e[-+]?[0-9]+)?)", printed)
    assert found, f"no {before!r} in {printed}"
    return float(found[1])


def check_cavity(out: Path, printed: str) -> None:
    """Re = 100 on 24² points, nearly steady: within 2 % of the speed of the lid."""
    for name in ("u", "v"):
        assert number(printed, f"largest difference of {name}:") < 2.0
    assert number(printed, "max |∂u/∂t|") < 5e-3


def check_heated_cavity(out: Path, printed: str) -> None:
    """Ra = 10⁴ has Nu = 2.243 (G. de Vahl Davis, Int. J. Numer. Methods Fluids 3 (1983) 249–264)."""
    assert number(printed, "nusselt") == pytest.approx(2.243, rel=0.02)
    assert number(printed, "nusselt_hot_wall") == pytest.approx(2.243, rel=0.04)


def check_rayleigh_benard(out: Path, printed: str) -> None:
    assert number(printed, "onset at Ra =") == pytest.approx(known.CRITICAL_RAYLEIGH, rel=0.005)
    assert np.all(np.diff(series(out, "energy_below")[20:]) < 0)
    assert np.all(np.diff(series(out, "energy_above")[20:]) > 0)


def check_cylinder_wake(out: Path, printed: str) -> None:
    """Two diameters of wake after a kick: the fluid behind the body is slow, the stream beside it fast."""
    last = sorted(out.glob("fields_*.h5"))[-1]
    u = tp.io.load(last, "u_x")
    x, y = u.coordinates["x"], u.coordinates["y"]
    row, middle = u.values[:, len(y) // 2], len(y) // 2
    assert np.abs(row[np.abs(x) < 0.3]).max() < 0.1
    assert row[(x > 0.6) & (x < 1.2)].max() < 0.4
    beside = u.values[np.abs(x).argmin(), :middle]
    assert 1.1 < beside.max() < 1.6
    assert row[x < x[0] + 1] == pytest.approx(1.0, abs=0.1)
    mean, rms = (tp.io.load(last, name).values for name in ("mean_x", "rms_x"))
    assert 0.01 < np.abs(mean - u.values).max() < 0.5 and 0 < rms.max() < 0.3  # the last third of the run
    assert 0.5 < number(printed, "backflow on the axis up to") < 1.5
    assert np.isfinite(series(out, "signal")).all() and np.ptp(series(out, "signal")) > 0.01


def check_kovasznay(out: Path, printed: str) -> None:
    """Between 8² and 16² points, nearly steady."""
    assert series(out, "error_u16")[-1] < 1e-3
    assert series(out, "error_u8")[-1] / series(out, "error_u16")[-1] > 2**3


def check_kelvin_helmholtz(out: Path, printed: str) -> None:
    """The growth rate to 0.1 % of linear theory with friction, and within 3 % of Michalke's without."""
    rate = number(printed, "growth rate")
    assert rate == pytest.approx(number(printed, "linear theory with friction"), rel=1e-3)
    assert rate == pytest.approx(tp.pde.stability.MICHALKE[1], rel=0.03)
    assert (out / "layer.png").stat().st_size > 10_000


HEATED = ["--n", "14", "--rayleigh", "1e4", "--stretching", "1.0", "--steady", "3e-3"]
WAKE = ["--nx", "72", "--ny", "49", "--length", "16", "--height", "10", "--settled", "2", "--t-end", "3"]
LAYER = ["--nx", "8", "--ny", "65", "--height", "8", "--t-end", "10"]
RUNS = {
    "lid_driven_cavity": (["--n", "24", "--steady", "4e-3"], "profiles.png", check_cavity),
    "heated_cavity": (HEATED, "cavity.png", check_heated_cavity),
    "rayleigh_benard": (["--nx", "6", "--ny", "10", "--t-end", "0.6"], "onset.png", check_rayleigh_benard),
    "cylinder_wake": (WAKE, "wake.png", check_cylinder_wake),
    "kovasznay": (["--points", "[8, 16]", "--t-end", "3.6"], "orders.png", check_kovasznay),
    "kelvin_helmholtz": (LAYER, "growth.png", check_kelvin_helmholtz),
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", RUNS)
def test_case(name: str, tmp_path: Path) -> None:
    flags, picture, check = RUNS[name]
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    printed = run_ranks(2 if name == "cylinder_wake" else 1, code, *flags, "--out", str(tmp_path), timeout=240).stdout
    assert "finished: " in printed
    assert (tmp_path / picture).stat().st_size > 10_000
    assert number(printed, "max |div u|") < 1e-11
    assert np.nanmax(series(tmp_path, "divergence")) < 1e-11
    check(tmp_path, printed)


@pytest.mark.timeout(300)
def test_stop_and_resume_on_other_numbers_of_ranks(tmp_path: Path) -> None:
    """A flow with an active scalar goes on as it was, up to the round-off of dense modes on other ranks."""
    code = (EXAMPLES / "rayleigh_benard.py").read_text(encoding="utf-8")
    flags = ["--nx", "6", "--ny", "10", "--t-end", "0.05"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run_ranks(1, code, *flags, "--out", str(whole))
    stopped = run_ranks(2, code, *flags, "--out", str(parts), "--wall-limit", "0.001", check=False)
    assert stopped.returncode == exit_codes.STOPPED, stopped.stdout + stopped.stderr
    run_ranks(1, code, *flags, "--out", str(parts), "--resume")
    for name in ("energy_below", "energy_above"):
        np.testing.assert_allclose(series(parts, name), series(whole, name), rtol=1e-10)


@pytest.mark.parametrize("name", ["rayleigh_benard", "cylinder_wake"])
def test_dry_run_writes_nothing(name: str, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--dry-run", "--out", str(tmp_path / "out")]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "fields_" in printed
    assert not (tmp_path / "out").exists()


def test_the_tables_have_the_extrema_of_their_figures() -> None:
    """A slip of the pen in a table would show: smooth profiles between walls and lid, of known extrema."""
    for reynolds, u in known.GHIA_U.items():
        assert (u[0], u[-1]) == (0.0, 1.0) and len(u) == len(known.GHIA_Y)
        assert np.all(np.diff(u[: u.argmin() + 1]) < 0) and np.all(np.diff(u[u.argmin() :]) > 0)
        v = known.GHIA_V[reynolds]
        sound = ~((reynolds == known.GHIA_MISPRINT[0]) & (known.GHIA_MISPRINT[1] == known.GHIA_X))
        v, top, bottom = v[sound], v[sound].argmax(), v[sound].argmin()
        assert np.all(np.diff(v[: top + 1]) > 0) and np.all(np.diff(v[bottom:]) > 0)
        assert np.all(np.diff(v[top : bottom + 1]) < 0)
