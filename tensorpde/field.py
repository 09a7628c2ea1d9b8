"""Space: a grid on a communicator, in a backend. Field: data in a Space."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType
from typing import Any, Literal

import numpy as np

from tensorpde import backend as backends
from tensorpde.basis import Piecewise
from tensorpde.coefficients import evaluate, projected
from tensorpde.filling import cut, fill
from tensorpde.grid import Axis, Grid
from tensorpde.parallel import Pencil, ProcessGrid, Transpose, agree, world
from tensorpde.parallel.devices import prepared
from tensorpde.parallel.layout import chosen_dims
from tensorpde.parallel.reduce import dot, extremum
from tensorpde.parallel.transpose import gather


class Space:
    """A grid, the ranks that share it, the kind of array on each, and the type of its values. Immutable.

    Parameters
    ----------
    grid
        The grid (or one Axis).
    comm
        The communicator; None for all ranks of the job. Collective on it.
    backend
        "numpy" or "cupy".
    dtype
        Of new fields: float32, float64, complex64 or complex128.
    process_grid
        None for the default by a formula, "tune" to time the candidates (TENSORPDE_TUNE=0: the formula), or the number
        of ranks along each direction; in home pencils axis i is cut along direction i and the last axis is whole.

    Raises
    ------
    ValueError
        For an unknown backend or dtype, or a process grid that does not fit, on every rank.
    """

    def __init__(
        self,
        grid: Grid | Axis,
        comm: Any = None,
        backend: str = "numpy",
        dtype: Any = "float64",
        process_grid: Sequence[int] | ProcessGrid | str | None = None,
    ) -> None:
        self.grid = Grid(grid) if isinstance(grid, Axis) else grid
        if not isinstance(self.grid, Grid):
            raise ValueError(f"a Space needs a Grid or an Axis, not {grid!r}")
        self.comm = world(comm)
        self.backend: ModuleType = prepared(backend, self.comm)
        self.dtype = np.dtype(dtype)
        if self.dtype.char not in "fdFD":
            raise ValueError(f"dtype {self.dtype} is none of float32, float64, complex64, complex128")
        if not isinstance(process_grid, ProcessGrid):
            process_grid = ProcessGrid(self.comm, chosen_dims(self.shape, self.comm, self.dtype, process_grid))
        if process_grid.comm != self.comm:
            raise ValueError(f"{process_grid} belongs to another communicator than the {self.comm.size} ranks given")
        self.process_grid = process_grid
        self.pencil = process_grid.home(self.grid.shape)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the grid."""
        return self.grid.axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Global shape."""
        return self.grid.shape

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.grid.ndim

    def pencil_for(self, axis: int) -> Pencil:
        """The pencil nearest to the home pencil in which lines along `axis` are whole."""
        return self.pencil.aligned(axis)

    def like(self, axis: int | None = None, dtype: Any = None, grid: Grid | None = None, **changes: Any) -> Space:
        """A Space with one axis changed, another dtype or another grid, sharing ranks and transpose plans.

        Parameters
        ----------
        axis
            The axis that `changes` are for.
        dtype
            The new dtype; None keeps it.
        grid
            A whole new grid of as many axes; None keeps it.
        **changes
            Attributes of Axis: n, bc, location, basis, mapping, …

        Raises
        ------
        ValueError
            For changes without an axis or an axis that the Space has not.
        """
        axes = list((grid or self.grid).axes)
        if len(axes) != self.ndim:
            raise ValueError(f"a grid of {len(axes)} axes for a Space of {self.ndim}")
        if changes:
            if axis is None or not -self.ndim <= axis < self.ndim:
                raise ValueError(f"axis={axis} names none of the {self.ndim} axes that {sorted(changes)} could be for")
            axes[axis] = axes[axis].like(**changes)
        return Space(
            Grid(*axes), self.comm, self.backend.name, self.dtype if dtype is None else dtype, self.process_grid
        )

    def coordinates(self, pencil: Pencil | None = None) -> tuple[np.ndarray, ...]:
        """Coordinates of this rank's unknowns, as host arrays that broadcast together."""
        return self.grid.coordinates((pencil or self.pencil).slices)

    def empty(self, lead: Sequence[int] = (), pencil: Pencil | None = None) -> Field:
        """A Field with undefined values."""
        pencil = pencil or self.pencil
        return Field(self, self.backend.empty((*lead, *pencil.local_shape), self.dtype), pencil)

    def zeros(self, lead: Sequence[int] = (), pencil: Pencil | None = None) -> Field:
        """A Field of zeros."""
        pencil = pencil or self.pencil
        return Field(self, self.backend.zeros((*lead, *pencil.local_shape), self.dtype), pencil)

    def field(
        self, f: Callable | np.ndarray | complex, lead: Sequence[int] = (), pencil: Pencil | None = None, t: float = 0.0
    ) -> Field:
        """A Field from a function, a whole array or a number. Collective.

        Along axes without a basis, or with a nodal one, the data are values of the function; along axes with splines
        they are coefficients of its L² projection, onto the functions that have given values on walls that have them.
        Arrays and numbers are the data themselves.

        Parameters
        ----------
        f
            A function of the coordinates x, y, … (arrays that broadcast together) giving an array that broadcasts to
            the block, a number, or a list with one of these for each leading index; or the whole array, the same on
            all ranks, of shape lead + shape; or a number.
        lead
            Leading dimensions; () takes those of a whole array.
        pencil
            The distribution; the home pencil by default.
        t
            Time at which wall values are taken, where a function is projected.

        Raises
        ------
        ValueError
            If a shape does not fit, on every rank; any error of the function likewise.
        TypeError
            If f is complex and the Space is real, or no numbers are given.
        """
        pencil = pencil or self.pencil
        if callable(f) and any(isinstance(axis.basis, Piecewise) and not axis.basis.nodal for axis in self.axes):
            return projected(self, f, lead, t).to(pencil)
        with agree(self.comm, "making a field"):
            if callable(f):
                values = f(*self.coordinates(pencil))
            else:
                lead, values = cut(f, lead, self.shape, pencil.slices)
            block = backends.get("numpy").empty((*lead, *pencil.local_shape), self.dtype)
            fill(block, values, pencil.local_shape)
        return Field(self, self.backend.asarray(block), pencil)

    def __repr__(self) -> str:
        return f"Space({self.shape}, {self.dtype}, {self.backend.name}, {self.process_grid})"


