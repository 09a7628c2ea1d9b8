"""Fair timing: who counts, who is called how often."""

import time

import pytest

from tensorpde.bench import measure
from tensorpde.parallel.comm import world


def test_calls_take_turns_after_a_round_without_the_clock():
    calls = []
    times = measure.medians(world(), {"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert list(times) == ["a", "b"]
    assert all(seconds > 0 for seconds in times.values())


def test_the_median_forgives_one_slow_round():
    naps = iter([0.0, 0.2, 0.0, 0.0])  # the first is not timed
    assert measure.medians(world(), {"nap": lambda: time.sleep(next(naps))}, 3)["nap"] < 0.2


def test_no_rounds_are_refused():
    with pytest.raises(ValueError, match="--repeat 0"):
        measure.medians(world(), {}, 0)


def test_a_package_that_is_missing_is_none():
    assert measure.installed("numpy").__name__ == "numpy"
    assert measure.installed("no_such_package_anywhere") is None
