"""Transforms along one axis against scipy.fft, and their independence of how lines are arranged."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from tensorpde.backend.numpy import transforms
from tensorpde.backend.numpy.transforms import KINDS, Plan, separable

LENGTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 15, 16, 20, 24, 30, 31, 32, 60, 64, 100, 128)
SHAPES = (((0, 3, 7), 0), ((3, 0, 45), 1), ((2, 5, 3, 0), -1), ((41, 0), 1))
CASES = [(kind, dtype) for kind in KINDS for dtype in "dfDF" if not (kind == "rfft" and dtype in "FD")]
TOLERANCE = {"f": 2e-6, "d": 2e-15}


def values(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    result = rng.standard_normal(shape)
    return (result + 1j * rng.standard_normal(shape) if dtype in "FD" else result).astype(dtype)


def expected(kind: str, u: np.ndarray, axis: int) -> np.ndarray:
    """By scipy, in double precision."""
    u = u.astype(np.result_type(u.dtype, float))
    if kind in ("fft", "rfft"):
        return getattr(scipy.fft, kind)(u, axis=axis)
    return getattr(scipy.fft, kind[:3])(u, type=int(kind[3]), axis=axis)


def plans(kind: str) -> list[Plan]:
    return [Plan(kind, n) for n in LENGTHS if not (kind == "dct1" and n == 1)]


@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_forward_is_scipys_and_inverse_undoes_it(kind: str, dtype: str) -> None:
    tolerance = TOLERANCE[dtype.lower()]
    for plan in plans(kind):
        for shape, axis in SHAPES:
            u = values(tuple(m or plan.n for m in shape), dtype)
            modes, reference = plan.forward(u, axis), expected(kind, u, axis)
            scale = np.abs(u).max() * plan.n
            assert np.abs(modes - reference).max() <= 4 * tolerance * scale, (plan.n, shape)
            assert modes.real.dtype == u.real.dtype
            back = plan.inverse(modes, axis)
            assert np.abs(back - u).max() <= 30 * tolerance * np.abs(u).max(), (plan.n, shape)


@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_bits_of_a_line_do_not_depend_on_its_company(kind: str, dtype: str) -> None:
    for n in (5, 8, 12, 30, 31, 64):
        plan = Plan(kind, n)
        u = values((3, n, 50), dtype)
        u[:, :, ::7] *= 1e9
        whole = plan.forward(u, 1)
        turned = plan.forward(np.ascontiguousarray(np.moveaxis(u, 1, 2)), 2)
        assert np.array_equal(np.moveaxis(turned, 2, 1), whole), n
        assert np.array_equal(plan.forward(u[1:2, :, 11:25].copy(), 1), whole[1:2, :, 11:25]), n
        assert np.array_equal(plan.forward(u[2, :, 30].copy(), 0), whole[2, :, 30]), n
        assert np.array_equal(plan.inverse(whole[:, :, 44:].copy(), 1), plan.inverse(whole, 1)[:, :, 44:]), n


def test_out_is_used_and_may_be_the_input() -> None:
    u = values((4, 16, 6), "D")
    plan = Plan("fft", 16)
    modes = plan.forward(u, 1)
    out = np.empty_like(u)
    assert plan.forward(u, 1, out) is out
    assert np.array_equal(out, modes)
    assert plan.inverse(out, 1, out) is out
    assert np.allclose(out, u)
    strided = np.empty((4, 16, 12), complex)[:, :, ::2]
    assert plan.forward(u, 1, strided) is strided
    assert np.array_equal(strided, modes)
    real = Plan("dct2", 16)
    same = u.real.copy()
    assert np.array_equal(real.forward(same, 1, same), real.forward(u.real, 1))


def test_no_lines_and_read_only_lines() -> None:
    plan = Plan("rfft", 8)
    assert plan.forward(np.zeros((0, 8, 3)), 1).shape == (0, 5, 3)
    u = values((8,), "d")
    u.flags.writeable = False
    assert np.allclose(plan.forward(u, 0), scipy.fft.rfft(u))


def test_errors_name_what_disagrees() -> None:
    with pytest.raises(ValueError, match="'fht' is unknown"):
        Plan("fht", 8)
    with pytest.raises(ValueError, match="at least 2 values on a line, not 1"):
        Plan("dct1", 1)
    with pytest.raises(ValueError, match=r"\(3, 7\).*8 values along axis 1"):
        Plan("fft", 8).forward(np.zeros((3, 7)), 1)
    with pytest.raises(TypeError, match="complex128"):
        Plan("rfft", 8).forward(np.zeros(8, complex), 0)
    with pytest.raises(ValueError, match=r"\(3, 8\), not \(8, 3\)"):
        Plan("fft", 8).forward(np.zeros((3, 8)), 1, np.zeros((8, 3)))
    with pytest.raises(ValueError, match=r"\(4,\).*5 modes"):
        Plan("rfft", 8).solve(np.zeros(8), 0, np.ones(4))
    with pytest.raises(ValueError, match=r"\(3, 8, 1\) does not fit \(4, 8, 1\)"):
        Plan("dct2", 8).solve(np.zeros((4, 8)), 1, separable([np.ones(3), np.ones(8)], 1))


@pytest.mark.parametrize("axis", (0, 1, 2))
@pytest.mark.parametrize(("kind", "dtype"), CASES)
def test_fused_solve_is_the_three_steps(kind: str, dtype: str, axis: int) -> None:
    for n in (16, 12, 31):
        plan, shape = Plan(kind, n), [6, 5, 23]
        shape[axis] = n
        u = values((2, *shape), dtype)
        rng = np.random.default_rng(1)
        sizes = [plan.modes if j == axis else m for j, m in enumerate(shape)]
        pairs = [(rng.uniform(1, 2, m), rng.uniform(0.5, 1, m)) for m in sizes]
        modes = plan.forward(u, axis + 1)
        tolerance = 200 * TOLERANCE[dtype.lower()]

        vector = rng.uniform(1, 2, plan.modes)
        shaped = vector.reshape([-1 if j == axis else 1 for j in range(3)])
        three = plan.inverse((modes * shaped).astype(modes.dtype), axis + 1)
        assert np.allclose(plan.solve(u, axis + 1, vector), three, atol=tolerance, rtol=0)

        (a, p), (b, q), (c, r) = (
            [v.reshape([-1 if j == k else 1 for j in range(3)]) for v in pair] for k, pair in enumerate(pairs)
        )
        for shift in (0.3, 0.3j):
            den = a * q * r + p * b * r + p * q * c - shift * p * q * r
            if kind == "rfft" and np.iscomplexobj(den):
                continue  # the result would not be real
            three = plan.inverse(modes / den, axis + 1)
            solved = plan.solve(u, axis + 1, separable(pairs, axis, shift))
            assert np.allclose(solved, three, atol=tolerance, rtol=0), (n, shift)


def test_null_modes_become_zero() -> None:
    n = 8
    angles = 2 * np.pi * np.arange(n) / n
    symbol = 2 * np.cos(angles) - 2
    u = values((n, n), "d")
    plan = Plan("fft", n)
    modes = scipy.fft.fft(u, axis=0)
    solved = plan.solve(modes, 1, separable([symbol, symbol], 1))
    assert np.isfinite(solved).all()
    full = scipy.fft.fft(solved, axis=1)
    assert abs(full[0, 0]) < 1e-12
    den = symbol[:, None] + symbol
    assert np.allclose((full * den).ravel()[1:], scipy.fft.fft2(u).ravel()[1:])


@pytest.mark.parametrize("kind", ("fft", "rfft", "dct2", "dst1", "dst4"))
def test_bits_of_a_solve_do_not_depend_on_the_block(kind: str) -> None:
    n = 15 if kind == "dst1" else 16
    plan = Plan(kind, n)
    outer, inner = np.linspace(1, 2, 6), np.linspace(0, 3, 37)
    own = np.linspace(0.1, 5, plan.modes)
    u = values((6, n, 37), "D" if kind == "fft" else "d")
    whole = plan.solve(u, 1, separable([outer, own, inner], 1))
    part = plan.solve(u[2:4, :, 9:30].copy(), 1, separable([outer[2:4], own, inner[9:30]], 1))
    assert np.array_equal(part, whole[2:4, :, 9:30])


def test_lengths_without_kernels_use_scipy() -> None:
    assert Plan("fft", 2 * 13 * 11).compiled
    assert not Plan("fft", 2 * 17).compiled
    assert not Plan("dct2", 9).compiled
    assert Plan("dct1", 65).compiled
    assert set(transforms.__all__) >= {"Plan", "Separable", "separable"}
