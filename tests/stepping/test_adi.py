"""Alternating directions against exact amplification factors, dense matrices with walls, and their promises."""

from __future__ import annotations

import tracemalloc
from functools import reduce

import numpy as np
import pytest
from manufactured import box, condition, exact

import tensorpde as tp
from tensorpde.kron import Kron
from tensorpde.line import Banded, Compact, RowBand
from tensorpde.schemes import assemble, central, lele1992
from tensorpde.stepping import DouglasGunn, HundsdorferVerwer, ImplicitVerlet, ModifiedCraigSneyd, PeacemanRachford

SINGLE = [DouglasGunn, PeacemanRachford, ModifiedCraigSneyd, HundsdorferVerwer]


def between_walls(sizes, wave, dtype="float64"):
    """A Space on (0, π)^d, its mode of these wave numbers, and −(eigenvalues) of the central differences of order 2."""
    space = tp.Space(tp.Grid(*(tp.Axis(n, 0.0, np.pi, bc=tp.Dirichlet()) for n in sizes)), dtype=dtype)
    mode = space.field(lambda *x: np.prod(np.broadcast_arrays(*(np.sin(k * c) for k, c in zip(wave, x))), axis=0))
    eigenvalues = [4 / a.spacing**2 * np.sin(k * a.spacing / 2) ** 2 for k, a in zip(wave, space.axes)]
    return space, mode, np.array(eigenvalues)


def periodic(sizes, wave, scheme):
    """The same on a periodic box with a compact scheme, whose eigenvalues are its symbol."""
    space = tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 2 * np.pi) for n in sizes)))
    mode = space.field(lambda *x: np.prod(np.broadcast_arrays(*(np.cos(k * c) for k, c in zip(wave, x))), axis=0))
    eigenvalues = [-scheme.symbol(k * a.spacing) / a.spacing**2 for k, a in zip(wave, space.axes)]
    return space, mode, np.array(eigenvalues)


def factor_of(step, mode, count=8):
    u = mode.copy()
    for _ in range(count):
        step(u)
    g = u.dot(mode) / mode.dot(mode)
    assert np.abs((u - g * mode).gather()).max() < 1e-13  # it is still the mode
    return g, count


CASES = {
    "central": lambda sizes, wave: (*between_walls(sizes, wave), central.second(2)),
    "compact 4": lambda sizes, wave: (*periodic(sizes, wave, lele1992.second(4)), lele1992.second(4)),
    "compact 6": lambda sizes, wave: (*periodic(sizes, wave, lele1992.second(6)), lele1992.second(6)),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    ("sizes", "wave"), [((13,), (2,)), ((12, 15, 17), (1, 2, 3)), ((14, 11), (1, 2)), ((9, 8, 7, 8), (1, 2, 3, 2))]
)
def test_douglas_gunn_has_its_factor(case, sizes, wave):
    space, mode, eigenvalues, scheme = CASES[case](sizes, wave)
    dt = 0.07
    r = dt * eigenvalues / 2
    g, count = factor_of(DouglasGunn(tp.laplacian(space, scheme), dt), mode)
    assert g == pytest.approx((1 - 2 * r.sum() / np.prod(1 + r)) ** count, rel=1e-12)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("sizes", "wave"), [((13,), (2,)), ((14, 11), (1, 2)), ((12, 15, 17), (1, 2, 3))])
def test_peaceman_rachford_has_its_factor(case, sizes, wave):
    space, mode, eigenvalues, scheme = CASES[case](sizes, wave)
    r = 0.07 * eigenvalues / 2
    g, count = factor_of(PeacemanRachford(tp.laplacian(space, scheme), 0.07), mode)
    assert g == pytest.approx(np.prod((1 - r) / (1 + r)) ** count, rel=1e-12)


