"""One Runge–Kutta step of the periodic Taylor–Green vortex and its parts, against a copy and another code's time."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np

from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Periodic
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.pde import NavierStokes, cases
from tensorpde.stepping import WILLIAMSON_RK3

STAGES = len(WILLIAMSON_RK3.b)

# Values that a stage moves per point, each part reading its inputs and writing its outputs once: on one rank, and for
# every axis that is cut (a value that is transposed is read and written).
MOVED = {
    "transport": (24, 12),  # three axes: 3 u in, 3 slopes out, and 3 slopes in where they add up
    "update": (14, 0),  # u, register and slope in, u and register out; the first of three stages reads no register
    "divergence": (8, 4),  # 3 components in, a sum out and twice in and out again
    "solve": (10, 4),  # five passes of transforms
    "gradient": (9, 4),  # for 3 components: pressure and velocity in, velocity out
}


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=128, repeat=7)
    measure.add_backend(parser)
    parser.add_argument("--baseline", type=float, metavar="SECONDS", help="time of the same step by another code")


def run(args: Any) -> list[dict]:
    """A row for the step and one for each part of a stage. Collective."""
    axis = Axis(args.n, 0.0, 2 * np.pi, bc=Periodic())
    space = Space(Grid(axis, axis, axis), backend=args.backend)
    flow, v = _start(space)
    dt = flow.dt(v)
    u, p, copied = v.copy(), space.zeros(), space.zeros()
    calls = {
        "step": lambda: flow.step(v, dt),
        "copy": measure.copying(p, copied),
        **_parts(flow, u),
    }
    times = measure.medians(space.comm, calls, args.repeat, args.backend)
    copy = 2 * measure.total_bytes(p) / times.pop("copy")
    cuts = measure.cut_axes(v)
    moved = {name: fixed + cuts * more for name, (fixed, more) in MOVED.items()}
    moved["projection"] = moved["divergence"] + moved["solve"] + moved["gradient"]
    whole = STAGES * (moved["transport"] + moved["update"] + moved["projection"])
    others = {} if args.baseline is None else {"baseline": args.baseline}
    first = _row(f"step {args.n}³ on {space.comm.size} rank(s)", times.pop("step"), whole, p, copy, STAGES, others)
    if space.backend.on_host:
        first["figures"]["arrays"] = _memory(space, dt)
    order = ("transport", "update", "projection", "divergence", "solve", "gradient")
    inside = {name: "  " if name in ("divergence", "solve", "gradient") else "" for name in order}
    return [first, *(_row(f"{inside[name]}{name}, a stage", times[name], moved[name], p, copy) for name in order)]


def _start(space: Space) -> tuple[NavierStokes, Field]:
    flow = NavierStokes(space, nu=1 / 1600)
    return flow, flow.project(cases.taylor_green(space))


def _parts(flow: NavierStokes, u: Field) -> dict[str, measure.Call]:
    """The parts of a stage, on Fields of their own."""
    slope, register, scalar = u.copy(), u.copy(), flow.projection.space.zeros()
    pressure, solver = flow.projection.pressure, flow.projection._solver
    update = u.space.backend.pointwise.two_register_update
    a, b = WILLIAMSON_RK3.a[-1], WILLIAMSON_RK3.b[-1]

    def gradient() -> None:
        for number, part in enumerate(flow.projection.gradient):
            part.apply(pressure, out=slope[number], beta=1.0)

    return {
        "transport": lambda: flow.slope(u, 0.0, slope),
        "update": lambda: update(u.local, register.local, slope.local, a, b, 0.0),
        "projection": lambda: flow.project(u),
        "divergence": lambda: flow.projection.divergence_of(u, scalar),
        "solve": lambda: solver.solve(scalar, out=pressure),
        "gradient": gradient,
    }


def _row(
    name: str, seconds: float, values: float, p: Field, copy: float, stages: int = 1, others: dict | None = None
) -> dict:
    """A row with its nanoseconds and bytes per cell and stage."""
    size = measure.total_bytes(p)
    cells = size / p.dtype.itemsize
    figures = {"ns/cell/stage": seconds * 1e9 / cells / stages, "B/cell/stage": values * p.dtype.itemsize / stages}
    return row(name, seconds, values * size, copy, **(others or {})) | {"figures": figures}


def _memory(space: Space, dt: float) -> float:
    """Peak of what a new flow and a step allocate, over all ranks, in arrays of one value per cell. Collective.

    Everything compiled is warm by now. Windows shared by the ranks of a node and messages inside MPI do not count.
    """
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    flow, v = _start(Space(space.grid))
    flow.step(v, dt)
    peak = np.array([tracemalloc.get_traced_memory()[1] - before])
    if not was_tracing:
        tracemalloc.stop()
    everywhere = np.empty(space.comm.size, peak.dtype)
    space.comm.Allgather(peak, everywhere)
    return float(everywhere.sum()) / measure.total_bytes(space.empty())
