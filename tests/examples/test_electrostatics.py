"""The examples of electrostatics as their users run them, pinned to numbers."""

import re
from pathlib import Path

import pytest
from mpi import run_ranks

EXAMPLES = Path(__file__).parents[2] / "examples"


def drive(name, ranks, *arguments):
    return run_ranks(ranks, (EXAMPLES / f"{name}.py").read_text(encoding="utf-8"), *arguments, timeout=200).stdout


@pytest.mark.timeout(300)
def test_protein(tmp_path):
    flags = ("--pqr", str(EXAMPLES / "data" / "villin.pqr"), "--spacing", "4", "--tol", "1e-4", "--out", str(tmp_path))
    printed = drive("protein_electrostatics", 2, *flags)
    assert "582 atoms" in printed
    assert float(re.search(r"energy (-[\d.]+)", printed)[1]) == pytest.approx(-10006.16, abs=0.5)
    errors = re.search(r"potential ([\d.e-]+) at particles, ([\d.e-]+) at points", printed)
    assert max(float(error) for error in errors.groups()) < 1e-4
    for name in ("potential.dx", "potential.cube", "potential.png"):
        assert (tmp_path / name).stat().st_size > 5_000


@pytest.mark.timeout(300)
def test_solvation(tmp_path):
    """Coarse grids: the ions lower the energy a little, the finer grid more."""
    pqr = str(EXAMPLES / "data" / "villin.pqr")
    printed = drive("solvation", 1, "--pqr", pqr, "--spacing", "3", "--margin", "6", "--out", str(tmp_path))
    assert "Debye length 7.85 Å" in printed
    rows = re.findall(r"^ +\d+ × +\d+ × \d+ +[\d.]+ +(-[\d.]+) +(-[\d.]+) ", printed, re.MULTILINE)
    (coarse, coarse_ions), (fine, fine_ions) = (tuple(map(float, row)) for row in rows)
    assert fine < coarse < 0
    assert -20 < fine_ions - fine < 0
    assert -20 < coarse_ions - coarse < 0
    assert float(re.search(r"solvation energy (-[\d.]+)", printed)[1]) == pytest.approx(fine_ions, abs=1e-3)
    for name in ("potential.dx", "potential.png"):
        assert (tmp_path / name).stat().st_size > 5_000


def test_madelung(tmp_path):
    printed = drive("madelung", 1, "--cells", "8", "--tol", "1e-10", "--out", str(tmp_path))
    found = dict(re.findall(r"(NACL|CSCL|ZNS) ([\d.]+)", printed))
    for name, value in (("NACL", 1.7475645946), ("CSCL", 1.7626747731), ("ZNS", 1.6380550534)):
        assert float(found[name]) == pytest.approx(value, abs=1e-9)
    assert float(re.search(r"8³ cells: ([\d.]+)", printed)[1]) == pytest.approx(1.74756, abs=2e-5)
    assert (tmp_path / "madelung.png").stat().st_size > 5_000


@pytest.mark.timeout(300)
def test_born_ion(tmp_path):
    """The reaction potential of the closed form is −0.24363057325."""
    printed = drive("born_ion", 2, "--n", "33", "--out", str(tmp_path))
    assert "exact -0.243630573248" in printed
    last = re.search(r"33³ +(-[\d.]+)", printed)
    assert float(last[1]) == pytest.approx(-0.24363057325, rel=5e-3)
    assert "Richardson" in printed
    assert (tmp_path / "born_ion.png").stat().st_size > 5_000
