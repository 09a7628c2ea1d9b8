"""More ranks than lines: those that own nothing take part and nothing breaks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

WALLS = (tp.Dirichlet(), tp.Neumann())


def check(shape: list[int]) -> None:
    for bc in (tp.Periodic(), WALLS):
        space = tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 1.0, bc=bc if n > 3 else tp.Periodic()) for n in shape]))
        f = space.field(np.random.default_rng(0).standard_normal(shape))
        L = tp.laplacian(space)
        u = tp.FastDiagonal(L, shift=1.0).solve(f)
        assert (L @ u - u - f).norm() < 1e-12 * f.norm()


@pytest.mark.parametrize(("ranks", "shape"), [(2, [40]), (3, [2, 20]), (4, [2, 3, 9]), (6, [40])], ids=str)
def test_operator_and_solver(ranks: int, shape: list[int]) -> None:
    run_ranks(ranks, "solve/test_few_lines.py::check", shape)
