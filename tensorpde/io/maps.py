"""Scalar fields on uniform three-dimensional grids as text files for molecular viewers: OpenDX and Gaussian cube."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy as np

from tensorpde.field import Field
from tensorpde.io import publish, slabs
from tensorpde.parallel.errors import agree

BOHR = 0.529177210903  # Å; CODATA 2018
DX_PER_LINE, CUBE_PER_LINE = 3, 6


def write_dx(path: str | os.PathLike[str], field: Field, comment: str = "potential") -> None:
    """Write an OpenDX file. Collective: rank 0 gets and writes one slab at a time.

    Raises
    ------
    ValueError
        If the field is not one real value per point of a uniform grid in three dimensions.
    OSError
        If the file cannot be written; an older one of that name is as it was.
    """
    lo, step = _uniform(field)
    n = field.space.shape
    header = [f"# {' '.join(comment.split())}", "object 1 class gridpositions counts " + " ".join(map(str, n))]
    header.append("origin " + " ".join(f"{x:.6e}" for x in lo))
    header += ["delta " + " ".join(f"{step[k] if k == row else 0.0:.6e}" for k in range(3)) for row in range(3)]
    header.append("object 2 class gridconnections counts " + " ".join(map(str, n)))
    header.append(f"object 3 class array type double rank 0 items {int(np.prod(n))} data follows")
    footer = ['attribute "dep" string "positions"', 'object "regular positions regular connections" class field']
    footer += ['component "positions" value 1', 'component "connections" value 2', 'component "data" value 3']

    def body(file: IO[str]) -> Callable[[int, np.ndarray], None]:
        rest: list[float] = []

        def put(start: int, slab: np.ndarray) -> None:
            values = [*rest, *slab.ravel().tolist()]
            last = start + len(slab) == n[0]
            whole = len(values) if last else len(values) // DX_PER_LINE * DX_PER_LINE
            rest[:] = values[whole:]
            _lines(file, values[:whole], DX_PER_LINE, "{:.6e}")

        return put

    _write(Path(path), field, header, body, footer)


def write_cube(
    path: str | os.PathLike[str], field: Field, numbers: Any = (), charges: Any = (), positions: Any = (),
    comment: str = "potential",
) -> None:  # fmt: skip
    """Write a Gaussian cube file, lengths in Bohr as the format has it (fields and positions in Å). Collective.

    Parameters
    ----------
    field
        On a uniform grid in three dimensions.
    numbers, charges, positions
        Atoms: atomic numbers, charges and (N, 3) positions.

    Raises
    ------
    ValueError, OSError
        As `write_dx`.
    """
    if not len(numbers) == len(charges) == len(positions):
        raise ValueError(f"{len(numbers)} atomic numbers, {len(charges)} charges and {len(positions)} positions")
    lo, step = _uniform(field)
    header = [" ".join(comment.split()), "lengths in Bohr, x slowest"]
    header.append(f"{len(numbers):5d} " + " ".join(f"{x / BOHR:11.6f}" for x in lo))
    for k, n in enumerate(field.space.shape):
        header.append(f"{n:5d} " + " ".join(f"{step[k] / BOHR if j == k else 0.0:11.6f}" for j in range(3)))
    for number, charge, place in zip(numbers, charges, positions, strict=True):
        header.append(f"{number:5d} {charge:11.6f} " + " ".join(f"{x / BOHR:11.6f}" for x in place))

    def body(file: IO[str]) -> Callable[[int, np.ndarray], None]:
        def put(start: int, slab: np.ndarray) -> None:
            for line in slab.reshape(-1, slab.shape[-1]):
                _lines(file, line.tolist(), CUBE_PER_LINE, "{:13.5e}")

        return put

    _write(Path(path), field, header, body, [])


def _uniform(field: Field) -> tuple[list[float], list[float]]:
    """First point and spacing of each axis."""
    axes = field.space.axes
    if len(axes) != 3 or field.lead or field.dtype.kind == "c":
        raise ValueError(f"a map needs one real value per point in three dimensions, not {field}")
    for axis in axes:
        if axis.n > 1 and np.ptp(np.diff(axis.x)) > 1e-9 * axis.length:
            raise ValueError(f"a map needs a uniform grid; spacings of {axis} differ by {np.ptp(np.diff(axis.x)):.2e}")
    return [float(axis.x[0]) for axis in axes], [float(axis.x[1] - axis.x[0]) if axis.n > 1 else 1.0 for axis in axes]


def _lines(file: IO[str], values: list[float], count: int, form: str) -> None:
    for start in range(0, len(values), count):
        file.write(" ".join(form.format(value) for value in values[start : start + count]) + "\n")


def _write(path: Path, field: Field, header: list[str], body: Any, footer: list[str]) -> None:
    comm = field.space.comm
    part, file = publish.temporary(path), None
    try:
        with agree(comm, f"writing {path}"):
            if comm.rank == 0:
                path.parent.mkdir(parents=True, exist_ok=True)
                file = part.open("w", encoding="utf-8")
                file.write("\n".join(header) + "\n")
        whole = [slice(0, n, 1) for n in field.space.shape]
        put = body(file) if file is not None else lambda start, slab: None
        slabs.gather(field.local, field.pencil, whole, np.float64, f"writing {path}", put)
        with agree(comm, f"writing {path}"):
            if file is not None:
                file.writelines(line + "\n" for line in footer)
                file.close()
                publish.commit(part, path)
    finally:
        if file is not None:
            file.close()
            publish.discard(part)
