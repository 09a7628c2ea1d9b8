"""What every line operator promises, against dense matrices: kinds × types × axes × forms of apply."""

import numpy as np
import pytest

from tensorpde.line import Banded, BandedSolve, Compact, Composition, Dense, Identity, RowBand

RNG = np.random.default_rng(0)
AXES = {"first": ((7, 3, 5), 0), "middle": ((3, 7, 5), 1), "last": ((3, 5, 7), 2), "long": ((70, 7), 1)}


def entries(shape, kind=float):
    values = RNG.standard_normal(shape)
    return values + 1j * RNG.standard_normal(shape) if kind is complex else values


def band(m, n, width=3, kind=float, periodic=False, dominant=0.0):
    width = min(width, n)
    start = np.arange(m) * n // max(m, 1) - width // 2
    start = start if periodic else np.clip(start, 0, n - width)
    coef = entries((m, width), kind)
    if dominant:
        coef = coef / (2 * width)
        coef[np.arange(m), np.arange(m) - start] += dominant
    return RowBand(start, coef, n, periodic)


def kinds(n, kind=float):
    """One operator of each kind, from n values to n (or other) values."""
    lhs, wide = band(n, n, 3, kind, dominant=1.0), band(n, n, 5, kind, dominant=1.0)
    ring, wide_ring = (band(n, n, w, kind, periodic=True, dominant=1.0) for w in (3, 5))
    return {
        "identity": Identity(n),
        "banded": Banded(band(n, n, 5, kind)),
        "banded tall": Banded(band(n + 3, n, 3, kind)),
        "banded short": Banded(band(max(n - 2, 1), n, 3, kind)),
        "banded periodic": Banded(band(n, n, 5, kind, periodic=True)),
        "diagonal": Banded.diagonal(entries(n, kind)),
        "solve tri": BandedSolve(lhs),
        "solve penta": BandedSolve(wide),
        "solve periodic": BandedSolve(ring),
        "solve penta periodic": BandedSolve(wide_ring),
        "compact": Compact(lhs, band(n, n, 5, kind)),
        "compact periodic": Compact(ring, band(n, n, 5, kind, periodic=True)),
        "compact staggered": Compact(lhs, band(n, n + 1, 4, kind)),
        "dense": Dense(entries((n, n), kind)),
        "dense tall": Dense(entries((n + 2, n), kind)),
        "composition": Composition((Dense(entries((4, n), kind)), BandedSolve(lhs), Banded(band(n, n, 3, kind)))),
    }


NAMES = list(kinds(7))
REAL_AND_COMPLEX = [(float, "d"), (float, "f"), (float, "D"), (float, "F"), (complex, "D"), (complex, "F")]


def reference(matrix, u, axis):
    return np.moveaxis(np.tensordot(matrix, u.astype(np.result_type(u, np.float64)), (1, axis)), 0, axis)


def tolerance(dtype, scale):
    return (1e-12 if np.dtype(dtype).char in "dD" else 2e-5) * (1 + np.abs(scale).max())


def data(operator, axis="middle", dtype="d", other=None):
    shape, place = AXES[axis]
    shape = list(shape)
    shape[place] = operator.shape[1] if other is None else other
    kind = complex if np.dtype(dtype).kind == "c" else float
    return entries(shape, kind).astype(dtype), place


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("kind", "dtype"), REAL_AND_COMPLEX)
@pytest.mark.parametrize("name", NAMES)
def test_apply_equals_the_matrix(name, kind, dtype, axis):
    operator = kinds(7, kind)[name]
    u, place = data(operator, axis, dtype)
    result = operator.apply(u, place)
    wanted = reference(operator.matrix(), u, place)
    assert result.dtype == np.dtype(dtype) and operator.matrix().shape == operator.shape
    np.testing.assert_allclose(result, wanted, rtol=0, atol=tolerance(dtype, wanted))
    np.testing.assert_array_equal(operator.apply(u, place - u.ndim), result)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 40, 65])
def test_short_and_long_lines(n):
    for name, operator in kinds(n).items():
        u, place = data(operator, "middle")
        wanted = reference(operator.matrix(), u, place)
        np.testing.assert_allclose(operator.apply(u, place), wanted, 0, tolerance("d", wanted), err_msg=name)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (-0.5, 1.0), (2.0, 0.0), (1.0, -0.25), (3.0, 2.0)])
@pytest.mark.parametrize("name", NAMES)
def test_forms_with_alpha_beta_and_out(name, alpha, beta, axis):
    operator = kinds(7)[name]
    u, place = data(operator, axis)
    before, _ = data(operator, axis, other=operator.shape[0])
    out = before.copy()
    if beta == 0:
        out[...] = np.nan
    assert operator.apply(u, place, out, alpha=alpha, beta=beta) is out
    wanted = alpha * reference(operator.matrix(), u, place) + beta * before
    np.testing.assert_allclose(out, wanted, rtol=0, atol=tolerance("d", wanted))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("name", [name for name in NAMES if kinds(7)[name].shape == (7, 7)])
def test_banded_operators_work_in_place(name, axis):
    operator = kinds(7)[name]
    if isinstance(operator, Dense):
        return
    u, place = data(operator, axis)
    wanted = operator.apply(u, place)
    operator.apply(u, place, out=u)
    np.testing.assert_array_equal(u, wanted)


