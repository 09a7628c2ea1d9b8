"""Chebyshev and spline collocation on one axis: points, weights, orders, dense twins, what is refused."""

import numpy as np
import pytest

import tensorpde as tp
from tensorpde.schemes import Collocation, bspline, central, chebyshev, lele1992, on_axis

D, N, R = tp.Dirichlet(), tp.Neumann(), tp.Robin(2.0, 3.0)
MIXES = [(D, D), (N, N), (R, R), (D, N), (R, D), (N, R)]
LO, HI = -0.5, -0.5 + np.pi


def u(x):
    return np.sin(2 * x + 0.3)


EXACT = {1: lambda x: 2 * np.cos(2 * x + 0.3), 2: lambda x: -4 * np.sin(2 * x + 0.3)}


def datum(condition, wall, sign):
    slope = sign * EXACT[1](wall)
    kinds = {tp.Dirichlet: u(wall), tp.Neumann: slope, tp.Robin: 2 * u(wall) + 3 * slope}
    return kinds[type(condition)]


def data(axis):
    if axis.periodic:
        return 0.0, 0.0
    return tuple(datum(*end) for end in zip(axis.sides, (axis.lo, axis.hi), (-1, 1), strict=True))


def differentiated(axis, derivative, scheme=None):
    made = on_axis(scheme or Collocation("derivative", derivative), axis)
    left, right = data(axis)
    return made.operator.apply(u(axis.x), 0) + made.left * left + made.right * right


def identifier(value):
    return "-".join(type(side).__name__ for side in value) if isinstance(value, tuple) else None


