"""One step of the heat equation by alternating directions, against three copies of the field."""

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
from tensorpde.stepping import DouglasGunn, PeacemanRachford

# Values that must move per point on one rank. Douglas–Gunn: explicit part of two axes (2 + 3, the second adds), solve
# (2), update (3), solve (2), solve that adds (3). Peaceman–Rachford: three kernels in place. A value that is transposed
# is read and written: the first axis that is cut costs a way there and back, the next one another for its explicit part
# and an addition.
MOVED = {"Douglas–Gunn": (15, 4, 10), "Peaceman–Rachford": (6, 4, 4)}


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    measure.add_arguments(parser, n=256, repeat=5)


def run(args: Any) -> list[dict]:
    """Rows for two methods and two schemes in space. Collective."""
    axis = Axis(args.n, 0.0, np.pi, bc=Dirichlet())
    space = Space(Grid(axis, axis, axis))
    u = space.field(lambda x, y, z: np.sin(x) * np.sin(2 * y) * np.sin(3 * z))
    name = f"{args.n}³ on {space.comm.size} rank(s)"
    rows = []
    for scheme, label in ((central.second(2), "central 2"), (lele1992.second(4), "compact 4")):
        rows += _rows(f"heat {name}, {label}", scheme, u, args.repeat)
    return rows


def _rows(name: str, scheme: Scheme, u: Field, repeat: int) -> list[dict]:
    """Both steps: Douglas–Gunn's, and the product that the other is without boundary data."""
    L, dt, copied = laplacian(u.space, scheme), 1e-4, u.copy()
    steps = {"Douglas–Gunn": DouglasGunn(L, dt), "Peaceman–Rachford": PeacemanRachford(L, dt)}
    calls = {method: (lambda step=step: step(u)) for method, step in steps.items()}
    times = measure.medians(u.space.comm, {**calls, "copy": measure.copying(u, copied)}, repeat)
    size, cuts, copy = measure.total_bytes(u), measure.cut_axes(u), times.pop("copy")
    rows = []
    for method, seconds in times.items():
        fixed, first, further = MOVED[method]
        values = fixed + (first + (cuts - 1) * further if cuts else 0)
        figures = {"/ 3 copies": seconds / (3 * copy)}
        rows.append(row(f"{name}: {method}", seconds, values * size, 2 * size / copy) | {"figures": figures})
    return rows
