"""Checkpoints on several ranks: the same bytes, one clear error everywhere, and a whole file behind every kill."""

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from mpi import ENVIRONMENT, run_ranks

import tensorpde as tp
from tensorpde import io
from tensorpde.io import slabs

HERE = "io/test_checkpoint_ranks.py"


def make_space(comm=None, n=(11, 7, 6), **options):
    return tp.Space(tp.Grid(*(tp.Axis(points, 0.0, 1.0) for points in n)), comm, **options)


def values(space, lead=(2,)):
    return np.random.default_rng(3).standard_normal((*lead, *space.shape))


def save_and_load_on_every_number_of_ranks(directory):
    """Save on 1 … 4 ranks, load each on every other number."""
    from mpi4py import MPI

    world, slabs.SLAB = MPI.COMM_WORLD, 1000
    groups = [world.Split(0 if world.rank < size else 1) for size in (1, 2, 3, 4)]
    grids = {1: None, 2: (1, 2), 3: None, 4: (2, 2)}
    digests = []
    for size, comm in enumerate(groups, 1):
        if world.rank < size:
            space = make_space(comm, process_grid=grids[size])
            u = space.field(values(space)).align(size % 3)
            path = io.save_checkpoint(Path(directory) / str(size), {"u": u}, 5, 0.25)
            digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
        world.Barrier()
    assert len(set(digests)) == 1
    for size, comm in enumerate(groups, 1):
        if world.rank < size:
            space = make_space(comm)
            fields, step, now = io.load_checkpoint(Path(directory) / str(size % 4 + 1), space)
            assert np.array_equal(fields["u"].local, space.field(values(space)).local) and (step, now) == (5, 0.25)
        world.Barrier()

    few = make_space(n=(2, 2))  # some ranks own nothing
    u = few.field(values(few))
    io.save_checkpoint(Path(directory) / "few", {"u": u}, 0, 0.0)
    assert np.array_equal(io.load_checkpoint(Path(directory) / "few", few)[0]["u"].gather(), u.gather())


def test_the_same_file_on_every_number_of_ranks(tmp_path):
    run_ranks(4, f"{HERE}::save_and_load_on_every_number_of_ranks", str(tmp_path), timeout=110)


def errors_are_the_same_everywhere(directory):
    """Every fault that only rank 0 sees is raised on all ranks, and the next call works."""
    from mpi4py import MPI

    comm, directory = MPI.COMM_WORLD, Path(directory)
    space = make_space(n=(64, 32, 32))
    u, p = (space.field(values(space, ())) for _ in range(2))
    good = io.save_checkpoint(directory, {"u": u, "p": p}, 1, 0.5)
    before = good.stat() if comm.rank == 0 else None

    def fails(kind, pattern, call, *args):
        try:
            call(*args)
        except kind as error:
            messages = comm.allgather(str(error))
            assert len(set(messages)) == 1 and re.search(pattern, messages[0], re.DOTALL), messages
        else:
            raise AssertionError(f"no {kind.__name__} for {pattern}")

    (directory / "file").write_text("no directory")
    fails(OSError, "rank 0, while preparing .*file", io.save_checkpoint, directory / "file", {"u": u}, 2, 0.0)
    if comm.rank == 0:
        limit_file_size(200_000)
    fails(
        OSError,
        "rank 0, while creating .*00000002.h5.*too large",
        io.save_checkpoint,
        directory,
        {"u": u, "p": p},
        2,
        0.0,
    )
    if comm.rank == 0:
        limit_file_size(-1)
        h5py_write, io.hdf5.h5py.Dataset.__setitem__ = io.hdf5.h5py.Dataset.__setitem__, broken
    fails(OSError, "rank 0, while writing u: .*I/O error", io.save_checkpoint, directory, {"u": u, "p": p}, 2, 0.0)
    if comm.rank == 0:
        io.hdf5.h5py.Dataset.__setitem__ = h5py_write
        assert os.listdir(directory) == [good.name, "file"] or sorted(os.listdir(directory)) == sorted(
            [good.name, "file"]
        )
        assert (good.stat().st_ino, good.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
        flip(good, good.stat().st_size // 2)
    comm.Barrier()
    fails(io.Unreadable, "rank 0, while reading .*00000001.h5.*damaged", io.load_checkpoint, directory, space)
    io.save_checkpoint(directory, {"u": u}, 2, 0.0)
    assert np.array_equal(io.load_checkpoint(directory, space)[0]["u"].local, u.local)


def limit_file_size(nbytes):
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, -1))