class TestChebyshev:
    @pytest.mark.parametrize("bc", MIXES, ids=identifier)
    @pytest.mark.parametrize("mapping", [tp.Uniform(), tp.Tanh(0.7)], ids=["plain", "stretched"])
    def test_derivatives_converge_faster_than_any_power(self, mapping, bc):
        errors = []
        for n in (8, 12, 16, 20):
            axis = tp.Axis(n, LO, HI, bc=bc, mapping=mapping, basis=tp.Chebyshev())
            errors.append([np.abs(differentiated(axis, d) - EXACT[d](axis.x)).max() for d in (1, 2)])
        drops = np.array(errors[:-1]) / errors[1:]
        assert np.all(drops > (60 if isinstance(mapping, tp.Uniform) else 20)), errors

    @pytest.mark.parametrize("n", [3, 8, 9, 40])
    def test_matrices_are_those_of_polynomials(self, n):
        """Exact for all powers that n points can carry; rows sum to 0 to the last digits."""
        t = -np.cos(np.pi * np.arange(n) / (n - 1))
        series = np.polynomial.chebyshev.Chebyshev
        for derivative in (1, 2):
            matrix = chebyshev.differentiation(n, derivative)
            scale = np.abs(matrix).max()
            for k in range(n):
                wanted = series.basis(k).deriv(derivative)(t)
                np.testing.assert_allclose(matrix @ series.basis(k)(t), wanted, rtol=0, atol=1e-13 * scale)
            assert np.abs(matrix.sum(axis=1)).max() < 4e-16 * scale

    def test_round_off_of_the_second_derivative_stays_small_on_many_points(self):
        """Not more than the rounding of the data themselves makes."""
        axis = tp.Axis(400, -1.0, 1.0, bc=D, basis=tp.Chebyshev())
        made = on_axis(chebyshev.second("dense"), axis)
        x = axis.x
        found = made.operator.apply(np.exp(x), 0) + made.left * np.exp(-1) + made.right * np.exp(1)
        size = np.abs(made.operator.matrix()).sum(axis=1).max()
        assert np.abs(found - np.exp(x)).max() < 4 * np.finfo(float).eps * size * np.e

    @pytest.mark.parametrize("n", [5, 16, 33])
    @pytest.mark.parametrize("mapping", [tp.Uniform(), tp.Tanh(0.7)], ids=["plain", "stretched"])
    @pytest.mark.parametrize("bc", [(D, D), (D, tp.NoSlip()), (tp.FreeSlip(), tp.FreeSlip())], ids=identifier)
    @pytest.mark.parametrize("make", [chebyshev.first, chebyshev.second])
    def test_transforms_give_the_same_as_the_matrix(self, make, bc, mapping, n):
        axis = tp.Axis(n, LO, HI, bc=bc, mapping=mapping, basis=tp.Chebyshev())
        pair = [D if side.wall_is_known else None for side in bc]
        dense, fast = (on_axis(make(form), axis, bc=pair) for form in ("dense", "dct"))
        values = np.random.default_rng(0).standard_normal((2, n, 3))
        for data in (values, values + 1j * values[::-1], values.astype("float32")):
            wanted = dense.operator.apply(data, 1)
            tolerance = 1e-3 if data.dtype == np.float32 else 1e-12
            found = fast.operator.apply(data, 1)
            assert found.dtype == data.dtype
            np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance * np.abs(wanted).max())
        np.testing.assert_allclose(fast.left, dense.left)
        np.testing.assert_allclose(fast.right, dense.right)
        scale = np.abs(dense.operator.matrix()).max()
        np.testing.assert_allclose(fast.operator.matrix(), dense.operator.matrix(), rtol=0, atol=1e-11 * scale)
        np.testing.assert_allclose(fast.operator.T.matrix(), dense.operator.matrix().T, rtol=0, atol=1e-11 * scale)

    def test_the_form_is_chosen_by_the_number_of_points(self, monkeypatch):
        axis = tp.Axis(8, LO, HI, bc=D, basis=tp.Chebyshev())
        assert isinstance(on_axis(chebyshev.second(), axis).operator, tp.line.Dense)
        monkeypatch.setattr(chebyshev, "DCT_FROM", 10)
        assert isinstance(on_axis(chebyshev.second(), axis).operator, tp.line.Composition)

    @pytest.mark.parametrize("bc", [*MIXES, (N, D)], ids=identifier)
    @pytest.mark.parametrize("n", [4, 9, 12])
    def test_weights_integrate_polynomials(self, n, bc):
        axis = tp.Axis(n, 1.0, 3.0, bc=bc, basis=tp.Chebyshev())
        for k in range(n):
            assert (axis.weights * (axis.x - 1) ** k).sum() == pytest.approx(2 ** (k + 1) / (k + 1), rel=1e-12)
        if bc in ((D, D), (N, N)):
            assert axis.weights.min() > 0

    @pytest.mark.parametrize("bc", MIXES, ids=identifier)
    def test_spectrum_of_the_second_derivative_is_real_and_negative(self, bc):
        axis = tp.Axis(24, -1.0, 1.0, bc=bc, basis=tp.Chebyshev())
        values = np.linalg.eigvals(on_axis(chebyshev.second_derivative, axis).operator.matrix())
        assert not np.any(np.abs(values.imag) > 1e-9 * np.abs(values).max())
        assert values.real.max() < (1e-9 if bc == (N, N) else -0.1)
        assert np.count_nonzero(np.abs(values) < 1e-8) == (bc == (N, N))

    def test_errors_name_what_disagrees(self):
        with pytest.raises(ValueError, match="the axis is periodic"):
            tp.Axis(8, 0, 1, basis=tp.Chebyshev())
        with pytest.raises(ValueError, match=r"n=1 with 1 known walls.*3 points"):
            tp.Axis(1, 0, 1, bc=(D, N), basis=tp.Chebyshev())
        axis = tp.Axis(8, 0, 1, bc=(D, N), basis=tp.Chebyshev())
        with pytest.raises(ValueError, match=r'form="dct".*Dirichlet.*Neumann'):
            on_axis(chebyshev.first("dct"), axis)
        with pytest.raises(ValueError, match="form 'fast' is neither"):
            on_axis(chebyshev.first("fast"), axis)
        with pytest.raises(ValueError, match=r"left wall of an axis with Dirichlet.*cannot be used with Neumann"):
            on_axis(chebyshev.first(), axis, bc=(N, N))
        with pytest.raises(ValueError, match="cannot use Odd"):
            on_axis(chebyshev.first(), axis, bc=(D, tp.Odd()))
        with pytest.raises(ValueError, match=r"staggered derivative.* cannot be used on an axis with Chebyshev"):
            on_axis(central.staggered(2), axis)
        with pytest.raises(ValueError, match=r"interpolation.* cannot be used"):
            on_axis(lele1992.midpoint_interpolation, axis)
        with pytest.raises(ValueError, match="Chebyshev second derivative needs an axis with a collocation basis"):
            on_axis(chebyshev.second(), tp.Axis(8, 0, 1))


