"""Poisson solves, periodic and between walls, against a copy and the same solve by scipy.fft, mpi4py-fft, shenfun."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.fft

from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Dirichlet, Periodic
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.operators import laplacian
from tensorpde.schemes import Scheme, central, lele1992
from tensorpde.solve import FastDiagonal


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=256, repeat=5)
    measure.add_backend(parser)
    parser.add_argument("--n-walls", type=int, help="points per axis between walls (default: --n, at most 128)")


def run(args: Any) -> list[dict]:
    """Rows for the periodic and the wall-bounded solves. Collective."""
    walls = args.n_walls or min(args.n, 128)
    return _periodic(args.n, args.repeat, args.backend) + _between_walls(walls, args.repeat, args.backend)


def _periodic(n: int, repeat: int, backend: str) -> list[dict]:
    axis = Axis(n, 0.0, 2 * np.pi, bc=Periodic())
    space = Space(Grid(axis, axis, axis), backend=backend)
    scheme = lele1992.second_derivative
    f = space.field(lambda x, y, z: np.sin(x) * np.cos(2 * y) * np.sin(3 * z))
    others = {}
    if space.comm.size == 1 and space.backend.on_host:
        others["scipy"] = by_scipy(scheme, f)
    by_fft = by_mpi4py_fft(scheme, f) if space.backend.on_host else None
    if by_fft is not None:
        others["mpi4py_fft"] = by_fft
    L = laplacian(space, scheme)
    unchecked, checked = FastDiagonal(L, tolerance=None), FastDiagonal(L)
    name = f"periodic {n}³, compact 6"
    return [_row(name, unchecked, f, others, repeat), _row(f"{name}, compatibility checked", checked, f, {}, repeat)]


def _between_walls(n: int, repeat: int, backend: str) -> list[dict]:
    axis, walls = Axis(n, 0.0, 2 * np.pi, bc=Periodic()), Axis(n, -1.0, 1.0, bc=Dirichlet())
    space = Space(Grid(axis, axis, walls), backend=backend)
    f = space.field(lambda x, y, z: np.sin(x) * np.cos(2 * y) * (1 - z**2))
    by_legendre = by_shenfun(space) if space.backend.on_host else None
    others = {} if by_legendre is None else {"shenfun": by_legendre}
    cases: list[tuple[str, Scheme, int | None]] = [
        ("central 2, all modal", central.second_derivative, None),
        ("compact 6, dense modes", lele1992.second_derivative, None),
        ("central 2, bands", central.second_derivative, 2),
        ("compact 6, bands", lele1992.second_derivative, 2),
    ]
    return [
        _row(f"walls in z {n}³, {name}", FastDiagonal(laplacian(space, scheme), banded_axis=banded), f, others, repeat)
        for name, scheme, banded in cases
    ]


def _row(name: str, solver: FastDiagonal, f: Field, others: dict[str, measure.Call], repeat: int) -> dict:
    """Five passes over the lines (two axes forward, the last with its division, two back), transposes between them."""
    u = f.copy()
    calls = {"ours": lambda: solver.solve(f, out=u), "copy": measure.copying(f, u), **others}
    times = measure.medians(f.space.comm, calls, repeat, f.space.backend.name)
    size = measure.total_bytes(f)
    copy = 2 * size / times.pop("copy")
    return row(name, times.pop("ours"), (10 + 4 * measure.cut_axes(f)) * size, copy, **times)


def _inverse(scheme: Scheme, space: Space, modes: tuple[slice, ...]) -> np.ndarray:
    """1 / Σ eigenvalues of the scheme for a block of Fourier modes (the last axis: of real data), 0 for the mean."""
    total = np.zeros(())
    for number, (axis, block) in enumerate(zip(space.axes, modes, strict=True)):
        theta = 2 * np.pi * np.arange(axis.n)[block] / axis.n
        line = [1] * space.ndim
        line[number] = -1
        total = total + (scheme.symbol(theta) / axis.spacing**2).reshape(line)
    with np.errstate(divide="ignore"):
        return np.where(np.abs(total) < 1e-9, 0.0, 1 / total)


def by_scipy(scheme: Scheme, f: Field) -> measure.Call:
    """The periodic solve of a block on one rank by scipy.fft, in arrays of its own."""
    n = f.space.shape[-1]
    inverse = _inverse(scheme, f.space, (slice(None), slice(None), slice(n // 2 + 1)))

    def solve() -> np.ndarray:
        modes = scipy.fft.rfftn(f.local)
        modes *= inverse
        return scipy.fft.irfftn(modes, f.local.shape, overwrite_x=True)

    return solve


def by_mpi4py_fft(scheme: Scheme, f: Field) -> measure.Call | None:
    """The periodic solve of f by mpi4py-fft with its own distribution; None where it is missing."""
    package = measure.installed("mpi4py_fft")
    if package is None:
        return None
    fft = package.PFFT(f.space.comm, f.space.shape, dtype=f.dtype)
    given, found = package.newDistArray(fft, False), package.newDistArray(fft, False)
    given[...] = f.gather()[given.local_slice()]
    modes = package.newDistArray(fft, True)
    inverse = _inverse(scheme, f.space, modes.local_slice())

    def solve() -> Any:
        fft.forward(given, modes)
        np.multiply(modes, inverse, out=modes)
        return np.asarray(fft.backward(modes, found))

    return solve


def by_shenfun(space: Space) -> measure.Call | None:
    """FFT × FFT × Legendre at as many points by shenfun, Dirichlet walls in z; None where it is missing."""
    package = measure.installed("shenfun")
    if package is None:
        return None
    x, y, _ = space.shape
    bases = [
        package.FunctionSpace(x, "F", dtype="D"),
        package.FunctionSpace(y, "F", dtype="d"),
        package.FunctionSpace(space.shape[2], "Legendre", bc=(0, 0)),
    ]
    T = package.TensorProductSpace(space.comm, bases, axes=(2, 0, 1))
    X = T.local_mesh(True)
    f = package.Array(T, buffer=np.sin(X[0]) * np.cos(2 * X[1]) * (1 - X[2] ** 2))
    v, u = package.TestFunction(T), package.TrialFunction(T)
    solver = package.la.SolverGeneric1ND(package.inner(v, package.div(package.grad(u))))
    right, modes, found = package.Function(T), package.Function(T), package.Array(T)

    def solve() -> Any:
        package.inner(v, f, output_array=right)
        solver(right, modes)
        return T.backward(modes, found)

    return solve
