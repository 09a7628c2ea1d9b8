"""Operators of a Space: orders of accuracy with boundary data in 1–3 dimensions, lifting, staggering, vectors."""

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.schemes import central, lele1992

WAVE = 1.3


def u(x):
    return np.sin(WAVE * x + 0.4)


def du(x):
    return WAVE * np.cos(WAVE * x + 0.4)


def profile(*x):
    return np.prod(np.broadcast_arrays(*map(u, x)), axis=0)


def exact_laplacian(*x):
    return -len(x) * WAVE**2 * profile(*x)


def condition(kind, side, axis, ndim):
    """The condition on one side of an axis whose data are those of `profile`, growing with t."""
    wall = float(side)
    sign = 2 * side - 1

    def data(*others_and_t):
        *others, t = others_and_t
        here = {"dirichlet": u(wall), "neumann": sign * du(wall), "robin": 2 * u(wall) + 3 * sign * du(wall)}[kind]
        return (1 + t) * here * (profile(*others) if others else 1.0)

    return {
        "dirichlet": lambda: tp.Dirichlet(data),
        "neumann": lambda: tp.Neumann(data),
        "robin": lambda: tp.Robin(2.0, 3.0, data),
    }[kind]()


def box(n, kinds, location="nodes", mapping=None):
    ndim = len(kinds)
    return tp.Space(
        tp.Grid(
            *(
                tp.Axis(
                    n + axis, 0.0, 1.0, bc=tuple(condition(kind, side, axis, ndim) for side, kind in enumerate(pair)),
                    location=location, mapping=mapping or tp.Uniform(),
                )
                for axis, pair in enumerate(kinds)
            )
        )
    )  # fmt: skip


@pytest.mark.parametrize("location", ["nodes", "cells"])
@pytest.mark.parametrize("mapping", [None, tp.Tanh(1.0)])
@pytest.mark.parametrize(
    "kinds",
    [
        [("dirichlet", "neumann")],
        [("robin", "dirichlet"), ("neumann", "neumann")],
        [("dirichlet", "dirichlet"), ("neumann", "robin"), ("dirichlet", "neumann")],
    ],
)
def test_laplacian_with_boundary_data_converges(kinds, mapping, location):
    """Compact scheme of order 4: truncation errors fall at least with the third power beside walls."""
    errors = []
    for n in (12, 24):
        s = box(n, kinds, location, mapping)
        L = tp.laplacian(s, lele1992.second(4))
        t = 0.7
        f = s.field(profile) * (1 + t)
        errors.append(abs(L(f, t).gather() - (1 + t) * s.field(exact_laplacian).gather()).max())
        assert np.abs((L @ f + L.lifting(t) - L(f, t)).gather()).max() < 1e-11 * errors[0] + 1e-9
    assert np.log2(errors[0] / errors[1]) > 2.6


@pytest.mark.parametrize("order", [4, 6])
def test_periodic_laplacian_has_its_order(order):
    errors = []
    for n in (16, 32):
        s = tp.Space(tp.Grid(tp.Axis(n, 0, 2 * np.pi), tp.Axis(n + 2, 0, 2 * np.pi)))
        f = s.field(lambda x, y: np.sin(2 * x) * np.cos(y))
        errors.append((tp.laplacian(s, lele1992.second(order)) @ f + 5 * f).norm() / n)
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.3


def test_data_may_be_numbers_and_the_operator_stays_linear():
    s = tp.Space(tp.Grid(tp.Axis(9, 0.0, 1.0, bc=(tp.Dirichlet(2.0), tp.Neumann(-1.0)))))
    L = tp.laplacian(s)
    x = s.axes[0].x
    assert np.abs((L(s.field(2.0 - x), 0.0)).gather()).max() < 1e-11
    f = s.field(np.sin(x))
    np.testing.assert_allclose((L @ (2 * f)).gather(), 2 * (L @ f).gather(), rtol=1e-14)
    np.testing.assert_allclose(((3 * L)(f) - 3 * L(f)).gather(), 0, atol=1e-11)
    np.testing.assert_allclose(((L + L)(f) - 2 * L(f)).gather(), 0, atol=1e-11)
    np.testing.assert_allclose(((L @ L)(f) - L(L(f))).gather(), 0, atol=1e-8)
    assert not L.T.sources and not np.any(L.H.lifting().gather())


def test_lifting_reaches_all_leading_indices():
    s = tp.Space(tp.Grid(tp.Axis(6, 0, 1), tp.Axis(5, 0.0, 1.0, bc=tp.Dirichlet(lambda x, t: x + t))))
    L = tp.laplacian(s)
    f = s.zeros((2,))
    np.testing.assert_array_equal(L(f, 1.0).gather()[1], L.lifting(1.0).gather())
    np.testing.assert_array_equal(L(f.align(0), 1.0).gather()[0], L.lifting(1.0).gather())


