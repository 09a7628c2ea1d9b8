"""Boundary conditions and what the flow conditions resolve to."""

import pytest

from tensorpde.boundary import Dirichlet, Even, FreeSlip, Neumann, NoSlip, Odd, Periodic, Robin, resolve


def test_free_slip_resolves_to_reflections():
    assert resolve(FreeSlip(), 1, axis=1) == Odd()
    assert resolve(FreeSlip(), 0, axis=1) == Even()
    assert resolve(FreeSlip(), "pressure", axis=1) == Even()


def test_no_slip_resolves_to_the_wall_velocity():
    lid = NoSlip((1.0, 0.0, 0.0))
    assert resolve(lid, 0, axis=1) == Dirichlet(1.0)
    assert resolve(lid, 1, axis=1) == Dirichlet(0.0)
    assert resolve(NoSlip(), 2, axis=0) == Dirichlet(0.0)
    assert resolve(lid, "pressure", axis=1) is None


@pytest.mark.parametrize("bc", [Periodic(), Dirichlet(2.0), Neumann(1.0), Robin(1.0, 2.0, 3.0), Odd(), Even()])
def test_scalar_conditions_stand_for_themselves(bc):
    assert resolve(bc, 0, axis=0) is bc
    assert resolve(bc, "pressure", axis=0) is bc


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Robin(0, 0), ["a=0", "b=0"]),
        (lambda: Robin(2.0, 0), ["a=2.0", "b=0", "Dirichlet"]),
        (lambda: NoSlip(1.0), ["velocity=1.0"]),
        (lambda: resolve(NoSlip((1.0, 0.0)), 2, 0), ["2"]),
        (lambda: resolve(FreeSlip(), "density", 0), ["density"]),
        (lambda: resolve(FreeSlip(), -1, 0), ["-1"]),
    ],
)
def test_impossible_conditions_are_named(make, words):
    with pytest.raises(ValueError) as error:
        make()
    assert all(word in str(error.value) for word in words)


def test_conditions_are_values():
    assert Robin(1, 2, 3) == Robin(1, 2, 3)
    assert len({Dirichlet(), Dirichlet(0.0), Neumann(), NoSlip([0.0, 1.0]), NoSlip((0.0, 1.0))}) == 3
    with pytest.raises(AttributeError):
        Dirichlet().value = 1.0
