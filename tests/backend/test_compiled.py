"""Whoever waits for kernels to be compiled is told so, once, and nobody else is."""

import os
import subprocess
import sys

SCRIPT = """
from tensorpde.backend import get
from tensorpde.backend.numpy.compiled import kernel

@kernel
def twice(x):
    return 2 * x

get("numpy").before_compiling(lambda: print("told"))
print(twice(3), twice(2.5))
"""


def run(folder):
    script = folder / "script.py"
    if not script.exists():
        script.write_text(SCRIPT)
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_first_run_says_so_and_the_second_does_not(tmp_path):
    assert run(tmp_path) == ["told", "6", "5.0"]
    assert run(tmp_path) == ["6", "5.0"]