def broken(*_):
    raise OSError(5, "I/O error")


def flip(path, at):
    data = bytearray(path.read_bytes())
    data[at] ^= 4
    path.write_bytes(data)


def test_errors_reach_all_ranks_and_harm_nothing(tmp_path):
    run_ranks(3, f"{HERE}::errors_are_the_same_everywhere", str(tmp_path), timeout=110)


def fill_the_disk(directory):
    space = make_space(n=(32, 32, 32))
    for step in range(100):
        io.save_checkpoint(directory, {"u": space.field(float(step)), "v": space.zeros()}, step, 0.0)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB: two checkpoints of fill_the_disk and no third."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1800k", "tmpfs", disk], capture_output=True, text=True)
    if mount.returncode:
        pytest.skip(f"needs a small disk, which needs root: {mount.stderr.strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_full_disk(small_disk):
    done = run_ranks(2, f"{HERE}::fill_the_disk", str(small_disk), check=False)
    assert done.returncode != 0
    assert done.stderr.count("OSError: [Errno 28] rank 0, while creating") == 1 and "KiB are needed" in done.stderr
    kept = sorted(os.listdir(small_disk))
    assert kept == ["checkpoint_00000000.h5", "checkpoint_00000001.h5"]
    fields, step, _ = io.load_checkpoint(small_disk, make_space(n=(32, 32, 32)))
    assert step == 1 and fields["u"].max() == 1.0


SAVE_FOREVER = """
import os, sys, warnings
import numpy as np
import tensorpde as tp
from tensorpde import io

# One parent with everything imported; each child saves without end until it is killed at a random moment.
space = tp.Space(tp.Grid(*(tp.Axis(16, 0.0, 1.0) for _ in range(3))))
directory, rounds = sys.argv[1], int(sys.argv[2])
import random, signal, time
warnings.simplefilter("error")
random.seed(1)
last = torn = 0
parent = os.getpid()
for _ in range(rounds):
    child = os.fork()
    if child == 0:
        step = last
        while os.getppid() == parent:
            step += 1
            io.save_checkpoint(directory, {"u": space.field(float(step))}, step, float(step))
        os._exit(1)
    while max((int(n[11:19]) for n in os.listdir(directory) if n.endswith(".h5")), default=0) < last + 2:
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the child ended by itself"
        time.sleep(0.0005)
    time.sleep(random.uniform(0, 0.012))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    torn += any(name.endswith(".part") for name in os.listdir(directory))
    fields, step, time_ = io.load_checkpoint(directory, space)
    assert step >= last + 2 and time_ == step and fields["u"].min() == fields["u"].max() == step
    assert sum(name.endswith(".h5") for name in os.listdir(directory)) in (2, 3)
    last = step
print("torn", torn)
"""


def test_kill_at_fifty_random_moments_leaves_a_whole_checkpoint(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SAVE_FOREVER, str(tmp_path), "50"],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(Path(tp.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) >= 5  # kills that hit an unfinished file


def save_until_killed(directory):
    space = make_space(n=(32, 16, 16))
    if space.comm.rank == 1:
        Path(directory, "pid").write_text(str(os.getpid()))
    for step in range(10_000):
        io.save_checkpoint(directory, {"u": space.field(float(step))}, step, 0.0)


def test_kill_of_one_rank_ends_the_job_and_leaves_a_checkpoint(tmp_path):
    import threading

    def kill():
        while not (tmp_path / "checkpoint_00000003.h5").exists():
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.1))
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)

    threading.Thread(target=kill, daemon=True).start()
    done = run_ranks(2, f"{HERE}::save_until_killed", str(tmp_path), check=False)
    assert done.returncode != 0
    fields, step, _ = io.load_checkpoint(tmp_path, make_space(n=(32, 16, 16)))
    assert step >= 3 and fields["u"].min() == fields["u"].max() == step
