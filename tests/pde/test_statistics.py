"""Statistics: exact means, stresses and spectra; the budget of the turbulent energy closes; same bits everywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.pde import FlowStatistics, Statistics

HERE = "pde/test_statistics.py"


def channel(comm=None, n: int = 17) -> tp.Space:
    wall = tp.Axis(n, -1.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(1.2))
    return tp.Space(tp.Grid(tp.Axis(12, 0.0, 4.0), wall, tp.Axis(8, 0.0, 2.0)), comm)


def test_means_and_spectra_of_known_fields() -> None:
    space = channel()
    y = space.axes[1].x
    u = space.field(lambda x, y, z: 1 - y**2 + 0.3 * y * np.sin(np.pi * x) + 0.2 * np.cos(2 * np.pi * z))
    v = space.field(lambda x, y, z: 0.1 * np.sin(np.pi * x) * (1 - y**2) + 0 * z)
    statistics = Statistics(space, (0, 2))
    for weight, factor in ((1.0, 1.0), (3.0, 2.0)):
        terms = {"u": factor * u, "uv": (factor * u, v), "uuv": (u, factor * u, v)}
        statistics.add(weight, terms, {"Ex": (u, 0), "Ez": (u, -1 % 3)})
    np.testing.assert_allclose(statistics["u"], 1.75 * (1 - y**2), atol=1e-14)
    np.testing.assert_allclose(statistics["uv"], 1.75 * 0.015 * y * (1 - y**2), atol=1e-14)
    np.testing.assert_allclose(statistics["uuv"], 1.75 * 2 * 0.015 * y * (1 - y**2) ** 2, atol=1e-14)
    assert statistics.weight == 4.0
    expected = np.zeros((7, 17))
    expected[0], expected[2] = 0.5 * (1 - y**2) ** 2 + 0.5 * 0.02, 0.5 * 0.045 * y**2
    np.testing.assert_allclose(statistics["Ex"], expected, atol=1e-14)
    total = statistics["Ez"].sum(axis=0)
    np.testing.assert_allclose(total, 0.5 * ((1 - y**2) ** 2 + 0.045 * y**2 + 0.02), atol=1e-14)


def turbulent(n: int) -> tuple[tp.pde.NavierStokes, tp.Field]:
    """A smooth flow in a periodic box whose statistics depend on y."""
    line = tp.Axis(n, 0.0, 2 * np.pi)
    space = tp.Space(tp.Grid(line, line, line))
    flow = tp.pde.NavierStokes(space, nu=0.1)

    def velocity(x, y, z):
        return [
            np.sin(y) + 0.4 * np.cos(x) * np.sin(y) * np.cos(z) + 0.2 * np.sin(z + y),
            0.5 * np.sin(x) * np.cos(y) * np.cos(z) + 0.3 * np.cos(z + x),
            0.2 * np.cos(y) * np.sin(x) + 0.1 * np.sin(z) * np.sin(2 * y),
        ]

    return flow, flow.project(space.field(velocity, lead=(3,)))


def test_the_budget_closes() -> None:
    """Its sum is ⟨u_i' ∂u_i/∂t⟩, with errors that fall with the order of the schemes."""
    misses = []
    for n in (12, 24):
        flow, v = turbulent(n)
        statistics = FlowStatistics(flow, (0, 2))
        statistics.add(v, 1.0)
        rate = flow.projection(flow.slope(v, 0.0, v.copy()))
        change = Statistics(flow.space, (0, 2))
        change.add(1.0, {f"{i}": (v[i], rate[i]) for i in range(3)} | {f"r{i}": rate[i] for i in range(3)})
        expected = sum(change[f"{i}"] - statistics.mean(i) * change[f"r{i}"] for i in range(3))
        budget = statistics.budget()
        assert min(np.abs(term).max() for term in budget.values()) > 1e-3  # no term is idle
        assert budget["dissipation"].max() < 0
        misses.append(np.abs(sum(budget.values()) - expected).max())
    assert misses[1] < 1e-4 and misses[0] / misses[1] > 2**4.5, misses


def test_stresses_and_spectra_fit() -> None:
    flow, v = turbulent(12)
    statistics = FlowStatistics(flow, (0, 2))
    statistics.add(v, 2.0)
    values = v.gather()
    for i in range(3):
        own = values[i] - values[i].mean(axis=(0, 2), keepdims=True)
        np.testing.assert_allclose(statistics.rms(i) ** 2, (own**2).mean(axis=(0, 2)), atol=1e-14)
        for axis in (0, 2):
            whole = 0.5 * (statistics.rms(i) ** 2 + statistics.mean(i) ** 2)
            np.testing.assert_allclose(statistics.spectrum(i, axis).sum(axis=0), whole, atol=1e-14)


def accumulate(space: tp.Space, kept: dict, instants: range) -> FlowStatistics:
    flow = tp.pde.NavierStokes(space, nu=0.1)
    statistics = FlowStatistics(flow, (0, 2), kept)
    for k in instants:
        v = space.field(lambda x, y, z, k=k: [np.sin(np.pi * x / 2 + k * y), y * np.cos(k + z), x * z / (1 + k)], (3,))
        statistics.add(flow.project(v), 0.1 + k)
    return statistics


def digest(kept: dict) -> str:
    return json.dumps({name: np.asarray(values).tolist() for name, values in kept["sums"].items()})


def check_ranks() -> None:
    one, many = {}, {}
    accumulate(channel(tp.parallel.alone(), 9), one, range(2))
    accumulate(channel(None, 9), many, range(2))
    assert digest(one) == digest(many)


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_same_bits_on_any_number_of_ranks(ranks: int) -> None:
    run_ranks(ranks, f"{HERE}::check_ranks", timeout=240)


def test_the_same_bits_after_a_restart(tmp_path) -> None:
    space = channel(n=9)
    whole: dict = {}
    accumulate(space, whole, range(4))
    first: dict = {}
    accumulate(space, first, range(2))
    tp.io.save_checkpoint(tmp_path, {"p": space.zeros()}, 1, 0.0, {"statistics": first})
    attributes: dict = {}
    tp.io.load_checkpoint(tmp_path, space, attributes)
    resumed = accumulate(space, attributes["statistics"], range(2, 4))
    assert digest(attributes["statistics"]) == digest(whole)
    assert resumed.statistics.weight == whole["weight"]


def test_what_does_not_fit_is_refused() -> None:
    space = channel()
    with pytest.raises(ValueError, match=r"some of the 3 axes, not all, got \[0, 1, 2\]"):
        Statistics(space, (0, 1, 2))
    kept: dict = {}
    statistics = Statistics(space, (0, 2), kept)
    statistics.add(1.0, {"u": space.zeros()})
    with pytest.raises(ValueError, match="have been of u, not of v"):
        statistics.add(1.0, {"v": space.zeros()})
    with pytest.raises(ValueError, match="periodic, homogeneous axis"):
        statistics.add(1.0, {}, {"u": (space.zeros(), 1)})
    with pytest.raises(ValueError, match=r"over the axes \[0, 2\], these are over \[0\]"):
        Statistics(space, (0,), kept)
    with pytest.raises(ValueError, match="leave"):
        FlowStatistics(tp.pde.NavierStokes(space, nu=0.1), (0,))


def test_what_was_not_taken_is_named():
    means = tp.pde.Means()
    with pytest.raises(ValueError, match="no statistics of u, only of nothing yet"):
        means["u"]
    means.take(1.0, {"v": 2.0})
    with pytest.raises(ValueError, match="no statistics of u, only of v"):
        means["u"]
