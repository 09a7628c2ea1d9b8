"""Benchmarks on the GPU backend give finite rows, timed by events on its stream and beside its own copy."""

import json
import math

import pytest

from tensorpde.bench import measure
from tensorpde.parallel.comm import world
from tensorpde.run.cli import main

ROWS = {"line": 36, "poisson": 6, "step": 7, "tfno": 2, "transpose": 4}


@pytest.mark.parametrize("name", ROWS)
def test_a_benchmark_runs_on_the_device(capsys, name):
    assert main(["bench", name, "--backend", "cupy", "--n", "5", "--repeat", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == ROWS[name]
    for row in rows:
        assert set(row["others"]) <= {"alltoallv"}
        assert all(math.isfinite(x) and x > 0 for x in (row["seconds"], row["gb_per_s"], row["copy_ratio"])), row


def test_events_say_how_long(monkeypatch):
    from tensorpde.backend import cupy as gpu

    monkeypatch.setattr(gpu.cupy.cuda, "get_elapsed_time", lambda start, end: 250.0)
    assert measure.medians(world(), {"call": lambda: None}, 1, "cupy") == {"call": 0.25}
