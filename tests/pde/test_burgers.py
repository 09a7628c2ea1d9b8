"""Burgers' equation against the Cole–Hopf solution: order in space and time, in one to three dimensions."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.pde.burgers import cole_hopf
from tensorpde.stepping import RK4

HERE = "pde/test_burgers.py"
NU = 0.3


def box(n: int, ndim: int, comm=None) -> tp.Space:
    return tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 2 * np.pi)] * ndim), comm)


def end(n: int, ndim: int, steps: int, **options) -> tp.Field:
    space = box(n, ndim)
    burgers = tp.pde.Burgers(space, NU, **options)
    u = cole_hopf(space, NU, 0.0, 3.0)
    for k in range(steps):
        burgers.step(u, 0.5 / steps, 0.5 * k / steps)
    return u


def error(n: int, ndim: int) -> float:
    u = end(n, ndim, 50, tableau=RK4)
    exact = cole_hopf(u.space, NU, 0.5, 3.0)
    return (u - exact).norm() / exact.norm()


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_sixth_order_in_space(ndim: int) -> None:
    sizes = (12, 16) if ndim == 3 else (14, 20, 28)
    errors = [error(n, ndim) for n in sizes]
    orders = -np.diff(np.log(errors)) / np.diff(np.log(sizes))
    assert orders.min() > 5.2, (errors, orders)


def test_third_order_in_time() -> None:
    ends = [end(24, 1, steps) for steps in (20, 40, 80)]
    first, second = ((a - b).norm() for a, b in pairwise(ends))
    assert np.log2(first / second) == pytest.approx(3, abs=0.3)


def test_step_of_its_own_is_stable_and_the_mean_is_kept() -> None:
    space = box(32, 2)
    burgers = tp.pde.Burgers(space, 0.2, cfl=0.9)
    u = cole_hopf(space, 0.2, 0.0, 1.5)
    before = burgers.diagnostics(u)
    for _ in range(40):
        burgers.step(u)
    after = burgers.diagnostics(u)
    assert after["energy"] < before["energy"] and after["speed"] < before["speed"]
    assert abs(after["mean_0"]) < 1e-9 and abs(after["mean_1"]) < 1e-9


def digest(comm=None) -> str:
    space = box(9, 3, comm)
    u = cole_hopf(space, NU, 0.0, 1.5)
    tp.pde.Burgers(space, NU).step(u)
    return hashlib.sha256(u.gather().tobytes()).hexdigest()


def check_ranks() -> None:
    assert digest() == digest(tp.parallel.alone())


def test_the_same_bits_on_ranks() -> None:
    run_ranks(4, f"{HERE}::check_ranks", timeout=240)


def test_walls_are_refused() -> None:
    with pytest.raises(ValueError, match="real periodic Space"):
        tp.pde.Burgers(tp.Space(tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet())), 0.1)
    with pytest.raises(ValueError, match=r"nu > 0 .*, got nu=0.0"):
        tp.pde.Burgers(box(8, 1), 0.0)
