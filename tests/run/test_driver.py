"""The loop of a driver: end, stop, restart, NaN, dry run, and one message for all ranks."""

import runpy
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

from tensorpde.io import load

DRIVER = Path(__file__).with_name("decay.py")


def decay(ranks, out, *flags, code=0):
    """Run the driver: one rank in this process, which is quicker, more under mpirun."""
    arguments = ["--out", out, *flags]
    if ranks == 1:
        done = alone([str(DRIVER), *map(str, arguments)])
    else:
        done = run_ranks(ranks, DRIVER.read_text(), *arguments, check=False, timeout=90)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def alone(argv):
    out, err, code = StringIO(), StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", argv)
        try:
            runpy.run_path(argv[0], run_name="__main__")
        except SystemExit as stop:
            code = stop.code
    return subprocess.CompletedProcess(argv, code, out.getvalue(), err.getvalue())


def digest(done):
    return done.stdout.split("digest ")[1].split()[0]


def checkpoints(out):
    return sorted(path.name for path in (out / "checkpoints").iterdir())


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    return out, decay(1, out)


def test_a_run_to_the_end(whole):
    out, done = whole
    assert "12 × 12 × 12 points, float64" in done.stdout
    assert "t 1 of 1" in done.stdout
    assert "finished: step 10, t = 1," in done.stdout
    assert "recorded [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]" in done.stdout
    assert checkpoints(out) == ["checkpoint_00000010.h5"]
    assert "checkpoints/checkpoint_*.h5" in done.stdout
    assert "plane_*.h5" in done.stdout


def test_stop_on_request_and_restart_on_other_ranks_give_the_same_bits(tmp_path, whole):
    stopped = decay(2, tmp_path, "--signal-at", 4, code=75)
    assert "stopped by signal SIGUSR1 at step 4, t = 0.4" in stopped.stderr
    assert checkpoints(tmp_path) == ["checkpoint_00000004.h5"]
    resumed = decay(3, tmp_path, "--resume")
    assert "resumed" in resumed.stdout
    assert "recorded [5, 6, 7, 8, 9, 10]" in resumed.stdout
    assert digest(resumed) == digest(whole[1])
    mean, expected = (load(out / "diagnostics.h5", "mean").values for out in (tmp_path, whole[0]))
    assert np.array_equal(mean, expected)
    longer = decay(1, tmp_path, "--resume", "--t-end", 1.25)
    assert "recorded [11, 12, 13]" in longer.stdout


def test_the_wall_clock_limit(tmp_path):
    done = decay(2, tmp_path, "--wall-limit", 1.5, "--sleep", 0.2, "--t-end", 100, code=75)
    assert "stopped by the wall-clock limit of 1.5 s" in done.stderr


def test_nan_stops_before_it_spoils_a_checkpoint(tmp_path, whole):
    flags = ["--nan-at", 6, "--checkpoint-every", 1e-9]
    done = decay(2, tmp_path, *flags, code=70)
    assert "step 6, t = 0.6: u is not finite" in done.stderr
    assert checkpoints(tmp_path) == ["checkpoint_00000004.h5", "checkpoint_00000005.h5"]
    assert digest(decay(1, tmp_path, "--resume")) == digest(whole[1])


def test_a_fresh_start_keeps_the_checkpoints_of_the_run_before(tmp_path):
    first = decay(1, tmp_path, "--resume")
    assert "no checkpoint" in first.stdout
    again = decay(1, tmp_path, "--t-end", 0.2)
    assert "checkpoints.old" in again.stdout
    assert (tmp_path / "checkpoints.old" / "checkpoint_00000010.h5").exists()
    assert checkpoints(tmp_path) == ["checkpoint_00000002.h5"]


def test_dry_run_writes_nothing(tmp_path):
    out = tmp_path / "run"
    done = decay(2, out, "--dry-run", "--n", 9)
    assert "process grid 2" in done.stdout
    assert "largest block 5 × 9 × 9, memory 2 arrays: 6.48 kB on that rank, 11.7 kB in all" in done.stdout
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["fields_*.h5", "3", "×", "500", "B"] in rows
    assert ["plane_*.h5", "3", "×", "648", "B"] in rows
    assert ["probes.h5", "1", "×", "88", "B"] in rows
    assert ["checkpoints/*.h5", "2", "×", "5.83", "kB"] in rows
    assert "n = 9  # points per axis" in done.stdout
    assert not out.exists()


def test_wrong_parameters_are_one_message_on_all_ranks(tmp_path):
    done = decay(3, tmp_path / "run", "--n", 1, code=2)
    assert done.stderr.count("--n = 1: must be int ≥ 2") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    done = decay(2, tmp_path / "file" / "run", code=1)
    assert "the run cannot start: " in done.stderr and "preparing the directory" in done.stderr
    assert "file/run" in done.stderr and "Traceback" not in done.stderr


def test_a_checkpoint_of_another_grid_is_one_message(tmp_path, whole):
    shutil.copytree(whole[0], tmp_path / "run")
    done = decay(1, tmp_path / "run", "--resume", "--n", 10, code=1)
    assert done.stderr.startswith("the run cannot start: ") and done.stderr.count("\n") == 1
    assert "[12, 0.0," in done.stderr and "[10, 0.0," in done.stderr


def test_a_checkpoint_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "checkpoints").touch()
    done = decay(1, tmp_path / "run", code=1)
    assert "no checkpoint at step 10" in done.stderr and "run/checkpoints" in done.stderr
    assert "Traceback" not in done.stderr