@pytest.mark.parametrize("theta", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("method", [ModifiedCraigSneyd, HundsdorferVerwer])
def test_two_stage_methods_have_the_factor_of_their_definition(method, theta):
    """On a Fourier mode, where mixed derivatives are numbers too: the stages written out one by one."""
    space = tp.Space(tp.Grid(tp.Axis(16, 0.0, 2 * np.pi), tp.Axis(18, 0.0, 2 * np.pi)), dtype="complex128")
    first, second, dt = central.first(4), lele1992.second(6), 0.05
    L = tp.laplacian(space, second) + 0.9 * tp.mixed_derivative(space, (0, 1), first)
    mode = space.field(lambda x, y: np.exp(1j * (2 * x - 3 * y)))
    h = [axis.spacing for axis in space.axes]
    a = [second.symbol(k * s) / s**2 for k, s in zip((2, -3), h)]
    m = 0.9 * np.prod([first.symbol(k * s) / s for k, s in zip((2, -3), h)])
    whole = sum(a) + m

    def swept(start, before):
        for value in a:
            start = (start - theta * dt * value * before) / (1 - theta * dt * value)
        return start

    y = swept(1 + dt * whole, 1.0)
    if method is ModifiedCraigSneyd:
        start = 1 + dt * whole + theta * dt * m * (y - 1) + (0.5 - theta) * dt * whole * (y - 1)
        wanted = swept(start, 1.0)
    else:
        wanted = swept(1 + dt * whole + 0.5 * dt * whole * (y - 1), y)
    g, count = factor_of(method(L, dt, theta), mode)
    assert g == pytest.approx(wanted**count, rel=1e-12)


@pytest.mark.parametrize(("wave", "order"), [((1, 2, 3), 2), ((1, 1, 1), 3)])
def test_unequal_modes_show_the_order(wave, order):
    """Equal ones would show a third order that Douglas and Gunn's method has nowhere else."""
    space, mode, eigenvalues = between_walls((20, 20, 20), wave)
    errors = []
    for steps in (40, 80):
        step, u = DouglasGunn(tp.laplacian(space), 0.2 / steps), mode.copy()
        for _ in range(steps):
            step(u)
        errors.append(abs(u.dot(mode) / mode.dot(mode) - np.exp(-0.2 * eigenvalues.sum())))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def walled(axis, scheme, r):
    """I − r𝒜 of an axis as rows that also take the values on both walls."""
    made = assemble(scheme, axis)
    lhs = np.eye(axis.n) if made.lhs is None else made.lhs.matrix()
    rows = np.hstack([made.left[:, None], made.rhs.matrix(), made.right[:, None]])
    identity = np.eye(axis.n, axis.n + 2, 1)
    return identity - r * np.linalg.solve(lhs, rows)


@pytest.mark.parametrize("scheme", [central.second(2), lele1992.second(4)])
@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_step_with_moving_walls_equals_the_dense_one(ndim, scheme):
    """Π(I − r𝒜_k) on values with walls, edges and corners, solved for the values inside."""
    space, dt, t = box(5, ["dd"] * ndim), 0.03, 0.4
    x = [np.concatenate([[0.0], axis.x, [1.0]]) for axis in space.axes]
    before, after = (exact(*np.ix_(*x), time) for time in (t, t + dt))
    everything = reduce(np.kron, [walled(axis, scheme, dt / 2) for axis in space.axes])
    inside = np.zeros(before.shape, bool)
    inside[(slice(1, -1),) * ndim] = True
    rate = 0.0
    for k in range(ndim):  # 𝒜 uⁿ, from (I − (I − r𝒜))/r with r = 1
        parts = [walled(axis, scheme, 0.0) for axis in space.axes]
        parts[k] = parts[k] - walled(space.axes[k], scheme, 1.0)
        rate = rate + reduce(np.kron, parts) @ before.ravel()
    moved = np.where(inside, 0.0, after - before).ravel()
    change = np.linalg.solve(everything[:, inside.ravel()], dt * rate - everything @ moved)
    wanted = before[inside] + change
    u = space.field(lambda *c: exact(*c, t))
    for method in (DouglasGunn, PeacemanRachford)[: 2 if ndim < 3 else 1]:
        made = method(tp.laplacian(space, scheme), dt)(u.copy(), t)
        np.testing.assert_allclose(made.gather().ravel(), wanted, rtol=0, atol=2e-14 * np.abs(wanted).max())


@pytest.mark.parametrize("ndim", [2, 3])
def test_schroedinger_keeps_the_norm(ndim):
    for scheme, bc in ((central.second(2), tp.Dirichlet()), (lele1992.second(6), tp.Periodic())):
        axes = [tp.Axis(n, 0.0, 1.0, bc=bc) for n in (16, 13, 11)[:ndim]]
        space = tp.Space(tp.Grid(*axes), dtype="complex128")
        rng = np.random.default_rng(4)
        u = space.field(rng.standard_normal(space.shape) + 1j * rng.standard_normal(space.shape))
        norm, step = u.norm(), PeacemanRachford(0.5j * tp.laplacian(space, scheme), 0.01)
        for _ in range(50):
            step(u)
        assert u.norm() == pytest.approx(norm, rel=1e-13)


@pytest.mark.parametrize("method", SINGLE)
@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
def test_precision_and_kind_of_number_stay(method, dtype):
    space, mode, _ = between_walls((10, 12), (1, 2), dtype)
    double = between_walls((10, 12), (1, 2))[1]
    step, reference = method(tp.laplacian(space), 0.02), method(tp.laplacian(double.space), 0.02)
    for _ in range(3):
        step(mode)
        reference(double)
    assert mode.dtype == np.dtype(dtype)
    precision = np.finfo(dtype).eps
    np.testing.assert_allclose(mode.gather(), double.gather(), rtol=0, atol=40 * precision)


def test_leading_dimensions_advance_together():
    space = box(6, ["dd", "dn"])
    fields = [space.field(lambda x, y, k=k: np.sin(x + k) * y) for k in range(2)]
    together = space.field(np.stack([f.gather() for f in fields]))
    step = DouglasGunn(tp.laplacian(space), 0.01)
    step(together, 0.3)
    for k, f in enumerate(fields):
        np.testing.assert_array_equal(together[k].gather(), step(f, 0.3).gather())


def variable(space, axis, kappa):
    """∂/∂x κ(x) ∂/∂x along an axis, κ a function of that coordinate: a Kron of one banded factor."""
    forward = tp.derivative(space, axis, central.staggered(2))
    back = tp.derivative(forward.range, axis, central.staggered(2), to=space)
    return back @ Kron(forward.range, {axis: Banded.diagonal(kappa(forward.range.axes[axis].x))}) @ forward


def test_variable_coefficients_of_their_own_axis():
    """Also those of the form a(x) ∂²/∂x²: equal to the dense matrix of Crank–Nicolson's factors."""
    axis = tp.Axis(9, 0.0, 1.0, bc=tp.Dirichlet())
    space = tp.Space(tp.Grid(axis, axis))
    scaled = Kron(space, {1: Banded.diagonal(1.0 + axis.x)}) @ tp.derivative(space, 1, lele1992.second(4))
    L = variable(space, 0, lambda x: 1.0 + x**2) + scaled
    step = DouglasGunn(L, 0.01)
    A = [step._parts.lines[k].matrix() for k in range(2)]
    h, half = axis.spacing, (np.arange(10) + 0.5) * axis.spacing
    D = (np.eye(10, 9) - np.eye(10, 9, -1)) / h
    np.testing.assert_allclose(A[0], -D.T @ np.diag(1 + half**2) @ D, rtol=0, atol=1e-10)
    assert all(isinstance(solve, Compact) for solve in step._parts.implicit.values())
    u = space.field(lambda x, y: np.sin(x) * y)
    left = np.kron(*(np.eye(9) - 0.005 * a for a in A))
    right = 0.01 * (np.kron(A[0], np.eye(9)) + np.kron(np.eye(9), A[1])) @ u.gather().ravel()
    wanted = u.gather().ravel() + np.linalg.solve(left, right)
    np.testing.assert_allclose(step(u).gather().ravel(), wanted, rtol=0, atol=1e-13)


def test_data_through_a_coefficient_of_the_axis_count_as_walls():
    """u = x²/2 + t solves u' = a(x) u″ + 1 − a(x), with data on the wall that come through a(x)."""
    axis = tp.Axis(9, 0.0, 1.0, bc=(tp.Dirichlet(lambda t: t), tp.Dirichlet(lambda t: 0.5 + t)))
    space = tp.Space(tp.Grid(axis))
    L = Kron(space, {0: Banded.diagonal(2.0 + axis.x)}) @ tp.derivative(space, 0, central.second(2))
    step, u = DouglasGunn(L, 0.1), space.field(lambda x: x**2 / 2)
    for k in range(5):
        step(u, 0.1 * k, lambda x, t: 1 - (2.0 + x))
    np.testing.assert_allclose(u.gather(), axis.x**2 / 2 + 0.5, rtol=0, atol=1e-13)


def test_mass_matrices_go_in_as_compact_operators():
    """M u' = K u with the matrices of linear finite elements: each axis holds M⁻¹K, its solve is (M − rK)⁻¹M."""
    n, h = 15, np.pi / 16
    band = lambda side, middle: RowBand.from_matrix(  # noqa: E731
        middle * np.eye(n) + side * (np.eye(n, k=1) + np.eye(n, k=-1))
    )
    M, K = band(h / 6, 4 * h / 6), band(1 / h, -2 / h)
    space, mode, _ = between_walls((n, n), (1, 2))
    L = Kron(space, {0: Compact(M, K)}) + Kron(space, {1: Compact(M, K)})
    c = np.cos(h * np.array([1, 2]))
    r = 0.02 * (2 - 2 * c) / h / (h / 3 * (2 + c)) / 2
    g, count = factor_of(DouglasGunn(L, 0.02), mode)
    assert g == pytest.approx((1 - 2 * r.sum() / np.prod(1 + r)) ** count, rel=1e-12)


def test_another_step_or_operator_from_now_on():
    space, mode, _ = between_walls((8, 9), (1, 2))
    L = tp.laplacian(space)
    step = DouglasGunn(L, 0.1)
    wanted = DouglasGunn(3.0 * L, 0.02)(mode.copy()).gather()
    step.update(3.0 * L, dt=0.02)
    np.testing.assert_array_equal(step(mode.copy()).gather(), wanted)
    step.update(L)
    step.update(3.0 * L)
    np.testing.assert_array_equal(step(mode.copy(), dt=0.02).gather(), wanted)
    assert step.dt == 0.02
    of_time = DouglasGunn(lambda t: (1.0 + t) * L, 0.02)
    np.testing.assert_allclose(of_time(mode.copy(), t=1.99).gather(), wanted, rtol=1e-13)


def test_waves_turn_without_growth():
    space, mode, eigenvalues = between_walls((12, 15, 17), (1, 2, 3))
    for dt in (0.05, 2.0):
        step = ImplicitVerlet(tp.laplacian(space), dt)
        mu = dt**2 * eigenvalues.sum() / np.prod(1 + 0.25 * dt**2 * eigenvalues)
        turn = 2 * np.arcsin(np.sqrt(mu) / 2)
        state = space.zeros((2,))
        state[0] = mode
        for _ in range(40):
            step(state)
        found = state[0].dot(mode) / mode.dot(mode)
        assert found == pytest.approx(np.cos(40 * turn), abs=1e-12)


def test_waves_are_of_second_order_with_moving_walls():
    """u = cos(x + y − √2 t) on the unit square, its values imposed on the walls."""

    def wave(x, y, t):
        return np.cos(x + y - np.sqrt(2) * t)

    axes = [tp.Axis(24, 0.0, 1.0, bc=tuple(condition("d", k, side, wave) for side in (0, 1))) for k in range(2)]
    space = tp.Space(tp.Grid(*axes))
    L, errors = tp.laplacian(space, lele1992.second(6)), []
    for steps in (10, 20, 40):
        state, step = space.zeros((2,)), ImplicitVerlet(L, 1.0 / steps)
        state[0] = space.field(lambda x, y: wave(x, y, 0.0))
        state[1] = space.field(lambda x, y: np.sqrt(2) * np.sin(x + y))
        for k in range(steps):
            step(state, k / steps)
        errors.append(np.abs((state[0] - space.field(lambda x, y: wave(x, y, 1.0))).gather()).max())
    assert np.log2(errors[0] / errors[2]) / 2 == pytest.approx(2, abs=0.25), errors


def bytes_kept(n):
    """What a stepper with compact schemes on n³ points holds after it was made, without fields."""
    tracemalloc.start()
    axes = [tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet()) for _ in range(3)]
    space = tp.Space(tp.Grid(*axes))
    step = DouglasGunn(tp.laplacian(space, lele1992.second(4)), 1e-3)
    assert step._parts.implicit and step._parts.walls is not None
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return kept


