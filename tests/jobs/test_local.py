"""jobs/local.sh: what it passes on, and what it says where it cannot work. Making a .venv is left to tests/run.sh."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCAL = ROOT / "jobs" / "local.sh"
TOOLS = ["bash", "dirname", "sed", "grep", "cksum", "mkdir", "rm", "head", "id", "flock", "cat", "tail"]

ready = pytest.mark.skipif(not (ROOT / ".venv" / "tensorpde-setup").exists(), reason="no .venv made by jobs/setup.sh")


def run(*words: object, script: Path = LOCAL, **options: object) -> subprocess.CompletedProcess:
    command = ["bash", script, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, stdin=subprocess.DEVNULL, **options)


@ready
def test_ranks_arguments_and_exit_code_pass_through(tmp_path):
    driver = tmp_path / "a driver.py"
    driver.write_text(
        "import os, sys\nfrom mpi4py import MPI\ncomm = MPI.COMM_WORLD\n"
        "found = comm.size, sys.argv[1:], os.getcwd(), os.environ['OMP_NUM_THREADS']\n"
        "comm.rank or print(*found, flush=True)\ncomm.Barrier()\nsys.exit(75)\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = run("-n", 3, driver, "--n", 64, "a b", cwd=tmp_path, env=environment)
    assert done.returncode == 75, done.stderr
    assert f"3 ['--n', '64', 'a b'] {tmp_path} 1" in done.stdout.splitlines()


@ready
def test_a_script_of_the_project_is_found_from_anywhere(tmp_path):
    done = run("-n", 1, "tests/jobs/standin.py", "--t-end", 0, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "end: step 0" in done.stdout


@ready
def test_what_a_killed_mpirun_left_under_the_same_process_number(tmp_path):
    (tmp_path / "driver.py").write_text("print('ran')\n")
    left = 'mkdir "$TMPDIR/ompi.$$" && touch "$TMPDIR/ompi.$$/pmix.$(uname -n).tool.$$" && exec bash "$@"'
    command = ["bash", "-c", left, "-", LOCAL, "-n", "1", tmp_path / "driver.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, env={**os.environ, "TMPDIR": tmp_path})
    assert (done.returncode, done.stdout) == (0, "ran\n"), done.stderr


@pytest.mark.parametrize("words", [[], ["-n"], ["-n", "0", "x.py"], ["-n", "two", "x.py"], ["--help"]])
def test_usage(words):
    done = run(*words)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: ")


def test_a_script_that_is_not_there():
    done = run("no_such_driver.py")
    assert done.returncode == 1
    assert "no file 'no_such_driver.py'" in done.stderr


@pytest.fixture
def bare(tmp_path):
    """A copy of the project without .venv, on a machine that has next to nothing."""
    shutil.copytree(ROOT / "jobs", tmp_path / "project" / "jobs")
    shutil.copy(ROOT / "setup.cfg", tmp_path / "project")
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def _set_up_with(bare: Path, code: int = 1, **pythons: str) -> str:
    for name, text in pythons.items():
        program = bare / "bin" / name
        program.write_text("#!/usr/bin/env bash\n" + text)
        program.chmod(0o755)
    done = run("--setup", script=bare / "project" / "jobs" / "local.sh", env={"PATH": str(bare / "bin")})
    assert done.returncode == code
    return done.stderr


def test_no_python(bare):
    assert "needs Python 3.11 or newer, found: none" in _set_up_with(bare)


def test_an_old_python_is_named(bare):
    said = _set_up_with(bare, python3='[[ $1 == --version ]] && echo "Python 3.9.2"; exit 1')
    assert "needs Python 3.11 or newer" in said
    assert f"{bare}/bin/python3 (Python 3.9.2)" in said


def test_a_python_without_venv(bare):
    said = _set_up_with(bare, python3='[[ $2 != *"import venv"* ]]')
    assert "lacks the venv or ensurepip module" in said
    assert "apt-get install python3-venv" in said


def test_a_python_that_cannot_say_its_version(bare):
    assert "needs Python 3.11 or newer, found: " in _set_up_with(bare, python3="exit 127")


def test_a_step_that_fails_is_named(bare):
    (bare / "bin" / "cksum").unlink()
    (bare / "bin" / "cksum").write_text("#!/usr/bin/env bash\nexit 3\n")
    (bare / "bin" / "cksum").chmod(0o755)
    said = _set_up_with(bare, 3, python3="exit 0")
    assert "setup.sh, line " in said
    assert "ended with status 3" in said


def test_an_unknown_mpi_choice(bare):
    program = bare / "bin" / "python3"
    program.write_text("#!/usr/bin/env bash\nexit 0\n")
    program.chmod(0o755)
    environment = {"PATH": str(bare / "bin"), "TENSORPDE_MPI": "mpich"}
    done = run("--setup", script=bare / "project" / "jobs" / "local.sh", env=environment)
    assert done.returncode == 1
    assert "TENSORPDE_MPI is 'mpich', but can be wheel or system" in done.stderr
