"""Sums over charges and maps of their potential, against direct sums and a fast multipole method (fmm3dpy)."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.electro import RangeSeparated
from tensorpde.parallel import world

DENSITY = 0.1  # particles per unit of volume: atoms in water, lengths in Å
MOST_DIRECT = 20_000  # particles up to which all pairs are summed for comparison
SAMPLED = 20_000  # grid points at which the others are timed; their time is scaled to the whole grid


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=8_867, repeat=3)
    parser.add_argument("--points", type=int, default=129, help="grid points per axis of the map (default 129)")
    parser.add_argument("--tol", type=float, default=1e-6, help="tolerance (default 1e-6)")


def run(args: Any) -> list[dict]:
    """Rows for sums over n particles, the long range on a grid, and the whole potential on it. Collective.

    The figures are the digits that are right (−log₁₀ of the measured error), the largest rank of the long range, the
    peak memory of a call in MB on this rank, and for maps nanoseconds per point. Parts are made anew in every call.
    """
    comm = world()
    random = np.random.default_rng(0)
    x = random.uniform(0.0, (args.n / DENSITY) ** (1 / 3), (args.n, 3))
    q = random.standard_normal(args.n)

    def fresh() -> RangeSeparated:
        return RangeSeparated(x, q, args.tol, comm, direct=False)

    return [
        _sums(fresh, x, q, args, comm),
        _map("long range", lambda: fresh().factors(args.points).full(), fresh, x, q, args, comm),
        _map("potential", lambda: fresh().grid(args.points), fresh, x, q, args, comm),
    ]


def _sums(fresh: Any, x: np.ndarray, q: np.ndarray, args: Any, comm: Any) -> dict:
    calls = {"ours": lambda: fresh().potential()}
    if comm.size == 1:
        if args.n <= MOST_DIRECT:
            calls["direct"] = lambda: backends.get("numpy").particles.direct(x, x, q)
        fmm = by_fmm(x, q, args.tol)
        if fmm is not None:
            calls["fmm3dpy"] = fmm
    times = measure.medians(comm, calls, args.repeat)
    name = f"potential and field at {args.n} particles on {comm.size} rank(s), tol {args.tol:g}"
    return row(name, times.pop("ours"), **times) | {"figures": _figures(fresh(), calls["ours"])}


def _map(name: str, call: Any, fresh: Any, x: np.ndarray, q: np.ndarray, args: Any, comm: Any) -> dict:
    count = args.points**3
    calls, scale = {"ours": call}, {}
    if comm.size == 1:
        lo, hi = np.array(fresh().box).T
        targets = np.random.default_rng(1).uniform(lo, hi, (min(SAMPLED, count), 3))
        scale = dict.fromkeys(("direct", "fmm3dpy"), count / len(targets))
        calls["direct"] = lambda: backends.get("numpy").particles.direct(targets, x, q)
        fmm = by_fmm(x, q, args.tol, targets)
        if fmm is not None:
            calls["fmm3dpy"] = fmm
    times = measure.medians(comm, calls, args.repeat)
    seconds = times.pop("ours")
    others = {other: time * scale[other] for other, time in times.items()}
    figures = _figures(fresh(), call) | {"ns/point": seconds / count * 1e9}
    return row(f"{name} of {args.n} charges on {args.points}³ points", seconds, **others) | {"figures": figures}


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
