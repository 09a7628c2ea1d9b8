"""Operators without a matrix against the same operators assembled as scipy.sparse CSR: time and memory from 16³ up."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import scipy.sparse

from tensorpde.basis import BSpline, Lagrange, Table
from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Dirichlet
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.kron import TensorOperator
from tensorpde.line.weak import chosen, form
from tensorpde.operators import laplacian
from tensorpde.schemes import central, lele1992
from tensorpde.sumfact import ElementOperator, stiffness

NONZERO_BYTES = 12  # a double and a column of 32 bits
Line = Callable[[np.ndarray], np.ndarray]


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=64, repeat=7)
    parser.add_argument(
        "--most-megabytes", type=float, default=500.0, help="largest matrix that is assembled (default 500)"
    )


def run(args: Any) -> list[dict]:
    """Rows for each operator and size; on one rank, as scipy's matrices are.

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
    return rows


def operators(n: int) -> list[tuple[str, TensorOperator, Callable]]:
    """(name, operator, the function that assembles its matrix) on cubes of about n³ unknowns."""
    points = Axis(n, 0.0, 1.0, bc=Dirichlet())
    values = Space(Grid(points, points, points))
    axis = points.like(basis=BSpline(3))
    splines = Space(Grid(axis, axis, axis))
    found: list[tuple[str, TensorOperator, Callable]] = []
    for name, made in (
        ("central Laplacian, order 2", laplacian(values, central.second_derivative)),
        ("compact Laplacian, order 6", laplacian(values, lele1992.second_derivative)),
        ("splines p = 3, constant coefficients", stiffness(splines, 1.0)),
    ):
        found.append((name, made, functools.partial(of_factors, made)))
    for p in (4, 8):
        axis = Axis(max(2, n // p) * p - 1, 0.0, 1.0, bc=Dirichlet(), basis=Lagrange(p))
        space = Space(Grid(axis, axis, axis))
        varying = stiffness(space, lambda *x: functools.reduce(np.multiply, map(kappa, x)))
        found.append((f"elements p = {p}, varying coefficient", varying, functools.partial(of_elements, space)))
    return found


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


_LARGE = 1 << 22  # doubles of a copy that no cache holds


def _large_copy(f: Field) -> measure.Call:
    """A copy from memory to memory, whatever the size of the problem."""
    source, target = np.zeros(_LARGE), np.zeros(_LARGE)
    return lambda: f.space.backend.pointwise.copy(source, target)
