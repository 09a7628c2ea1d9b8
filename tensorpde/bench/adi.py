"""One step of the heat equation by alternating directions and its halves, against three copies of the field."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.boundary import Dirichlet
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.operators import laplacian
from tensorpde.schemes import Scheme, central, lele1992
from tensorpde.stepping import DouglasGunn, PeacemanRachford, Splitting

# Values that must move per point on one rank, and more for every axis that is cut (a value that is transposed is read
# and written). Right-hand side: u in, the sum out, and twice in and in and out again. Solves: the change in and out
# twice, the last of them adds to u. A product of Cayley transforms: u in and out three times.
MOVED = {"right-hand side": (8, 6), "solves": (7, 4), "product": (6, 4)}


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=256, repeat=5)


def run(args: Any) -> list[dict]:
    """Rows for two schemes in space, and for the step without boundary data that is one product. Collective."""
    axis = Axis(args.n, 0.0, np.pi, bc=Dirichlet())
    space = Space(Grid(axis, axis, axis))
    u = space.field(lambda x, y, z: np.sin(x) * np.sin(2 * y) * np.sin(3 * z))
    name = f"{args.n}³ on {space.comm.size} rank(s)"
    rows = []
    for scheme, label in ((central.second(2), "central 2"), (lele1992.second(4), "compact 4")):
        rows += _rows(f"heat {name}, {label}", scheme, u, args.repeat)
    return rows


def _rows(name: str, scheme: Scheme, u: Field, repeat: int) -> list[dict]:
    """Douglas–Gunn's step, its halves, and Peaceman–Rachford's product."""
    L, dt = laplacian(u.space, scheme), 1e-4
    douglas, product, parts = DouglasGunn(L, dt), PeacemanRachford(L, dt), Splitting(L, 0.5 * dt)
    rate = dt * parts.along
    change, copied = u.copy(), u.copy()
    times = measure.medians(
        u.space.comm,
        {
            "step": lambda: douglas(u),
            "right-hand side": lambda: rate.apply(u, out=change),
            "solves": lambda: parts.solves.apply(change, out=u, beta=1.0),
            "product": lambda: product(u),
            "copy": measure.copying(u, copied),
        },
        repeat,
    )
    size, cuts, copy = measure.total_bytes(u), measure.cut_axes(u), times.pop("copy")
    moved = {part: fixed + cuts * more for part, (fixed, more) in MOVED.items()}
    moved["step"] = moved["right-hand side"] + moved["solves"]
    labels = {"step": f"{name}: Douglas–Gunn", "product": f"{name}: Peaceman–Rachford"}
    return [
        row(labels.get(part, f"  {part}, {scheme.name}"), seconds, moved[part] * size, 2 * size / copy)
        | {"figures": {"/ 3 copies": seconds / (3 * copy)}}
        for part, seconds in times.items()
    ]
