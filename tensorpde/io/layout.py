"""How fields become flat datasets: names of components, axes and scales, attributes, and the region that is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import product
from typing import Any

import numpy as np

from tensorpde.boundary import Boundary, Dirichlet, FreeSlip, NoSlip, Odd, resolve
from tensorpde.grid import Axis

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
COORDINATES = ("time", "step", "probe")  # names that a field cannot have, besides those of the axes


def axis_name(axis: int) -> str:
    """x, y, z, x3, x4, …"""
    return "xyz"[axis] if axis < 3 else f"x{axis}"


def axis_number(key: int | str, ndim: int) -> int:
    """The axis called `key`: a number, or a name as in :func:`axis_name`.

    Raises
    ------
    ValueError
        If there is no such axis.
    """
    names = [axis_name(axis) for axis in range(ndim)]
    if key in names:
        return names.index(key)
    if isinstance(key, int) and -ndim <= key < ndim:
        return key % ndim
    raise ValueError(f"axis {key!r} is neither one of {', '.join(names)} nor a number below {ndim}")


def check_name(name: str, what: str = "field") -> str:
    """`name` itself, if it can name a dataset or a file.

    Raises
    ------
    ValueError
        If it is not letters, digits and underscores, or is the name of a coordinate.
    """
    if not NAME.fullmatch(name) or name in COORDINATES or re.fullmatch(r"[xyz]|x\d+", name):
        raise ValueError(
            f"{name!r} cannot name a {what}: letters, digits and _ only, and none of x, y, z, x3…, "
            f"{', '.join(COORDINATES)}"
        )
    return name


def component_suffixes(lead: tuple[int, ...], ndim: int) -> list[str]:
    """Suffixes of the components of a field with leading dimensions `lead`, in C order.

    A vector gets _x, _y, _z (_x3…), as long as it has no more components than max(3, ndim); anything else numbers.
    """
    if len(lead) == 1 and lead[0] <= max(3, ndim):
        return [f"_{axis_name(i)}" for i in range(lead[0])]
    return ["".join(f"_{i}" for i in index) for index in product(*(range(n) for n in lead))]


def parts(dtype: np.dtype) -> list[tuple[str, str]]:
    """(suffix, attribute of the array) of the real datasets that hold values of this type."""
    return [("_real", "real"), ("_imag", "imag")] if dtype.kind == "c" else [("", "real")]


@dataclass(frozen=True)
class Region:
    """The points of a grid that a stream keeps.

    Parameters
    ----------
    slices
        {axis: coordinate}: keep only the points nearest to this coordinate; the axis is dropped.
    box
        {axis: (low, high)}: keep the points in this closed interval.
    stride
        Keep every stride-th point of what is left, on all axes or {axis: stride}.
    """

    slices: Mapping[int | str, float] = field(default_factory=dict)
    box: Mapping[int | str, tuple[float, float]] = field(default_factory=dict)
    stride: int | Mapping[int | str, int] = 1

    def on(self, axes: Sequence[Axis]) -> tuple[slice, ...]:
        """The kept indices per axis; an axis in `slices` keeps one.

        Raises
        ------
        ValueError
            If a coordinate lies outside an axis, a box holds no point, or a stride is below 1.
        """
        ndim = len(axes)
        planes = {axis_number(key, ndim): float(at) for key, at in self.slices.items()}
        boxes = {axis_number(key, ndim): ends for key, ends in self.box.items()}
        strides = self.stride if isinstance(self.stride, Mapping) else dict.fromkeys(range(ndim), self.stride)
        steps = {axis_number(key, ndim): step for key, step in strides.items()}
        return tuple(
            _plane(i, axis, planes[i]) if i in planes else _interval(i, axis, boxes.get(i), steps.get(i, 1))
            for i, axis in enumerate(axes)
        )

    def dropped(self, ndim: int) -> set[int]:
        """The axes that a slice removes."""
        return {axis_number(key, ndim) for key in self.slices}


def _plane(i: int, axis: Axis, at: float) -> slice:
    if not axis.periodic and not axis.lo <= at <= axis.hi:
        raise ValueError(f"slice at {axis_name(i)} = {at} lies outside [{axis.lo}, {axis.hi}]")
    distance = axis.x - at
    if axis.periodic:
        distance -= axis.length * np.round(distance / axis.length)
    nearest = int(np.abs(distance).argmin())
    return slice(nearest, nearest + 1, 1)


def _interval(i: int, axis: Axis, ends: tuple[float, float] | None, step: int) -> slice:
    if step < 1:
        raise ValueError(f"stride {step} along {axis_name(i)}, expected 1 or more")
    if ends is None:
        return slice(0, axis.n, step)
    low, high = ends
    start, stop = (int(k) for k in (np.searchsorted(axis.x, low), np.searchsorted(axis.x, high, side="right")))
    if start >= stop:
        raise ValueError(f"box {axis_name(i)} in [{low}, {high}] holds no point of [{axis.x[0]}, {axis.x[-1]}]")
    return slice(start, stop, step)


class Scales:
    """The dimension scales of one file: one name per set of coordinates along an axis.

    The axes of the file's Space are x, y, z, x3…; a field on other points of the same axis gets x_face (nodes, where
    the Space has cells), x_cell (cells, where it has nodes), and x_face_2, x_cell_2… where those are taken.
    """

    def __init__(self, axes: Sequence[Axis]) -> None:
        self._known = [{axis_name(i): axis} for i, axis in enumerate(axes)]

    def name(self, i: int, axis: Axis) -> str:
        """The scale of `axis`, which is axis number `i` of its grid."""
        known = self._known[i]
        for name, other in known.items():
            if np.array_equal(axis.x, other.x):
                return name
        base = f"{axis_name(i)}_{'face' if axis.location == 'nodes' else 'cell'}"
        name, count = base, 2
        while name in known:
            name, count = f"{base}_{count}", count + 1
        known[name] = axis
        return name


def scale_attributes(i: int, axis: Axis) -> dict[str, Any]:
    """Attributes of the scale of axis number `i`: what a reader needs to know about the line besides its points."""
    attributes = {
        "units": "1",
        "long_name": f"{axis_name(i)} coordinate",
        "points": axis.n,
        "lo": axis.lo,
        "hi": axis.hi,
        "periodic": int(axis.periodic),
        "location": axis.location,
        "mapping": describe(axis.mapping),
    }
    return (
        attributes | ({} if i > 2 else {"axis": "XYZ"[i]}) | ({} if axis.basis is None else {"basis": str(axis.basis)})
    )


def boundary_attributes(scale: str, i: int, axis: Axis, component: int | None) -> dict[str, Any]:
    """Attributes of a dataset for one bounded axis: its conditions in words and the wall values that are known.

    Parameters
    ----------
    component
        Index of the vector component that the dataset holds; None for a scalar, which a NoSlip or FreeSlip axis says
        nothing about.
    """
    if axis.periodic:
        return {}
    attributes: dict[str, Any] = {}
    for side, bc in zip(("left", "right"), _sides(axis), strict=True):
        attributes[f"{scale}_{side}"] = describe(bc)
        value = _wall_value(bc, component, i)
        if value is not None:
            attributes[f"{scale}_{side}_value"] = value
    return attributes


def _sides(axis: Axis) -> tuple[Boundary, Boundary]:
    """The conditions at lo and hi; an Axis accepts one for both but keeps a pair."""
    return axis.bc if isinstance(axis.bc, tuple) else (axis.bc, axis.bc)


def _wall_value(bc: Boundary | None, component: int | None, axis: int) -> float | None:
    if isinstance(bc, (NoSlip, FreeSlip)):
        if component is None:
            return None
        bc = resolve(bc, component, axis)
    if isinstance(bc, Odd):
        return 0.0
    return float(bc.value) if isinstance(bc, Dirichlet) and not callable(bc.value) else None


def describe(choice: Any) -> str:
    """A condition or a mapping in words, the same in every run: "Dirichlet(value=0.0)"; callables are "function"."""
    return (
        f"{type(choice).__name__}({', '.join(f'{f.name}={_datum(getattr(choice, f.name))}' for f in fields(choice))})"
    )


def _datum(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(_datum(v) for v in value)})"
    return "function" if callable(value) else repr(value)
