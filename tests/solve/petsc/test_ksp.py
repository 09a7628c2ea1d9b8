"""What only PETSc has: options of the command line, its monitor, vectors that are the memory of fields."""

import tracemalloc

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.solve import NotConverged, Settings, krylov
from tensorpde.solve.petsc import Ksp, split_arguments

pytest.importorskip("petsc4py")

from petsc4py import PETSc

from tensorpde.line import Banded
from tensorpde.solve.petsc.mat import matrix
from tensorpde.solve.petsc.vec import Layout, vector


@pytest.fixture
def options():
    """Set options as a command line would; they are gone afterwards."""
    database = PETSc.Options()
    given = []

    def put(**values):
        for name, value in values.items():
            database[name] = value
            given.append(name)

    yield put
    for name in given:
        database.delValue(name)


def box(*sizes, **more):
    return tp.Space(tp.Grid(*(tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet(), **more) for n in sizes)))


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def test_a_vector_is_the_memory_of_its_field():
    space = box(5, 7)
    f = tp.Field(space, random((3, 5, 7)))
    with vector(PETSc, f) as vec:
        assert vec.getArray(readonly=True).ctypes.data == f.local.ctypes.data
        assert vec.getSize() == 105
        assert vec.norm() == pytest.approx(f.norm())
        vec.scale(2.0)
    assert f.norm() == pytest.approx(2 * np.linalg.norm(random((3, 5, 7))))
    with pytest.raises(TypeError, match="complex128, PETSc was built for float64"), vector(PETSc, f * 1j):
        pass


def test_a_field_is_the_memory_of_a_vector():
    space = box(5, 7)
    layout = Layout(PETSc, space, space.pencil, (2,))
    vec = PETSc.Vec().createMPI(layout.sizes, comm=space.comm)
    vec.set(3.0)
    assert vec.norm() == pytest.approx(3 * np.sqrt(70))
    seen = layout.write(vec)
    assert seen.local.ctypes.data == vec.getArray(readonly=True).ctypes.data
    seen.local[1] = 0
    assert vec.norm() == pytest.approx(3 * np.sqrt(35))  # PETSc keeps no stale norm
    assert layout.read(vec) is seen


@pytest.mark.parametrize("lead", [(), (2,)])
def test_the_matrix_equals_its_dense_twin(lead):
    space = box(4, 5)
    L = tp.laplacian(space) + 5.0 * tp.derivative(space, 1, tp.schemes.lele1992.first_derivative)
    mat = matrix(L, Layout(PETSc, space, space.pencil, lead))
    dense = np.kron(np.eye(2 if lead else 1), np.stack([(L @ space.field(e.reshape(4, 5))).gather().ravel()
                                                         for e in np.eye(20)], axis=1))  # fmt: skip
    x, y = mat.createVecs()
    values = random(len(dense))
    x.setArray(values)
    mat.mult(x, y)
    np.testing.assert_allclose(y.getArray(), dense @ values, rtol=0, atol=1e-11)
    mat.multTranspose(x, y)
    np.testing.assert_allclose(y.getArray(), dense.T @ values, rtol=0, atol=1e-11)


def test_no_iteration_allocates():
    space = box(299, 199)
    L = tp.laplacian(space)
    b, u = space.field(random(space.shape)), space.zeros()
    for method in ("cg", "gmres", "bcgs"):
        solver = Ksp(L, tp.FastDiagonal(L, shift=40.0), Settings(method, rtol=1e-12))
        solver.solve(b, u)
        tracemalloc.start()
        history = solver.solve(b, u)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert history.iterations > 5
        assert peak < 0.1 * b.local.nbytes


@pytest.mark.parametrize("method", ["minres", "bcgs", "fgmres", "fcg", "gcr", "tfqmr", "lgmres"])
def test_other_methods(method):
    space = box(9, 8)
    L = tp.laplacian(space)
    b = space.field(random(space.shape))
    P = -1.0 * tp.laplacian(space) if method == "minres" else None  # minres asks for a definite one
    u, history = krylov(L, b, P and tp.FastDiagonal(P, shift=-9.0), method, rtol=1e-11)
    assert (u - tp.FastDiagonal(L).solve(b)).norm() < 1e-8 * u.norm()
    assert history.method == method and history.library == "petsc"


def test_options_win(options):
    space = box(10, 9)
    L, b = tp.laplacian(space), space.field(random((10, 9)))
    options(a_ksp_type="gmres", a_ksp_rtol=1e-3, b_ksp_max_it=2, c_pc_type="none")
    _, plain = krylov(L, b)
    assert plain.method == "cg"
    u, history = krylov(L, b, prefix="a_")
    assert history.method == "gmres"
    assert 1e-6 < (L @ u - b).norm() / b.norm() <= 1e-3
    with pytest.raises(NotConverged, match="DIVERGED_MAX_IT after 2 iterations"):
        krylov(L, b, prefix="b_")
    assert krylov(L, b, tp.FastDiagonal(L), prefix="c_")[1].iterations == plain.iterations > 2


