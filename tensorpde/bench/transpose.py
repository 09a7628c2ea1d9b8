"""Round trips between two alignments, against a copy, a raw Alltoallv of the same bytes, and mpi4py-fft."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Periodic
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.parallel import Pencil, Transpose


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=256, repeat=9)
    measure.add_backend(parser)


def run(args: Any) -> list[dict]:
    """Rows for real and complex fields of one and of three components. Collective."""
    axis = Axis(args.n, 0.0, 2 * np.pi, bc=Periodic())
    grid = Grid(axis, axis, axis)
    spaces = [Space(grid, backend=args.backend, dtype=dtype) for dtype in ("float64", "complex128")]
    return [_row(space, lead, args.repeat) for space in spaces for lead in ((), (3,))]


def _row(space: Space, lead: tuple[int, ...], repeat: int) -> dict:
    home, turned = space.field(1.0, lead), space.zeros(lead, space.pencil_for(0))
    copied = space.zeros(lead)
    plan = Transpose.between(home.pencil, turned.pencil)

    def round_trip() -> None:
        plan.forward(home.local, turned.local)
        plan.backward(turned.local, home.local)

    calls = {"ours": round_trip, "copy": measure.copying(home, copied), "alltoallv": _alltoallv(home, turned)}
    by_fft = by_mpi4py_fft(home, turned) if space.backend.on_host else None
    if by_fft is not None:
        calls["mpi4py_fft"] = by_fft
    times = measure.medians(space.comm, calls, repeat, space.backend.name)
    size = measure.total_bytes(home)
    copy = 2 * size / times.pop("copy")
    name = f"round trip, {lead[0] if lead else 1} × {space.dtype} on {space.comm.size} rank(s)"
    return row(name, times.pop("ours"), 4 * size, copy, **times)


def _alltoallv(home: Field, turned: Field) -> measure.Call:
    """Send the bytes of a round trip between hosts with nothing packed: every part is contiguous at both ends."""
    comm, factor = home.space.comm, prod(home.lead)
    away = [factor * _common(home.pencil, comm.rank, turned.pencil, rank) for rank in range(comm.size)]
    back = [factor * _common(home.pencil, rank, turned.pencil, comm.rank) for rank in range(comm.size)]
    here, there = (np.ones(f.local.size, f.dtype) for f in (home, turned))

    def round_trip() -> None:
        comm.Alltoallv([here, away], [there, back])
        comm.Alltoallv([there, back], [here, away])

    return round_trip


def _common(a: Pencil, p: int, b: Pencil, q: int) -> int:
    """Number of points that rank p owns in pencil a and rank q in pencil b."""
    pairs = zip(a.slices_of(p), b.slices_of(q), strict=True)
    return prod(max(min(x.stop, y.stop) - max(x.start, y.start), 0) for x, y in pairs)


def by_mpi4py_fft(home: Field, turned: Field) -> measure.Call | None:
    """The same round trip between the same two distributions by mpi4py-fft; None if it cannot do it or is missing."""
    package = measure.installed("mpi4py_fft.pencil")
    ranks = [home.pencil.process_grid.dims[cut] if cut is not None else 1 for cut in home.pencil.distribution]
    if package is None or prod(ranks) != home.space.comm.size:
        return None
    lead = len(home.lead)
    moves = [axis for axis in (1, 2) if home.pencil.is_whole(axis) and not turned.pencil.is_whole(axis)] or [2]
    ranks_along = package.Subcomm(home.space.comm, [1] * lead + ranks)
    start = package.Pencil(ranks_along, home.lead + home.space.shape, lead + moves[0])
    transfer = start.transfer(start.pencil(lead), home.dtype)
    here, there = home.local.copy(), np.ones_like(turned.local)

    def round_trip() -> tuple[np.ndarray, np.ndarray]:
        transfer.forward(here, there)
        transfer.backward(there, here)
        return there, here

    return round_trip
