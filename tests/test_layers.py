"""The rules of docs/design.md on who may import what, read from the source: layers, confinement, file sizes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "tensorpde"

# Lowest first; a module imports only from its own level and those before it.
LAYERS = [
    {"_threads"},
    {"backend"},
    {"given", "basis", "grid", "boundary", "mapping", "quadrature"},
    {"line", "schemes"},
    {"parallel"},
    {"itinerary"},
    {"coefficients", "faces", "field", "filling"},
    {"flux", "galerkin", "kron", "lending", "norms", "opaque", "operators", "sumfact"},
    {"solve"},
    {"stepping"},
    {"io"},
    {"pde", "tucker"},
    {"electro"},
    {"learn"},
    {"run", "bench"},
    {"__init__", "__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# Where alone a library may be imported, or a name be used.
CONFINED = {
    "mpi4py": "parallel/",
    "COMM_WORLD": "parallel/",
    "numba": "backend/",
    "llvmlite": "backend/",
    "cupy": "backend/",
    "h5py": "io/",
    "petsc4py": "solve/petsc/",
    "pydantic": "run/",
    "argparse": "run/",
    "matplotlib": "run/",
}
LONGEST = 400


def imported(tree: ast.AST, path: str) -> Iterator[tuple[int, str]]:
    """(line, absolute dotted name) of everything that a file imports, inside functions too.

    ``path`` is relative to the package: "io/hdf5.py". ``from a import b`` gives a.b.
    """
    package = ["tensorpde", *path.split("/")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            base = [*base, *([node.module] if node.module else [])]
            yield from ((node.lineno, ".".join([*base, alias.name])) for alias in node.names)


def breaches(source: str, path: str) -> list[str]:
    """What a file does against the rules, one sentence each."""
    tree = ast.parse(source)
    own = path.split("/")[0].removesuffix(".py")
    if own not in LEVEL:
        return [f"{path}: '{own}' has no place in LAYERS"]
    found = []
    for line, name in imported(tree, path):
        root, _, rest = name.partition(".")
        layer = rest.split(".")[0]
        if root == "tensorpde":
            level = LEVEL.get(layer, LEVEL["__init__"])  # a name of the package itself
            if level > LEVEL[own]:
                found.append(f"{path}:{line}: {own} imports {name}, which is above it")
        elif not path.startswith(CONFINED.get(root, "")):
            found.append(f"{path}:{line}: {root} may be imported only in {CONFINED[root]}")
    for node in ast.walk(tree):
        name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
        if name == "COMM_WORLD" and not path.startswith(CONFINED[name]):
            found.append(f"{path}:{node.lineno}: COMM_WORLD may be used only in {CONFINED[name]}")
    return found


def files() -> list[str]:
    return sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", files())
def test_imports_go_one_way(path):
    assert breaches((PACKAGE / path).read_text(), path) == []


@pytest.mark.parametrize("path", files())
def test_files_are_short(path):
    lines = len((PACKAGE / path).read_text().splitlines())
    assert lines <= LONGEST, f"{path} has {lines} lines, {LONGEST} are allowed"


def test_every_folder_is_a_package():
    folders = {(PACKAGE / path).parent for path in files()}
    assert [str(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize(
    ("path", "source", "words"),
    [
        ("line/banded.py", "from tensorpde.field import Field", "above"),
        ("line/banded.py", "from ..field import Field", "above"),
        ("line/banded.py", "from tensorpde import field", "above"),
        ("line/banded.py", "import tensorpde.kron as k", "above"),
        ("grid.py", "import tensorpde as tp", "above"),
        ("grid.py", "from . import field", "above"),
        ("field.py", "def f():\n    from tensorpde.io import hdf5", "above"),
        ("field.py", "from mpi4py import MPI", "only in parallel/"),
        ("solve/krylov.py", "import petsc4py.PETSc", "only in solve/petsc/"),
        ("io/hdf5.py", "def f(MPI):\n    return MPI.COMM_WORLD", "only in parallel/"),
        ("helpers.py", "", "no place in LAYERS"),
    ],
)
def test_a_breach_is_found(path, source, words):
    (found,) = breaches(source, path)
    assert words in found


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("line/banded.py", "from tensorpde import backend\nfrom .band import RowBand\nimport numpy.linalg"),
        ("parallel/comm.py", "from mpi4py import MPI\nworld = MPI.COMM_WORLD"),
        ("run/cli.py", "import argparse, matplotlib.pyplot\nimport tensorpde.bench.table"),
        ("solve/petsc/mat.py", "from petsc4py import PETSc\nfrom ...kron import Kron"),
    ],
)
def test_what_is_allowed_passes(path, source):
    assert breaches(source, path) == []