class TestSplines:
    @pytest.mark.parametrize("bc", [tp.Periodic(), *MIXES], ids=identifier)
    @pytest.mark.parametrize("p", [2, 3, 4, 5, 6])
    def test_orders(self, p, bc):
        """u'' − u = f has order p for even p and p − 1 for odd p; derivatives of the interpolant at least p − 1."""
        errors = []
        for n in (20, 40):
            axis = tp.Axis(n, LO, HI, bc=bc, basis=tp.Greville(p))
            row = [np.abs(differentiated(axis, d) - EXACT[d](axis.x)).max() for d in (1, 2)]
            made, (left, right) = on_axis(bspline.second_derivative, axis), data(axis)
            f = EXACT[2](axis.x) - u(axis.x) - made.left * left - made.right * right
            row.append(np.abs(np.linalg.solve(made.operator.matrix() - np.eye(n), f) - u(axis.x)).max())
            exact = (np.cos(2 * axis.lo + 0.3) - np.cos(2 * axis.hi + 0.3)) / 2
            row.append(abs((axis.weights * u(axis.x)).sum() - exact) + 1e-15)
            errors.append(row)
        first, second, solution, integral = np.log2(np.array(errors[0]) / errors[1])
        design = p - p % 2
        assert first > p - 0.3 and second > (p - 1.3 if p % 2 == 0 else p - 1.4), errors
        assert solution > design - 0.35, errors
        assert bc == tp.Periodic() or integral > p - 0.3, errors

    @pytest.mark.parametrize("p", [2, 3, 4, 5])
    @pytest.mark.parametrize("bc", MIXES, ids=identifier)
    def test_polynomials_of_degree_p_are_exact(self, bc, p):
        knots = np.concatenate([[0.0] * (p + 1), np.cumsum(1 + np.arange(6) % 3), [14.0] * (p + 1)])
        slopes = sum(not isinstance(side, tp.Dirichlet) for side in bc)
        known = 2 - slopes
        n = len(knots) - p - 1 - known - slopes
        axis = tp.Axis(n, 0.0, 2.0, bc=bc, basis=tp.Greville(p, knots))
        rng = np.random.default_rng(p)
        poly = np.polynomial.Polynomial(rng.standard_normal(p + 1))
        for derivative in (1, 2):
            made = on_axis(Collocation("derivative", derivative), axis)
            ends = []
            for side, wall, sign in zip(bc, (0.0, 2.0), (-1, 1), strict=True):
                value, slope = poly(wall), sign * poly.deriv()(wall)
                kinds = {tp.Dirichlet: value, tp.Neumann: slope, tp.Robin: 2 * value + 3 * slope}
                ends.append(kinds[type(side)])
            found = made.operator.apply(poly(axis.x), 0) + made.left * ends[0] + made.right * ends[1]
            np.testing.assert_allclose(found, poly.deriv(derivative)(axis.x), rtol=0, atol=1e-10)
        np.testing.assert_allclose((axis.weights * poly(axis.x)).sum(), poly.integ()(2.0), atol=1e-11)

    def test_cubic_splines_are_those_of_scipy(self):
        from scipy.interpolate import CubicSpline

        axis = tp.Axis(12, 0.0, 2.0, bc=(N, N), basis=tp.Greville(3))
        np.testing.assert_allclose(axis.x, np.linspace(0, 2, 12), atol=1e-15)
        values = np.random.default_rng(0).standard_normal(12)
        wanted = CubicSpline(axis.x, values, bc_type=((1, -0.7), (1, 1.3)))
        for derivative in (1, 2):
            made = on_axis(Collocation("derivative", derivative), axis)
            found = made.operator.apply(values, 0) + made.left * 0.7 + made.right * 1.3
            np.testing.assert_allclose(found, wanted(axis.x, derivative), rtol=0, atol=1e-11)

    @pytest.mark.parametrize("bc", [tp.Periodic(), (D, R)], ids=identifier)
    def test_bands_act_as_their_matrix(self, bc):
        """In bands: storage grows with n only; one pass on a periodic line."""
        axis = tp.Axis(30, LO, HI, bc=bc, basis=tp.Greville(4))
        operator = on_axis(bspline.second_derivative, axis).operator
        values = np.random.default_rng(0).standard_normal((3, 30, 2))
        wanted = np.einsum("ij,ajb->aib", operator.matrix(), values)
        np.testing.assert_allclose(operator.apply(values, 1), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())
        parts = [operator] if axis.periodic else operator.factors
        assert all(band is None or band.width <= 7 for part in parts for band in (part.lhs, part.rhs))
        assert len(parts) == (1 if axis.periodic else 2)

    def test_periodic_knots_of_any_spacing(self):
        knots = np.cumsum(np.concatenate([[0], 1 + 0.4 * np.sin(np.arange(48) * np.pi / 24)]))
        axis = tp.Axis(48, LO, HI, basis=tp.Greville(4, knots))
        assert np.abs(differentiated(axis, 2) - EXACT[2](axis.x)).max() < 3e-3
        assert np.abs(differentiated(axis, 1) - EXACT[1](axis.x)).max() < 1e-4

    def test_errors_name_what_disagrees(self):
        with pytest.raises(ValueError, match=r"takes its stretching from the knots, but the axis has Tanh"):
            tp.Axis(9, 0, 1, bc=D, mapping=tp.Tanh(1.0), basis=tp.Greville(3))
        with pytest.raises(ValueError, match=r"n=3 is too small.*n ≥ 4"):
            tp.Axis(3, 0, 1, bc=D, basis=tp.Greville(3))
        with pytest.raises(ValueError, match="p ≥ 2, not p=1"):
            tp.Greville(1)
        axis = tp.Axis(9, 0, 1, bc=(D, N), basis=tp.Greville(3))
        with pytest.raises(ValueError, match=r"made for .*Neumann.*cannot be used with"):
            on_axis(bspline.second_derivative, axis, bc=(D, None))
        with pytest.raises(ValueError, match="gives values at its own points"):
            on_axis(bspline.second_derivative, axis, to=axis.like(n=10))
