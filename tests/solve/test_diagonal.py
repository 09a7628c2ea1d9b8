"""FastDiagonal against scipy.sparse solves and exact solutions: all mixes of conditions, shifts, singular problems."""

import functools
import hashlib
import itertools

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from mpi import run_ranks
from twins import random, sparse

import tensorpde as tp
from tensorpde.kron import Kron
from tensorpde.line import Banded, Compact, Dense, RowBand
from tensorpde.schemes import central, lele1992

D, N = tp.Dirichlet(), tp.Neumann()
CONDITIONS = {"P": tp.Periodic(), "DD": (D, D), "NN": (N, N), "DN": (D, N), "ND": (N, D)}
ORDERS = [(central.second, 2), (lele1992.second, 4), (lele1992.second, 6)]
SCHEMES = {"central": central.second_derivative, "compact": lele1992.second(4)}


def box(names, sizes, location="nodes", mapping=None, **options):
    axes = []
    for name, n in zip(names, sizes, strict=True):
        stretched = {} if mapping is None or name == "P" else {"mapping": mapping}
        axes.append(tp.Axis(n, 0.0, 1.0, bc=CONDITIONS[name], location=location, **stretched))
    return tp.Space(tp.Grid(*axes), **options)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("mapping", [None, tp.Tanh(1.2)], ids=["uniform", "stretched"])
@pytest.mark.parametrize("location", ["nodes", "cells"])
def test_poisson_equals_a_sparse_solve_for_every_mix_of_conditions(location, mapping, scheme):
    for k, names in enumerate(itertools.combinations_with_replacement(CONDITIONS, 3)):
        names = names[k % 3 :] + names[: k % 3]
        s = box(names, (8, 7, 9), location, mapping)
        L = tp.laplacian(s, SCHEMES[scheme])
        matrix = sparse(L)
        singular = set(names) <= {"P", "NN"}
        x = random(s.shape, k)
        b = (matrix @ x.ravel()).reshape(s.shape)
        bounded = [axis for axis in range(3) if names[axis] != "P"]
        for banded in (None, *bounded[-1:]):
            solver = tp.FastDiagonal(L, banded_axis=banded)
            u = solver.solve(s.field(b))
            assert solver.nullity == singular, names
            if singular:
                assert abs(u.mean()) < 1e-12
                wanted = x - s.field(x).mean()
            else:
                wanted = scipy.sparse.linalg.spsolve(matrix, b.ravel()).reshape(s.shape)
            np.testing.assert_allclose(u.gather(), wanted, rtol=0, atol=1e-11 * np.abs(x).max(), err_msg=str(names))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("bc", [tp.Odd(), tp.Even(), (tp.Odd(), tp.Even())], ids=str)
@pytest.mark.parametrize("n", [9, 16])
def test_reflections_about_nodes_on_walls(n, bc, scheme):
    """Nodes on a wall that a function is odd about are coupled to nothing, or n = 9 had no eigenvectors."""
    s = tp.Space(tp.Axis(n, 0.0, 1.0, bc=bc))
    L = tp.laplacian(s, SCHEMES[scheme])
    matrix = sparse(L).toarray()
    odd = [wall for wall, side in zip((0, n - 1), s.grid.axes[0].bc, strict=True) if side == tp.Odd()]
    assert all(np.count_nonzero(matrix[:, wall]) == 1 for wall in odd)
    b, shift = random(s.shape, n), 3.0
    wanted = np.linalg.solve(matrix - shift * np.eye(n), b)
    np.testing.assert_allclose(tp.FastDiagonal(L, shift=shift).solve(s.field(b)).gather(), wanted, rtol=0, atol=1e-12)


def profile(*x):
    return np.prod(np.broadcast_arrays(*(np.sin(1.3 * part + 0.4) for part in x)), axis=0)


