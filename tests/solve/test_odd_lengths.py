"""Fourier transforms of lengths that have no kernel of ours: the same bits on several ranks all the same."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

SHAPES = [(67, 16, 134), (134, 67, 12), (16, 134, 67)]


def digest(shape: tuple[int, ...]) -> str:
    space = tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0) for n in shape)))
    f = space.field(np.random.default_rng(0).standard_normal(shape))
    solver = tp.FastDiagonal(tp.laplacian(space), shift=1.0)
    return hashlib.sha256(solver.solve(f).gather().tobytes()).hexdigest()


def check_digests(expected: list[str]) -> None:
    assert [digest(shape) for shape in SHAPES] == expected


@pytest.mark.parametrize("ranks", [2, 3])
def test_bits_do_not_depend_on_ranks(ranks: int) -> None:
    run_ranks(ranks, "solve/test_odd_lengths.py::check_digests", [digest(shape) for shape in SHAPES])
