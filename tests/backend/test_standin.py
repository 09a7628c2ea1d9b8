"""The stand-in for CuPy is there for the tests that ask for it, and for no other."""

import sys

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
