"""Tucker tensors and their compression against whole arrays, on one rank and on several."""

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.tucker import Canonical, Tucker, compress, total
from tensorpde.tucker.subspaces import left_basis


def smooth(*shape):
    x = np.ix_(*(np.linspace(0, 1, n) for n in shape))
    return 1 / (1 + sum((k + 1) * part for k, part in enumerate(x)))


def random(shape, rank, seed=0, dtype=float):
    numbers = np.random.default_rng(seed)

    def draw(*size):
        return numbers.standard_normal(size) + (1j * numbers.standard_normal(size) if dtype is complex else 0)

    return Tucker(draw(*rank), [draw(n, r) for n, r in zip(shape, rank, strict=True)])


def relative(a, b):
    return np.linalg.norm(a - b) / np.linalg.norm(b)


@pytest.mark.parametrize("shape", [(30,), (14, 23), (12, 9, 11), (6, 5, 7, 4)])
@pytest.mark.parametrize("tol", [1e-3, 1e-6, 1e-7, 1e-12])
def test_tolerance_is_met(shape, tol):
    a = smooth(*shape)
    t = compress(a, tol)
    assert t.shape == shape
    assert relative(t.full(), a) <= tol
    for factor in t.factors:
        np.testing.assert_allclose(factor.T @ factor, np.eye(factor.shape[1]), atol=1e-13)
    if tol == 1e-3 and len(shape) == 3:
        assert max(t.rank) <= 4


def test_gram_matrices_stop_at_the_root_of_round_off_and_qr_does_not():
    a = smooth(20, 18, 19)
    by_gram, by_qr = (compress(a, 1e-12, method=m) for m in ("gram", "qr"))
    assert relative(by_qr.full(), a) < 1e-12
    assert max(by_gram.rank) > max(by_qr.rank)  # noise counted as rank


def test_sweeps_improve_a_given_rank():
    a = np.abs(random((15, 16, 17), (9, 9, 9)).full()) ** 0.5
    errors = [relative(compress(a, 0.0, rank=4, sweeps=k).full(), a) for k in (0, 1, 4)]
    assert errors[0] > errors[1] > errors[2]


@pytest.mark.parametrize("dtype", [float, complex])
def test_arithmetic_is_that_of_whole_arrays(dtype):
    a, b = random((7, 8, 6), (3, 2, 4), 0, dtype), random((7, 8, 6), (2, 3, 3), 1, dtype)
    x, y = a.full(), b.full()
    wanted = np.einsum("abc,ia,jb,kc->ijk", a.core, *a.factors)
    np.testing.assert_allclose(x, wanted, rtol=1e-12, atol=1e-12)
    for made, expected in ((a + b, x + y), (a - b * 2.0, x - 2 * y), (-a, -x), (total([a, b, a]), 2 * x + y)):
        assert relative(made.full(), expected) < 1e-13
    assert (a - a * (1 + 1e-9)).norm() == pytest.approx(1e-9 * a.norm(), rel=1e-4)
    assert a.dot(b) == pytest.approx(np.vdot(x, y), rel=1e-12)
    assert a.norm() == pytest.approx(np.linalg.norm(x), rel=1e-12)
    v = [np.linspace(1, 2, 7), None, np.linspace(0, 1, 6)]
    assert relative(a.times(v).full(), x * v[0][:, None, None] * v[2]) < 1e-14
    assert total([a, a]).rank == a.rank
    at = np.array([[0, 1, 2], [6, 7, 5]])
    np.testing.assert_allclose(a.contracted([u[i] for u, i in zip(a.factors, at.T)]), x[tuple(at.T)], rtol=1e-12)
    sigma = np.linalg.svd(np.moveaxis(x, 1, 0).reshape(8, -1), compute_uv=False)[: a.rank[1]]
    np.testing.assert_allclose(a.singular_values()[1], sigma, rtol=1e-10)


@pytest.mark.parametrize("tol", [1e-2, 1e-5, 1e-10])
def test_truncation(tol):
    t = compress(smooth(18, 16, 17), 1e-14)
    cut = t.truncated(tol)
    assert (t - cut).norm() <= tol * t.norm()
    assert max(cut.rank) < max(t.rank)
    assert t.truncated(0.0, (2, 3, 2)).rank == (2, 3, 2)


