"""Watch: signals and deadlines become one verdict for all ranks."""

import os
import signal
import time

import pytest
from mpi4py import MPI

from tensorpde.run.signals import SLURM_MARGIN, Verdict, Watch


@pytest.fixture
def watch():
    made = []

    def make(**keywords):
        made.append(Watch(MPI.COMM_SELF, environ=keywords.pop("environ", {}), **keywords))
        return made[-1]

    yield make
    for one in reversed(made):
        one.close()


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM])
def test_a_signal_stops(watch, number):
    one = watch()
    assert one.poll() is Verdict.GO_ON
    os.kill(os.getpid(), number)
    assert one.poll() is Verdict.STOP
    assert signal.Signals(number).name in one.reason


def test_the_second_term_is_the_default_one(watch):
    watch()
    os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_close_gives_the_signals_back():
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)
    one = Watch(MPI.COMM_SELF, environ={})
    assert signal.getsignal(signal.SIGUSR1) != before[0]
    one.close()
    assert (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGTERM)) == before


def test_wall_limit_leaves_room_for_two_of_the_longest_steps(watch):
    start = time.time()
    one = watch(wall_limit=100.0)
    assert [one._decide(start + t) for t in (0.0, 10.0, 41.0)] == [Verdict.GO_ON, Verdict.GO_ON, Verdict.STOP]
    assert "100 s" in one.reason


def test_the_end_of_the_slurm_job(watch):
    end = int(time.time()) + 1000
    one = watch(environ={"SLURM_JOB_END_TIME": str(end)}, wall_limit=5000.0)
    assert one._decide(end - SLURM_MARGIN - 1) is Verdict.GO_ON
    assert one._decide(end - SLURM_MARGIN) is Verdict.STOP
    assert "Slurm" in one.reason


def test_checkpoints_by_the_clock(watch):
    start = time.time()
    one = watch(checkpoint_every=60.0)
    verdicts = [one._decide(start + t) for t in (30, 59, 61, 90, 119, 122)]
    assert [v is Verdict.SAVE for v in verdicts] == [False, False, True, False, False, True]
