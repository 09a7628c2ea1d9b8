"""Gaussian random fields: their variance, and the same numbers on any grid and any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp

HERE = "pde/test_random_field.py"


def box(*shape: int, **options) -> tp.Space:
    return tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 2.0 + a) for a, n in enumerate(shape))), **options)


def matern(k: np.ndarray) -> np.ndarray:
    return (k**2 + 9) ** -1.5


@pytest.mark.parametrize("shape", [(12,), (10, 9), (6, 5, 4), (4, 3, 4, 3)])
def test_variance_of_every_mode_and_of_every_point(shape: tuple[int, ...]) -> None:
    space = box(*shape)
    random = tp.pde.RandomField(space, matern)
    count = 200
    modes = random.modes(1, range(count))
    k = np.sqrt(sum(part**2 for part in random.fourier.wavenumbers()))
    wanted = np.where(random.fourier.below_nyquist(), matern(k), 0)
    found = (np.abs(modes.local) ** 2).mean(axis=0)
    assert np.all(found[wanted == 0] == 0)
    ratio = (found / np.where(wanted > 0, wanted, 1))[wanted > 0]
    assert abs(ratio.mean() - 1) < 5 / np.sqrt(count * ratio.size / 2)
    assert np.abs(ratio - 1).max() < 8 / np.sqrt(count)
    values = random(1, range(count))
    weight = np.reshape(random.fourier.multiplicity[0], (-1, *[1] * (len(shape) - 1)))
    assert (values.local**2).mean() == pytest.approx((weight * wanted).sum(), rel=20 / np.sqrt(count * 10))


def test_modes_are_those_of_a_real_field() -> None:
    random = tp.pde.RandomField(box(8, 6, 5), matern)
    modes = random.modes(2, 7)
    again = random.fourier.coefficients(random.fourier.values(modes))
    np.testing.assert_allclose(again.local, modes.local, atol=1e-15)


def test_the_same_function_on_another_grid() -> None:
    coarse, fine = (tp.pde.RandomField(box(*shape), matern) for shape in ((9, 7), (15, 12)))
    a, b = coarse.modes(4, 2).gather(), fine.modes(4, 2).gather()
    assert np.array_equal(a[:5, :4], b[:5, :4])
    assert np.array_equal(a[:5, -3:], b[:5, -3:])


def test_seeds_and_samples_are_independent() -> None:
    random = tp.pde.RandomField(box(16, 16), matern)
    fields = [random(seed, sample).local.ravel() for seed in (0, 1) for sample in (0, 1, 2)]
    correlation = np.corrcoef(fields) - np.eye(6)
    assert np.abs(correlation).max() < 0.6
    np.testing.assert_array_equal(random(1, [5, 2])[1].local, random(1, 2).local)


def check_ranks() -> None:
    random, alone = (tp.pde.RandomField(box(9, 8, 5, **o), matern) for o in ({}, {"comm": tp.parallel.alone()}))
    assert np.array_equal(random.modes(3, [1, 4]).gather(), alone.modes(3, [1, 4]).gather())
    assert np.array_equal(random(3, 4).gather(), alone(3, 4).gather())


@pytest.mark.parametrize("ranks", [2, 3])
def test_the_same_bits_on_any_number_of_ranks(ranks: int) -> None:
    run_ranks(ranks, f"{HERE}::check_ranks", timeout=240)


def test_bad_spectra_are_refused() -> None:
    with np.errstate(divide="ignore"), pytest.raises(ValueError, match=r"finite and 0 or more, got .* to inf"):
        tp.pde.RandomField(box(8, 8), lambda k: k**-2.0)
    with pytest.raises(ValueError, match=r"finite and 0 or more, got -1.0 to -1.0"):
        tp.pde.RandomField(box(8, 8), lambda k: -np.ones_like(k))
