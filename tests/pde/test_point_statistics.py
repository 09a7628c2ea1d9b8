"""Means at every point: exact for fields that are known; the same bits on other ranks and after a restart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.pde import PointStatistics

HERE = "pde/test_point_statistics.py"


def space(comm=None) -> tp.Space:
    return tp.Space(tp.Grid(tp.Axis(9, 0.0, 2.0), tp.Axis(7, -1.0, 1.0, bc=tp.NoSlip())), comm)


def velocity(of: tp.Space, t: float) -> tp.Field:
    return of.field(lambda x, y: [np.sin(np.pi * x) * (1 - y**2) + t, t**2 * y * np.cos(np.pi * x)], lead=(2,))


def test_means_and_stresses_of_known_fields() -> None:
    grid = space()
    means = PointStatistics(PointStatistics.empty(grid))
    assert np.isnan(means.mean(0).local).all() and np.isnan(means.rms(1).local).all()
    for t, weight in ((0.0, 1.0), (1.0, 2.0), (2.0, 1.0)):
        means.add(velocity(grid, t), weight)
    x, y = grid.coordinates()
    steady = np.sin(np.pi * x) * (1 - y**2)
    across = y * np.cos(np.pi * x)
    np.testing.assert_allclose(means.mean(0).local, steady + 1, atol=1e-14)
    np.testing.assert_allclose(means.mean(1).local, 1.5 * across, atol=1e-14)  # of t²: 0, 1, 1, 4
    np.testing.assert_allclose(means.rms(0).local, np.sqrt(0.5), atol=1e-14)
    np.testing.assert_allclose(means.stress(1, 1).local, (4.5 - 2.25) * across**2, atol=1e-14)
    np.testing.assert_allclose(means.stress(1, 0).local, (2.5 - 1.5) * across, atol=1e-14)  # ⟨t³⟩ − ⟨t⟩⟨t²⟩
    with pytest.raises(ValueError, match=r"5 components in 2 dimensions, not \(4,\)"):
        PointStatistics(grid.zeros(lead=(4,)))


def part(out: str, first: int, last: int) -> None:
    """Instants of a run that was started or goes on here."""
    grid, kept = space(), {}
    sums = PointStatistics.empty(grid)
    if first:
        fields, *_ = tp.io.load_checkpoint(out, {"sums": grid, "rms": grid}, kept)
        sums = fields["sums"]
    means = PointStatistics(sums, kept.setdefault("statistics", {}))
    for k in range(first, last):
        means.add(velocity(grid, 0.1 * k), 0.1 + 0.01 * k)
    tp.io.save_checkpoint(out, {"sums": means.sums, "rms": means.rms(1)}, last, 0.0, kept)


def test_the_same_bits_after_a_restart_on_other_ranks(tmp_path: Path) -> None:
    part(str(tmp_path / "whole"), 0, 7)
    run_ranks(3, f"{HERE}::part", str(tmp_path / "parts"), 0, 3)
    run_ranks(2, f"{HERE}::part", str(tmp_path / "parts"), 3, 7)
    grid, kept = space(), ({}, {})
    found = [
        tp.io.load_checkpoint(tmp_path / name, {"sums": grid, "rms": grid}, attributes)[0]
        for name, attributes in zip(("whole", "parts"), kept, strict=True)
    ]
    assert kept[0]["statistics"] == kept[1]["statistics"]
    for name in ("sums", "rms"):
        np.testing.assert_array_equal(found[0][name].local, found[1][name].local)
