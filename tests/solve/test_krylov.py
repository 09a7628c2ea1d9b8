"""The Krylov interface: what every library behind it must do, with PETSc where it is installed and without it."""

import importlib.util
import sys
import tracemalloc

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.kron import Kron
from tensorpde.line import Dense
from tensorpde.opaque import Opaque
from tensorpde.solve import Gmres, Krylov, NotConverged, krylov

PETSC = importlib.util.find_spec("petsc4py") is not None
LIBRARIES = ["tensorpde", *(["petsc"] if PETSC else [])]
both = pytest.mark.parametrize("library", LIBRARIES)


def box(*sizes, bc=None, location="nodes", dtype="float64"):
    bc = tp.Dirichlet() if bc is None else bc
    axes = [tp.Axis(n, 0.0, 1.0 + k, bc=bc, location=location) for k, n in enumerate(sizes)]
    return tp.Space(tp.Grid(*axes), dtype=dtype)


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


class Faulty(Opaque):
    """The identity, but on one rank it raises after some calls."""

    def __init__(self, space, rank, calls):
        self.domain = self.range = space
        self.sources = ()
        self.rank, self.calls = rank, calls

    T = H = property(lambda self: self)

    def diagonal(self):
        return self.domain.field(2.0)

    def __mul__(self, factor):
        return NotImplemented

    def result_type(self, dtype):
        return np.dtype(dtype)

    @property
    def _traveller(self):
        return self

    def apply(self, f, out=None, beta=0.0):
        if out is None:
            return f.copy()
        if self.domain.comm.rank == self.rank:
            self.calls -= 1
            if self.calls < 0:
                raise ZeroDivisionError("no more calls")
        out.local[...] = 2 * f.local + (beta * out.local if beta else 0)
        return out


@both
@pytest.mark.parametrize("method", ["cg", "gmres"])
@pytest.mark.parametrize("sizes", [(30,), (12, 9), (7, 6, 5)])
def test_solves_with_boundary_data_and_leads(library, method, sizes):
    space = box(*sizes, bc=tp.Dirichlet(lambda *x: 1.0 + x[-1]))
    L = tp.laplacian(space)
    b = tp.Field(space, random((2, *sizes)))
    wanted = tp.FastDiagonal(L).solve(b, t=0.5)
    for P in (None, tp.FastDiagonal(L, shift=20.0)):
        kept = b.local.copy()
        u, history = krylov(L, b, P, method, rtol=1e-12, t=0.5, restart=80, library=library)
        assert (u - wanted).norm() < 1e-9 * wanted.norm()
        np.testing.assert_array_equal(b.local, kept)
        assert history.reason == "CONVERGED_RTOL"
        assert history.library == library and history.method == method
        assert len(history.residuals) == history.iterations + 1
        assert history.residuals[-1] <= 1e-12 * history.residuals[0]
        assert f"{history.iterations} iterations" in str(history)


@both
def test_a_guess_saves_iterations_and_out_is_used(library):
    space = box(15, 11)
    L = tp.laplacian(space)
    b = space.field(random(space.shape))
    solver = Krylov(L, None, rtol=1e-10, library=library)
    u, cold = solver.solve(b)
    near = u + 1e-8 * space.field(random(space.shape, 1))
    out = space.zeros()
    found, warm = solver.solve(b, out=out, guess=near)
    assert found is out
    assert warm.iterations < cold.iterations / 2 + 5
    assert (out - u).norm() < 1e-8 * u.norm()
    _, warm = solver.solve(b, out=out, guess=out)
    assert warm.iterations == 0
    assert warm.reason.startswith("CONVERGED")


@pytest.mark.parametrize("dtype", ["float32", "complex64", "complex128"])
@pytest.mark.parametrize("method", ["cg", "gmres"])
def test_every_type_without_petsc(dtype, method):
    space = box(9, 8, dtype=dtype)
    L = tp.laplacian(space)
    b = space.field((random(space.shape) + (1j * random(space.shape, 1) if dtype[0] == "c" else 0)).astype(dtype))
    rtol = 1e-4 if dtype.endswith(("32", "x64")) else 1e-11
    u, history = krylov(L, b, method=method, rtol=rtol, restart=60)
    assert history.library == "tensorpde"
    assert u.dtype == np.dtype(dtype)
    assert (L @ u - b).norm() < 2 * rtol * b.norm()