def test_staggered_derivative_goes_to_the_other_points_and_back():
    s = tp.Space(tp.Grid(tp.Axis(10, 0, 2 * np.pi), tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet())))
    D = tp.derivative(s, 1, central.staggered(2))
    assert D.range.shape == (10, 9) and D.range.axes[1].location == "cells"
    back = tp.derivative(D.range, 1, central.staggered(2), to=s)
    x = s.axes[1].x
    f = s.field(lambda a, y: y * (1 - y) + 0 * a)
    np.testing.assert_allclose((D @ f).gather()[0], 1 - 2 * D.range.axes[1].x, atol=1e-12)
    np.testing.assert_allclose((back @ D @ f).gather()[0], np.full(len(x), -2.0), atol=1e-11)


def test_gradient_and_divergence():
    axes = [tp.Axis(n, 0, 2 * np.pi) for n in (16, 12)]
    s = tp.Space(tp.Grid(*axes))
    f = s.field(lambda x, y: np.sin(x) * np.cos(2 * y))
    scheme = lele1992.first_derivative
    v = tp.gradient(s, scheme) @ f
    assert v.lead == (2,)
    exact = s.field(lambda x, y: [np.cos(x) * np.cos(2 * y), -2 * np.sin(x) * np.sin(2 * y)], lead=(2,))
    assert np.abs((v - exact).gather()).max() < 2e-2
    D = [tp.derivative(s, axis, scheme) for axis in range(2)]
    np.testing.assert_array_equal(v[1].gather(), (D[1] @ f).gather())
    divergence = tp.divergence(s, scheme)
    wanted = (D[0] @ v[0]).gather() + (D[1] @ v[1]).gather()
    np.testing.assert_allclose((divergence @ v).gather(), wanted, rtol=0, atol=1e-13)
    out = s.empty()
    assert divergence.apply(v, out=out) is out
    staggered = tp.gradient(s, central.staggered(4)) @ f
    assert isinstance(staggered, tuple) and staggered[0].space.axes[0].location == "cells"
    back = tp.divergence([part.space for part in staggered], central.staggered(4), to=s) @ staggered
    assert back.space is s and np.abs((back + 5 * f).gather()).max() < 0.1


def test_flow_conditions_are_resolved_per_component():
    wall = tp.Axis(9, 0.0, 1.0, bc=(tp.NoSlip((1.0, 0.0)), tp.NoSlip()))
    s = tp.Space(tp.Grid(tp.Axis(6, 0, 1), wall))
    v = s.field(lambda x, y: [1 - y + 0 * x, y * (1 - y) + 0 * x], lead=(2,))
    divergence = tp.divergence(s, central.first(2))
    np.testing.assert_allclose(divergence(v).gather()[0], 1 - 2 * wall.x, atol=1e-12)
    pressure = s.field(lambda x, y: 2 * y + 0 * x)
    np.testing.assert_allclose((tp.gradient(s, central.first(2))(pressure))[1].gather(), 2.0, atol=1e-12)


def test_errors_name_both():
    s = tp.Space(tp.Grid(tp.Axis(8, 0, 1), tp.Axis(8, 0, 1)))
    with pytest.raises(ValueError, match=r"axis 2 .* 2 axes"):
        tp.derivative(s, 2)
    with pytest.raises(ValueError, match="second derivative, not derivative 1"):
        tp.laplacian(s, central.first(4))
    with pytest.raises(ValueError, match="other axes"):
        tp.derivative(s, 0, to=s.like(axis=1, hi=2.0))
    with pytest.raises(ValueError, match="2 components got 3"):
        tp.divergence(s) @ s.zeros((3,))


def fail_in_boundary_data():
    def data(y, t):
        if tp.parallel.world().rank == 1:
            raise KeyError("no data here")
        return y

    s = tp.Space(tp.Grid(tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet(data)), tp.Axis(8, 0, 1)))
    with pytest.raises(KeyError, match="rank 1, while evaluating boundary data: no data here"):
        tp.laplacian(s).lifting()
    print("agreed", flush=True)


def test_an_error_in_boundary_data_is_the_error_of_all_ranks():
    assert run_ranks(2, "test_operators.py::fail_in_boundary_data", timeout=120).stdout.count("agreed") == 2


def test_mixed_derivative_with_data_on_walls_converges():
    errors = []
    for n in (15, 31):
        s = box(n, [("dirichlet", "dirichlet"), ("dirichlet", "neumann")])
        made = tp.mixed_derivative(s, (0, 1), central.first(4))
        f = s.field(profile) * 1.5
        wanted = 1.5 * s.field(lambda x, y: du(x) * du(y)).gather()
        errors.append(np.abs(made(f, 0.5).gather() - wanted).max())
        np.testing.assert_allclose((made @ f + made.lifting(0.5)).gather(), made(f, 0.5).gather(), rtol=0, atol=1e-10)
    assert np.log2(errors[0] / errors[1]) > 2.5, errors
