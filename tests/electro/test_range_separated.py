"""Range-separated sums against sums over pairs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi import run_ranks

from tensorpde.electro import RangeSeparated
from tensorpde.parallel import world


def particles(count, seed=0, clustered=False):
    random = np.random.default_rng(seed)
    size = count ** (1 / 3)
    x = random.uniform(0, size, (count, 3))
    if clustered:
        centres = random.uniform(0, size, (5, 3))
        x = centres[random.integers(5, size=count)] + 0.1 * size * random.standard_normal((count, 3))
    q = random.standard_normal(count)
    return x, q


def pairs(points, x, q):
    apart = points[:, None] - x
    r = np.linalg.norm(apart, axis=-1)
    inverse = 1 / np.where(r > 0, r, np.inf)
    return inverse @ q, np.einsum("ijk,ij->ik", apart, inverse**3 * q)


@settings(max_examples=16, deadline=None, derandomize=True)
@given(
    st.sampled_from(["mesh", "tucker"]),
    st.sampled_from([1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9]),
    st.booleans(),
    st.integers(0, 99),
    st.sampled_from([0.0, 1.0]),
    st.sampled_from([40, 200]),
)
def test_the_tolerance_is_met(long, tol, clustered, seed, excess, count):
    x, q = particles(count, seed, clustered)
    q += excess  # not neutral
    rs = RangeSeparated(x, q, tol, direct=False, long=long)
    found = rs.check(100)
    assert max(found.particles, found.points) <= tol
    wanted, field = pairs(x, x, q)
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(rs.potential(), wanted, atol=tol * scale)
    assert np.linalg.norm(rs.field() - field) <= 20 * tol * np.linalg.norm(field)
    assert rs.energy() == pytest.approx(0.5 * q @ wanted, abs=tol * scale * np.abs(q).sum())
    np.testing.assert_allclose(rs.forces(), q[:, None] * rs.field(), rtol=1e-14)


@pytest.mark.parametrize(("direct", "long"), [(True, "mesh"), (False, "mesh"), (False, "tucker")])
def test_grids_points_and_box_cuts(direct, long):
    x, q = particles(150, 4)
    box = ((1.0, 4.0), (-1.0, 3.0), (2.0, 7.5))  # cuts through the particles, and leaves their bounding box
    rs = RangeSeparated(x, q, 1e-6, box=box, direct=direct, long=long)
    f = rs.grid((7, 9, 8))
    assert f.space.shape == (7, 9, 8)
    lines = [np.linspace(lo, hi, n) for (lo, hi), n in zip(box, (7, 9, 8), strict=True)]
    points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 3)
    wanted, _ = pairs(points, x, q)
    scale = np.abs(pairs(x, x, q)[0]).max()
    np.testing.assert_allclose(f.gather().ravel(), wanted, atol=1e-5 * scale)
    assert [axis.spacing <= 0.5 for axis in rs.grid(0.5).space.axes] == [True] * 3
    far = np.array([[40.0, 0.0, -3.0], [2.0, 2.0, 2.0], [-900.0, 0.0, 0.0]])
    np.testing.assert_allclose(rs.potential(far), pairs(far, x, q)[0], atol=1e-5 * scale)
    np.testing.assert_allclose(rs.field(far), pairs(far, x, q)[1], atol=1e-4 * scale)
    if not direct:
        tall = rs.factors(4000)
        assert tall.shape == (4000,) * 3
        assert tall.nbytes < 2e7


def test_few_particles():
    empty = RangeSeparated(np.zeros((0, 3)), [])
    assert empty.energy() == 0.0
    assert empty.potential().shape == (0,)
    assert not empty.grid(4).gather().any()
    assert not empty.potential(np.ones((2, 3))).any()
    for direct in (True, False):
        one = RangeSeparated([[1.0, 2.0, 3.0]], [2.0], direct=direct)
        assert one.energy() == pytest.approx(0.0, abs=1e-5)
        np.testing.assert_allclose(one.forces(), 0.0, atol=5e-5)
        assert one.potential([[1.0, 2.0, 3.5]])[0] == pytest.approx(4.0, abs=1e-5)
        flat = RangeSeparated([[0.0, 0, 0], [1, 0, 0], [0, 2, 0]], [1.0, -1, 1], direct=direct)
        assert flat.energy() == pytest.approx(-1 + 0.5 - 1 / np.sqrt(5), abs=1e-5)


def test_a_charge_on_a_wall_and_on_a_grid_point():
    box = ((0.0, 1.0),) * 3
    rs = RangeSeparated([[0.0, 0.5, 0.5], [0.5, 0.5, 0.5]], [1.0, 1.0], 1e-6, box=box, direct=False)
    values = rs.grid(3).gather()
    assert values[1, 1, 1] == pytest.approx(2.0, abs=1e-5)  # of the other one
    assert values[2, 1, 1] == pytest.approx(3.0, abs=1e-5)


@pytest.mark.parametrize(
    ("x", "q", "tol", "words"),
    [
        (np.zeros((2, 3)), [1, 1], 1e-6, "particles 0 and 1"),
        (np.zeros((1, 3)), [1, 1], 1e-6, "1 positions but 2 charges"),
        (np.zeros((3, 6)), np.ones(6), 1e-6, r"\(N, 3\).*float64 of shape \(3, 6\) and float64 of shape \(6,\)"),
        (np.zeros((1, 3)), [1j], 1e-6, "complex128 of shape"),
        ([[0, 0, np.nan]], [1], 1e-6, "particle 0"),
        ([[0, 0, 0]], [1], 1.0, "tol=1.0"),
    ],
)
def test_what_cannot_be_is_refused(x, q, tol, words):
    with pytest.raises(ValueError, match=words):
        RangeSeparated(x, q, tol)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda x, q: RangeSeparated(x, q, long="fmm"), "long='fmm' is none of mesh, tucker"),
        (lambda x, q: RangeSeparated(x, q, sigma=0.0), "sigma=0.0 is not a length above 0"),
        (lambda x, q: RangeSeparated(x, q).grid((4, 4)), r"a grid of \(4, 4\) points"),
        (lambda x, q: RangeSeparated(x, q).grid(-0.5), "a spacing of -0.5"),
        (lambda x, q: RangeSeparated(x, q).potential([1.0, 2.0, 3.0]), r"shape \(3,\) given, \(m, 3\) needed"),
        (lambda x, q: RangeSeparated(x, q).potential([[0, 0, 0], [0, np.inf, 0]]), "point 1 is .*inf.*not finite"),
        (lambda x, q: RangeSeparated(x, q).check(0), "samples=0"),
    ],
)
def test_what_cannot_be_asked_is_refused(ask, words):
    with pytest.raises(ValueError, match=words):
        ask(*particles(5))


def test_nothing_and_pairs_that_are_nearly_one_particle():
    nothing = RangeSeparated([], [])
    assert nothing.energy() == 0.0 and nothing.forces().shape == (0, 3) and nothing.check().samples == 0
    for long in ("mesh", "tucker"):
        close = RangeSeparated([[0, 0, 0], [0, 0, 1e-9], [1, 1, 1]], [1, -1, 1], direct=False, long=long)
        assert close.energy() == pytest.approx(-1e9, rel=1e-6)


def across(long, sizes):
    """The same bits on any number of ranks, one to four of the job; distributed particles give the same too."""
    everyone = world(None)
    wanted = found(everyone.Split(everyone.rank), long)
    for size in sizes:
        comm = everyone.Split(everyone.rank // size if everyone.rank < everyone.size // size * size else 9)
        if comm.size == size:
            compared(comm, long, wanted)


def found(comm, long):
    x, q = particles(300, 2)
    rs = RangeSeparated(x, q, 1e-4, comm, direct=False, long=long)
    results = [rs.potential(), rs.forces(), np.array([rs.energy()]), rs.potential(x[:50] + 0.01)]
    return results, rs.grid((9, 8, 7)).gather()


def compared(comm, long, kept):
    x, q = particles(300, 2)
    results, grid = found(comm, long)
    ones, wanted = kept
    for one, several in zip(ones, results, strict=True):
        np.testing.assert_array_equal(one, several)
    np.testing.assert_allclose(grid, wanted, rtol=1e-12, atol=1e-12)
    mine = slice(len(q) * comm.rank // comm.size, len(q) * (comm.rank + 1) // comm.size)
    shared = RangeSeparated(x[mine], q[mine], 1e-4, comm, distributed=True, direct=False, long=long)
    np.testing.assert_array_equal(shared.potential(), results[0][mine])
    np.testing.assert_array_equal(shared.forces(), results[1][mine])
    assert shared.energy() == results[2][0]
    np.testing.assert_array_equal(shared.potential(x[mine][:2] + 0.01), shared.potential(x[mine][:3] + 0.01)[:2])
    bad = x.copy()
    if comm.rank == 1:
        bad[3] = np.inf
    try:
        RangeSeparated(bad, q, comm=comm)
    except ValueError as error:
        assert "rank 1" in str(error)
    else:
        raise AssertionError


@pytest.mark.parametrize(("long", "ranks", "sizes"), [("mesh", 4, [2, 3, 4]), ("tucker", 3, [3])])
def test_on_several_ranks(long, ranks, sizes):
    run_ranks(ranks, "electro/test_range_separated.py::across", long, sizes)


def test_many_particles():
    """The same as sums over pairs where a cost model chooses σ, and the work is shared in blocks."""
    x, q = particles(20_000, 3)
    rs = RangeSeparated(x, q, 1e-6)
    exact, field = pairs(x[:200], x, q)
    assert rs.check(50).terms == 0
    np.testing.assert_allclose(rs.potential()[:200], exact, atol=1e-6 * np.abs(exact).max())
    assert np.linalg.norm(rs.field()[:200] - field) < 1e-5 * np.linalg.norm(field)
