"""Makes the helper modules in tests/ importable by every test; Spaces of tests on another backend, if asked."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def pytest_addoption(parser):
    parser.addoption(
        "--backend", default="numpy", choices=("numpy", "cupy"), help="of the Spaces that tests make without naming one"
    )


def pytest_configure(config):
    if config.getoption("--backend") == "cupy":
        import standin

        standin.install()
        standin.be_default()
