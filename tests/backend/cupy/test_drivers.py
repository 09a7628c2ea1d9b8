"""Every driver takes --backend: its Spaces are on the device, or one sentence says what is worked on by the host."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import standin

with standin.present():
    from tensorpde import backend
    from tensorpde.field import Space
    from tensorpde.pde.samples import BurgersSamples, DarcySamples, HeatSamples
    from tensorpde.run import exit_codes

EXAMPLES = Path(__file__).parents[3] / "examples"
WITH_FILES = {"evaluate_tfno", "operator_preconditioner", "train_tfno"}  # which a data set or a model must be there for
HOST = {  # what drivers say that are worked on by the host, all of them or with these flags
    ("bratu",): "PETSc's Newton method works",
    ("p_laplacian",): "PETSc's Newton method works",
    ("madelung",): "lattice sums work",
    ("heat", "--steps", "together"): "PETSc's steps work",
    ("variable_poisson", "--method", "bcgs"): "PETSc's method 'bcgs' works",
}
DRIVERS = [
    path.stem for path in sorted(EXAMPLES.glob("*.py"))
    if "begin(" in path.read_text() and (path.stem,) not in HOST and path.stem not in WITH_FILES
]  # fmt: skip
SMALL = {
    "forced_turbulence": ["--n", "16"], "make_dataset": ["--n", "8"],
    "protein_electrostatics": ["--spacing", "8"], "solvation": ["--spacing", "4"], "taylor_green": ["--n", "6"],
}  # fmt: skip


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run a driver here with --backend cupy: exit code, output, errors, backends of its Spaces."""

    def start(name, *flags):
        made, init = [], Space.__init__

        def kept(self, *args, **options):
            init(self, *args, **options)
            made.append(self.backend.name)

        monkeypatch.setattr(Space, "__init__", kept)
        monkeypatch.setattr(sys, "argv", [f"{name}.py", "--backend", "cupy", "--out", str(tmp_path), *flags])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        return end.value.code, *capsys.readouterr(), made

    return start


@pytest.mark.parametrize("name", DRIVERS)
def test_spaces_of_drivers_are_on_the_device(run, name):
    code, out, _, made = run(name, "--dry-run", *SMALL.get(name, []))
    assert code == exit_codes.FINISHED
    assert 'backend = "cupy"' in out and "the device: " in out
    assert made[-1] == "cupy" and (set(made) == {"cupy"} or name == "make_dataset"), made


@pytest.mark.parametrize("words", HOST, ids=" ".join)
def test_what_has_no_device_form_is_one_sentence(run, words):
    code, out, error, made = run(*words)
    assert code == exit_codes.USAGE and not out and not made
    sentence = f"{words[0]}.py: backend = cupy: {HOST[words]} on the host alone, backend must be 'numpy'"
    assert error.splitlines() == [sentence, "(--help lists the parameters)"]


def test_options_of_petsc_need_the_host(run, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    code, _, error, _ = run("variable_poisson", "-ksp_type", "cg")
    assert code == exit_codes.USAGE
    assert "-ksp_type is an option of PETSc, which takes no arrays of backend 'cupy'" in error


def test_a_device_that_is_missing_is_one_sentence(run, monkeypatch):
    def none(name):
        raise backend.Unavailable('backend="cupy" needs an NVIDIA GPU, and this process sees none')

    monkeypatch.setattr(backend, "get", none)
    code, out, error, made = run("allen_cahn")
    assert code == exit_codes.ERROR and not out and not made
    assert error == 'allen_cahn.py: backend="cupy" needs an NVIDIA GPU, and this process sees none\n'


@pytest.mark.parametrize("kind", [DarcySamples, BurgersSamples, HeatSamples])
def test_samples_are_those_of_the_cpu(kind):
    options = {DarcySamples: {"ndim": 1}, BurgersSamples: {"t_end": 1e-3}, HeatSamples: {"ndim": 1, "steps": 2}}[kind]
    found, expected = (kind(6, seed=1, backend=name, **options)(range(1)) for name in ("cupy", "numpy"))
    for name in kind.names:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-5, atol=1e-6 * np.abs(expected[name]).max())
