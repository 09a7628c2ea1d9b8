"""Sums are right, and the same to the last bit on any number of ranks and in any pencil."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

SHAPES = [(700,), (33, 20), (17, 12, 31), (9, 14, 40), (3, 2, 9), (5, 4, 3, 6)]


def space_of(shape: tuple, dtype: str, process_grid: tuple | None = None) -> tp.Space:
    kinds = [tp.Periodic(), (tp.Dirichlet(), tp.Neumann()), tp.Neumann()]
    axes = [tp.Axis(n, -1, 2, bc=kinds[i % 3] if n > 1 else tp.Periodic()) for i, n in enumerate(shape)]
    return tp.Space(tp.Grid(*axes), dtype=dtype, process_grid=process_grid)


def values(shape: tuple, dtype: str, seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    scale = 10.0 ** draw.integers(-8, 8, size=shape)
    array = draw.standard_normal(shape) * scale
    return (array + 1j * draw.standard_normal(shape) if dtype in "FD" else array).astype(dtype)


def all_sums() -> list[str]:
    """All sums as exact text; every pencil must give the same."""
    found = []
    for shape in SHAPES:
        for dtype in "dDf":
            spaces = [space_of(shape, dtype)]
            if spaces[0].comm.size == 4 and len(shape) > 2:
                spaces.append(space_of(shape, dtype, (2, 2)))
            texts = {text for space in spaces for text in sums_in_every_pencil(space, dtype)}
            assert len(texts) == 1, (shape, dtype, texts)
            found.append(texts.pop())
    return found


def compare_sums(expected: list[str]) -> None:
    assert all_sums() == expected


def sums_in_every_pencil(space: tp.Space, dtype: str) -> set[str]:
    f, g = (space.field(values(space.shape, dtype, seed)) for seed in (1, 2))
    fields = [(f, g)] + [(f.align(axis), g) for axis in range(space.ndim)]
    return {repr((a.dot(b), a.norm(), a.integral(), a.mean())) for a, b in fields}


@pytest.fixture(scope="module")
def serial_sums() -> list[str]:
    return all_sums()


@pytest.mark.parametrize("ranks", [2, 3, 4, 6])
def test_bitwise_on_any_number_of_ranks(ranks: int, serial_sums: list[str]) -> None:
    run_ranks(ranks, "parallel/test_reduce.py::compare_sums", serial_sums)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["d", "D", "f"])
def test_sums_are_right(shape: tuple, dtype: str) -> None:
    space = space_of(shape, dtype)
    a, b = values(shape, dtype, 1), values(shape, dtype, 2)
    terms = (np.conj(a.astype("D")) * b.astype("D")).ravel()
    exact = complex(math.fsum(terms.real), math.fsum(terms.imag))
    size = math.fsum(abs(terms))
    assert abs(space.field(a).dot(space.field(b)) - exact) < 1e-14 * size
    weights = np.ones(())
    for axis in space.axes:
        weights = np.multiply.outer(weights, axis.weights)
    terms = (a * weights).ravel()
    exact = complex(math.fsum(terms.real), math.fsum(terms.imag))
    assert abs(space.field(a).integral() - exact) < 1e-14 * math.fsum(abs(terms))


def test_integral_keeps_leading_dimensions() -> None:
    space = space_of((6, 7), "d")
    v = space.field(lambda x, y: [2.0, x * 0 + 3.0], lead=(2,))
    assert v.integral() == pytest.approx([18.0, 27.0])
    assert v.mean() == pytest.approx([2.0, 3.0])
    assert v.dot(v) == pytest.approx(42 * 13.0)


def check_extrema() -> None:
    space = space_of((3, 2), "d")
    f = space.field(-1 - np.arange(6.0).reshape(3, 2))
    assert (f.max(), f.min()) == (-1.0, -6.0)
    assert math.copysign(1, (f * -0.0 * 0).max()) == 1
    with_nan = space.field(np.array([[1.0, 2], [3, np.nan], [5, 6]]))
    assert math.isnan(with_nan.max())
    assert math.isnan(with_nan.min())


@pytest.mark.parametrize("ranks", [1, 4])
def test_extrema(ranks: int) -> None:
    run_ranks(ranks, "parallel/test_reduce.py::check_extrema")


def test_complex_values_have_no_order() -> None:
    with pytest.raises(TypeError, match="complex128"):
        space_of((3,), "D").zeros().max()
