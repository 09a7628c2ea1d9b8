"""Transforms as line operators against their dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from tensorpde.line.modal import Modal

KINDS = ("fft", "rfft", "dct1", "dct2", "dct3", "dct4", "dst1", "dst2", "dst3", "dst4")
CASES = [(kind, n) for kind in KINDS for n in (1, 2, 3, 8, 9, 12) if not (kind == "dct1" and n == 1)]


def along(matrix: np.ndarray, u: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(np.tensordot(matrix, u, (1, axis)), 0, axis)


def random(shape: tuple[int, ...], complex_values: bool, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    u = rng.standard_normal(shape)
    return u + 1j * rng.standard_normal(shape) if complex_values else u


@pytest.mark.parametrize(("kind", "n"), CASES)
def test_matrix_is_scipys_and_inverse_is_inverse(kind: str, n: int) -> None:
    op = Modal(kind, n)
    name, kwargs = (kind, {}) if kind in ("fft", "rfft") else (kind[:3], {"type": int(kind[3])})
    assert np.allclose(op.matrix(), getattr(scipy.fft, name)(np.eye(n), axis=0, **kwargs))
    product = op.inverse().matrix() @ op.matrix()
    assert np.allclose(product.real if kind == "rfft" else product, np.eye(n))
    assert np.allclose(op.inverse().inverse().matrix(), op.matrix())


@pytest.mark.parametrize("axis", (0, 1, -1))
@pytest.mark.parametrize(("kind", "n"), CASES)
def test_apply_is_the_matrix(kind: str, n: int, axis: int) -> None:
    op = Modal(kind, n)
    shape = [2, 3, 4]
    shape[axis] = n
    u = random(tuple(shape), kind == "fft")
    modes = op.apply(u, axis)
    assert np.allclose(modes, along(op.matrix(), u, axis))
    assert modes.dtype == op.result_type(u.dtype)
    assert np.allclose(op.solve(modes, axis) if kind != "rfft" else op.inverse().apply(modes, axis), u)
    out = random(modes.shape, np.iscomplexobj(modes), seed=1)
    combined = 2.0 * modes - 0.5 * out
    assert op.apply(u, axis, out, alpha=2.0, beta=-0.5) is out
    assert np.allclose(out, combined)
    assert np.allclose((3.0 * op).apply(u, axis), 3.0 * modes)


@pytest.mark.parametrize("inverted", (False, True))
@pytest.mark.parametrize(("kind", "n"), CASES)
def test_transpose_and_adjoint(kind: str, n: int, inverted: bool) -> None:
    op = 1.5 * (Modal(kind, n).inverse() if inverted else Modal(kind, n))
    if kind == "rfft":
        with pytest.raises(ValueError, match="adjoint"):
            _ = op.T
        x = random((op.shape[1],), inverted)
        y = random((op.shape[0],), not inverted, seed=1)
        left = np.vdot(op.apply(x, 0), y).real
        assert np.isclose(left, np.vdot(x, op.H.apply(y, 0)).real)
        return
    assert np.allclose(op.T.matrix(), op.matrix().T)
    assert np.allclose(op.H.matrix(), op.matrix().conj().T)
    u = random((n, 3), kind == "fft")
    assert np.allclose(op.T.apply(u, 0), op.matrix().T @ u)
    assert np.allclose(op.H.apply(u, 0), op.matrix().conj().T @ u)


@pytest.mark.parametrize("dtype", ("float32", "complex64", "float64", "complex128"))
def test_precision_follows_the_data(dtype: str) -> None:
    u = np.ones((3, 8), dtype)
    assert Modal("dct2", 8).apply(u, 1).dtype == dtype
    assert Modal("fft", 8).apply(u, 1).dtype == np.result_type(dtype, np.complex64)
    if not np.iscomplexobj(u):
        modes = Modal("rfft", 8).apply(u, 1)
        assert modes.dtype == np.result_type(dtype, np.complex64)
        assert Modal("rfft", 8).inverse().apply(modes, 1).dtype == dtype


@pytest.mark.parametrize(
    ("kind", "left", "right"),
    [("dct1", 1, 1), ("dst1", -1, -1), ("dct2", 1, 1), ("dst2", -1, -1), ("fft", 0, 0)],
)
def test_angles_give_the_eigenvalues_of_the_second_difference(kind: str, left: int, right: int) -> None:
    """Second difference with walls mirrored evenly or oddly, at nodes (type I) or between (type II)."""
    n = 10
    matrix = np.diag(np.full(n, -2.0)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    if kind == "fft":
        matrix[0, -1] = matrix[-1, 0] = 1.0
    elif kind == "dct1":
        matrix[0, 1] = matrix[-1, -2] = 2.0
    elif kind[3] == "2":
        matrix[0, 0] += left
        matrix[-1, -1] += right
    op = Modal(kind, n)
    symbol = 2 * np.cos(op.angles) - 2
    assert np.allclose(op.matrix() @ matrix, symbol[:, None] * op.matrix())
