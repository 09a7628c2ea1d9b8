"""Makes the helper modules in tests/ importable by every test; Spaces of tests on another backend, if asked."""

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))

ANY_BACKEND = {
    "pde/test_vorticity.py", "solve/test_diagonal.py", "solve/test_few_lines.py", "solve/test_odd_lengths.py",
    "solve/test_separable.py", "solve/test_sylvester.py",
    "stepping/test_implicit_explicit.py", "stepping/test_integrating_factor.py", "stepping/test_runge_kutta.py",
    "test_coefficients.py", "test_field.py", "test_flux.py", "test_kron.py", "test_operators.py",
}  # fmt: skip
"""Files whose tests make Spaces without naming a backend and look at nothing but what every backend has."""

OTHERS = {
    "backend": "it names the backends that it tests",
    "basis": "it makes no Space",
    "bench": "its programs name their backend",
    "docs": "it reads pages",
    "examples": "drivers take --backend themselves: tests/backend/cupy/test_drivers.py",
    "jobs": "its programs name their backend",
    "learn": "models name their backend: tests/backend/cupy/test_learning_on_device.py",
    "line": "it makes no Space: tests/backend/cupy/test_lines.py",
    "parallel": "it moves host arrays: tests/backend/cupy/test_ranks.py",
    "run": "its programs name their backend",
    "schemes": "it makes no Space",
}
"""Why tests of a folder do not apply to another backend, and what is there for it."""


def pytest_addoption(parser):
    parser.addoption(
        "--backend", default="numpy", choices=("numpy", "cupy"), help="of the Spaces that tests make without naming one"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "host(reason): not for other backends than numpy")
    if config.getoption("--backend") == "cupy":
        import standin

        standin.install()
        standin.be_default()


def pytest_collection_modifyitems(config, items):
    """Under --backend cupy skip what does not apply, saying why."""
    if config.getoption("--backend") == "numpy":
        return
    for item in items:
        if why := not_applicable(item):
            item.add_marker(pytest.mark.skip(reason=f"--backend cupy: {why}"))


def not_applicable(item):
    """Why a test does not apply to another backend; empty if it does."""
    path = item.path.relative_to(TESTS)
    if path.parts[:2] == ("backend", "cupy"):
        return ""  # on the device in any case
    if marker := item.get_closest_marker("host"):
        return marker.args[0]
    if path.as_posix() in ANY_BACKEND:
        return ""
    return OTHERS.get(path.parts[0], "its tests look into arrays as host arrays")
