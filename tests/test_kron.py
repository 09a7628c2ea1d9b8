"""Kron and KronSum against scipy.sparse.kron, their adjoints by the dot test, and the same bits on any ranks."""

import hashlib

import numpy as np
import pytest
from mpi import run_ranks
from twins import sparse

import tensorpde as tp
from tensorpde.kron import Kron, KronSum
from tensorpde.line import Banded, Compact, Dense, RowBand
from tensorpde.line.modal import Modal
from tensorpde.schemes import lele1992

SHAPE = (5, 4, 6)


def space(shape=SHAPE, **options):
    return tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet()) for n in shape)), **options)


def band(rng, m, n, width=3, kind=float):
    start = np.clip(np.arange(m) * n // m - width // 2, 0, n - width)
    coef = rng.standard_normal((m, width)) + (1j * rng.standard_normal((m, width)) if kind is complex else 0)
    return RowBand(start, coef, n)


def compact(rng, n):
    lhs = band(rng, n, n)
    matrix = lhs.matrix() * 0.1 + 4 * np.eye(n)
    return Compact(RowBand.from_matrix(matrix), band(rng, n, n))


def random(shape, rng, dtype="float64"):
    values = rng.standard_normal(shape) + (1j * rng.standard_normal(shape) if np.dtype(dtype).kind == "c" else 0)
    return values.astype(dtype)


def operators(s, rng):
    one = Kron(s, {1: compact(rng, 4)}, 0.5)
    two = Kron(s, {0: Banded(band(rng, 5, 5)), 2: Dense(rng.standard_normal((6, 6)))})
    three = Kron(s, {axis: compact(rng, n) for axis, n in enumerate(s.shape)}, -2.0)
    identity = Kron(s, {}, 3.0)
    return {
        "one": one,
        "two": two,
        "three": three,
        "identity": identity,
        "sum": one + two - 2 * three + identity,
        "product": one @ two @ three,
        "products of sums": (one + two) @ (three - identity),
        "complex": Kron(s, {0: Banded(band(rng, 5, 5, kind=complex))}, 2j) + one,
    }


NAMES = ["one", "two", "three", "identity", "sum", "product", "products of sums", "complex"]


@pytest.mark.parametrize("lead", [(), (2,)])
@pytest.mark.parametrize("name", NAMES)
def test_equals_scipy_kron(name, lead):
    rng = np.random.default_rng(1)
    s = space()
    operator = operators(s, rng)[name]
    values = random((*lead, *SHAPE), rng)
    wanted = (sparse(operator) @ values.reshape(-1, np.prod(SHAPE)).T).T.reshape(values.shape)
    result = operator @ s.field(values)
    np.testing.assert_allclose(result.gather(), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())
    assert result.dtype == (np.complex128 if name == "complex" else np.float64) == result.space.dtype


@pytest.mark.parametrize("name", NAMES)
def test_transpose_and_adjoint(name):
    rng = np.random.default_rng(2)
    s = space(dtype="complex128")
    operator = operators(s, rng)[name]
    f, g = (s.field(random(SHAPE, rng, "complex128")) for _ in range(2))
    wanted = (operator @ f).dot(g)
    assert f.dot(operator.H @ g) == pytest.approx(wanted, rel=1e-12)
    np.testing.assert_allclose(sparse(operator.T).toarray(), sparse(operator).toarray().T, rtol=0, atol=1e-12)


def test_rectangular_factors_change_the_range():
    rng = np.random.default_rng(3)
    s = space()
    operator = Kron(s, {0: Banded(band(rng, 3, 5)), 2: Dense(rng.standard_normal((8, 6)))})
    assert operator.range.shape == (3, 4, 8) and operator.T.range is s
    values = random(SHAPE, rng)
    result = operator @ s.field(values)
    np.testing.assert_allclose(result.gather().ravel(), sparse(operator) @ values.ravel(), rtol=0, atol=1e-13)
    g = operator.range.field(random((3, 4, 8), rng))
    assert result.dot(g) == pytest.approx(s.field(values).dot(operator.H @ g), rel=1e-12)
    assert ((operator.T @ operator) @ s.field(values)).space is s


def test_modal_factors_give_complex_fields():
    rng = np.random.default_rng(4)
    s = space()
    values = random(SHAPE, rng)
    modes = Kron(s, {2: Modal("rfft", 6), 1: Modal("fft", 4)}) @ s.field(values)
    assert modes.space.shape == (5, 4, 4) and modes.space.dtype == np.complex128
    np.testing.assert_allclose(modes.gather(), np.fft.fft(np.fft.rfft(values), axis=1), rtol=0, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_single_precision_stays(dtype):
    rng = np.random.default_rng(5)
    s = space(dtype=dtype)
    f = s.field(random(SHAPE, rng, dtype))
    result = operators(s, rng)["sum"] @ f
    assert result.dtype == f.dtype


def test_apply_accumulates_into_out_and_keeps_its_work_arrays(monkeypatch):
    rng = np.random.default_rng(6)
    s = space()
    operator = operators(s, rng)["sum"]
    f, g = (s.field(random(SHAPE, rng)) for _ in range(2))
    wanted = (operator @ f).gather() + 0.5 * g.gather()
    assert operator.apply(f, g, beta=0.5) is g
    np.testing.assert_allclose(g.gather(), wanted, rtol=0, atol=1e-12)
    operator.apply(f, out=g)

    def none(*_):
        raise AssertionError("a second application allocates")

    monkeypatch.setattr(operator._traveller.backend, "empty", none)
    operator.apply(f, out=g)


@pytest.mark.parametrize("name", ["one", "two", "three", "identity"])
def test_a_product_may_work_in_place(name):
    rng = np.random.default_rng(9)
    s = space()
    operator = operators(s, rng)[name]
    f = s.field(random(SHAPE, rng))
    wanted = (operator @ f).gather()
    assert operator.apply(f, out=f) is f
    np.testing.assert_array_equal(f.gather(), wanted)


def test_scipy_sees_a_linear_operator():
    rng = np.random.default_rng(7)
    s = space()
    operator = operators(s, rng)["sum"]
    seen = operator.as_linear_operator()
    x = rng.standard_normal(np.prod(SHAPE))
    np.testing.assert_allclose(seen @ x, sparse(operator) @ x, rtol=0, atol=1e-11)
    np.testing.assert_allclose(seen.rmatvec(x), sparse(operator).T @ x, rtol=0, atol=1e-11)


def test_errors_name_both():
    s, other = space(), space((5, 4, 7))
    with pytest.raises(ValueError, match=r"axis 3 .* 3 axes"):
        Kron(s, {3: Dense(np.eye(4))})
    with pytest.raises(ValueError, match=r"7 values along axis 2.*6"):
        Kron(s, {2: Dense(np.eye(7))})
    with pytest.raises(ValueError, match=r"5, 4, 7.*5, 4, 6"):
        Kron(s, {}) @ other.field(1.0)
    with pytest.raises(ValueError, match=r"5, 4, 6.*5, 4, 7"):
        Kron(s, {}) + Kron(other, {})
    with pytest.raises(ValueError, match=r"5, 4, 6.*5, 4, 7"):
        Kron(s, {}) @ Kron(other, {})
    f = s.field(1.0)
    with pytest.raises(ValueError, match="another Field"):
        (Kron(s, {}) + Kron(s, {0: Dense(np.eye(5))})).apply(f, out=f)
    with pytest.raises(ValueError, match=r"lead \(2,\).*lead \(\)"):
        Kron(s, {}).apply(f, out=s.zeros((2,)))
    with pytest.raises(ValueError, match="complex128"):
        (1j * Kron(s, {})).apply(f, out=s.zeros())
    with pytest.raises(ValueError, match="at least one"):
        KronSum([])


def digests():
    """Results of operators whose bits may not depend on the ranks, in several pencils."""
    rng = np.random.default_rng(8)
    s = tp.Space(tp.Grid(tp.Axis(7, 0, 1), tp.Axis(6, 0, 1, bc=tp.Dirichlet(2.0)), tp.Axis(9, 0, 1, bc=tp.Neumann())))
    L = tp.laplacian(s, lele1992.second(4))
    D = tp.derivative(s, 0, lele1992.first_derivative)
    several = Kron(s, {axis: compact(rng, n) for axis, n in enumerate(s.shape)}) + Kron(s, {0: compact(rng, 7)}) + L @ L
    f = s.field(rng.standard_normal((2, *s.shape)))
    found = []
    for operator in (L, D, several, several.H):
        for axis in range(3):
            found.append(hashlib.sha256(operator(f.align(axis), 0.5).gather().tobytes()).hexdigest())  # noqa: PERF401
        out = operator.range.zeros((2,), operator.range.pencil_for(0))
        found.append(hashlib.sha256(operator.apply(f, out=out, beta=0.3).gather().tobytes()).hexdigest())
    return found


def print_digests():
    found = digests()
    assert found[0] == found[1] == found[2]
    if tp.parallel.world().rank == 0:
        print("digests", *found)


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_bits_do_not_depend_on_ranks_or_alignment(ranks):
    out = run_ranks(ranks, "test_kron.py::print_digests", timeout=240).stdout
    line = next(line for line in out.splitlines() if line.startswith("digests"))
    assert line.split()[1:] == digests()