def test_gmres_on_a_complex_helmholtz_equation():
    space = box(14, 11, dtype="complex128")
    A = tp.laplacian(space) + (80.0 + 20.0j) * Kron(space, {})
    b = space.field(random(space.shape) + 1j)
    u, history = krylov(A, b, tp.FastDiagonal(tp.laplacian(space), shift=-60.0 - 40.0j), "gmres", rtol=1e-12)
    assert (u - tp.FastDiagonal(A).solve(b)).norm() < 1e-9 * u.norm()
    assert history.iterations < 40


@both
def test_gmres_equals_its_dense_twin(library):
    """The k-th residual is the smallest that b − A K has, K the Krylov space of k vectors."""
    n = 12
    space = tp.Space(tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet()))
    matrix = np.eye(n) * 3 + random((n, n)) / 3
    b = random(n, 1)
    _, history = krylov(Kron(space, {0: Dense(matrix)}), space.field(b), None, "gmres", 1e-13, library=library)
    powers = np.stack([np.linalg.matrix_power(matrix, k) @ b for k in range(n)], axis=1)
    for k in range(1, 6):
        image = matrix @ powers[:, :k]
        left = b - image @ np.linalg.lstsq(image, b, rcond=None)[0]
        assert history.residuals[k] == pytest.approx(np.linalg.norm(left), rel=1e-8)


def test_gmres_restarts():
    space = box(13, 10)
    C = tp.laplacian(space) - 30.0 * tp.derivative(space, 0)
    b = space.field(random(space.shape))
    spaces = [krylov(C, b, None, "gmres", 1e-9, restart=k, library="tensorpde") for k in (5, 20)]
    assert spaces[0][1].iterations > spaces[1][1].iterations
    for u, _ in spaces:
        assert (C @ u - b).norm() <= 1.01e-9 * b.norm()
    with pytest.raises(ValueError, match="restart=0"):
        Gmres(None, restart=0)


@both
@pytest.mark.parametrize(
    ("bc", "location", "method"),
    [(tp.Neumann(), "cells", "cg"), (tp.Neumann(), "nodes", "gmres"), (tp.Periodic(), "nodes", "cg")],
)
def test_free_constants(library, bc, location, method):
    space = box(12, 10, bc=bc, location=location)
    L = tp.laplacian(space)
    solver = Krylov(L, tp.FastDiagonal(L, shift=2.0), method, rtol=1e-11, mean=3.0, library=library)
    assert solver.constants.free
    assert solver.constants.left is not None
    b = space.field(lambda x, y: np.cos(2 * np.pi * x) + 0.01)
    u, history = solver.solve(b)
    assert u.mean() == pytest.approx(3.0)
    wanted = tp.FastDiagonal(L, mean=3.0).solve(b)
    assert (u - wanted).norm() < 1e-8 * wanted.norm()
    assert 0.01 < history.removed < 0.02
    with pytest.raises(ValueError, match="not compatible: its mean is"):
        solver.solve(space.field(lambda x, y: 1.0 + x))


@both
def test_what_does_not_converge_raises(library):
    space = box(12, 10)
    L = tp.laplacian(space)
    b = space.field(random(space.shape))
    out = space.zeros()
    for A, right, more, reason in (
        (L + 200.0 * Kron(space, {}), b, {}, "DIVERGED_INDEFINITE_MAT"),
        (L, b, {"P": L + 200.0 * Kron(space, {})}, "DIVERGED_INDEFINITE_PC"),
        (L, b, {"limit": 3}, "DIVERGED_MAX_IT"),
        (L, b * np.inf, {}, "DIVERGED_NANORINF"),
    ):
        with pytest.raises(NotConverged, match=reason) as caught:
            krylov(A, right, out=out, library=library, **more)
        assert caught.value.history.reason == reason
    with pytest.raises(ValueError, match="needs an operator from a Space to itself"):
        krylov(tp.derivative(space, 0, tp.schemes.central.staggered(2)), b)
    with pytest.raises(ValueError, match="lives on"):
        krylov(L, box(5, 5).field(1.0), library=library)


