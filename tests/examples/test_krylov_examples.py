"""The examples of iterations as their users run them, pinned to numbers."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mpi import run_ranks

import tensorpde as tp

EXAMPLES = Path(__file__).parents[2] / "examples"
needs_petsc = pytest.mark.skipif(importlib.util.find_spec("petsc4py") is None, reason="petsc4py is not installed")
NAMES = ["variable_poisson", "bratu", "p_laplacian"]


def drive(name, ranks, *arguments):
    code = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    return run_ranks(ranks, code, *arguments, timeout=150)


def largest(text):
    return float(re.search(r"largest u ([\d.]+)", text)[1])


@pytest.mark.timeout(300)
def test_variable_poisson(tmp_path):
    flags = ("--n", "23", "--contrast", "1e3", "--out", str(tmp_path))
    printed = drive("variable_poisson", 2, *flags).stdout
    plain, scaled = (int(re.search(rf"{name} +(\d+) ", printed)[1]) for name in ("coefficient", "scaling"))
    assert scaled < 20 < plain
    assert (tmp_path / "residuals.png").stat().st_size > 10_000
    elements = drive("variable_poisson", 1, *flags, "--form", "elements").stdout
    assert largest(elements) == pytest.approx(largest(printed), rel=0.02)


@needs_petsc
@pytest.mark.timeout(300)
def test_bratu(tmp_path):
    """In one dimension the largest u of the continuous problem with λ = 2 is 0.3289524."""
    run = drive("bratu", 2, "--n", "31", "--ndim", "1", "--strength", "2", "--out", str(tmp_path), "-snes_monitor")
    assert largest(run.stdout) == pytest.approx(0.3289524, abs=3e-4)
    assert run.stdout.count("SNES Function norm") == run.stdout.count("‖F(u)‖ =")
    assert (tmp_path / "newton.png").stat().st_size > 10_000


@needs_petsc
@pytest.mark.timeout(300)
def test_p_laplacian(tmp_path):
    """In one dimension the largest u is ½^q / q, q = p/(p − 1)."""
    run = drive("p_laplacian", 2, "--n", "31", "--ndim", "1", "--out", str(tmp_path), "-snes_mointor")
    assert largest(run.stdout) == pytest.approx(0.5**1.5 / 1.5, rel=2e-3)
    assert "Option left: name:-snes_mointor" in run.stdout


@needs_petsc
@pytest.mark.timeout(300)
def test_heat_by_steps_of_petsc(tmp_path):
    flags = ("--n", "10", "--t-end", "0.05", "--steps", "together", "--out", str(tmp_path))
    run = drive("heat", 2, *flags, "-ts_monitor", "-ksp_converged_reason")
    assert run.stdout.count("TS dt 0.01") == 10  # two lines a step
    assert run.stdout.count("Linear solve converged due to CONVERGED_RTOL iterations 1") == 5
    assert tp.io.load(tmp_path / "diagnostics.h5", "error").values.max() < 2e-5


@pytest.mark.parametrize("name", NAMES)
def test_dry_run_writes_nothing(name, tmp_path):
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--dry-run", "--out", str(tmp_path / "out")]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    assert "fields_" in printed
    assert not (tmp_path / "out").exists()