def test_jacobi_where_the_operator_knows_its_diagonal(options):
    axis = tp.Axis(9, 0.0, 1.0, bc=tp.Dirichlet(), basis=tp.Lagrange(2))
    space = tp.Space(tp.Grid(axis, axis))
    K = tp.stiffness(space, lambda x, y: np.exp(4 * x * y))
    b = tp.load(space, 1.0)
    options(d_pc_type="jacobi")
    _, none = krylov(K, b)
    _, jacobi = krylov(K, b, prefix="d_")
    assert jacobi.iterations < none.iterations
    with pytest.raises(TypeError, match="diagonal of the product"):
        krylov(tp.diffusion(box(9, 9), 2.0), box(9, 9).field(1.0), prefix="d_")


def test_a_norm_that_says_little_is_no_convergence(options):
    """P takes half of the unknowns out of sight: ‖P r‖ vanishes, the residual does not."""
    space = box(8, 8)
    L = tp.laplacian(space)
    half = tp.Kron(space, {0: Banded.diagonal(np.arange(8) % 2.0)})
    b = space.field(random((8, 8)))
    options(e_ksp_norm_type="preconditioned", e_ksp_pc_side="left", f_ksp_type="preonly")
    with pytest.raises(NotConverged):
        krylov(L, b, half, "gmres", prefix="e_")
    with pytest.raises(NotConverged, match=r"CONVERGED_ITS after 1 iterations.*says little about"):
        krylov(L, b, tp.FastDiagonal(L, shift=1.0), prefix="f_")
    assert krylov(L, b, tp.FastDiagonal(L), prefix="f_")[1].reason == "CONVERGED_ITS"


def test_errors_of_petsc_itself(options):
    space = box(5, 5)
    options(g_ksp_type="nosuch")
    with pytest.raises(RuntimeError, match=r"PETSc: .*nosuch"):
        krylov(tp.laplacian(space), space.field(1.0), prefix="g_")


def test_words_of_a_command_line():
    words = [
        "--n",
        "32",
        "-ksp_monitor",
        "-ksp_rtol",
        "1e-3",
        "--out",
        "here",
        "-pc_type",
        "none",
        "file",
        "-ksp_shift",
        "-1.5",
        "-h",
    ]
    mine, others = split_arguments(words)
    assert mine == ["-ksp_monitor", "-ksp_rtol", "1e-3", "-pc_type", "none", "-ksp_shift", "-1.5"]
    assert others == ["--n", "32", "--out", "here", "file", "-h"]


COMMAND_LINE = """
import numpy as np
import tensorpde as tp
axis = tp.Axis(12, 0.0, 1.0, bc=tp.Dirichlet())
space = tp.Space(tp.Grid(axis, axis))
L = tp.laplacian(space)
u, history = tp.solve.krylov(L, space.field(1.0), tp.FastDiagonal(L, shift=9.0))
if space.comm.rank == 0:
    print("found", history.method, history.iterations)
line = tp.Space(axis)  # two of three ranks own nothing
u, history = tp.solve.krylov(tp.laplacian(line), line.field(1.0), tp.FastDiagonal(tp.laplacian(line)), "gmres")
assert (tp.laplacian(line) @ u - line.field(1.0)).norm() < 1e-3
half = space.comm.Split(space.comm.rank % 2)
part = tp.Space(tp.Grid(axis, axis), half)
u, history = tp.solve.krylov(tp.laplacian(part), part.field(1.0))
assert history.library == "petsc"
"""


def test_the_command_line_under_mpirun():
    flags = ["-ksp_type", "fcg", "-ksp_monitor", "-ksp_mointor", "-ksp_rtol", "1e-4"]
    out = run_ranks(3, COMMAND_LINE, *flags).stdout
    assert "found fcg" in out and "-ksp_mointor" in out
    iterations = int(out.split("found fcg ")[1].split()[0])
    assert out.count("KSP Residual norm") >= iterations + 1


def test_petsc_started_by_some_ranks_first():
    code = """
import tensorpde as tp
axis = tp.Axis(8, 0.0, 1.0, bc=tp.Dirichlet())
world = tp.parallel.world()
for comm in (world.Split(min(world.rank, 1)) , world):
    if comm is world or world.rank > 0:
        space = tp.Space(tp.Grid(axis, axis), comm)
        assert tp.solve.krylov(tp.laplacian(space), space.field(1.0))[1].library == "petsc"
"""
    run_ranks(3, code)
