"""A field that one rank has no memory for is trained on by four, each with the same limit."""

from __future__ import annotations

import resource
from pathlib import Path

import h5py
import numpy as np
from mpi import run_ranks

from tensorpde import learn
from tensorpde.parallel import world
from tensorpde.parallel.rank_grid import RankGrid

HERE = "learn/test_large_fields.py"
N, LIMIT = 640, 120_000_000


def train_within_limits(path: str) -> None:
    """Two updates with the weights of a small operator, after which memory may only grow by LIMIT bytes."""
    comm = world()
    model = learn.TFNO((8, 8), 1, 1, 16, n_layers=3)
    ranks = RankGrid(comm, 1, 1, comm.size)
    optimizer, losses = learn.optim.Adam(), []

    def run(name: str) -> None:
        pairs = learn.Pairs(path, f"{name}/x", f"{name}/y", ranks, ndim=2)
        state = learn.start(model, optimizer, seed=1)
        same = learn.Normaliser((0.0,), (1.0,))
        learn.train(
            model, state, pairs, learn.losses.relative_l2(), optimizer, learn.optim.Constant(0.01), 2, 1, (same, same),
            progress=lambda _, loss, slope: losses.append(loss),
        )  # fmt: skip

    run("small")  # compiled kernels, plans and what the libraries allocate once
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    used = int(status["VmData"].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + LIMIT, used + LIMIT))
    run("large")
    if comm.rank == 0:
        print(f"trained: loss {losses[-2]:.3f} to {losses[-1]:.3f}" if losses[-1] < losses[-2] else losses)


def test_four_ranks_train_what_one_cannot_hold(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        for name, n in (("small", 16), ("large", N)):
            s = 2 * np.pi * np.arange(n) / n
            file[f"{name}/x"] = (np.sin(s)[:, None] * np.cos(s))[None].astype("f4")
            file[f"{name}/y"] = (np.cos(s)[:, None] * np.cos(2 * s) + 0.3)[None].astype("f4")
    one = run_ranks(1, f"{HERE}::train_within_limits", str(path), check=False)
    assert one.returncode != 0 and "MemoryError" in one.stderr, one.stdout + one.stderr
    four = run_ranks(4, f"{HERE}::train_within_limits", str(path))
    assert "trained: loss" in four.stdout, four.stdout