def manufactured(n, kinds, location, mapping):
    """A box whose boundary data are those of `profile`, times 1 + t."""

    def data(kind, wall):
        sine, cosine = np.sin(1.3 * wall + 0.4), 1.3 * np.cos(1.3 * wall + 0.4) * (2 * wall - 1)
        factor = {"D": sine, "N": cosine, "R": 2 * sine + 3 * cosine}[kind]
        return lambda *others: (1 + others[-1]) * factor * (profile(*others[:-1]) if others[:-1] else 1.0)

    make = {"D": tp.Dirichlet, "N": tp.Neumann, "R": lambda g: tp.Robin(2.0, 3.0, g)}
    sides = [tuple(make[kind](data(kind, wall)) for wall, kind in enumerate(pair)) for pair in kinds]
    return tp.Space(
        tp.Grid(*(tp.Axis(n, 0.0, 1.0, bc=pair, location=location, mapping=mapping or tp.Uniform()) for pair in sides))
    )


@pytest.mark.parametrize(("scheme", "order"), [(make(p), p) for make, p in ORDERS])
@pytest.mark.parametrize("location", ["nodes", "cells"])
@pytest.mark.parametrize("mapping", [None, tp.Tanh(0.8)], ids=["uniform", "stretched"])
@pytest.mark.parametrize("kinds", [("DR",), ("DD", "DN"), ("ND", "DD", "RN")])
def test_poisson_with_boundary_data_converges_at_its_order(kinds, mapping, location, scheme, order):
    errors = []
    for n in (16, 32):
        s = manufactured(n, kinds, location, mapping)
        f = s.field(lambda *x: -1.5 * len(x) * 1.3**2 * profile(*x))
        u = tp.FastDiagonal(tp.laplacian(s, scheme)).solve(f, t=0.5)
        errors.append(np.abs(u.gather() - 1.5 * s.field(profile).gather()).max())
    assert np.log2(errors[0] / errors[1]) > order - 0.5, errors


@pytest.mark.parametrize("shift", [2.5, 1 + 2j])
@pytest.mark.parametrize("banded", [None, 0, 1, 2])
@pytest.mark.parametrize("names", [("P", "DN", "P"), ("NN", "P", "DD"), ("NN", "NN", "ND")])
def test_helmholtz(names, banded, shift):
    s = box(names, (8, 7, 9), mapping=tp.Tanh(1.0))
    L = tp.laplacian(s, SCHEMES["compact"])
    f = random((2, *s.shape))
    u = tp.FastDiagonal(L, shift, banded_axis=banded).solve(s.field(f))
    matrix = sparse(L) - shift * scipy.sparse.eye_array(f[0].size)
    wanted = scipy.sparse.linalg.spsolve(matrix.tocsc(), f.reshape(2, -1).T).T.reshape(f.shape)
    np.testing.assert_allclose(u.gather(), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())


def test_complex_data_and_operators():
    s = box(("P", "DD"), (8, 7), dtype="complex128")
    L = 1j * tp.laplacian(s) + Kron(s, {}, 0.5)
    f = random(s.shape) + 1j * random(s.shape, 1)
    wanted = scipy.sparse.linalg.spsolve(sparse(L), f.ravel()).reshape(s.shape)
    np.testing.assert_allclose(tp.FastDiagonal(L).solve(s.field(f)).gather(), wanted, rtol=0, atol=1e-13)


