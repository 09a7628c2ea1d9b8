"""Sums and products of bands and of line operators: against dense matrices, and as one fused operator."""

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.line import Banded, BandedSolve, Compact, Composition, Dense, Identity, RowBand
from tensorpde.line.modal import Modal
from tensorpde.schemes import assemble, central, lele1992

RNG = np.random.default_rng(3)
WALLS = (tp.Dirichlet(), tp.Neumann())


def band(m, n, width, periodic=False, dominant=0.0):
    start = np.arange(m) * n // m - width // 2
    start = start if periodic else np.clip(start, 0, n - width)
    coef = RNG.standard_normal((m, width))
    coef[np.arange(m), np.clip(np.arange(m) * n // m - start, 0, width - 1)] += dominant
    return RowBand(start, coef, n, periodic)


PERIODIC = tp.Periodic()


def line(scheme, bc=PERIODIC, n=12):
    made = assemble(scheme, tp.Axis(n, 0.0, 1.0, bc=bc))
    return Banded(made.rhs) if made.lhs is None else Compact(made.lhs, made.rhs)


@pytest.mark.parametrize("periodic", [(False, False), (True, True), (False, True), (True, False)])
@pytest.mark.parametrize("n", [5, 9])
def test_bands_add_and_multiply_as_matrices(n, periodic):
    a, b, tall = band(n, n, 3, periodic[0]), band(n, n, 4, periodic[1]), band(n + 3, n, 2)
    for made, wanted in (
        (a + b, a.matrix() + b.matrix()),
        (a @ b, a.matrix() @ b.matrix()),
        (tall @ a, tall.matrix() @ a.matrix()),
        (tall.T @ tall, tall.matrix().T @ tall.matrix()),
    ):
        np.testing.assert_allclose(made.matrix(), wanted, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(a.diagonal(), np.diag(a.matrix()))
    assert RowBand.identity(n, periodic[0]).is_diagonal and not a.is_diagonal


def test_sums_are_as_narrow_as_their_entries():
    wide = RowBand(np.zeros(6, int), np.eye(6), 6)
    assert (wide + RowBand.identity(6)).width == 1
    assert (wide @ band(6, 6, 3)).width == 3
    assert (band(6, 6, 3, True) + band(6, 6, 3, True)).width == 3


def test_bands_that_do_not_fit():
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(4, 3\) cannot be added"):
        band(3, 4, 2) + band(4, 3, 2)
    with pytest.raises(ValueError, match=r"\(3, 4\) and \(3, 4\) cannot be multiplied"):
        band(3, 4, 2) @ band(3, 4, 2)


@pytest.mark.parametrize("bc", [tp.Periodic(), WALLS], ids=["periodic", "walls"])
@pytest.mark.parametrize("scheme", [central.second(2), central.second(6), lele1992.second(4), lele1992.second(6)])
@pytest.mark.parametrize("r", [0.003, 0.01j])
def test_identity_minus_an_operator_and_its_inverse_are_one_kernel(scheme, bc, r):
    operator = line(scheme, bc)
    implicit = Identity(12) - r * operator
    inverse = implicit.inverse()
    assert isinstance(implicit, Compact) and isinstance(inverse, Compact)
    wanted = np.eye(12) - r * operator.matrix()
    np.testing.assert_allclose(implicit.matrix(), wanted, rtol=0, atol=1e-12)
    u = RNG.standard_normal((4, 12)).astype(wanted.dtype)
    np.testing.assert_allclose(inverse.apply(u, 1), np.linalg.solve(wanted, u.T).T, rtol=0, atol=1e-12)


QUOTIENT, SOLVE = Banded(band(12, 12, 3)), band(12, 12, 3, dominant=6.0)
SUMS = {
    "explicit": (line(central.first(2)), line(central.second(4))),
    "explicit and compact": (line(central.first(2), WALLS), line(lele1992.second(6), WALLS)),
    "compact and explicit": (line(lele1992.second(6), WALLS), line(central.first(2), WALLS)),
    "the same left-hand side": (line(lele1992.second(6), WALLS), line(lele1992.second(6), WALLS)),
    "left-hand sides that commute": (line(lele1992.first(6)), line(lele1992.second(6))),
    "left-hand sides that commute between walls": (line(lele1992.first(6), WALLS), line(lele1992.second(6), WALLS)),
    "a solve and the identity": (BandedSolve(band(12, 12, 3, dominant=6.0)), Identity(12)),
    "quotients": (QUOTIENT @ BandedSolve(SOLVE), 2.0 * (QUOTIENT @ BandedSolve(SOLVE))),
    "a quotient and the identity": (QUOTIENT @ BandedSolve(SOLVE), Identity(12)),
    "a band and a quotient": (line(central.first(2), WALLS), QUOTIENT @ BandedSolve(SOLVE)),
    "transforms": (Modal("dct2", 12), line(lele1992.second(6), WALLS)),
    "dense": (Dense(RNG.standard_normal((12, 12))), line(lele1992.second(6), WALLS)),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_equal_their_matrices(name):
    left, right = SUMS[name]
    u = RNG.standard_normal((3, 12, 5))
    for made, wanted in (
        (left + right, left.matrix() + right.matrix()),
        (right - 0.5 * left, right.matrix() - 0.5 * left.matrix()),
    ):
        kinds = {"dense": Dense, "transforms": Dense}
        assert isinstance(made, Composition if "quotient" in name else kinds.get(name, Compact))
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(made.matrix(), wanted, rtol=0, atol=1e-12 * scale)
        np.testing.assert_allclose(made.apply(u, 1), np.einsum("ij,ajb->aib", wanted, u), rtol=0, atol=1e-11 * scale)


def test_what_has_no_sum_says_so():
    with pytest.raises(ValueError, match="do not commute"):
        line(lele1992.first(8, 5), WALLS) + line(lele1992.second(6), WALLS)
    with pytest.raises(ValueError, match=r"Modal.*no line operator of one kind"):
        Modal("rfft", 1) + Identity(1)
    with pytest.raises(ValueError, match=r"Banded.*@ BandedSolve.* ends in another solve"):
        SUMS["quotients"][0] + QUOTIENT @ BandedSolve(band(12, 12, 3, dominant=9.0))
    with pytest.raises(ValueError, match=r"\(12, 12\) and \(11, 11\)"):
        Identity(12) + Identity(11)


def test_products_with_bands_are_fused():
    compact, explicit = line(lele1992.second(6), WALLS), line(central.first(4), WALLS)
    values = Banded.diagonal(1.0 + RNG.random(12))
    for left, right in ((compact, explicit), (explicit, values), (values, compact), (values, explicit)):
        fused = left @ right
        assert isinstance(fused, Compact)
        scale = np.abs(fused.matrix()).max()
        np.testing.assert_allclose(fused.matrix(), left.matrix() @ right.matrix(), rtol=0, atol=1e-12 * scale)
    assert (values @ compact).lhs.width == compact.lhs.width
    zero = Banded.diagonal(np.arange(12.0))
    assert isinstance(zero @ compact, Composition) and isinstance(explicit @ compact, Composition)