def test_operators_take_memory_of_lines_only():
    bytes_kept(20)
    small, large = bytes_kept(100), bytes_kept(200)
    assert large < 2.2 * small
    assert large < 8 * 200**3 / 50


@pytest.mark.parametrize("method", [*SINGLE, ImplicitVerlet])
def test_steps_allocate_nothing(method):
    n = 40
    space = tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0) for _ in range(3))))
    L = tp.laplacian(space, lele1992.second(4))
    if method in (ModifiedCraigSneyd, HundsdorferVerwer):
        L = L + tp.mixed_derivative(space, (0, 1))
    step, u = method(L, 1e-3), space.zeros((2,) if method is ImplicitVerlet else ())
    for _ in range(2):
        step(u)
    tracemalloc.start()
    step(u)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.1 * 8 * n**3, peak


def test_errors_name_both():
    space, other = box(6, ["dd", "dd"]), box(7, ["dd", "dd"])
    L = tp.laplacian(space)
    mixed = L + tp.mixed_derivative(space, (0, 1))
    with pytest.raises(ValueError, match="dt=-1"):
        DouglasGunn(L, -1.0)
    with pytest.raises(ValueError, match=r"acts along several.*HundsdorferVerwer"):
        DouglasGunn(mixed, 0.1)
    with pytest.raises(ValueError, match=r"1 or 2 dimensions.*has 3"):
        PeacemanRachford(tp.laplacian(box(4, ["dd"] * 3)), 0.1)
    with pytest.raises(ValueError, match=r"\(7, 8\).*\(6, 7\)"):
        DouglasGunn(L, 0.1)(other.zeros())
    with pytest.raises(ValueError, match=r"complex128.*float64"):
        DouglasGunn(1j * L, 0.1)(space.zeros())
    with pytest.raises(ValueError, match=r"from a Space to itself"):
        DouglasGunn(tp.derivative(space, 0, central.staggered(2)), 0.1)
    weak = tp.Space(tp.Axis(6, 0.0, 1.0, bc=tp.Dirichlet(), basis=tp.BSpline(3)))
    with pytest.raises(ValueError, match=r"weak form with the mass Banded\(6, 6\)"):
        DouglasGunn(-1.0 * tp.stiffness(weak), 0.1)
    with pytest.raises(ValueError, match=r"lead \(2,\).*lead \(\)"):
        ImplicitVerlet(L, 0.1)(space.zeros())
    with pytest.raises(ValueError, match="two axes"):
        tp.mixed_derivative(space, (1, -1))
