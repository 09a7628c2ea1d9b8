"""Run code on several MPI ranks from a test, with a time limit and nothing left behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "TENSORPDE_THREADS": "1",
}

_CALL = """\
import importlib, importlib.util, json, os, sys
import tensorpde
if os.environ.get("TESTS_BACKEND") == "cupy":
    import standin
    standin.install()
    standin.be_default()
where, _, name = {target!r}.partition("::")
if where.endswith(".py"):
    spec = importlib.util.spec_from_file_location("ranks", where)
    module = sys.modules["ranks"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
else:
    module = importlib.import_module(where)
getattr(module, name)(*json.loads({args!r}))
"""


def run_ranks(
    ranks: int,
    target: str,
    *args: object,
    timeout: float = 100,
    check: bool = True,
    cwd: Path | str | None = None,
    env: dict[str, str] | None = None,
) -> subprocess.CompletedProcess:
    """Run a target on so many ranks under mpirun and return its CompletedProcess (text output).

    Parameters
    ----------
    ranks
        Number of ranks.
    target
        "path/to/file.py::function" (path absolute or relative to tests/), "module::function", or Python code.
    *args
        JSON-able arguments of the function; for code, its sys.argv[1:].
    timeout
        Seconds after which everything is killed.
    check
        Whether a non-zero exit is an error.
    cwd
        Working directory; a temporary one by default.
    env
        More environment variables.

    Raises
    ------
    AssertionError
        With the output, if a rank fails or the time is out.
    """
    with tempfile.TemporaryDirectory(prefix="ranks-") as scratch:
        script = Path(scratch) / "target.py"
        if "::" in target and "\n" not in target:
            where, _, name = target.partition("::")
            if where.endswith(".py"):
                where = str(Path(__file__).parent / where)
            script.write_text(_CALL.format(target=f"{where}::{name}", args=json.dumps(args)))
            args = ()
        else:
            script.write_text(target)
        command = [mpirun(), "-n", str(ranks), sys.executable, str(script), *map(str, args)]
        # What a killed mpirun leaves behind stops a later one that gets its process number: it goes with the scratch.
        return _run(command, timeout, check, str(cwd or scratch), {"TMPDIR": scratch, **(env or {})})


def mpirun() -> str:
    """The mpirun beside this interpreter, or else the one on PATH."""
    beside = Path(sys.executable).parent / "mpirun"
    return str(beside) if beside.exists() else shutil.which("mpirun") or "mpirun"


def _run(command: list[str], timeout: float, check: bool, cwd: str, env: dict) -> subprocess.CompletedProcess:
    tests = str(Path(__file__).parent)
    path = os.pathsep.join([str(Path(tests).parent), tests, os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, **ENVIRONMENT, "PYTHONPATH": path, **env}
    with subprocess.Popen(
        command, cwd=cwd, env=environment, text=True, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill_session(process.pid)
            out, err = process.communicate()
            raise AssertionError(f"{command} was not done after {timeout} s\n{out[-4000:]}\n{err[-8000:]}") from None
        finally:
            _kill_session(process.pid)
    if check and process.returncode != 0:
        raise AssertionError(f"{command} exited with {process.returncode}\n{out[-4000:]}\n{err[-8000:]}")
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _kill_session(leader: int) -> None:
    """Kill what is left of a session: mpirun puts its ranks in process groups of their own, but not in sessions."""
    for _ in range(20):
        left = _members(leader)
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not left:
            return
        time.sleep(0.05)


def _members(leader: int) -> list[int]:
    """Living processes of a session (from /proc, where there is one)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = stat.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found
