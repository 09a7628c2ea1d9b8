"""Every kernel becomes machine code where a compiler for devices is installed; a device is not needed."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE, TESTS = Path(__file__).parent, Path(__file__).parents[2]
PLACES = list(getattr(find_spec("nvidia"), "submodule_search_locations", None) or [])
NVVM = any(path.is_dir() for place in PLACES for path in Path(place).glob("*/nvvm"))


@pytest.mark.skipif(not NVVM, reason="no compiler for devices: pip install 'numba-cuda[cu13]' brings it")
def test_kernels_compile(tmp_path: Path) -> None:
    types = tmp_path / "types.txt"
    environment = {**os.environ, "KERNEL_TYPES": str(types), "PYTHONPATH": f"{TESTS.parent}{os.pathsep}{TESTS}"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", str(HERE)]
    seen = subprocess.run(
        [*command, f"--ignore={__file__}"], env=environment, capture_output=True, text=True, check=False
    )
    assert seen.returncode == 0, seen.stdout[-3000:]
    environment.pop("NUMBA_ENABLE_CUDASIM", None)
    made = subprocess.run(
        [sys.executable, str(TESTS / "compile_kernels.py"), str(types)], env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr[-3000:]
    assert f"{len(set(types.read_text().splitlines()))} kernels compiled" in made.stdout
    assert "local memory" not in made.stdout
