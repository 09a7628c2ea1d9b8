"""The stand-in for CuPy is there for the tests that ask for it, and for no other."""

import subprocess
import sys
from pathlib import Path

import pytest
import standin

from tensorpde.run import exit_codes
from tensorpde.run.cli import main

pytestmark = pytest.mark.skipif("cupy" in sys.modules or standin.has_device(), reason="all tests are run on it")


def test_a_benchmark_without_a_device_is_one_sentence(capsys):
    assert main(["bench", "line", "--backend", "cupy", "--n", "8"]) == exit_codes.ERROR
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('tensorpde bench: backend="cupy" needs CuPy, which cannot be imported')


def test_others_do_not_see_it():
    """After tests of it were collected, and between two that use it."""
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            import cupy
        with standin.present():
            import cupy

            from tensorpde import backend

            gpu = backend.get("cupy")
            assert backend.of(gpu.zeros(3)) is gpu and gpu.device.cupy is cupy
        assert not [name for name in sys.modules if name.startswith(("cupy", "tensorpde.backend.cupy"))]
        with pytest.raises(backend.Unavailable, match="needs CuPy, which cannot be imported"):
            backend.get("cupy")


def test_on_another_backend_tests_run_or_say_why_not():
    """A file that runs, one test of another that does not, and a file that does not."""
    tests = Path(__file__).parents[1]
    chosen = ["stepping/test_integrating_factor.py", "pde/test_vorticity.py::test_a_steady_step_makes_no_arrays"]
    command = [sys.executable, "-m", "pytest", "--backend", "cupy", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(str(tests / name) for name in [*chosen, "test_boundary.py"])], capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "--backend cupy: it counts memory of the host: tests/backend/cupy/test_memory.py" in done.stdout
    assert "--backend cupy: its tests look into arrays as host arrays" in done.stdout
    assert " passed, " in done.stdout.splitlines()[-1] and "failed" not in done.stdout


def test_files_for_any_backend_are_there():
    tests = Path(__file__).parents[1]
    import conftest

    assert all((tests / name).is_file() for name in conftest.ANY_BACKEND)
    assert all((tests / name).is_dir() for name in conftest.OTHERS)