@pytest.mark.parametrize("tol", [1e-4, 1e-9])
def test_canonical_sums(tol):
    x = np.linspace(0, 1, 25)
    t = np.linspace(0, 3, 200)
    side = np.exp(-np.outer(x, t))
    weights = np.cos(t)
    a = Canonical(weights, [side, side[:20], side[3:]])
    whole = np.einsum("r,ir,jr,kr->ijk", weights, *a.factors, optimize=True)
    np.testing.assert_allclose(a.full(), whole, rtol=1e-11)
    made = a.compressed(tol)
    assert relative(made.full(), whole) <= 2 * tol
    assert max(made.rank) < 12


def test_canonical_sums_that_cancel():
    x = np.linspace(0, 1, 30)
    side = np.stack([np.sin(3 * x), np.sin(3 * x + 1e-3)], axis=1)
    a = Canonical([1.0, -1.0], [side] * 3)
    assert relative(a.compressed(1e-6).full(), a.full()) < 1e-6


def test_nothing_and_zero():
    assert np.all(Canonical([], [np.zeros((3, 0))] * 2).compressed(1e-6).full() == np.zeros((3, 3)))
    zero = compress(np.zeros((4, 3)), 1e-6)
    assert zero.rank == (1, 1)
    assert not zero.full().any()


@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_a_field_of_any_type(dtype):
    space = tp.Space(tp.Grid(*(tp.Axis(n, 0, 1, location="cells") for n in (9, 8, 7))), dtype=dtype)
    values = smooth(9, 8, 7) * (1 + 1j * smooth(9, 8, 7) if dtype[0] == "c" else 1)
    f = space.field(values.astype(dtype))
    t = compress(f, 1e-4)
    g = t.field(space)
    assert g.dtype == f.dtype
    assert (g - f).norm() < 1e-4 * f.norm()


def test_errors_name_both():
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(2, 2\)"):
        Tucker(np.zeros((2, 2)), [np.zeros((4, 2)), np.zeros((4, 3))])
    with pytest.raises(ValueError, match=r"\(3, 3\).*\(4, 3\)"):
        total([random((3, 3), (1, 1)), random((4, 3), (1, 1))])
    with pytest.raises(ValueError, match="not all of them are finite"):
        compress(np.array([[1.0, np.nan]]), 1e-3)
    with pytest.raises(ValueError, match="svd"):
        compress(np.ones((2, 2)), method="svd")


def across(path):
    """On several ranks: a Field is compressed as an array is; canonical sums to the same bits as on one rank."""
    a = smooth(11, 10, 13)
    space = tp.Space(tp.Grid(*(tp.Axis(n, 0, 1, location="cells") for n in a.shape)))
    f = space.field(a)
    for tol in (1e-4, 1e-10):
        t = compress(f, tol)
        assert t.rank == compress(a, tol).rank
        assert (t.field(space) - f).norm() <= tol * f.norm()
    rows = np.random.default_rng(space.comm.rank).standard_normal((6, space.comm.rank))
    whole = np.concatenate([np.random.default_rng(r).standard_normal((6, r)) for r in range(space.comm.size)], axis=1)
    for by_gram in (True, False):
        u = left_basis(rows[None], 1e-9, space.comm, by_gram)
        np.testing.assert_allclose(u @ (u.T @ whole), whole, atol=1e-7)
    t = np.linspace(0, 3, 3000)
    side = np.exp(-np.outer(np.linspace(0, 1, 12), t))
    for tol in (1e-4, 1e-9):
        made = Canonical(np.cos(t), [side] * 3).compressed(tol)
        if space.comm.size == 1:
            np.savez(f"{path}-{tol}.npz", made.core, *made.factors)
        else:
            kept = np.load(f"{path}-{tol}.npz")
            for one, several in zip(kept.values(), (made.core, *made.factors), strict=True):
                np.testing.assert_array_equal(one, several)
    mine = slice(space.comm.rank, None, space.comm.size)
    shared = Canonical(np.cos(t)[mine], [side[:, mine]] * 3).compressed(1e-9, distributed=True)
    assert (shared - made).norm() < 1e-8 * made.norm()


def test_on_several_ranks(tmp_path):
    across(tmp_path / "one")
    for ranks in (2, 3):
        run_ranks(ranks, "tucker/test_tucker.py::across", str(tmp_path / "one"))
