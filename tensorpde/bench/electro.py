"""Sums over charges and maps of their potential, against direct sums and a fast multipole method (fmm3dpy)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from tensorpde import backend as backends
from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Neumann
from tensorpde.electro import RangeSeparated
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.parallel import world
from tensorpde.parallel.traffic import given

DENSITY = 0.1  # particles per unit of volume: atoms in water, lengths in Å
MOST_DIRECT = 20_000  # particles up to which all pairs are summed for comparison
MOST_MULTIPOLES = 200_000  # and up to which fmm3dpy is timed
SAMPLED = 20_000  # grid points at which the others are timed; their time is scaled to the whole grid


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=8_867, repeat=3)
    parser.add_argument("--sums", type=int, nargs="+", help="numbers of particles for the sums over them (default N)")
    parser.add_argument("--points", type=int, default=129, help="grid points per axis of the map (default 129)")
    parser.add_argument(
        "--counts", action="store_true", help="for the sums: work and bytes of the busiest rank instead"
    )
    parser.add_argument("--tol", type=float, default=1e-6, help="tolerance (default 1e-6)")


def run(args: Any) -> list[dict]:
    """Rows for sums over n particles, the long range on a grid, and the whole potential on it. Collective.

    The figures are the digits that are right (−log₁₀ of the measured error), the largest rank of the long range or edge
    of its mesh, the peak memory of a call in MB on this rank, and microseconds per particle or nanoseconds per grid
    point. Parts are made anew in every call.
    """
    comm = world()
    if args.counts:
        return [_counts(_System(args, comm, n), args) for n in args.sums or [args.n]]
    made = _System(args, comm)
    return [
        *(_sums(_System(args, comm, n), args) for n in args.sums or [args.n]),
        _map("long range", made.long_range, made, args),
        _map("potential", lambda: made.fresh().grid(args.points), made, args),
    ]


class _System:
    """Random charges of one density, and what is timed."""

    def __init__(self, args: Any, comm: Any, n: int | None = None) -> None:
        random = np.random.default_rng(0)
        n = n or args.n
        self.args, self.comm = args, comm
        self.x = random.uniform(0.0, (n / DENSITY) ** (1 / 3), (n, 3))
        self.q = random.standard_normal(n)

    def fresh(self) -> RangeSeparated:
        return RangeSeparated(self.x, self.q, self.args.tol, self.comm, direct=False)

    def long_range(self) -> Field:
        """The long-range part of the potential that `grid` makes, on the same grid."""
        rs = self.fresh()
        axes = [Axis(self.args.points, lo, hi, bc=Neumann()) for lo, hi in rs.box]
        space = Space(Grid(*axes), self.comm)
        return rs.split(space.shape).long.field(space)


def _sums(system: _System, args: Any) -> dict:
    x, q, comm = system.x, system.q, system.comm
    calls: dict[str, measure.Call] = {"ours": lambda: system.fresh().potential()}
    if comm.size == 1:
        if len(q) <= MOST_DIRECT:
            calls["direct"] = lambda: backends.get("numpy").particles.direct(x, x, q)
        fmm = by_fmm(x, q, args.tol) if len(q) <= MOST_MULTIPOLES else None
        if fmm is not None:
            calls["fmm3dpy"] = fmm
    times = measure.medians(comm, calls, args.repeat)
    name = f"potential and field at {len(q)} particles on {comm.size} rank(s), tol {args.tol:g}"
    seconds = times.pop("ours")
    figures = _figures(system.fresh(), calls["ours"]) | {"µs/particle": seconds / len(q) * 1e6}
    return row(name, seconds, **times) | {"figures": figures}


def _counts(system: _System, args: Any) -> dict:
    """One call's targets, pairs and bytes given to others, each the largest of any rank; and the time.

    Pairs are those within σ of this rank's targets, counted by another package; modes are what transposes move.
    """
    comm, rs = system.comm, system.fresh()
    before = given.copy()
    rs.potential()
    bytes_given = {name: given[name] - before[name] for name in ("transposes", "gathered", "collected")}
    split = rs.split()
    mine = rs.targets(rs.positions, split)
    tree = cKDTree(rs.positions)
    pairs = tree.query_ball_point(rs.positions[mine], split.sigma, return_length=True).sum() if len(mine) else 0
    counts = np.array([len(mine), pairs / 1e6, *(b / 1e6 for b in bytes_given.values())], float)
    everyone = np.empty((comm.size, len(counts)))
    comm.Allgather(counts, everyone)
    names = ("targets", "10⁶ pairs", "MB modes given", "MB mesh given", "MB results given")
    seconds = measure.medians(comm, {"ours": lambda: system.fresh().potential()}, args.repeat)["ours"]
    shape = "×".join(map(str, split.long.rank))
    name = f"{len(system.q)} particles on {comm.size} rank(s), σ {split.sigma:.3g}, mesh {shape}"
    return row(name, seconds) | {"figures": dict(zip(names, everyone.max(axis=0).tolist(), strict=True))}


def _map(name: str, call: measure.Call, system: _System, args: Any) -> dict:
    count = args.points**3
    x, q, comm = system.x, system.q, system.comm
    calls, scale = {"ours": call}, {}
    if comm.size == 1:
        lo, hi = np.array(system.fresh().box).T
        targets = np.random.default_rng(1).uniform(lo, hi, (min(SAMPLED, count), 3))
        scale = dict.fromkeys(("direct", "fmm3dpy"), count / len(targets))
        calls["direct"] = lambda: backends.get("numpy").particles.direct(targets, x, q)
        fmm = by_fmm(x, q, args.tol, targets)
        if fmm is not None:
            calls["fmm3dpy"] = fmm
    times = measure.medians(comm, calls, args.repeat)
    seconds = times.pop("ours")
    others = {other: time * scale[other] for other, time in times.items()}
    figures = _figures(system.fresh(), call) | {"ns/point": seconds / count * 1e9}
    return row(f"{name} of {len(q)} charges on {args.points}³ points", seconds, **others) | {"figures": figures}


def _figures(rs: RangeSeparated, call: Any) -> dict[str, float]:
    found = rs.check(50)
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    digits = -np.log10(max(found.particles, found.points, 1e-16))
    return {"digits": float(digits), "rank": float(max(found.rank)), "peak MB": peak / 1e6}


def by_fmm(x: np.ndarray, q: np.ndarray, tol: float, targets: np.ndarray | None = None) -> measure.Call | None:
    """Potential and gradient at the particles, or the potential at targets, by fmm3dpy, whose kernel is
    1/(4πr); None where it is missing."""
    package = measure.installed("fmm3dpy")
    if package is None:
        return None
    sources = np.asfortranarray(x.T)
    if targets is None:
        return lambda: package.lfmm3d(eps=tol, sources=sources, charges=q, pg=2)
    at = np.asfortranarray(targets.T)
    return lambda: package.lfmm3d(eps=tol, sources=sources, charges=q, targets=at, pgt=1)
