"""The biharmonic solver: classical formulas as dense twins, orders with boundary data, iterations, storage, ranks."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from mpi import run_ranks
from twins import random, sparse

import tensorpde as tp
from tensorpde.schemes import central, lele1992
from tensorpde.solve import Biharmonic, ConjugateGradients, FastDiagonal

C, D, P = tp.Clamped(), tp.Dirichlet(), tp.Periodic()
KINDS = {"C": C, "D": D}
BOXES = {
    "line": (("CC",), (9,)),
    "plate": (("CC", "CC"), (6, 7)),
    "one wall supported": (("CD", "CC"), (6, 7)),
    "strip": (("P", "DC"), (8, 7)),
    "supported": (("DD", "P", "DD"), (6, 5, 7)),
    "cube": (("CC", "CC", "CC"), (5, 4, 6)),
    "duct": (("CD", "P", "CC"), (5, 6, 4)),
    "slab": (("P", "CC", "P"), (6, 5, 4)),
    "four dimensions": (("CC", "DD", "CC", "P"), (3, 4, 3, 4)),
}


def box(names, shape, process_grid=None, **options):
    axes = []
    for k, (name, n) in enumerate(zip(names, shape, strict=True)):
        bc = P if name == "P" else tuple(KINDS[letter] for letter in name)
        stretched = {} if name == "P" else options
        axes.append(tp.Axis(n, 0.0, 1.0 + 0.3 * k, bc=bc, **stretched))
    return tp.Space(tp.Grid(*axes), process_grid=process_grid)


def classical(s):
    """The 5-point (in d dimensions 2d + 1) Laplacian squared, clamped walls by mirror images u(−h) = u(h)."""
    laplacian = sparse(tp.laplacian(s)).toarray()
    matrix, index = laplacian @ laplacian, np.arange(np.prod(s.shape)).reshape(s.shape)
    for axis, line in enumerate(s.axes):
        for side, bc in enumerate(line.sides):
            if isinstance(bc, tp.Clamped):
                beside = np.take(index, -side, axis=axis).ravel()
                matrix[beside, beside] += 2 / line.spacing**4
    return matrix


@pytest.mark.parametrize("name", BOXES)
def test_equals_the_classical_formula(name):
    s = box(*BOXES[name])
    f = random((2, *s.shape))
    wanted = np.linalg.solve(classical(s), f.reshape(2, -1).T).T.reshape(f.shape)
    solver = Biharmonic(s)
    u = solver.solve(s.field(f))
    np.testing.assert_allclose(u.gather(), wanted, rtol=0, atol=2e-12 * np.abs(wanted).max())
    z = solver.solve(s.like(dtype="complex128").field(f + 1j * f[::-1]))
    np.testing.assert_allclose(z.gather(), wanted + 1j * wanted[::-1], rtol=0, atol=3e-12 * np.abs(wanted).max())
    again = s.field(f)
    assert solver.solve(again, out=again) is again
    np.testing.assert_array_equal(again.gather(), u.gather())


QUIET = {"derandomize": True, "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
GRIDS = {1: [None], 2: [(3,), (2,), (1,)], 3: [(3,), (2,), (1, 3), (2, 1)]}


@st.composite
def boxes(draw, ranks):
    ndim = draw(st.integers(1 if ranks == 1 else 2, 3))
    names = [draw(st.sampled_from(["CC", "CD", "DC", "DD", "P"])) for _ in range(ndim)]
    if set(names) == {"P"}:
        names[draw(st.integers(0, ndim - 1))] = "CC"
    shape = [draw(st.integers(3, 6)) for _ in range(ndim)]
    return box(names, shape, process_grid=draw(st.sampled_from(GRIDS[ndim])) if ranks > 1 else None)


def check_drawn(s):
    f = random(s.shape)
    wanted = np.linalg.solve(classical(s), f.ravel()).reshape(s.shape)
    found = Biharmonic(s).solve(s.field(f)).gather()
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-10 * np.abs(wanted).max())


@settings(max_examples=30, **QUIET)
@given(boxes(1))
def test_drawn_boxes_equal_the_classical_formula(s):
    check_drawn(s)


@settings(max_examples=12, phases=[Phase.generate], **QUIET)
@given(boxes(3))
def check_on_ranks(s):
    check_drawn(s)


def test_drawn_boxes_on_any_process_grid():
    run_ranks(3, "solve/test_biharmonic.py::check_on_ranks", timeout=240)


def wave(*x):
    return np.prod(np.broadcast_arrays(*(np.sin(1.3 * part + 0.4 + k) for k, part in enumerate(x))), axis=0)


def with_data(n, ndim, mapping):
    """Walls with the values and slopes of `wave`, times 1 + t."""

    def data(axis, side, slope):
        phase = 1.3 * side + 0.4 + axis
        here = 1.3 * np.cos(phase) * (2 * side - 1) if slope else np.sin(phase)
        places = [k for k in range(ndim) if k != axis]
        return lambda *others: (
            (1 + others[-1])
            * here
            * np.prod(
                np.broadcast_arrays(
                    1.0, *(np.sin(1.3 * x + 0.4 + k) for k, x in zip(places, others[:-1], strict=True))
                ),
                axis=0,
            )
        )

    axes = []
    for axis in range(ndim):
        bc = tuple(tp.Clamped(data(axis, side, False), data(axis, side, True)) for side in (0, 1))
        axes.append(tp.Axis(n + axis, 0.0, 1.0, bc=bc, mapping=mapping))
    return tp.Space(tp.Grid(*axes))


@pytest.mark.parametrize("mapping", [tp.Uniform(), tp.Tanh(1.0)], ids=["uniform", "stretched"])
@pytest.mark.parametrize(
    ("ndim", "scheme", "order"),
    [
        (1, central.second(2), 2), (1, lele1992.second(4), 3.7), (2, central.second(2), 2),
        (2, central.second(4), 3.7), (2, lele1992.second(4), 3.7), (2, lele1992.second(6), 4.8),
        (3, central.second(2), 2),
    ],
)  # fmt: skip
def test_order_with_boundary_data(ndim, scheme, order, mapping):
    errors = []
    for n in (12, 24):
        s = with_data(n, ndim, mapping)
        u = Biharmonic(s, scheme).solve(s.field(lambda *x: 1.5 * (1.69 * len(x)) ** 2 * wave(*x)), t=0.5)
        errors.append(np.abs((u - 1.5 * s.field(wave)).gather()).max())
    assert np.log2(errors[0] / errors[1]) > order - 0.4, errors


def test_simply_supported_plate_with_values_on_its_walls():
    """u = 1 + x + sin(πx) sin(πy): Δu = 0 on all walls."""
    errors = []
    for n in (15, 31):
        x = tp.Axis(n, 0.0, 1.0, bc=(tp.Dirichlet(1.0), tp.Dirichlet(2.0)))
        y = tp.Axis(n, 0.0, 1.0, bc=tp.Dirichlet(lambda x, t: 1 + x))
        s = tp.Space(tp.Grid(x, y))
        exact = s.field(lambda x, y: 1 + x + np.sin(np.pi * x) * np.sin(np.pi * y))
        f = s.field(lambda x, y: 4 * np.pi**4 * np.sin(np.pi * x) * np.sin(np.pi * y))
        errors.append(np.abs((Biharmonic(s, lele1992.second(6)).solve(f) - exact).gather()).max())
    assert np.log2(errors[0] / errors[1]) > 5.5, errors


def test_a_clamped_square_plate_under_load_bends_as_tables_say():
    """w = 0.00126532 q a⁴ / D in the middle (S. Timoshenko gives 0.00126)."""
    middle = []
    for n in (31, 63):
        s = tp.Space(tp.Grid(*[tp.Axis(n, 0.0, 1.0, bc=C)] * 2))
        middle.append(Biharmonic(s, lele1992.second(4)).solve(s.field(1.0)).gather()[n // 2, n // 2])
    assert abs(middle[0] - 0.00126532) < 4e-8 and abs(middle[1] - 0.00126532) < 4e-9


@pytest.mark.parametrize("mapping", [tp.Uniform(), tp.Tanh(1.5)], ids=["uniform", "stretched"])
def test_iterations_grow_slowly(mapping):
    counts = []
    for n in (6, 12, 24):
        s = box(("CC",) * 3, (n,) * 3, mapping=mapping)
        solver = Biharmonic(s)
        solver.solve(s.field(random(s.shape)))
        counts.append(solver.iterations)
    assert counts[-1] <= 26 and counts[-1] - counts[-2] <= 5, counts


def kept(names, n):
    """Bytes that a solver keeps after its first solve, beside fields and the work arrays that all solvers share."""
    s = box(names, (n,) * len(names))
    f = s.field(random(s.shape))
    Biharmonic(s).solve(f)
    shared = s.process_grid.workspace(s.backend).nbytes
    tracemalloc.start()
    solver = Biharmonic(s)
    u = solver.solve(f)
    size = tracemalloc.get_traced_memory()[0] - u.local.nbytes
    tracemalloc.stop()
    assert s.process_grid.workspace(s.backend).nbytes == shared
    return size


def test_storage_is_what_the_docstring_says():
    plate = [kept(("CC", "CC"), n) - 8 * (4 * n) ** 2 for n in (31, 63)]
    assert plate[1] < 2.6 * plate[0], plate  # beside the matrix, tiles of lines and small operators
    walls = [kept(("CC", "CC", "CC"), n) for n in (23, 47)]
    assert walls[1] < 4.4 * walls[0] and walls[1] < 8 * 47**3 * 3, walls
    supported = [kept(("DD", "DD", "DD"), n) for n in (31, 63)]
    assert supported[1] < 2.6 * supported[0], supported


def test_a_solve_makes_no_array_of_the_size_of_the_grid():
    s = with_data(62, 3, tp.Uniform())
    solver = Biharmonic(s)
    f = s.field(random(s.shape))
    u = solver.solve(f)
    again = s.zeros()
    solver.solve(f, out=again)
    tracemalloc.start()
    solver.solve(f, out=again)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.9 * f.local.nbytes, (peak, f.local.nbytes)  # vectors on the walls and blocks of eigenvalues
    np.testing.assert_array_equal(again.gather(), u.gather())


def test_errors_name_what_disagrees():
    with pytest.raises(ValueError, match=r"axis 1 has Neumann.*Neumann"):
        Biharmonic(tp.Space(tp.Grid(tp.Axis(8, 0, 1), tp.Axis(8, 0, 1, bc=tp.Neumann()))))
    with pytest.raises(ValueError, match="basis Chebyshev"):
        Biharmonic(tp.Space(tp.Axis(8, 0, 1, bc=C, basis=tp.Chebyshev())))
    with pytest.raises(ValueError, match=r"3 dimensions need a symmetric scheme.*not tridiagonal second.*order 4"):
        Biharmonic(box(("CC",) * 3, (8, 8, 8)), lele1992.second(4))
    s = box(("CC",) * 3, (8, 8, 8))
    solver = Biharmonic(s)
    solver._iteration.limit = 3
    with pytest.raises(RuntimeError, match=r"DIVERGED_MAX_IT after 3 iterations, natural residual .* wanted"):
        solver.solve(s.field(random(s.shape)))


def test_clamped_walls_are_dirichlet_walls_to_operators_of_second_order():
    one, other = (tp.Space(tp.Axis(8, 0, 1, bc=bc)) for bc in (tp.Clamped(2.0, 5.0), tp.Dirichlet(2.0)))
    np.testing.assert_array_equal(tp.laplacian(one).lifting().gather(), tp.laplacian(other).lifting().gather())
    assert tp.Clamped(2.0, 5.0) != tp.Dirichlet(2.0)


def test_conjugate_gradients_on_several_fields():
    s = box(("DD", "P"), (6, 5))
    L = tp.laplacian(s)

    def operator(x, out):
        for factor, one, other in zip((1.0, 3.0), x, out, strict=True):
            (-factor * L).apply(one, other)

    def identity(x, out):
        for one, other in zip(x, out, strict=True):
            other.local[...] = one.local

    solver = ConjugateGradients(operator, identity, tolerance=1e-13)
    right = [s.field(random(s.shape, k)) for k in range(2)]
    wanted = [FastDiagonal(L).solve(-1 / factor * f) for factor, f in zip((1.0, 3.0), right, strict=True)]
    found = [s.zeros(), s.zeros()]
    solver.solve([f.copy() for f in right], found)
    assert max((a - b).norm() for a, b in zip(found, wanted, strict=True)) < 1e-12
    assert 0 < solver.iterations <= 60
    solver.solve([s.zeros(), s.zeros()], found)
    assert solver.iterations == 0 and found[0].norm() == 0


def digest():
    found = []
    for name in ("plate", "strip", "cube", "duct"):
        s = box(*BOXES[name])
        u = Biharmonic(s).solve(s.field(random(s.shape)).align(0)).gather()
        found.append(f"{np.abs(u).sum():.9e}" if name in ("plate", "strip") else u.tobytes().hex()[-60:])
    if tp.parallel.world().rank == 0:
        print("digest", *found)
    return found


@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_the_same_on_any_ranks(ranks):
    """With conjugate gradients and transforms bit for bit; with the dense matrix to round-off."""
    out = run_ranks(ranks, "solve/test_biharmonic.py::digest").stdout
    line = next(line for line in out.splitlines() if line.startswith("digest"))
    assert line.split()[1:] == digest()