def test_eigenvalues_that_come_in_complex_pairs():
    s = box(("DD", "P", "DD"), (7, 6, 5))
    rotation = Dense(np.array(random((7, 7))) - 5 * np.eye(7))
    assert np.any(np.linalg.eigvals(rotation.matrix()).imag)
    L = Kron(s, {0: rotation}) + Kron(s, tp.laplacian(s).terms[1].factors) + Kron(s, tp.laplacian(s).terms[2].factors)
    f = random(s.shape)
    u = tp.FastDiagonal(L, 1.0).solve(s.field(f))
    wanted = scipy.sparse.linalg.spsolve((sparse(L) - scipy.sparse.eye_array(f.size)).tocsc(), f.ravel())
    assert u.dtype == np.float64
    np.testing.assert_allclose(u.gather().ravel(), wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize("banded", [None, 2])
def test_single_precision(dtype, banded):
    s = box(("P", "NN", "DN"), (8, 7, 9), dtype=dtype)
    L = tp.laplacian(s, SCHEMES["compact"])
    x = s.field(random(s.shape))
    u = tp.FastDiagonal(L, banded_axis=banded).solve(L @ x)
    assert u.dtype == np.dtype(dtype)
    assert (u - x).norm() < 1e-4 * x.norm()


def test_some_axes_without_a_term():
    s = box(("P", "DD", "NN"), (6, 7, 5))
    L = Kron(s, tp.laplacian(s).terms[1].factors)
    solver = tp.FastDiagonal(L)
    assert [modes.kind for modes in solver.modes] == ["identity", "dst1", "identity"]
    x = s.field(random(s.shape))
    np.testing.assert_allclose(solver.solve(L @ x).gather(), x.gather(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(tp.FastDiagonal(Kron(s, {}, 2.0), 1.0).solve(x).gather(), x.gather(), rtol=0, atol=1e-15)


def test_masses():
    """Galerkin form: K⊗M⊗M + M⊗K⊗M + M⊗M⊗K + c M⊗M⊗M with tridiagonal K and M."""
    s = box(("DD", "DD", "DD"), (6, 5, 7))
    masses, stiffnesses = [], []
    for n in s.shape:
        side = np.eye(n, k=1) + np.eye(n, k=-1)
        masses.append(Banded(RowBand.from_matrix((4 * np.eye(n) + side) / 6)))
        stiffnesses.append(Banded(RowBand.from_matrix((2 * np.eye(n) - side) * n**2)))
    L = Kron(s, dict(enumerate(masses)), 3.0)
    for own in range(3):
        L = L + Kron(s, {axis: stiffnesses[axis] if axis == own else masses[axis] for axis in range(3)})
    f = random(s.shape)
    wanted = scipy.sparse.linalg.spsolve(sparse(L), f.ravel()).reshape(s.shape)
    pairs = list(zip(stiffnesses, masses, strict=True))
    for solver in (
        tp.FastDiagonal(L), tp.FastDiagonal(L, banded_axis=1), tp.FastDiagonal.from_pairs(s, pairs, -3.0),
        tp.FastDiagonal.from_pairs(s, pairs, -3.0, banded_axis=0),
    ):  # fmt: skip
        np.testing.assert_allclose(solver.solve(s.field(f)).gather(), wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())
    with pytest.raises(ValueError, match=r"shift=2\.0.*masses"):
        tp.FastDiagonal(L, 2.0)


def test_pairs_may_be_singular_together():
    """Interpolation and derivative to midpoints and back lose the shortest wave: modes that vanish in both give 0."""
    s = box(("P", "P", "P"), (8, 6, 6))
    pairs = []
    for axis in range(3):
        first, there = tp.derivative(s, axis, central.first(2)), tp.derivative(s, axis, central.interpolation(2))
        back = tp.derivative(there.range, axis, central.interpolation(2), to=s)
        pairs.append(((first @ first).factors[axis], (back @ there).factors[axis]))
    solver = tp.FastDiagonal.from_pairs(s, pairs)
    matrices = [(a.matrix(), b.matrix()) for a, b in pairs]
    dense = sum(functools.reduce(np.kron, [matrices[k][0 if k == own else 1] for k in range(3)]) for own in range(3))
    f = random(s.shape)
    u = solver.solve(s.field(f)).gather()
    np.testing.assert_allclose(u.ravel(), np.linalg.pinv(dense, rcond=1e-10) @ f.ravel(), rtol=0, atol=1e-12)


class TestSingular:
    def test_an_incompatible_right_hand_side_names_the_mean(self):
        s = box(("P", "NN"), (8, 7))
        solver = tp.FastDiagonal(tp.laplacian(s))
        assert solver.nullity == 1
        with pytest.raises(ValueError, match=r"mean is 2, 1 of its norm.*tolerance of 0\.05"):
            solver.solve(s.field(2.0))

    def test_boundary_data_count(self):
        axis = tp.Axis(16, 0.0, 1.0, bc=(tp.Neumann(-1.0), tp.Neumann(3.0)), location="cells")
        s = tp.Space(tp.Grid(axis, tp.Axis(4, 0, 1)))
        u = tp.FastDiagonal(tp.laplacian(s), mean=2.0).solve(s.field(2.0))
        x = axis.x
        wanted = x + x**2 / 2 * 2
        wanted = wanted - (wanted * axis.weights).sum() + 2.0
        np.testing.assert_allclose(u.gather()[:, 0], wanted, rtol=0, atol=1e-2)
        assert u.mean() == pytest.approx(2.0, abs=1e-13)

    def test_what_is_removed_is_reported(self):
        s = box(("NN", "P"), (12, 8), mapping=tp.Tanh(1.0))
        L = tp.laplacian(s, SCHEMES["compact"])
        solver = tp.FastDiagonal(L)
        f = L @ s.field(random(s.shape)) + 0.5
        u = solver.solve(f)
        assert 0 < solver.removed < 0.05
        left = f - L @ u
        assert np.ptp(left.gather()) < 1e-9 * f.norm()
        quiet = tp.FastDiagonal(L, tolerance=None)
        assert quiet.solve(f + 1000.0).mean() == pytest.approx(0, abs=1e-10)

    def test_a_shift_on_an_eigenvalue(self):
        s = box(("DD", "DD"), (6, 7))
        L = tp.laplacian(s)
        values = [modes.a for modes in tp.FastDiagonal(L).modes]
        solver = tp.FastDiagonal(L, values[0][1] + values[1][2])
        assert solver.nullity == 1
        x = s.field(random(s.shape))
        u = solver.solve(L @ x - solver.shift * x)
        assert (L @ u - solver.shift * u - L @ x + solver.shift * x).norm() < 1e-10
        with pytest.raises(ValueError, match="part on 1 null modes"):
            solver.solve(s.field(lambda x, y: np.sin(2 * np.pi * x) * np.sin(3 * np.pi * y)))


def test_errors_name_both():
    s = box(("DD", "DD"), (6, 7))
    L = tp.laplacian(s)
    with pytest.raises(ValueError, match="not separable"):
        tp.FastDiagonal(L @ L)
    with pytest.raises(ValueError, match="to itself"):
        tp.FastDiagonal(tp.derivative(s, 0, central.staggered(2)))
    with pytest.raises(ValueError, match=r"6, 7.*6, 7"):
        tp.FastDiagonal(L).solve(s.like(axis=0, hi=2.0).field(1.0))
    with pytest.raises(ValueError, match="not diagonalizable"):
        tp.FastDiagonal(Kron(s, {0: Dense(np.eye(6, k=1) + np.eye(6))}))
    with pytest.raises(ValueError, match=r"float32.*float64"):
        tp.FastDiagonal(L).solve(s.field(1.0), out=s.like(dtype="float32").zeros())
    pivot = tp.FastDiagonal(L).modes[0].a[2] + L.terms[1].factors[1].matrix()[0, 0]
    with pytest.raises(ValueError, match=r"without pivoting: growth .*1e\+10"):
        tp.FastDiagonal(L, pivot, banded_axis=1)
    lhs = RowBand.from_matrix(np.eye(7) + 0.1 * np.eye(7, k=1))
    two = (
        L
        + Kron(s, {1: Compact(lhs, L.terms[1].factors[1].rhs)})
        + Kron(s, {1: Compact(RowBand.from_matrix(np.eye(7) * 2), lhs)})
    )
    with pytest.raises(ValueError, match="one left-hand side"):
        tp.FastDiagonal(two, banded_axis=1)


@pytest.mark.host("it is about the transforms of the CPU")
@pytest.mark.parametrize(("limit", "library"), [(66, False), (65, True)])
def test_sine_transforms_of_lengths_without_a_kernel_are_matrix_products(limit, library, monkeypatch):
    """66 points between walls make a transform of length 134 = 2 · 67."""
    s = box(("DD", "P"), (66, 8))
    L = tp.laplacian(s)
    plan, calls = s.backend.transforms.Plan, []
    original = plan._scipy
    assert not plan("dst1", 66).compiled
    monkeypatch.setattr("tensorpde.solve.transform.MATRIX_UP_TO", limit)
    monkeypatch.setattr(plan, "_scipy", lambda *args, **options: calls.append(args) or original(*args, **options))
    solver = tp.FastDiagonal(L)
    assert solver.modes[0].kind == "dst1"
    x = s.field(random(s.shape))
    np.testing.assert_allclose(solver.solve(L @ x).gather(), x.gather(), rtol=0, atol=1e-12)
    assert bool(calls) == library


def test_in_place_and_without_allocation(monkeypatch):
    s = box(("P", "DN", "NN"), (8, 7, 6))
    L = tp.laplacian(s, SCHEMES["compact"])
    for banded in (None, 1):
        solver = tp.FastDiagonal(L, banded_axis=banded)
        f = s.field(random(s.shape))
        u = solver.solve(f)
        with monkeypatch.context() as patch:
            patch.setattr(s.backend, "empty", None)
            assert solver.solve(f, out=f) is f
        np.testing.assert_array_equal(f.gather(), u.gather())


CASES = {
    "periodic": (("P", "P", "P"), {}, None, 0.0),
    "transforms": (("P", "DD", "NN"), {}, None, 0.0),
    "banded last": (("P", "NN", "DN"), {"mapping": tp.Tanh(1.0)}, 2, 0.0),
    "banded singular": (("NN", "P", "P"), {"mapping": tp.Tanh(1.0)}, 0, 0.0),
    "banded middle": (("DD", "NN", "P"), {"location": "cells"}, 1, 1 + 1j),
    "dense": (("P", "NN", "DN"), {"mapping": tp.Tanh(1.0)}, None, 0.0),
}


def solutions():
    found = {}
    for name, (names, options, banded, shift) in CASES.items():
        s = box(names, (8, 7, 9), **options)
        scheme = central.second(2) if name == "transforms" else lele1992.second(4)
        solver = tp.FastDiagonal(tp.laplacian(s, scheme), shift, banded_axis=banded)
        f = s.field(random((2, *s.shape)))
        f = tp.laplacian(s, scheme) @ f
        results = [solver.solve(f.align(axis)).gather() for axis in range(3)]
        results.append(solver.solve(f, out=s.zeros((2,), s.pencil_for(0)).align(0) * (1.0 + 0 * shift)).gather())
        assert name == "dense" or all(np.array_equal(results[0], other) for other in results[1:])
        digest = hashlib.sha256(results[0].tobytes()).hexdigest()
        found[name] = f"{np.abs(results[0]).sum():.8e}" if name == "dense" else digest
    return found


def print_solutions():
    found = solutions()
    if tp.parallel.world().rank == 0:
        print("solutions", *found.values())


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_bits_do_not_depend_on_ranks_or_alignment(ranks):
    """But for a dense axis, where BLAS decides."""
    out = run_ranks(ranks, "solve/test_diagonal.py::print_solutions", timeout=240).stdout
    line = next(line for line in out.splitlines() if line.startswith("solutions"))
    assert line.split()[1:] == list(solutions().values())
