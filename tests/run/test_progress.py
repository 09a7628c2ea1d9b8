"""Progress: durations, the remaining time, lines in a log, a bar on a terminal."""

import io

import pytest

from tensorpde.run import progress
from tensorpde.run.progress import Progress, duration


@pytest.mark.parametrize(
    "seconds, text", [(7.2, "0:07"), (754, "12:34"), (3723, "1:02:03"), (273906, "3d 04:05:06"), (float("nan"), "?")]
)
def test_duration(seconds, text):
    assert duration(seconds) == text


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    fake = FakeClock()
    monkeypatch.setattr(progress.time, "monotonic", fake.monotonic)
    return fake


def test_a_log_gets_the_first_the_last_and_a_line_each_ten_seconds(clock):
    stream = io.StringIO()
    report = Progress(0.0, 10.0, stream=stream)
    clock.now += 50.0  # the first step compiles: it must not spoil the estimate
    for step in range(1, 11):
        report.update(step, float(step), energy=0.125)
        clock.now += 4.0
    lines = stream.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == ["1", "4", "7", "10"]
    assert "t 4 of 10" in lines[1]
    assert "energy 0.125" in lines[1]
    assert "4 s/step" in lines[1]
    assert "ETA 0:24" in lines[1]
    assert "\r" not in stream.getvalue()


def test_inactive_is_silent():
    stream = io.StringIO()
    Progress(0.0, 1.0, active=False, stream=stream).update(1, 1.0)
    assert stream.getvalue() == ""


def test_a_terminal_gets_a_bar_no_wider_than_it(clock, monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE"):
        monkeypatch.delenv(name, raising=False)
    report = Progress(0.0, 2.0, stream=stream)
    report.update(1, 1.0)
    clock.now += 1.0
    report.update(2, 2.0)
    report.close()
    parts = stream.getvalue().rstrip("\n").split("\r")[1:]
    assert len(parts) == 2
    assert all(len(part) == 79 for part in parts)
    assert parts[0].count("█") == parts[0].count("·") > 2
    assert "·" not in parts[1]
