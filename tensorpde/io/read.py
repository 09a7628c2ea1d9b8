"""Read a field of a snapshot into a Space, interpolating where the grids differ."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from itertools import count
from typing import Any

import h5py
import numpy as np

from tensorpde import backend
from tensorpde.field import Field, Space
from tensorpde.grid import Axis
from tensorpde.io import hdf5, layout, slabs, snapshot, view
from tensorpde.io.interpolate import line_matrix
from tensorpde.line.dense import Dense
from tensorpde.parallel.errors import agree
from tensorpde.parallel.pencil import Pencil
from tensorpde.parallel.transpose import Transpose


@dataclass(frozen=True)
class _Line:
    """The points of the file along one axis, and what is known about its ends."""

    x: np.ndarray
    lo: float
    hi: float
    periodic: bool
    walls: tuple[float | None, float | None]
    basis: str | None


@dataclass(frozen=True)
class _Source:
    """One component of the field: its datasets (real, or real and imaginary) and its lines."""

    datasets: tuple[str, ...]
    dtype: str
    lines: tuple[_Line, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(line.x.size for line in self.lines)


def read(path: str | os.PathLike[str], name: str, space: Space) -> Field:
    """A field of a snapshot as a Field of `space`. Collective.

    Where the points differ, tensor-product interpolation, one axis after the other, the axis that shrinks most
    first: trigonometric (exact for resolved modes) on equidistant periodic points, otherwise splines of order 6, with
    the wall values that the file knows. Cost per interpolated axis: one transpose and one product with a matrix of
    n_space × n_file. Values are converted to the type of the Space. Equal points: bit for bit what the file holds.

    Parameters
    ----------
    path
        A snapshot, the same on all ranks; only rank 0 opens it.
    name
        A dataset, or a vector: "u" reads u_x, u_y, … (or u_0, u_1, …), with ``lead=(components,)``; of a complex
        field, _real and _imag.
    space
        The Space of the result; its points may differ from the file's along any axis.

    Raises
    ------
    FileNotFoundError, Unreadable
        If the file is missing, damaged, or does not hold `name`.
    ValueError
        If the numbers of axes differ, the Space reaches beyond the file's domain, periods or bases differ, or the
        file is complex and the Space real.
    """
    sources: list[_Source] = []
    lead: tuple[int, ...] = ()
    with hdf5.shared(path, space.comm, snapshot.KIND) as file:
        with agree(space.comm, f"reading {path}"):
            if file is not None:
                with hdf5.reading(path):
                    names, lead = _components(file, name)
                    sources = [_source(file, datasets) for datasets in names]
        sources, lead = space.comm.bcast((sources, lead))
        for source in sources:
            _check_fit(f"{path}: {source.datasets[0]!r}", source, space)
        field = space.empty(lead=lead)
        for index, source in zip(np.ndindex(*lead), sources, strict=True):
            field.local[index] = _component(file, path, source, space)
    return field


def _components(file: h5py.File, name: str) -> tuple[list[tuple[str, ...]], tuple[int, ...]]:
    """Datasets per component, and the leading dimensions."""

    def parts(stem: str) -> tuple[str, ...]:
        return next(
            (names for names in ((stem,), (f"{stem}_real", f"{stem}_imag")) if all(n in file for n in names)), ()
        )

    if single := parts(name):
        return [single], ()
    for suffix in (layout.axis_name, str):
        found = []
        for i in count():
            if not (component := parts(f"{name}_{suffix(i)}")):
                break
            found.append(component)
        if found:
            return found, (len(found),)
    raise hdf5.Unreadable(f"{file.filename} holds neither {name!r} nor its components; it holds {', '.join(file)}")


def _source(file: h5py.File, names: tuple[str, ...]) -> _Source:
    data = hdf5.dataset(file, names[0], "f")
    scales = view.dimensions(data)
    lines = tuple(_line(file, data, scale, n) for scale, n in zip(scales, data.shape, strict=True))
    for other in names[1:]:
        hdf5.dataset(file, other, "f", data.shape)
    return _Source(names, data.dtype.name, lines)


def _line(file: h5py.File, data: h5py.Dataset, name: str, n: int) -> _Line:
    scale = hdf5.dataset(file, name, "f", (n,))
    about, x = view.attributes(scale), scale[...].astype(float)
    lo, hi = (float(hdf5.number(scale, key)) for key in ("lo", "hi"))
    if not np.all(np.isfinite(x)) or np.any(np.diff(x) <= 0) or not lo <= x[0] <= x[-1] <= hi:
        raise hdf5.Unreadable(f"{file.filename}: the coordinates {name!r} do not increase from {lo} to {hi}")
    walls = tuple(
        float(hdf5.number(data, key)) if (key := f"{name}_{side}_value") in data.attrs else None
        for side in ("left", "right")
    )
    walls = (walls[0] if x[0] > lo else None, walls[1] if x[-1] < hi else None)
    return _Line(x, lo, hi, bool(hdf5.number(scale, "periodic", "i")), walls, about.get("basis"))


def _check_fit(what: str, source: _Source, space: Space) -> None:
    if len(source.lines) != space.ndim:
        raise ValueError(f"{what} has {len(source.lines)} dimensions, the Space has {space.ndim}")
    if len(source.datasets) == 2 and space.dtype.kind != "c":
        raise ValueError(f"{what} is part of a complex field, the Space is {space.dtype}")
    for i, (line, axis) in enumerate(zip(source.lines, space.axes, strict=True)):
        basis = None if axis.basis is None else str(axis.basis)
        if line.basis != basis or (basis and not _same(line.x, axis)):
            raise ValueError(
                f"{what} has basis {line.basis} with {line.x.size} coefficients along {layout.axis_name(i)}, "
                f"the Space has {basis} with {axis.n}"
            )
        if line.periodic and axis.periodic and not math.isclose(line.hi - line.lo, axis.length, rel_tol=1e-12):
            raise ValueError(
                f"{what} has period {line.hi - line.lo} along {layout.axis_name(i)}, the Space {axis.length}"
            )


def _same(x: np.ndarray, axis: Axis) -> bool:
    """Whether the points are those of the axis, up to round-off in how they were computed."""
    return x.size == axis.n and bool(np.all(np.abs(x - axis.x) <= 1e-13 * axis.length))


def _component(file: Any, path: Any, source: _Source, space: Space) -> Any:
    """This rank's block of one component in the home pencil. Collective."""
    changes = {
        i: line_matrix(line.x, axis.x, line.lo, line.hi, line.periodic, line.walls)
        for i, (line, axis) in enumerate(zip(source.lines, space.axes, strict=True))
        if not _same(line.x, axis)
    }
    order = sorted(changes, key=lambda i: space.shape[i] / source.shape[i])
    start = space.pencil.reshaped(source.shape)
    if order:
        start = start.aligned(order[0])
    precision = np.result_type(source.dtype, np.empty(0, space.dtype).real.dtype)
    blocks = []
    for name in source.datasets:
        block = space.backend.empty(start.local_shape, precision)

        def fill(first: int, slab: np.ndarray, name: str = name) -> None:
            with hdf5.reading(path):
                file[name].read_direct(slab, slice(first, first + len(slab)))

        slabs.scatter(fill, block, start, source.dtype, f"reading {path}")
        blocks.append(_interpolate(block, start, changes, order, space.pencil))
    return blocks[0] if len(blocks) == 1 else blocks[0] + 1j * blocks[1]


def _interpolate(
    block: Any, pencil: Pencil, changes: dict[int, tuple[np.ndarray, np.ndarray]], order: list[int], home: Pencil
) -> Any:
    """Apply the line maps axis by axis, and bring the block home. Collective."""
    for axis in order:
        block, pencil = _moved(block, pencil, pencil.aligned(axis)), pencil.aligned(axis)
        matrix, constant = changes[axis]
        block = Dense(matrix).apply(block, axis)
        block += backend.of(block).asarray(constant.reshape(-1, *[1] * (block.ndim - 1 - axis)), block.dtype)
        pencil = pencil.reshaped([len(constant) if i == axis else n for i, n in enumerate(pencil.shape)])
    return _moved(block, pencil, home)


def _moved(block: Any, pencil: Pencil, target: Pencil) -> Any:
    if pencil == target:
        return block
    return Transpose.between(pencil, target).forward(block, backend.of(block).empty(target.local_shape, block.dtype))
