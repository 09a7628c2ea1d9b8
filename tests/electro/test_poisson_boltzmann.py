"""Born's ion, with ions around it and without, against closed forms and the radial equation."""

import numpy as np
import pytest
import scipy.integrate
from mpi import run_ranks

from tensorpde.electro import PoissonBoltzmann
from tensorpde.solve import NotConverged

A, IN, OUT = 2.0, 2.0, 78.5
BOX = [(-6.0, 6.0)] * 3
ASIDE = (0.13, 0.05, -0.21)


def born(n, kappa=0.0, place=(0.0, 0.0, 0.0), **more):
    def walls(x):
        r = np.linalg.norm(x - np.array(place), axis=1)
        return np.exp(-kappa * (r - A)) / (OUT * r * (1 + kappa * A))

    given = {"boundary": walls} | more
    return PoissonBoltzmann([place], [1.0], [A], n, BOX, IN, OUT, kappa, **given)


@pytest.mark.parametrize(
    ("kappa", "place"), [(0.0, (0.0, 0.0, 0.0)), (0.0, (0.13, 0.05, -0.21)), (0.3, (0.13, 0.05, -0.21))]
)
def test_born(kappa, place):
    exact = (1 / (OUT * (1 + kappa * A)) - 1 / IN) / A
    errors = []
    for n in (17, 25, 33):
        solution = born(n, kappa, place).solve()
        errors.append(abs(solution.at_charges[0] / exact - 1))
        assert solution.energy == pytest.approx(0.5 * solution.at_charges[0])
        assert solution.iterations[0] < 60
    assert errors[2] < 0.003
    assert np.log2(errors[0] / errors[2]) > 1.9
    assert errors[0] > errors[1] > errors[2]
    if kappa == 0:
        assert exact == pytest.approx(-0.24363057325, abs=1e-11)


def test_what_of_a_link_is_in_the_molecule():
    """Against many points of every link; the balls overlap, touch a wall, or are too small for any point."""
    x = np.array([[0.0, 0.1, 0.3], [1.2, -0.4, 0.0], [-3.5, 1.0, 0.5], [2.4, 2.1, 2.2]])
    pb = PoissonBoltzmann(x, [1.0, -0.5, 0.3, 0.1], [1.2, 1.0, 1.5, 0.2], 13, [(-4, 4), (-5, 4), (-3, 4)])
    steps = (np.arange(400) + 0.5) / 400 - 0.5
    for axis in range(3):
        lines = np.ix_(*(a.x for a in pb.space.axes))
        sampled = np.zeros([len(a.x) for a in pb.space.axes])
        for step in steps:
            at = [c + step * pb.space.axes[axis].spacing * (k == axis) for k, c in enumerate(lines)]
            apart = [sum((c - p) ** 2 for c, p in zip(at, place, strict=True)) for place in x]
            sampled += np.any([s <= r**2 for s, r in zip(apart, pb.radii, strict=True)], axis=0) / len(steps)
        found = pb.covered(axis, *lines)
        assert found.min() == 0
        assert found.max() == 1
        np.testing.assert_allclose(found, sampled, atol=4 / len(steps))


def test_off_the_grid_and_with_the_default_walls():
    solution = born(33, place=(0.31, -0.17, 0.05), boundary=None).solve()
    assert solution.at_charges[0] == pytest.approx(-0.24363, rel=0.01)
    u = solution.smooth.gather()
    assert np.isfinite(u).all()


def test_the_nonlinear_equation():
    """(r² u')' = κ² r² sinh(βu)/β with ε_s u'(a) = −1/a², of which the walls get the values."""
    kappa, beta, far = 0.4, 300.0, 12.0

    def slope(r, y):
        return np.stack([y[1], kappa**2 * np.sinh(beta * y[0]) / beta - 2 * y[1] / r])

    def ends(left, right):
        return np.array([left[1] + 1 / (OUT * A**2), right[1] + (kappa + 1 / far) * right[0]])

    r = np.linspace(A, far, 200)
    start = np.exp(-kappa * (r - A)) / (OUT * r * (1 + kappa * A))
    radial = scipy.integrate.solve_bvp(slope, ends, r, np.stack([start, np.gradient(start, r)]), tol=1e-6)
    exact = radial.sol(A)[0] - 1 / (IN * A)
    pb = born(33, kappa, beta=beta, boundary=lambda x: radial.sol(np.linalg.norm(x, axis=1))[0])
    solution = pb.solve(nonlinear=True)
    assert 2 < len(solution.iterations) < 10
    linear = pb.solve().at_charges[0]
    change = radial.sol(A)[0] - start[0]  # what sinh does: about a tenth of the potential of the ions
    assert solution.at_charges[0] == pytest.approx(exact, rel=0.005)
    assert solution.at_charges[0] - linear == pytest.approx(change, rel=0.1)
    with pytest.raises(ValueError, match="beta, which is None"):
        born(9, kappa).solve(nonlinear=True)


def test_a_molecule_without_contrast_has_no_reaction():
    x = np.array([[0.0, 0.1, 0.3], [1.2, -0.4, 0.0], [-1.0, 1.0, 0.5]])
    pb = PoissonBoltzmann(x, [1.0, -0.5, 0.3], [1.2, 1.0, 1.5], 13, [(-4, 4), (-5, 4), (-3, 4)], 4.0, 4.0)
    assert np.abs(pb.solve().at_charges).max() < 1e-10


def test_errors():
    with pytest.raises(ValueError, match="beta=0 must be more than 0"):
        born(9, 0.4, beta=0)
    with pytest.raises(NotConverged):
        born(9, 0.4, beta=1e6).solve(nonlinear=True)
    with pytest.raises(ValueError, match="1 positions but 2 charges"):
        PoissonBoltzmann(np.zeros((1, 3)), [1.0, 1.0], [1.0], 9, BOX)
    with pytest.raises(ValueError, match="1 charges and 2 radii"):
        PoissonBoltzmann(np.zeros((1, 3)), [1.0], [1.0, 1.0], 9, BOX)
    with pytest.raises(ValueError, match="n=4 is too small"):
        PoissonBoltzmann(np.zeros((1, 3)), [1.0], [1.0], 4, BOX)
    with pytest.raises(ValueError, match=r"solvent=-1\.0 must be more than 0"):
        PoissonBoltzmann(np.zeros((1, 3)), [1.0], [1.0], 9, BOX, solvent=-1.0)
    with pytest.raises(ValueError, match=r"kappa=-0\.1 must not be less than 0"):
        born(9, -0.1)
    with pytest.raises(ValueError, match=r"charge 1 at \[99\. .* is not inside the box"):
        PoissonBoltzmann([[0, 0, 0], [99, 0, 0]], [1.0, 1.0], [1.0, 1.0], 9, BOX)


def test_no_charges_have_no_energy():
    assert PoissonBoltzmann(np.zeros((0, 3)), [], [], 9, BOX).solve().energy == 0.0


def across(wanted):
    assert born(13, 0.3).solve(rtol=1e-12).at_charges[0] == pytest.approx(wanted, rel=1e-9)


def test_on_several_ranks():
    run_ranks(3, "electro/test_poisson_boltzmann.py::across", float(born(13, 0.3).solve(rtol=1e-12).at_charges[0]))
