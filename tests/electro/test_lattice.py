"""Lattices against sums over their sites, Madelung constants against the literature."""

import itertools

import numpy as np
import pytest

from tensorpde.electro.lattice import CSCL, NACL, ZNS, Cell, Lattice, madelung


@pytest.mark.parametrize(
    ("cell", "constant"), [(NACL, 1.7475645946), (CSCL, 1.7626747731), (ZNS, 1.6380550534)], ids=["NaCl", "CsCl", "ZnS"]
)
def test_madelung(cell, constant):
    """Tabulated to ten decimals (R. E. Crandall, J. P. Buhler 1987)."""
    assert cell.nearest == pytest.approx(1.0, rel=1e-14)
    for site in (0, len(cell.charges) - 1):
        assert madelung(cell, site) == pytest.approx(constant, abs=1e-10)
    scaled = Cell(3.3 * cell.length, cell.positions + 0.1, 2 * cell.charges)
    assert madelung(scaled) == pytest.approx(constant, abs=1e-10)


def test_charges_must_cancel():
    with pytest.raises(ValueError, match="must cancel"):
        madelung(Cell(1.0, np.zeros((1, 3)), np.ones(1)))


def sites(lattice):
    ranges = [range(n) for n in (*lattice.repeats, len(lattice.cell.charges))]
    at = list(itertools.product(*ranges))
    charges = np.array([lattice.changes.get(site, lattice.cell.charges[site[3]]) for site in at])
    return at, np.array([lattice.position(site) for site in at]), charges


@pytest.mark.parametrize("changes", [{}, {(0, 1, 1, 2): 0.0, (1, 1, 2, 5): 2.0, (0, 0, 0, 0): 0.5}])
def test_finite_lattice(changes):
    lattice = Lattice(NACL, (2, 3, 4), changes)
    at, x, q = sites(lattice)
    r = np.linalg.norm(x[:, None] - x[None], axis=-1)
    inverse = 1 / np.where(r > 0, r, np.inf)
    direct = inverse @ q
    np.testing.assert_allclose(lattice.potential(at), direct, atol=1e-8)
    assert lattice.energy() == pytest.approx(0.5 * q @ direct, rel=1e-9)
    grid = [np.array([-1.5, 6.0]), np.array([7.3]), np.array([-2.0, 0.1, 9.0])]
    points = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1)
    wanted = (q / np.linalg.norm(points[..., None, :] - x, axis=-1)).sum(axis=-1)
    given = lattice.canonical(*grid)
    np.testing.assert_allclose(given.full(), wanted, atol=1e-8)
    assert given.rank == len(lattice.gaussians) * (8 + len(changes))


def test_the_middle_of_a_large_lattice_tends_to_the_infinite_one():
    """Cubes of whole NaCl cells have no dipole on their faces; the rest falls like the inverse cube of the size."""
    errors = []
    for n in (4, 8, 16):
        lattice = Lattice(NACL, (n, n, n), tol=1e-13)
        middle = np.mean([lattice.potential([(n // 2, n // 2, n // 2, k)])[0] * -NACL.charges[k] for k in range(8)])
        errors.append(abs(middle - madelung(NACL)))
    assert errors[2] < 2e-4
    assert np.log2(errors[0] / errors[1]) > 1.8
    assert np.log2(errors[1] / errors[2]) > 1.8


def test_a_site_outside_is_refused():
    with pytest.raises(ValueError, match=r"\(2, 0, 0, 0\).*\(2, 2, 2, 8\)"):
        Lattice(NACL, (2, 2, 2), {(2, 0, 0, 0): 0.0})
    with pytest.raises(ValueError, match=r"\(-1, 0, 0, 0\).*\(2, 2, 2, 8\)"):
        Lattice(NACL, (2, 2, 2)).potential([(-1, 0, 0, 0)])


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Lattice(NACL, (2, 0, 2)), r"repeats=\(2, 0, 2\)"),
        (lambda: Cell(1.0, [[0, 0]], [1.0]), r"shape \(1, 2\) and charges of shape \(1,\)"),
        (lambda: madelung(Cell(1.0, [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]], [1, -1, 0]), 2), "site 2 has no charge"),
    ],
)
def test_what_is_no_lattice_is_refused(ask, words):
    with pytest.raises(ValueError, match=words):
        ask()