@both
def test_a_singular_problem_with_another_null_mode_raises(library):
    """Nothing tells beforehand that L + λ has a null mode; the right-hand side has a part on it."""
    space = box(9, 8)
    L = tp.laplacian(space)
    modes = tp.FastDiagonal(L).modes
    A = L + float(-modes[0].a.max() - modes[1].a.max()) * Kron(space, {})
    b = space.field(lambda x, y: np.sin(np.pi * x) * np.sin(np.pi * y / 2) + x)
    for method in ("cg", "gmres"):
        with pytest.raises(NotConverged):
            krylov(A, b, None, method, rtol=1e-8, limit=300, restart=90, library=library)


def test_without_petsc_there_are_cg_and_gmres_and_one_message(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "petsc4py"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "petsc4py", None)
    space = box(6, 5)
    L, b = tp.laplacian(space), space.field(1.0)
    for method in ("cg", "gmres"):
        assert krylov(L, b, method=method)[1].library == "tensorpde"
    with pytest.raises(ImportError, match=r"'minres' needs PETSc.*not installed: pip install 'tensorpde\[petsc\]'"):
        krylov(L, b, method="minres")
    with pytest.raises(tp.solve.petsc.MissingPetsc, match="library='petsc' needs PETSc"):
        krylov(L, b, library="petsc")
    with pytest.raises(ValueError, match="'minres': the methods without PETSc are cg, gmres"):
        krylov(L, b, method="minres", library="tensorpde")
    with pytest.raises(ValueError, match="library='numpy' is none of petsc, tensorpde"):
        krylov(L, b, library="numpy")


@both
def test_a_second_solve_allocates_no_field(library):
    space = box(511, 399)
    L = tp.laplacian(space)
    b, out = space.field(random(space.shape)), space.zeros()
    for method in ("cg", "gmres"):
        solver = Krylov(L, tp.FastDiagonal(L, shift=50.0), method, library=library)
        solver.solve(b, out=out)
        tracemalloc.start()
        _, history = solver.solve(b, out=out)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert history.iterations > 5
        assert peak < b.local.nbytes / 4  # a dot product works in pieces of a fixed size


def test_the_monitor_sees_every_iteration():
    space = box(8, 7)
    for library in LIBRARIES:
        for method in ("cg", "gmres"):
            seen = []
            _, history = krylov(
                tp.laplacian(space), space.field(1.0), method=method, library=library,
                monitor=lambda *found, seen=seen: seen.append(found),
            )  # fmt: skip
            assert [k for k, _ in seen] == list(range(history.iterations + 1))
            np.testing.assert_allclose([size for _, size in seen], history.residuals)


def digest(library):
    """The solutions as numbers; errors are the same everywhere."""
    space = box(13, 6, 11)
    L = tp.laplacian(space) - 5.0 * tp.derivative(space, 0)
    b = space.field(random(space.shape))
    found = []
    for method, A in (("cg", tp.laplacian(space)), ("gmres", L)):
        P = tp.FastDiagonal(L, 9.0) if method == "gmres" else None
        for pencil in (space.pencil, space.pencil_for(0)):
            u, history = krylov(A, b.to(pencil), P, method, 1e-11, restart=90, library=library)
            found += [history.iterations, *np.abs(u.gather()).sum(axis=(1, 2))]
    last = space.comm.size - 1
    for calls in (0, 2):
        try:
            krylov(Faulty(space, last, calls), b, tp.FastDiagonal(L, 9.0), library=library)
        except ZeroDivisionError as error:
            assert "no more calls" in str(error)
            assert last == 0 or f"rank {last}" in str(error)
        else:
            raise AssertionError(f"no error on rank {space.comm.rank}")
    return [float(value) for value in found]


def check_ranks():
    for library in LIBRARIES:
        found = digest(library)
        if tp.parallel.world().rank == 0:
            print("digest", library, *(f"{value:.17g}" for value in found))


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_same_on_any_ranks(ranks):
    lines = [line.split() for line in run_ranks(ranks, "solve/test_krylov.py::check_ranks").stdout.splitlines()]
    found = {words[1]: np.array(words[2:], float) for words in lines if words[:1] == ["digest"]}
    assert list(found) == LIBRARIES
    for library, values in found.items():
        np.testing.assert_allclose(values, digest(library), rtol=1e-9 if library == "petsc" else 1e-12)
