"""Whoever waits for kernels to be compiled is told so, once, and nobody else is."""

import ast
import os
import subprocess
import sys
from pathlib import Path

from tensorpde.backend.numpy import compiled

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


def imports(module, found):
    """The obvious twin of `made_of`: by the parser, depth first."""
    found.add(module)
    tree = ast.parse((Path(compiled.__file__).parent / f"{module}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            for name in [node.module] if node.module else [alias.name for alias in node.names]:
                if name not in found:
                    imports(name, found)
    return found


def test_compiled_code_is_kept_under_the_sources_that_it_is_made_of():
    modules = [path.stem for path in Path(compiled.__file__).parent.glob("*.py") if path.stem != "__init__"]
    assert {m: set(compiled.made_of(m)) for m in modules} == {m: imports(m, set()) for m in modules}
    assert "unrolled" in compiled.made_of("lines")
    assert "lines" not in compiled.made_of("pointwise")
    assert compiled.folder("lines") != compiled.folder("transport")