def test_real_data_of_a_complex_operator_and_of_a_wider_out():
    operator = kinds(7, complex)["compact"]
    u, place = data(operator)
    wanted = reference(operator.matrix(), u, place)
    result = operator.apply(u, place)
    assert result.dtype == np.complex128
    np.testing.assert_allclose(result, wanted, rtol=0, atol=tolerance("d", wanted))
    out = np.full(u.shape, 1j)
    kinds(7)["banded"].apply(u, place, out, beta=2.0)
    assert np.all(out.imag == 2.0) and np.any(out.real)


@pytest.mark.parametrize(("kind", "dtype"), [(float, "d"), (complex, "D")])
@pytest.mark.parametrize("name", NAMES)
def test_transpose_and_adjoint(name, kind, dtype):
    operator = kinds(7, kind)[name]
    matrix = operator.matrix()
    np.testing.assert_allclose(operator.T.matrix(), matrix.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(operator.H.matrix(), matrix.conj().T, rtol=0, atol=1e-12)
    u, place = data(operator, "middle", dtype)
    v, _ = data(operator, "middle", dtype, other=operator.shape[0])
    assert np.vdot(v, operator.apply(u, place)) == pytest.approx(np.vdot(operator.H.apply(v, place), u), rel=1e-11)
    assert np.sum(v * operator.apply(u, place)) == pytest.approx(np.sum(operator.T.apply(v, place) * u), rel=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_scaling(name):
    operator = kinds(7)[name]
    for scaled, factor in ((3.0 * operator, 3.0), (operator * -0.5, -0.5), (-operator, -1.0)):
        np.testing.assert_allclose(scaled.matrix(), factor * operator.matrix(), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", ["identity", "solve penta", "solve periodic", "compact", "dense", "diagonal"])
def test_solve_inverts_apply(name):
    operator = kinds(7)[name]
    if name == "compact":
        operator = Compact(operator.lhs, band(7, 7, 3, dominant=1.0))
    u, place = data(operator)
    np.testing.assert_allclose(operator.solve(operator.apply(u, place), place), u, rtol=0, atol=1e-11)
    assert operator.inverse().inverse().matrix() == pytest.approx(operator.matrix(), abs=1e-11)


def test_products():
    solve, banded, dense = (kinds(7)[name] for name in ("solve tri", "banded", "dense"))
    fused = solve @ banded
    assert isinstance(fused, Compact) and fused.lhs is solve.lhs and fused.rhs is banded.rhs
    assert Identity(7) @ banded is banded and banded @ Identity(7) is banded
    assert isinstance(dense @ dense, Dense)
    for left, right in ((solve, banded), (banded, solve), (dense, fused)):
        np.testing.assert_allclose((left @ right).matrix(), left.matrix() @ right.matrix(), rtol=0, atol=1e-12)
    inverse = (BandedSolve(band(7, 7, 3, dominant=1.0)) @ dense).inverse()
    np.testing.assert_allclose(inverse.inverse().matrix() @ inverse.matrix(), np.eye(7), rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if "dense" not in name and name != "composition"])
@pytest.mark.parametrize("dtype", ["d", "f", "D", "F"])
def test_bits_of_a_line_depend_on_nothing_else(name, dtype):
    """However many lines there are, and along whichever axis they lie."""
    operator = kinds(21)[name]
    n = operator.shape[1]
    lines = entries((37, n), complex if dtype in "DF" else float).astype(dtype)
    wanted = operator.apply(lines, 1)
    for some in (slice(0, 1), slice(5, 14), slice(3, 36)):
        part = np.ascontiguousarray(lines[some])
        np.testing.assert_array_equal(operator.apply(part, 1), wanted[some])
        for inner in (1, 3):
            if len(part) % inner == 0:
                block = np.ascontiguousarray(part.reshape(-1, inner, n).swapaxes(1, 2))
                there = operator.apply(block, 1).swapaxes(1, 2).reshape(len(part), -1)
                np.testing.assert_array_equal(there, wanted[some])
        np.testing.assert_array_equal(operator.apply(np.ascontiguousarray(part.T), 0).T, wanted[some])


@pytest.mark.parametrize("shape", [(0, ..., 4), (3, ..., 0)])
def test_no_lines_at_all(shape):
    for name, operator in kinds(7).items():
        empty = np.zeros((shape[0], operator.shape[1], shape[2]))
        assert operator.apply(empty, 1).shape == (shape[0], operator.shape[0], shape[2]), name


def test_errors_name_both():
    operator = kinds(7)["banded tall"]
    with pytest.raises(ValueError, match=r"needs 7 values along axis 0.*has 6"):
        operator.apply(np.zeros((6, 2)), 0)
    with pytest.raises(ValueError, match=r"axis 2 .* 2 axes"):
        operator.apply(np.zeros((7, 2)), 2)
    with pytest.raises(ValueError, match=r"\(7, 2\) does not fit .*\(10, 7\)"):
        operator.apply(np.zeros((7, 2)), 0, out=np.zeros((7, 2)))
    with pytest.raises(ValueError, match=r"beta=1\.0 needs an out"):
        operator.apply(np.zeros((7, 2)), 0, beta=1.0)
    with pytest.raises(ValueError, match="7 columns against 6 rows"):
        operator @ Identity(6)
    for name in ("banded tall", "dense tall"):
        with pytest.raises(ValueError, match="not square"):
            kinds(7)[name].inverse()
