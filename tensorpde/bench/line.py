"""Line operators along each axis, against a copy of the array and the same work by scipy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs
from scipy.ndimage import correlate1d

from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Dirichlet, Periodic
from tensorpde.field import Space
from tensorpde.grid import Axis, Grid
from tensorpde.line import Banded, BandedSolve, Compact, LineOperator
from tensorpde.schemes import Scheme, assemble, central, lele1992


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=256, repeat=7)
    measure.add_backend(parser)


def run(args: Any) -> list[dict]:
    """Rows for every operator × axis × precision. Collective."""
    periodic = Axis(args.n, 0.0, 2 * np.pi, bc=Periodic())
    rows = []
    for dtype in ("float64", "float32"):
        space = Space(Grid(periodic, periodic, periodic), backend=args.backend, dtype=dtype)
        if space.backend.on_host:
            rows.append(_numpy_copy(space, args.repeat))
        for name, operator, scipy in _cases(periodic, dtype):
            rows += [_row(name, operator, scipy, space, axis, args.repeat) for axis in range(space.ndim)]
    return rows


def _cases(axis: Axis, dtype: str) -> Iterator[tuple[str, LineOperator, ByScipy | None]]:
    """(name, operator, the same by scipy) of all that is timed."""
    schemes = {
        "first derivative, compact 6": lele1992.first_derivative,
        "second derivative, compact 6": lele1992.second_derivative,
        "first derivative, central 6": central.first(6),
        "filter, compact 10": lele1992.filter(),
    }
    for name, scheme in schemes.items():
        yield name, _operator(scheme, axis), ByScipy(scheme, axis, dtype)
    lhs = assemble(lele1992.first_derivative, axis).lhs
    assert lhs is not None
    solve = ByScipy(lele1992.first_derivative, axis, dtype, stencil=False)
    yield "banded solve, cyclic tridiagonal", BandedSolve(lhs), solve
    walls = axis.like(bc=Dirichlet())
    yield "second derivative, compact 6, walls", _operator(lele1992.second_derivative, walls), None


def _operator(scheme: Scheme, axis: Axis) -> LineOperator:
    made = assemble(scheme, axis)
    return Banded(made.rhs) if made.lhs is None else Compact(made.lhs, made.rhs)


def _numpy_copy(space: Space, repeat: int) -> dict:
    u, out = space.field(1.0), space.zeros()
    calls = {"numpy": lambda: np.copyto(out.local, u.local), "copy": measure.copying(u, out)}
    times = measure.medians(space.comm, calls, repeat)
    moved = 2 * measure.total_bytes(u)
    return row(f"numpy.copyto · {space.dtype}", times["numpy"], moved, moved / times["copy"])


def _row(name: str, operator: LineOperator, scipy: ByScipy | None, space: Space, axis: int, repeat: int) -> dict:
    u = space.field(lambda *x: np.sin(sum(x)), pencil=space.pencil_for(axis))
    out = space.empty(pencil=u.pencil)
    calls: dict[str, measure.Call] = {
        "ours": lambda: operator.apply(u.local, axis, out=out.local),
        "copy": measure.copying(u, out),
    }
    if scipy is not None and not u.pencil.is_empty and space.backend.on_host:
        calls["scipy"] = lambda: scipy(u.local, axis)
    times = measure.medians(space.comm, calls, repeat, space.backend.name)
    moved = 2 * measure.total_bytes(u)
    seconds, copy = times.pop("ours"), moved / times.pop("copy")
    return row(f"{name} · axis {axis} · {space.dtype}", seconds, moved, copy, **times)


class ByScipy:
    """A tridiagonal or explicit scheme on a periodic line: scipy.ndimage's stencil, LAPACK's solve.

    The corners of the cyclic matrix are taken out by the Sherman–Morrison formula.

    Parameters
    ----------
    scheme
        With one or two coefficients on its left-hand side.
    axis
        Uniform and periodic.
    dtype
        Of the data.
    stencil
        Whether the right-hand side is applied, or the solve alone is wanted.
    """

    def __init__(self, scheme: Scheme, axis: Axis, dtype: str, stencil: bool = True) -> None:
        self._weights = scheme.stencil()[1] / axis.spacing**scheme.derivative if stencil else None
        self._solve = None
        if len(scheme.lhs) == 1:
            return
        alpha, n = scheme.lhs[1], axis.n
        trf, self._solve = get_lapack_funcs(("gttrf", "gttrs"), dtype=np.dtype(dtype))
        diagonal, beside = np.ones(n, dtype), np.full(n - 1, alpha, dtype)
        diagonal[0], diagonal[-1] = 2.0, 1.0 + alpha**2  # the matrix is this plus column·(1, 0, …, 0, −α)
        column = np.zeros((n, 1), dtype)
        column[0], column[-1] = -1.0, alpha
        *self._factors, _ = trf(beside, diagonal, beside)
        response = self._solve(*self._factors, column)[0][:, 0]
        self._last = np.asarray(-alpha, dtype)
        self._response = response / (1 + response[0] - alpha * response[-1])

    def __call__(self, u: np.ndarray, axis: int) -> np.ndarray:
        """The scheme along `axis` of u, in a new array."""
        if self._weights is not None:
            u = correlate1d(u, self._weights, axis, mode="wrap")
        if self._solve is None:
            return u
        lines = np.moveaxis(u, axis, -1)
        columns = lines.reshape(-1, lines.shape[-1]).T  # a Fortran array for LAPACK; a copy unless axis is the last
        x = self._solve(*self._factors, columns)[0]
        x -= self._response[:, None] * (x[0] + self._last * x[-1])
        return np.ascontiguousarray(np.moveaxis(x.T.reshape(lines.shape), -1, axis))