_OPERANDS = (int, float, complex, np.number)


def _arithmetic(function: Callable) -> Callable:
    """The method of Field for an operator, its result in the pencil of the left operand."""

    def method(self: Field, other: Field | complex) -> Field:
        if not isinstance(other, (Field, *_OPERANDS)):
            return NotImplemented
        return Field(self.space, function(self.local, self._operand(other)), self.pencil)

    return method


def _in_place(function: Callable) -> Callable:
    """The method of Field for an operator that changes its values where they are."""

    def method(self: Field, other: Field | complex) -> Field:
        if not isinstance(other, (Field, *_OPERANDS)):
            return NotImplemented
        function(self.local, self._operand(other))
        return self

    return method


class Field:
    """Values at the unknowns of a Space: one block per rank, with leading dimensions that are not distributed.

    Parameters
    ----------
    space
        The Space.
    local
        This rank's block, C-contiguous, shape lead + pencil.local_shape. Its dtype may differ from the Space's.
    pencil
        Its distribution; the home pencil by default.

    Arithmetic (+ − * / **, in place too) with numbers and with fields at the same unknowns, leading dimensions
    broadcasting as in numpy; a field in another pencil is moved to that of the left operand (collective).

    Raises
    ------
    ValueError, TypeError
        If the block does not fit the pencil, is not C-contiguous or holds no floating-point numbers.
    """

    __slots__ = ("local", "pencil", "space")
    __array_ufunc__ = None  # numpy scalars and arrays leave arithmetic to this class

    def __init__(self, space: Space, local: Any, pencil: Pencil | None = None) -> None:
        pencil = pencil or space.pencil
        if pencil.shape != space.shape:
            raise ValueError(f"a pencil of {pencil.shape} does not fit a Space of {space.shape}")
        if np.dtype(getattr(local, "dtype", object)).kind not in "fc":
            raise TypeError(f"a block holds floating-point numbers, not {getattr(local, 'dtype', type(local))}")
        if local.shape[max(local.ndim - space.ndim, 0) :] != pencil.local_shape:
            raise ValueError(f"a block of shape {local.shape} does not end with the local shape {pencil.local_shape}")
        if not local.flags.c_contiguous:
            raise ValueError(f"a block of shape {local.shape} with strides {local.strides} is not C-contiguous")
        self.space, self.local, self.pencil = space, local, pencil

    @property
    def lead(self) -> tuple[int, ...]:
        """Shape of the leading dimensions."""
        return self.local.shape[: self.local.ndim - self.space.ndim]

    @property
    def dtype(self) -> np.dtype:
        """Type of the values."""
        return np.dtype(self.local.dtype)

    def __repr__(self) -> str:
        return f"Field({self.lead} + {self.space.shape}, {self.dtype}, axes cut along {self.pencil.distribution})"

    def __call__(self, points: Any, t: float = 0.0) -> Any:
        """Values at any points, of the function whose coefficients these are. Collective.

        Parameters
        ----------
        points
            Array (m, d) of coordinates, the same on all ranks; on a periodic axis any numbers.
        t
            Time at which given wall values are taken.

        Returns
        -------
        ndarray of shape lead + (m,), the same on all ranks.

        Raises
        ------
        ValueError
            If a point lies outside, or an axis has no basis with functions (Lagrange, BSpline, Chebyshev): point
            values alone say nothing about what is between them.

        Notes
        -----
        O((p + 1)^d) per point, on the ranks that own its coefficients. Sums over ranks: round-off depends on them.
        """
        return evaluate(self, points, t)

    def copy(self) -> Field:
        """A Field with values of its own, in the same pencil."""
        return Field(self.space, self.space.backend.copy(self.local), self.pencil)

    def align(self, axis: int) -> Field:
        """This Field with lines along `axis` whole: itself if they are already. Collective."""
        return self.to(self.pencil.aligned(axis))

    def to(self, pencil: Pencil, out: Field | None = None) -> Field:
        """This Field in another pencil: in `out` if given, itself if it is there already, else new. Collective."""
        if out is None and pencil == self.pencil:
            return self
        if out is None:
            shape = (*self.lead, *pencil.local_shape)
            out = Field(self.space, self.space.backend.empty(shape, self.dtype), pencil)
        elif out.pencil != pencil:
            raise ValueError(f"out is cut along {out.pencil.distribution}, not along {pencil.distribution}")
        if pencil == self.pencil:
            if out.local.shape != self.local.shape:
                raise ValueError(f"out has shape {out.local.shape}, the field {self.local.shape}")
            out.local[...] = self.local
        else:
            Transpose.between(self.pencil, pencil).forward(self.local, out.local)
        return out

    def gather(self) -> np.ndarray:
        """The whole array, shape lead + space.shape, on the host of every rank. Collective."""
        block = self.space.backend.to_host(self.local)
        whole = np.empty((*self.lead, *self.space.shape), self.dtype)
        return gather(self.pencil, block, whole)

    def __len__(self) -> int:
        if not self.lead:
            raise TypeError("this field has no leading dimension")
        return self.lead[0]

    def __iter__(self) -> Iterator[Field]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: Any) -> Field:
        """A view of the values at one index (or contiguous range) of the leading dimensions."""
        parts = index if isinstance(index, tuple) else (index,)
        if len(parts) > len(self.lead) or any(part is None or part is Ellipsis for part in parts):
            raise IndexError(f"index {index} does not fit the leading dimensions {self.lead}")
        return Field(self.space, self.local[index], self.pencil)

    def __setitem__(self, index: Any, value: Field | complex) -> None:
        part = self[index]
        part.local[...] = part._operand(value)

    def dot(self, other: Field) -> float | complex:
        """Σ conj(self) other over all unknowns and leading indices, unweighted. Collective.

        Bitwise the same on any number of ranks. Cost: one read of both; where the last axis is cut, transposes too.
        """
        if not isinstance(other, Field) or other.lead != self.lead:
            raise ValueError(f"dot of leading dimensions {self.lead} and {getattr(other, 'lead', other)}")
        self._check_points(other)
        return _number(dot(self.pencil, self.local, other.to(self.pencil).local).sum())

    def norm(self, order: Literal["2", "max"] | float = "2") -> float:
        """√(self · self) for "2" (or 2), the largest |f| for "max" (or np.inf). Collective."""
        if order in ("max", np.inf):
            return abs(self).max() if self.dtype.kind == "c" else max(self.max(), -self.min())
        if order not in ("2", 2):
            raise ValueError(f'a norm of order {order!r} is not known: it is "2" or "max"')
        return float(np.sqrt(self.dot(self).real))

    def integral(self) -> Any:
        """∫ f by the quadrature weights of the axes: a number, or an array of shape lead. Collective."""
        return _number(dot(self.pencil, self.local, None, [axis.weights for axis in self.space.axes]))

    def mean(self) -> Any:
        """The integral divided by the volume. Collective."""
        return self.integral() / float(np.prod([axis.length for axis in self.space.axes]))

    def max(self) -> float:
        """The largest value (signed); NaN if there is any. Collective."""
        return extremum(self.pencil, self.local, largest=True)

    def min(self) -> float:
        """The smallest value (signed); NaN if there is any. Collective."""
        return extremum(self.pencil, self.local, largest=False)

    def _check_points(self, other: Field) -> None:
        if other.space is self.space:
            return
        if other.space.shape != self.space.shape:
            raise ValueError(f"fields of different shapes: {self.space.shape} and {other.space.shape}")
        for number, (ours, theirs) in enumerate(zip(self.space.axes, other.space.axes, strict=True)):
            if ours is not theirs and (ours.basis != theirs.basis or not np.array_equal(ours.x, theirs.x)):
                raise ValueError(f"the unknowns along axis {number} differ: {ours} and {theirs}")

    def _operand(self, other: Any) -> Any:
        """What stands beside self.local in arithmetic: a number, or a block in the same pencil."""
        if not isinstance(other, Field):
            return other
        self._check_points(other)
        return other.to(self.pencil).local

    __add__ = __radd__ = _arithmetic(operator.add)
    __sub__ = _arithmetic(operator.sub)
    __rsub__ = _arithmetic(lambda ours, theirs: theirs - ours)
    __mul__ = __rmul__ = _arithmetic(operator.mul)
    __truediv__ = _arithmetic(operator.truediv)
    __rtruediv__ = _arithmetic(lambda ours, theirs: theirs / ours)
    __pow__ = _arithmetic(operator.pow)
    __iadd__ = _in_place(operator.iadd)
    __isub__ = _in_place(operator.isub)
    __imul__ = _in_place(operator.imul)
    __itruediv__ = _in_place(operator.itruediv)

    def __abs__(self) -> Field:
        return Field(self.space, abs(self.local), self.pencil)

    def __neg__(self) -> Field:
        return Field(self.space, -self.local, self.pencil)


def _number(values: np.ndarray) -> Any:
    """A Python number for an array without dimensions, else the array."""
    return values.item() if values.ndim == 0 else values
