"""What users give wrongly is refused where it comes in, by an error that names it; what they may give is taken."""

from collections.abc import Callable

import numpy as np
import pytest

import tensorpde as tp
from tensorpde import given
from tensorpde.learn import optim

AXIS = tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet())
SPACE = tp.Space(tp.Grid(AXIS, AXIS))
ONE = SPACE.field(1.0)
L = tp.laplacian(SPACE)
TURN = tp.Axis(8, 0.0, 1.0)
SPLINES = tp.Space(tp.Axis(8, 0.0, 1.0, bc=tp.Neumann(), basis=tp.BSpline(2)))
PERIODIC = tp.Space(tp.Grid(TURN, TURN))


def with_wall(value: object) -> tp.Field:
    """The Laplacian of 0 with this on a wall."""
    space = tp.Space(tp.Grid(TURN, tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet(value))))
    return tp.laplacian(space)(space.zeros())


WRONG: dict[str, tuple[Callable[[], object], type[Exception], str]] = {
    "n": (lambda: tp.Axis(8.0, 0, 1), TypeError, "whole number, not 8.0"),
    "lo": (lambda: tp.Axis(8, "0", 1), TypeError, "lo must be a number, not '0'"),
    "hi": (lambda: tp.Axis(8, 0, np.nan), ValueError, "hi must be a finite number, not nan"),
    "bc": (lambda: tp.Axis(8, 0, 1, bc=None), ValueError, "such as Dirichlet.*not None"),
    "bc class": (lambda: tp.Axis(8, 0, 1, bc=tp.Neumann), ValueError, "such as Dirichlet.*Neumann"),
    "mapping": (lambda: tp.Axis(8, 0, 1, bc=tp.Neumann(), mapping=np.sqrt), ValueError, "UserMapping.*sqrt"),
    "strength": (lambda: tp.Tanh("2"), TypeError, "beta of Tanh must be a number, not '2'"),
    "data": (lambda: tp.Dirichlet(None), TypeError, "value of Dirichlet.*not None"),
    "slope": (lambda: tp.Clamped(0.0, np.inf), ValueError, "slope of Clamped.*not inf"),
    "mix": (lambda: tp.Robin("1", 2.0), TypeError, "a of Robin must be a number, not '1'"),
    "grid": (lambda: tp.Space([AXIS, AXIS]), ValueError, "needs a Grid or an Axis"),
    "nothing": (lambda: SPACE.field(None), TypeError, "needs numbers.*None"),
    "no result": (lambda: SPACE.field(lambda x, y: None), TypeError, "needs numbers.*None"),
    "integers": (lambda: tp.Field(SPACE, np.ones(SPACE.shape, int)), TypeError, "floating-point numbers, not int64"),
    "list": (lambda: tp.Field(SPACE, [[1.0]]), TypeError, "floating-point numbers.*list"),
    "norm": (lambda: ONE.norm("fro"), ValueError, "'fro'"),
    "alignment": (lambda: ONE.align(2), IndexError, r"axis 2 is none of the 2 axes"),
    "axis": (lambda: tp.derivative(SPACE, 1.0), TypeError, "axis must be a whole number, not 1.0"),
    "scheme": (lambda: tp.laplacian(SPACE, "lele1992"), TypeError, "a scheme is one such as.*'lele1992'"),
    "operand": (lambda: L @ ONE.local, TypeError, "KronSum"),
    "operator": (lambda: tp.FastDiagonal(SPACE), TypeError, "such as a laplacian, not Space"),
    "shift": (lambda: tp.FastDiagonal(L, shift=np.nan), ValueError, "a shift must be a finite number, not nan"),
    "right-hand side": (lambda: tp.FastDiagonal(L).solve(ONE.local), TypeError, "is a Field.*not ndarray"),
    "dt": (lambda: tp.DouglasGunn(L, dt="1"), TypeError, "a time step must be a number, not '1'"),
    "stepped": (lambda: tp.DouglasGunn(SPACE, dt=1.0), ValueError, "needs an operator.*not Space"),
    "source": (
        lambda: tp.DouglasGunn(L, dt=1.0)(ONE.copy(), source=ONE.local), TypeError, "a source, if neither a function"
    ),
    "source elsewhere": (
        lambda: tp.DouglasGunn(L, dt=1.0)(ONE.copy(), source=SPACE.field(1.0, lead=(2,))), ValueError, "cannot be added"
    ),
    "kappa": (lambda: tp.stiffness(SPLINES, "a"), TypeError, "kappa must be a number, not 'a'"),
    "speed": (lambda: tp.advection(SPLINES, [np.nan]), ValueError, "velocity must be a finite number, not nan"),
    "no wall value": (lambda: with_wall(lambda x, t: None), TypeError, "needs numbers.*None"),
    "complex wall": (lambda: with_wall(1j), TypeError, "complex128 values for a float64 field"),
    "complex source": (
        lambda: tp.DouglasGunn(L, dt=1.0)(ONE.copy(), source=lambda x, y: 1j * x), TypeError, "complex128 values"
    ),
    "solved": (lambda: tp.solve.krylov(SPACE, ONE), TypeError, "such as a laplacian, not Space"),
    "solved for": (lambda: tp.solve.krylov(L, ONE.local), TypeError, "is a Field.*not ndarray"),
    "rtol": (lambda: tp.solve.krylov(L, ONE, rtol=-1.0), ValueError, "rtol must be 0 or more, not -1.0"),
    "limit": (lambda: tp.solve.krylov(L, ONE, limit=1.5), TypeError, "limit must be a whole number, not 1.5"),
    "viscosity": (lambda: tp.pde.NavierStokes(PERIODIC, nu="a"), TypeError, "the viscosity nu must be a number"),
    "velocity": (lambda: tp.NoSlip(("a", 0.0)), TypeError, "component 0 of NoSlip.*'a'"),
    "flow": (lambda: tp.pde.NavierStokes(PERIODIC, nu=1.0).step([ONE, ONE]), TypeError, "one Field, not list"),
    "flow elsewhere": (
        lambda: tp.pde.NavierStokes(PERIODIC, nu=1.0).dt(SPACE.zeros(lead=(2,))), ValueError, "no state on Space"
    ),
    "checkpoint": (lambda: tp.io.save_checkpoint("x", ONE, 1, 0.0), TypeError, "dictionary of Fields by name"),
    "step": (lambda: tp.io.save_checkpoint("x", {"u": ONE}, 1.5, 0.0), TypeError, "step must be a whole number"),
    "beta": (lambda: optim.Adam(beta1=1.5), ValueError, "beta1 must be at least 0 and less than 1, not 1.5"),
    "decay": (lambda: optim.AdamW(-1e-4), ValueError, "weight_decay must be at least 0, not -0.0001"),
    "momentum": (lambda: optim.SGD("0.9"), TypeError, "momentum must be a number, not '0.9'"),
    "steps of a schedule": (lambda: optim.Cosine(0.1, 0), ValueError, "total must be at least 1, not 0"),
    "step size": (lambda: optim.Constant(np.nan), ValueError, "lr must be a finite number, not nan"),
    "half a step": (lambda: optim.Steps(0.1, 2.5), TypeError, "every must be a whole number, not 2.5"),
    "warm-up": (lambda: optim.WarmUp(optim.Constant(0.1), True), TypeError, "updates must be a whole number, not True"),
    "levels": (lambda: tp.learn.Patches(1.5), TypeError, "levels must be a whole number, not 1.5"),
    "patch padding": (lambda: tp.learn.Patches(1, (2, -1)), ValueError, "padding must be at least 0, not -1"),
    "channels": (lambda: tp.learn.TFNO((4,), 1, 1, 2.5), TypeError, "hidden_channels must be a whole number, not 2.5"),
    "ratio": (lambda: tp.learn.TFNO((4,), 1, 1, 4, mlp_ratio=1j), TypeError, "mlp_ratio must be a real number"),
    "modes": (lambda: tp.learn.TFNO((4, 2.0), 1, 1, 4), TypeError, r"each of n_modes=\(4, 2.0\) must be a whole"),
    "time": (lambda: tp.io.save_checkpoint("x", {"u": ONE}, 1, np.nan), ValueError, "time must be a finite number"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_things_are_named(name: str) -> None:
    call, kind, message = WRONG[name]
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    ("things", "kind", "message"),
    [
        ({"step": -1, "u": ONE}, ValueError, "0 or more, not -1"),
        ({"step": "1", "u": ONE}, TypeError, "step must be a whole number, not '1'"),
        ({"step": 1, "u": ONE.local}, TypeError, "u must be a Field"),
        ({"step": 1, "u": lambda: None}, TypeError, "u must be a Field"),
    ],
)
def test_a_snapshot_of_wrong_things_is_refused_and_none_left(things, kind, message, tmp_path) -> None:
    with tp.io.Output(tmp_path, SPACE) as out, pytest.raises(kind, match=message):
        out.write(time=0.0, **things)
    assert not list(tmp_path.iterdir())


def test_numbers_of_every_kind_are_taken() -> None:
    assert given.whole(np.int32(3), "n") == 3
    for value in (2, np.float32(2), 2 + 0j, np.array(2.0), True):
        assert given.number(value, "a") is value
    axis = tp.Axis(np.int64(4), np.float32(0), 1, bc=[tp.Dirichlet(np.float64(1)), tp.Neumann(1)])
    assert axis.n == 4 and isinstance(axis.lo, float)


def test_norms_of_real_and_complex_fields() -> None:
    z = (3 - 4j) * ONE
    for order in ("max", np.inf):
        assert z.norm(order) == 5.0
        assert (-2.0 * ONE).norm(order) == 2.0
    assert z.norm(2) == z.norm() == pytest.approx(40.0)
    assert abs(z).dtype == np.float64 and abs(z).min() == 5.0


def test_an_operator_is_divided_by_numbers() -> None:
    f = SPACE.field(lambda x, y: np.sin(x) * y)
    np.testing.assert_allclose(((L / 4) @ f).local, (L @ f).local / 4, rtol=1e-14)
    with pytest.raises(TypeError):
        L / f


@pytest.mark.parametrize("step", [tp.DouglasGunn, tp.PeacemanRachford, tp.HundsdorferVerwer, tp.ModifiedCraigSneyd])
def test_a_steady_source_is_a_function_a_number_or_a_field(step) -> None:
    found = [
        step(L, dt=0.1)(SPACE.zeros(), source=source).local
        for source in (lambda x, y, t: 2.0, lambda x, y: 2.0 + 0 * x, 2, SPACE.field(2.0))
    ]
    assert np.abs(found[0]).max() > 0.1
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])
