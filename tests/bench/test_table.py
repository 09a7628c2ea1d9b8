"""The table of all benchmarks."""

import pytest

from tensorpde.bench.table import duration, row, table


def test_a_row_relates_the_time_to_that_of_a_copy():
    r = row("derivative", 0.02, moved=4e8, copy=25e9, scipy=0.3)
    assert r["gb_per_s"] == pytest.approx(20.0)
    assert r["copy_ratio"] == pytest.approx(1.25)
    assert r["others"] == {"scipy": 0.3}


def test_the_table_has_a_column_for_every_other_package():
    text = table(
        [row("derivative", 0.02, 4e8, 25e9, scipy=0.3), row("set-up", 1.5), row("turn", 2e-5, mpi4py_fft=3e-5)]
    )
    head, rule, *lines = text.splitlines()
    assert head.split() == ["time", "GB/s", "×", "copy", "scipy", "mpi4py_fft"]
    assert set(rule) == {"─"}
    assert lines[0].split() == ["derivative", "20.0", "ms", "20.0", "1.25", "300", "ms", "(15.00", "×)"]
    assert lines[1].split() == ["set-up", "1.50", "s"]
    assert lines[2].endswith("30.0 µs (1.50 ×)")
    assert len(lines[2]) == len(head) == len(rule)


@pytest.mark.parametrize("seconds, text", [(1.5, "1.50 s"), (0.0205, "20.5 ms"), (1e-6, "1.00 µs"), (2e-8, "20 ns")])
def test_duration(seconds, text):
    assert duration(seconds) == text
