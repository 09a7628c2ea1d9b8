"""Without a matrix against assembled: operators and scipy's CSR, solves and its LU; time and memory from 16³ up."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from tensorpde.basis import BSpline, Chebyshev, Greville, Lagrange, Table
from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Dirichlet
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.kron import TensorOperator
from tensorpde.line.weak import chosen, form
from tensorpde.operators import laplacian
from tensorpde.schemes import central, lele1992
from tensorpde.solve import FastDiagonal
from tensorpde.stepping import DouglasGunn
from tensorpde.sumfact import ElementOperator, stiffness

NONZERO_BYTES = 12  # a double and a column of 32 bits
Line = Callable[[np.ndarray], np.ndarray]


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=64, repeat=7)
    parser.add_argument(
        "--most-megabytes", type=float, default=500.0, help="largest matrix that is assembled (default 500)"
    )
    parser.add_argument(
        "--most-factored", type=int, default=32, metavar="N", help="largest N³ of which LU is made (default 32)"
    )


def run(args: Any) -> list[dict]:
    """Rows for each operator, solve and size; on one rank, as scipy's matrices are.

    Figures: megabytes of the operator and of the matrix (assembled or not), and for forms on elements the time over the
    larger of bytes / bandwidth of a copy and operations / rate of products with small matrices.
    """
    sizes = [16]
    while 2 * sizes[-1] <= args.n:
        sizes.append(2 * sizes[-1])
    rows = []
    for n in sizes if args.n >= 16 else [args.n]:
        for name, operator, assembled in operators(n):
            rows.append(_row(f"{name}, {operator.domain.shape[0]}³", operator, assembled, args))
        for name, space, ours, matrix in solves(n):
            rows.append(_solve_row(f"{name}, {n}³", space, ours, matrix, args))
    return rows


def operators(n: int) -> list[tuple[str, TensorOperator, Callable]]:
    """(name, operator, the function that assembles its matrix) on cubes of about n³ unknowns."""
    points = Axis(n, 0.0, 1.0, bc=Dirichlet())
    values = Space(Grid(points, points, points))
    lines = (points.like(basis=basis) for basis in (BSpline(3), Greville(4), Chebyshev()))
    splines, greville, chebyshev = (Space(Grid(axis, axis, axis)) for axis in lines)
    found: list[tuple[str, TensorOperator, Callable]] = []
    for name, made in (
        ("central Laplacian, order 2", laplacian(values, central.second_derivative)),
        ("compact Laplacian, order 6", laplacian(values, lele1992.second_derivative)),
        ("splines p = 3, constant coefficients", stiffness(splines, 1.0)),
        ("splines p = 4, collocation", laplacian(greville)),
        ("Chebyshev, collocation", laplacian(chebyshev)),
    ):
        found.append((name, made, functools.partial(of_factors, made)))
    for p in (4, 8):
        axis = Axis(max(2, n // p) * p - 1, 0.0, 1.0, bc=Dirichlet(), basis=Lagrange(p))
        space = Space(Grid(axis, axis, axis))
        varying = stiffness(space, lambda *x: functools.reduce(np.multiply, map(kappa, x)))
        found.append((f"elements p = {p}, varying coefficient", varying, functools.partial(of_elements, space)))
    return found


def solves(n: int) -> list[tuple[str, Space, Callable[[Field, Field], object], Callable]]:
    """(name, space, out from f, the matrix of the linear system behind it) on n³ unknowns."""
    points = Axis(n, 0.0, 1.0, bc=Dirichlet())
    space = Space(Grid(points, points, points))
    L, dt = laplacian(space, central.second_derivative), 1e-3
    poisson, step = FastDiagonal(L), DouglasGunn(L, dt)

    def advance(f: Field, out: Field) -> None:
        out.local[...] = f.local
        step(out)

    def crank_nicolson() -> scipy.sparse.csr_array:
        return scipy.sparse.csr_array(scipy.sparse.eye_array(n**3) - 0.5 * dt * of_factors(L))

    return [
        ("Poisson, central 2", space, poisson.apply, lambda: of_factors(L)),
        ("heat step, central 2", space, advance, crank_nicolson),
    ]


def kappa(x: np.ndarray) -> np.ndarray:
    """The coefficient is a product of these, so that its matrix is a sum of Kronecker products."""
    return 1.5 + np.sin(3 * x)


def of_factors(operator: TensorOperator) -> scipy.sparse.csr_array:
    """The matrix of a sum of Kronecker products."""
    terms = []
    for term in operator.terms:
        sizes = enumerate(operator.domain.shape)
        terms.append([term.factors[k].matrix() if k in term.factors else np.eye(n) for k, n in sizes])
    return _summed(terms)


def of_elements(space: Space) -> scipy.sparse.csr_array:
    """The matrix of the stiffness with the coefficient Π kappa(x_k)."""

    def weighted(axis: Axis, derivative: int) -> np.ndarray:
        table = axis.basis.table(axis)  # type: ignore[union-attr]
        weights = table.weights * kappa(table.points)
        given = Table(**{**vars(table), "weights": weights})
        return chosen(form(given, derivative, derivative), table.unknowns, table.unknowns).matrix()

    terms = [[weighted(axis, int(k == a)) for k, axis in enumerate(space.axes)] for a in range(space.ndim)]
    return _summed(terms)


def _summed(terms: Sequence[Sequence[np.ndarray]]) -> scipy.sparse.csr_array:
    total: Any = 0
    for factors in terms:
        sparse = (scipy.sparse.csr_array(np.where(np.abs(f) > 1e-15 * np.abs(f).max(), f, 0.0)) for f in factors)
        total = total + functools.reduce(lambda a, b: scipy.sparse.kron(a, b, format="csr"), sparse)
    return scipy.sparse.csr_array(total)


def nonzeros(operator: TensorOperator) -> int:
    """Of the matrix, an upper limit: from those of its factors."""
    if isinstance(operator, ElementOperator):
        return prod(_coupled(axis) for axis in operator.domain.axes)
    return sum(
        prod(int(np.count_nonzero(t.factors[k].matrix())) if k in t.factors else n for k, n in enumerate(shape))
        for t, shape in ((term, operator.domain.shape) for term in operator.terms)
    )


def _coupled(axis: Axis) -> int:
    table = axis.basis.table(axis)  # type: ignore[union-attr]
    return int(np.count_nonzero(chosen(form(table), table.unknowns, table.unknowns).matrix()))


def operator_bytes(operator: TensorOperator) -> int:
    """What the operator keeps beside vectors: coefficients at points, or bands and matrices of its factors."""
    if isinstance(operator, ElementOperator):
        return operator.nbytes
    factors = {id(f): f for term in operator.terms for f in term.factors.values()}
    return 8 * sum(int(np.count_nonzero(f.matrix())) for f in factors.values())


def operations(p: int) -> int:
    """Additions and multiplications for an element of degree p in three dimensions, p + 1 points along each axis.

    Twelve products with a matrix of q = p + 1 rows on q² lines, each with 2 ⌊q/2⌋ (q + 1) operations (and q − 1 for the
    middle row), as halves of the matrix meet even and odd parts; coefficient, metric and sum at the points.
    """
    q = p + 1
    line = 2 * (q // 2) * (q + 1) + (q % 2) * (q - 1)
    return 12 * q**2 * line + 3 * 3 * q**3


def small_products(q: int) -> tuple[Callable[[], None], float]:
    """Calls of BLAS on a (q, q) and a (q, 8 q²) matrix, which stay in cache, and their number of operations."""
    rng = np.random.default_rng(1)
    a, b, out = rng.random((q, q)), rng.random((q, 8 * q * q)), np.empty((q, 8 * q * q))

    def call() -> None:
        for _ in range(50):
            np.matmul(a, b, out=out)

    return call, 50 * 2.0 * q * out.size


def _row(name: str, operator: TensorOperator, assembled: Callable, args: Any) -> dict:
    space = operator.domain
    if space.comm.size > 1:
        raise ValueError(f"scipy's matrices are on one rank, there are {space.comm.size}: run without mpirun")
    f = space.field(np.random.default_rng(1).standard_normal(space.shape))
    out = f.copy()
    calls = {"ours": lambda: operator.apply(f, out), "copy": _large_copy(f)}
    matrix_bytes = nonzeros(operator) * NONZERO_BYTES
    if matrix_bytes <= args.most_megabytes * 1e6:
        matrix, flat = assembled(), f.local.ravel()
        calls["CSR"] = lambda: matrix @ flat
    size = measure.total_bytes(f)
    moved = 2 * size + (operator.nbytes if isinstance(operator, ElementOperator) else 0)
    p = max(getattr(axis.basis, "p", 0) for axis in space.axes)
    if isinstance(operator, ElementOperator):
        calls["products"], count = small_products(p + 1)
    times = measure.medians(space.comm, calls, args.repeat)
    copy = 2 * _LARGE * 8 / times.pop("copy")
    figures = {"MB": operator_bytes(operator) / 1e6, "MB of CSR": matrix_bytes / 1e6}
    ours = times.pop("ours")
    if isinstance(operator, ElementOperator):
        rate = count / times.pop("products")
        elements = prod(axis.intervals for axis in space.axes)
        figures["GF/s of products"] = rate / 1e9
        figures["× bound"] = ours / max(moved / copy, elements * operations(p) / rate)
    return row(name, ours, moved, copy, **times) | {"figures": figures}


def _solve_row(name: str, space: Space, ours: Callable[[Field, Field], object], matrix: Callable, args: Any) -> dict:
    """The time of a solve, and of one with the factors L and U of its matrix, which are made once and not timed."""
    f = space.field(np.random.default_rng(1).standard_normal(space.shape))
    out = f.copy()
    calls = {"ours": lambda: ours(f, out), "copy": _large_copy(f)}
    figures = {}
    if space.shape[0] <= args.most_factored:
        factors, flat = scipy.sparse.linalg.splu(matrix().tocsc(), "MMD_AT_PLUS_A"), f.local.ravel()
        calls["LU"] = lambda: factors.solve(flat)
        figures["MB of LU"] = (factors.L.nnz + factors.U.nnz) * NONZERO_BYTES / 1e6
    times = measure.medians(space.comm, calls, args.repeat)
    copy = 2 * _LARGE * 8 / times.pop("copy")
    return row(name, times.pop("ours"), 2 * measure.total_bytes(f), copy, **times) | {"figures": figures}


_LARGE = 1 << 22  # doubles of a copy that no cache holds


def _large_copy(f: Field) -> measure.Call:
    """A copy from memory to memory, whatever the size of the problem."""
    source, target = np.zeros(_LARGE), np.zeros(_LARGE)
    return lambda: f.space.backend.pointwise.copy(source, target)
