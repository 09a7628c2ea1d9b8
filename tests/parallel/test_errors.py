"""A failing rank fails the job, quickly, with one clear message; never a hang."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mpi import run_ranks

from tensorpde.parallel import CollectiveError, agree, world


class TwoArgumentsError(Exception):
    """Cannot be made from a message."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def _fail(comm, what: str, rank: int, error: Exception) -> Exception:
    """The error that this rank gets when `rank` fails."""
    try:
        with agree(comm, what):
            if comm.rank == rank:
                raise error
    except Exception as found:
        return found
    raise AssertionError("no error")


def check_agreement() -> None:
    comm = world()
    last = comm.size - 1
    with agree(comm, "doing nothing"):
        pass
    found = _fail(comm, "reading the mesh", last, FileNotFoundError(2, "no such file: mesh"))
    assert type(found) is FileNotFoundError
    assert found.errno == 2
    prefix = f"rank {last}, while reading the mesh: " if comm.size > 1 else ""
    assert f"{prefix}[Errno 2] no such file: mesh" in str(found)
    assert _fail(comm, "x", last, KeyError("a name")).args[0].endswith("a name")
    wanted = TwoArgumentsError if comm.size == 1 else CollectiveError
    found = _fail(comm, "x", last, TwoArgumentsError(1, 2))
    assert type(found) is wanted
    assert "1 and 2" in str(found)
    if comm.size > 1:
        assert "_fail" in found.__notes__[0]
        assert (found.__cause__ is not None) == (comm.rank == last)


def check_nesting() -> None:
    """A rank that fails before an inner agreement meets the others there."""
    comm = world()
    for early in (True, False):
        try:
            with agree(comm, "the outer"):
                if early and comm.rank == 1:
                    raise ValueError("early")
                with agree(comm, "the inner"):
                    if not early and comm.rank == 1:
                        raise ValueError("late")
        except ValueError as error:
            assert str(error).count("rank 1") == 1, error
        else:
            raise AssertionError("no error")
    half = comm.Split(comm.rank % 2, comm.rank)
    try:
        with agree(comm, "the whole"), agree(half, "a half"):
            if comm.rank == 1:
                raise ValueError("in one half")
    except ValueError as error:
        assert "in one half" in str(error)
    else:
        raise AssertionError("no error")
    comm.Barrier()


@pytest.mark.parametrize("ranks", [1, 3])
def test_agreement(ranks: int) -> None:
    run_ranks(ranks, "parallel/test_errors.py::check_agreement")


def test_a_rank_that_fails_while_others_wait_elsewhere_ends_the_job() -> None:
    code = """
from tensorpde.parallel import agree, world
comm = world()
with agree(comm, "going apart", patience=0.5):
    if comm.rank == 1:
        raise ValueError("lost on the way")
    comm.Barrier()
"""
    start = time.monotonic()
    done = run_ranks(3, code, check=False)
    assert done.returncode != 0
    assert "lost on the way" in done.stderr
    assert time.monotonic() - start < 30


def test_a_rank_that_fails_waits_for_others_who_work() -> None:
    code = """
import time
from tensorpde.parallel import agree, world
comm = world()
try:
    with agree(comm, "working"):
        if comm.rank == 1:
            raise ValueError("failed early")
        time.sleep(1.0)
except ValueError as error:
    assert "rank 1, while working: failed early" in str(error)
else:
    raise AssertionError("no error")
"""
    run_ranks(3, code)


def test_nested_agreement() -> None:
    run_ranks(4, "parallel/test_errors.py::check_nesting")


FAILURES = {
    "exception": "raise RuntimeError('broken here')",
    "interrupt": "raise KeyboardInterrupt('broken here')",
    "thread": "import threading; threading.Thread(target=lambda: 1 / 0, name='broken here').start()",
    "at exit": "import atexit, sys; atexit.register(lambda: {}['broken here']); sys.exit()",
}


@pytest.mark.parametrize("kind", FAILURES)
def test_escaped_exception_ends_the_job(kind: str) -> None:
    code = f"""
import tensorpde.parallel as parallel, time
comm = parallel.world()
if comm.rank == 1:
    {FAILURES[kind]}
comm.Barrier() if comm.rank == 0 else time.sleep(100)
"""
    start = time.monotonic()
    result = run_ranks(2, code, check=False, timeout=30)
    assert result.returncode != 0
    assert "broken here" in result.stderr
    assert "rank 1 of 2" in result.stderr
    assert time.monotonic() - start < 25


def test_agreed_error_is_printed_once() -> None:
    code = """
import tensorpde as tp
space = tp.Space(tp.Axis(8, 0, 1))
def f(x):
    if space.comm.rank == 1:
        raise OverflowError("broken here")
    return x
space.field(f)
"""
    result = run_ranks(3, code, check=False, timeout=30)
    assert result.returncode != 0
    assert result.stderr.count("OverflowError: rank 1, while making a field: broken here") == 1


def test_the_same_error_on_all_ranks_is_printed_once() -> None:
    """Wrong input, which nobody needs to agree on."""
    result = run_ranks(3, "import tensorpde as tp; tp.Axis(-3, 0, 1)", check=False, timeout=30)
    assert result.returncode != 0
    assert result.stderr.count("ValueError: n=-3 is too small") == 1
    assert result.stderr.count("Traceback") == 1


def test_singletons_are_detected() -> None:
    """One process that the launcher counts among four."""
    environment = {**os.environ, "PMI_SIZE": "4", "PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("OMPI_COMM_WORLD_SIZE", None)
    code = "import tensorpde as tp; tp.Space(tp.Axis(8, 0, 1))"
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode != 0
    assert "started 4 ranks (PMI_SIZE) but MPI has 1" in result.stderr
