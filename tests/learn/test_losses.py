"""Losses against formulas and central differences, on grids with and without walls, on one rank and on several."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.learn import losses
from tensorpde.parallel import alone

HERE = "learn/test_losses.py"
PERIODIC, WALLS = tp.Axis(8, 0.0, 2 * np.pi), tp.Axis(7, 0.0, 1.0, bc=tp.Dirichlet())
CELLS = tp.Axis(6, 0.0, 2.0, bc=tp.Neumann(), location="cells")


def space_of(*axes: tp.Axis, comm=None) -> tp.Space:
    return tp.Space(tp.Grid(*axes), alone() if comm is None else comm)


def fields(space: tp.Space, batch: int = 3, channels: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    return rng.standard_normal((batch, channels, *space.shape)), rng.standard_normal((batch, channels, *space.shape))


def made(name: str, space: tp.Space):
    laplacian = tp.laplacian(space)
    return {
        "l2": losses.relative_l2,
        "spectral": lambda: losses.relative_h1(space),
        "difference": lambda: losses.relative_h1(space, "difference"),
        "residual": lambda: losses.Residual(laplacian, space.field(lambda *x: 1.0 + x[0])),
        "one per sample": lambda: losses.Residual([laplacian, -2.0 * laplacian, laplacian]),
        "sum": lambda: losses.Sum([(2.0, losses.relative_l2()), (0.5, losses.Residual(laplacian))]),
    }[name]()


NAMES = ["l2", "spectral", "difference", "residual", "one per sample", "sum"]
GRIDS = [(PERIODIC,), (WALLS, PERIODIC), (CELLS, WALLS, PERIODIC)]


@pytest.mark.parametrize("axes", GRIDS, ids=["1-D", "2-D", "3-D"])
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_central_differences(name: str, axes) -> None:
    space = space_of(*axes)
    y, t = fields(space)
    loss = made(name, space)
    _, dy = loss(y, t)
    direction, h = np.random.default_rng(1).standard_normal(y.shape), 1e-6
    slope = (loss(y + h * direction, t)[0] - loss(y - h * direction, t)[0]) / (2 * h)
    np.testing.assert_allclose(np.vdot(dy, direction), slope, rtol=1e-7)


def test_relative_l2_is_the_formula() -> None:
    y, t = fields(space_of(PERIODIC, PERIODIC))
    ratios = [np.linalg.norm(a - b) / np.linalg.norm(b) for a, b in zip(y, t)]
    assert losses.relative_l2()(y, t)[0] == pytest.approx(np.mean(ratios), rel=1e-14)
    value, dy = losses.relative_l2()(t, t)
    assert value == 0 and not dy.any()


@pytest.mark.parametrize("axis", [tp.Axis(16, 0.0, 2.0), tp.Axis(15, 0.0, 2.0, bc=tp.Dirichlet())])
def test_the_spectral_norm_of_a_wave(axis: tp.Axis) -> None:
    """‖sin kx‖²_H¹ = (1 + k²)‖sin kx‖² for a mode of the axis, k = π·m/2·…, so the ratio of two waves is known."""
    space = space_of(axis)
    one, two = (np.sin(np.pi * m * axis.x)[None, None] for m in (1, 3))
    ratio = losses.relative_h1(space)(one + two, one)[0]
    assert ratio == pytest.approx(np.sqrt((1 + 9 * np.pi**2) / (1 + np.pi**2)), rel=1e-12)


def test_the_norm_by_differences_converges_to_the_spectral_one() -> None:
    errors = []
    for n in (32, 64):
        axis = tp.Axis(n, 0.0, 2 * np.pi)
        space = space_of(axis)
        y, t = np.exp(np.sin(axis.x))[None, None], np.cos(axis.x)[None, None]
        exact = losses.relative_h1(space)(y, t)[0]
        errors.append(abs(losses.relative_h1(space, "difference")(y, t)[0] - exact))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.1)


def test_the_residual_of_a_solution_is_zero() -> None:
    axis = tp.Axis(31, 0.0, 1.0, bc=(tp.Dirichlet(1.0), tp.Dirichlet(2.0)))
    space = space_of(axis)
    laplacian, f = tp.laplacian(space), space.field(np.sin)
    u = tp.FastDiagonal(laplacian).solve(f)
    assert losses.Residual(laplacian, f)(u.local[None, None], None)[0] < 1e-11


def show(names: list[str], out: str) -> None:
    space = tp.Space(tp.Grid(WALLS, PERIODIC, CELLS))
    found = {}
    y, t = (space.field(values) for values in fields(space))
    for name in names:
        value, dy = made(name, space)(y, t)
        found[name] = [value, dy.gather().tolist()]
    if space.comm.rank == 0:
        Path(out).write_text(json.dumps(found))


@pytest.mark.parametrize("ranks", [2, 4])
def test_the_same_on_any_number_of_ranks(ranks: int, tmp_path: Path) -> None:
    space = space_of(WALLS, PERIODIC, CELLS)
    names = [name for name in NAMES if name != "one per sample"]
    run_ranks(ranks, f"{HERE}::show", names, str(tmp_path / "found"))
    found = json.loads((tmp_path / "found").read_text())
    y, t = fields(space)
    for name in names:
        value, dy = made(name, space)(y, t)
        assert found[name][0] == pytest.approx(value, rel=1e-13)
        np.testing.assert_allclose(found[name][1], dy, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: losses.relative_h1(space_of(PERIODIC), "weak"), "'weak'"),
        (lambda: losses.relative_h1(space_of(tp.Axis(8, 0.0, 1.0, bc=tp.Neumann()))), "one kind of condition"),
        (lambda: losses.relative_l2()(np.ones((2, 1, 4)), np.ones((2, 1, 5))), r"\(2, 1, 4\) for .* \(2, 1, 5\)"),
        (
            lambda: losses.relative_l2()(np.ones((2, 1, 4)), np.arange(8.0).reshape(2, 1, 4) // 4),
            "sample 0 .* relative L2",
        ),
        (
            lambda: losses.Residual(tp.laplacian(space_of(WALLS)))(np.ones((1, 1, 7)), np.zeros((1, 1, 7))),
            "sample 0 .* residual: its right-hand side",
        ),
        (lambda: made("one per sample", space_of(WALLS))(*fields(space_of(WALLS), 2)), "3 operators for .* of 2"),
    ],
)
def test_what_does_not_fit_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()
