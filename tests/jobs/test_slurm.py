"""The real job scripts, submitted to a throw-away Slurm; most with a stand-in for the driver, which takes no time."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("sbatch", "slurmctld", "slurmd", "munged", "mungekey", "unshare")
ENDED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def _why_not() -> str:
    missing = [tool for tool in TOOLS if not shutil.which(tool, path=PATH)]
    if missing:
        return f"no {', '.join(missing)} (packages slurm-wlm and munge)"
    if os.geteuid() != 0:
        return "a throw-away Slurm needs root"
    if subprocess.run(["unshare", "--uts", "--mount", "true"], capture_output=True).returncode != 0:
        return "namespaces are not allowed here"
    if not (Path(sys.prefix) / "bin").is_dir() or sys.prefix == sys.base_prefix:
        return "not run from a virtual environment"
    return ""


pytestmark = [pytest.mark.skipif(bool(_why_not()), reason=_why_not()), pytest.mark.timeout(300)]


class Slurm:
    """A running throw-away Slurm and the folder that jobs are submitted from."""

    def __init__(self, folder: Path):
        self.folder = folder
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMPI_", "PRTE_", "SLURM_"))}
        self.environment = clean | {
            "PATH": PATH,
            "TENSORPDE_SLURM_DIR": f"/tmp/tensorpde-slurm-{os.getpid()}",  # short: it holds sockets
            "TENSORPDE_SLURM_PORT": str(20000 + 8 * (os.getpid() % 2000)),
        }
        self.environment["SLURM_CONF"] = self.environment["TENSORPDE_SLURM_DIR"] + "/slurm.conf"

    def call(self, *command: object, check: bool = True) -> str:
        """Run a command; its output."""
        done = subprocess.run(
            [str(word) for word in command],
            env=self.environment, cwd=self.folder, text=True, timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def submit(self, *words: object) -> int:
        """Submit a job; its number."""
        return int(self.call("sbatch", "--parsable", *words))

    def show(self, job: int) -> dict[str, str]:
        """What Slurm knows about a job."""
        return dict(re.findall(r"(\w+)=(\S*)", self.call("scontrol", "show", "job", job)))

    def log(self, job: int) -> str:
        """What a job has printed."""
        paths = list(self.folder.glob(f"*-{job}.log"))
        return paths[0].read_text() if paths else ""

    def wait(self, job: int, until, timeout: float = 120) -> dict[str, str]:
        """Wait until something is true of what Slurm shows, and fail as soon as it cannot become true any more."""
        end = time.monotonic() + timeout
        while not until(shown := self.show(job)):
            assert time.monotonic() < end and shown["JobState"] not in ENDED, f"{shown}\n{self.log(job)}"
            time.sleep(0.3)
        return shown

    def end(self, job: int) -> dict[str, str]:
        """Wait until a job has ended for good."""
        return self.wait(job, lambda shown: shown["JobState"] in ENDED)


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    slurm = Slurm(tmp_path_factory.mktemp("submit from here"))
    script = ROOT / "jobs" / "local_slurm.sh"
    try:
        slurm.call("bash", script, "up")
        yield slurm
    finally:
        slurm.call("bash", script, "down")
    assert not Path(slurm.environment["TENSORPDE_SLURM_DIR"]).exists()


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """jobs/taylor_green.slurm in a project folder whose driver is the stand-in."""
    project = tmp_path_factory.mktemp("a project")
    shutil.copytree(ROOT / "jobs", project / "jobs")
    (project / "examples").mkdir()
    shutil.copy(Path(__file__).with_name("standin.py"), project / "examples" / "taylor_green.py")
    (project / ".venv").symlink_to(sys.prefix)
    return project / "jobs" / "taylor_green.slurm"


def test_up_twice_keeps_the_same_slurm(slurm):
    before = slurm.call("scontrol", "show", "config")
    printed = slurm.call("bash", ROOT / "jobs" / "local_slurm.sh", "up")
    assert printed.strip() == f"export SLURM_CONF={slurm.environment['SLURM_CONF']}"
    boot = re.compile("BOOT_TIME.*")
    assert boot.search(before).group() == boot.search(slurm.call("scontrol", "show", "config")).group()


def test_one_node_and_several(slurm, script):
    jobs = {nodes: slurm.submit("-N", nodes, script, "--t-end", 3, "--out", f"out{nodes}") for nodes in (1, 2, 4)}
    for nodes, job in jobs.items():
        assert slurm.end(job)["JobState"] == "COMPLETED", slurm.log(job)
        assert "start: step 0, 4 ranks" in slurm.log(job)
        assert "end: step 3" in slurm.log(job)
        assert len(set(re.findall("host (n.)", slurm.log(job)))) == nodes, slurm.log(job)


def test_the_script_for_any_example(slurm, script):
    generic = script.with_name("example.slurm")
    job = slurm.submit("-J", "taylor_green", "-n", 2, generic, "taylor_green", "--t-end", 1, "--out", "any")
    assert slurm.end(job)["JobState"] == "COMPLETED", slurm.log(job)
    assert "end: step 1" in slurm.log(job)
    wrong = slurm.submit("-J", "taylor_green", generic, "nothing")
    assert slurm.end(wrong)["JobState"] == "FAILED"
    assert "no examples/nothing.py: name one of taylor_green.py" in slurm.log(wrong)


def test_usr1_saves_requeues_and_resumes(slurm, script):
    job = slurm.submit("-N", 2, script, "--t-end", 600, "--out", "requeued")
    slurm.wait(job, lambda shown: "start: step 0" in slurm.log(job))
    slurm.call("scancel", "-b", "-s", "USR1", job)
    slurm.wait(job, lambda shown: shown["Restarts"] == "1" and slurm.log(job).count("start: step") == 2)
    stopped = int(re.search(r"stopped: step (\d+)", slurm.log(job)).group(1))
    assert f"start: step {stopped}, 4 ranks" in slurm.log(job)  # and the log was appended to
    slurm.call("scancel", job)
    assert slurm.end(job)["JobState"] == "CANCELLED"


def test_a_failing_driver_fails_the_job_once(slurm, script):
    job = slurm.submit(script, "--t-end", 1, "--fail", 70, "--out", "failed")
    shown = slurm.end(job)
    assert (shown["JobState"], shown["ExitCode"], shown["Restarts"]) == ("FAILED", "70:0", "0"), slurm.log(job)


def test_a_launcher_that_starts_separate_worlds_is_not_used(slurm, script):
    slurm.environment["TENSORPDE_LAUNCHER"] = "srun --mpi=none"
    try:
        job = slurm.submit("-n", 2, script, "--t-end", 1, "--out", "launcher")
    finally:
        del slurm.environment["TENSORPDE_LAUNCHER"]
    assert slurm.end(job)["JobState"] == "COMPLETED", slurm.log(job)
    assert "srun --mpi=none does not give one world of 2 ranks" in slurm.log(job)
    assert "start: step 0, 2 ranks" in slurm.log(job)


def test_the_job_of_a_molecule(slurm):
    atoms = [(0.0, 0.0, 0.0, -0.834, 1.66), (0.757, 0.586, 0.0, 0.417, 1.0), (-0.757, 0.586, 0.0, 0.417, 1.0)]
    lines = [f"ATOM {k} A HOH 1 {' '.join(map(str, atom))}" for k, atom in enumerate(atoms)]
    (slurm.folder / "water.pqr").write_text("\n".join(lines))
    grid = ("--spacing", 1.0, "--margin", 4)
    job = slurm.submit("-n", 2, ROOT / "jobs" / "solvation.slurm", "--pqr", "water.pqr", *grid, "--out", "water")
    assert slurm.end(job)["JobState"] == "COMPLETED", slurm.log(job)
    assert "3 atoms, total charge 0.0000 e" in slurm.log(job)
    assert re.search(r"solvation energy -\d+\.\d+ kcal/mol", slurm.log(job)), slurm.log(job)


def test_the_main_job_is_stopped_and_resumed(slurm):
    words = ("-N", 2, "-n", 2, ROOT / "jobs" / "taylor_green.slurm", "--n", 32, "--t-end", 20, "--out", "real")
    job = slurm.submit(*words)
    slurm.wait(job, lambda shown: re.search(r"step +\d", slurm.log(job)))
    slurm.call("scancel", "-b", "-s", "USR1", job)
    slurm.wait(job, lambda shown: "resumed from" in slurm.log(job))
    slurm.call("scancel", job)
    assert slurm.end(job)["JobState"] == "CANCELLED"
