"""The TOML files beside the drivers name parameters that the drivers have."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
FLOWS = ["kovasznay", "kelvin_helmholtz", "shear_layer", "lid_driven_cavity", "heated_cavity", "rayleigh_benard",
         "cylinder_wake", "channel", "channel_limits", "forced_turbulence", "make_dataset", "burgers",
         "taylor_green"]  # fmt: skip


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.stem)
def test_names(path: Path) -> None:
    code = path.with_suffix(".py").read_text(encoding="utf-8")
    known = set(re.findall(r"^    (\w+): .+ = parameter\(", code, re.MULTILINE))
    given = tomllib.loads(path.read_text(encoding="utf-8"))
    assert len(given) > 2 and given.keys() <= known | {"out"}


def test_every_flow_has_one() -> None:
    assert {f"{name}.toml" for name in FLOWS} <= {path.name for path in EXAMPLES.glob("*.toml")}


def test_a_driver_takes_it(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "kovasznay.py", "--config", EXAMPLES / "kovasznay.toml", "--dry-run"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    assert "48 × 48 points" in done.stdout and "points = [16, 24, 32, 48]" in done.stdout
    assert not any(tmp_path.iterdir())
