"""Fast diagonalization: direct solves of separable problems, one axis after the other.

Source: R. E. Lynch, J. R. Rice, D. H. Thomas, Direct solution of partial difference equations by tensor product
methods, Numer. Math. 6 (1964), 185–199.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tensorpde import given
from tensorpde.field import Field, Space
from tensorpde.kron import TensorOperator, same_points
from tensorpde.lending import lent_like
from tensorpde.parallel import Pencil, agree
from tensorpde.solve.eigen import diagonalize
from tensorpde.solve.function import Function, Reciprocal
from tensorpde.solve.mixed import BandedAxis, check_growth
from tensorpde.solve.nullspace import NullSpace, null_modes, round_off
from tensorpde.solve.route import Route, aligned
from tensorpde.solve.separate import Pair, separate
from tensorpde.solve.transform import AxisTransform

COMPATIBLE = 0.05


class FastDiagonal:
    """Solver of L(u, t) − shift·u = f for a separable L: Σ A_k on one axis each, or A⊗B⊗B + B⊗A⊗B + B⊗B⊗A.

    For a weak form, as `stiffness` makes, the shift multiplies its mass: K(u, t) − shift·M(u, t) = f.

    With a function φ it solves φ(L − shift) u = f instead, in as many transforms: φ(s) = s² makes the biharmonic
    operator of a Laplacian, 1 + τ s² a step of a fourth-order diffusion, e^{−τ s} advances u' = L u by the time τ.

    Per axis a Fourier, cosine or sine transform where the small matrices have such modes (found numerically, so that
    the eigenvalues are those of the discrete operator), dense eigenvectors elsewhere; or, on one axis, a banded solve
    for every pair of modes of the others.

    Parameters
    ----------
    L
        A Kron or KronSum from a Space to itself.
    shift
        A number, complex if wanted.
    banded_axis
        The axis to solve by bands instead of modes: O(n) per line, the way for a long axis without a fast transform.
    mean
        Of the solution, by quadrature, where the problem leaves a constant free (pure Neumann or periodic).
    tolerance
        Largest part of f, relative to its norm, that may lie on null modes of a singular problem: the truncation
        error of a right-hand side that is compatible in the continuum does. The part is taken out, and reported in
        `removed`. None takes it out without looking, which saves reading f twice.
    function
        φ, of an array of numbers, element by element. L must have neither masses nor boundary data other than 0; of a
        singular L − shift, modes with φ(0) = 0 are left free.

    Attributes
    ----------
    modes : per axis its `Modes`; of a banded axis only the null mode, if there is one.
    nullity : number of modes that a singular problem leaves free; their coefficients in u are 0, up to the mean.
    removed : the relative part of f on null modes in the last solve.
    condition : largest condition number of the eigenvectors of an axis.

    Raises
    ------
    ValueError
        If L is not separable, or not diagonalizable to useful accuracy, or φ vanishes at another eigenvalue than 0.

    Notes
    -----
    Set-up: O(n³) per axis without a transform, on every rank. A solve is collective: one transform and back per
    axis and the fewest transposes, two work arrays, a third with boundary data. The order of the axes does not depend
    on the ranks: with transforms and bands alone results are the same bit for bit on any number of them; a dense axis
    makes it round-off.
    """

    def __init__(
        self, L: TensorOperator, shift: complex = 0.0, banded_axis: int | None = None, mean: float = 0.0,
        tolerance: float | None = COMPATIBLE, function: Function | None = None,
    ) -> None:  # fmt: skip
        if not isinstance(L, TensorOperator):
            raise TypeError(f"a solve needs an operator such as a laplacian, not {L!r:.80}")
        given.number(shift, "a shift")
        if not same_points(L.domain, L.range):
            raise ValueError(f"a solve needs an operator from a Space to itself, not from {L.domain} to {L.range}")
        if L.mass is not None:  # counted without a shift too: one axis alone does not show its mass otherwise
            L, shift = L - shift * L.mass, 0.0
        pairs, constant = separate(L)
        masses = any(pair.b is not None for pair in pairs)
        if masses and shift != 0:
            raise ValueError(
                f"shift={shift} subtracts shift·u, but {L} has masses: add the shift to L as -shift times their product"
            )
        if function is not None and (masses or L.sources or banded_axis is not None):
            what = "masses" if masses else "boundary data" if L.sources else f"banded_axis={banded_axis}"
            raise ValueError(f"a function of {L} needs modes alone and homogeneous data, but there are {what}")
        self._set_up(L.domain, pairs, shift - constant, banded_axis, tolerance, mean, function)
        self._operator = L if L.sources else None

    @classmethod
    def from_pairs(
        cls, space: Space, pairs: Sequence[tuple[Any, Any]], shift: complex = 0.0, banded_axis: int | None = None
    ) -> FastDiagonal:
        """The solver of (A⊗B⊗B + B⊗A⊗B + B⊗B⊗A − shift·B⊗B⊗B) u = f from a pair (A, B) per axis.

        Parameters
        ----------
        space
            Where u and f live.
        pairs
            Square line operators or matrices; None for a zero A or an identity B. Both may be singular: modes whose
            eigenvalue vanishes get the coefficient 0, unreported.
        shift, banded_axis
            As above.
        """
        solver = cls.__new__(cls)
        made = [Pair.of(a, b, n) for (a, b), n in zip(pairs, space.shape, strict=True)]
        regular = all(pair.b is None for pair in made)
        solver._set_up(space, made, shift, banded_axis, None, 0.0, watched=regular)
        solver._operator = None
        return solver

    def _set_up(
        self, space: Space, pairs: Sequence[Pair], shift: complex, banded_axis: int | None,
        tolerance: float | None, mean: float, function: Function | None = None, watched: bool = True,
    ) -> None:  # fmt: skip
        self.space, self.shift, self.mean, self.tolerance = space, shift, mean, tolerance
        self.removed, self._function = 0.0, function
        self.banded_axis = None if banded_axis is None else range(space.ndim)[banded_axis]
        self._banded = None if self.banded_axis is None else BandedAxis(pairs[self.banded_axis], shift)
        self.modes = [
            self._banded.modes if self._banded and axis == self.banded_axis else diagonalize(pair)
            for axis, pair in enumerate(pairs)
        ]
        self.condition = max(modes.condition for modes in self.modes)
        self._complex = np.iscomplexobj(shift) or any(pair.is_complex for pair in pairs)
        zero = np.asarray(0.0 if function is None else function(np.zeros(1, complex if self._complex else float)))
        self._complex = self._complex or np.iscomplexobj(zero)
        others = [axis for axis in reversed(range(space.ndim)) if axis != self.banded_axis]
        active = [axis for axis in others if self.modes[axis].kind != "identity"]
        self._order = active if self.banded_axis is None else [*active, self.banded_axis]
        self._order = self._order or [0]
        self._routes: dict[Any, Route] = {}
        self._round_off = round_off([(modes.a, modes.b) for modes in self.modes])
        self._null = None
        if watched and not np.any(zero) and all(modes.regular for modes in self.modes):
            values = [modes.a / modes.b for modes in self.modes]
            found = null_modes(values, shift, round_off([(own, np.ones(1)) for own in values]))
            masses = [pair.matrix_b for pair in pairs]
            self._null = NullSpace(space, self.modes, found, masses) if len(found) else None
        self.nullity = 0 if self._null is None else len(self._null.found)
        self._routes[space.pencil, space.pencil, space.dtype] = self._route(space.pencil, space.pencil, space.dtype)

    def solve(self, f: Field, t: float = 0.0, out: Field | None = None) -> Field:
        """U with L(u, t) − shift·u = f. Collective.

        Parameters
        ----------
        f
            Right-hand side, any pencil and leading dimensions.
        t
            Time at which boundary data are taken.
        out
            Where u goes, in any pencil; may be f. None makes a Field in the pencil of f.

        Raises
        ------
        ValueError
            If f does not fit, or is not compatible with a singular problem, on every rank.
        """
        if not isinstance(f, Field):
            raise TypeError(f"a right-hand side is a Field, as space.field(…) makes one, not {type(f).__name__}")
        if not same_points(f.space, self.space):
            raise ValueError(f"the right-hand side lives on {f.space}, the solver on {self.space}")
        dtype = np.result_type(f.dtype, np.complex64) if self._complex else f.dtype
        if out is None:
            block = self.space.backend.empty((*f.lead, *f.pencil.local_shape), dtype)
            out = Field(self.space, block, f.pencil)
        elif out.dtype != dtype or out.lead != f.lead:
            raise ValueError(f"out has lead {out.lead} and dtype {out.dtype}; u has lead {f.lead} and dtype {dtype}")
        if self._operator is None:
            self._homogeneous(f, out)
        else:
            with lent_like(f) as right:
                right.local[...] = f.local
                self._operator.add_lifting(right, t, -1.0)
                self._homogeneous(right, out)
        return out

    def _homogeneous(self, f: Field, out: Field) -> None:
        """The solution for boundary data 0."""
        if self._null is not None and self.tolerance is not None:
            self._check(f, self._null, self.tolerance)
        self.apply(f, out)
        if self._null is not None and self._null.constant:
            self._null.set_mean(out, self.mean)

    def apply(self, f: Field, out: Field) -> Field:
        """Out = (L − shift)⁻¹ f without boundary data, null modes 0: the linear part, as a preconditioner. Collective.

        Parameters
        ----------
        f, out
            Fields of one lead and of the type of the solution, any pencils; out may be f.
        """
        key = f.pencil, out.pencil, f.dtype
        if key not in self._routes:
            self._routes[key] = self._route(*key)
        self._routes[key].run(f.local, out.local)
        return out

    def _check(self, f: Field, null: NullSpace, tolerance: float) -> None:
        self.removed, largest = null.part(f)
        if self.removed > tolerance:
            what = "its mean" if null.constant else f"its part on {self.nullity} null modes"
            value = sum(modes.a[k] / modes.b[k] for modes, k in zip(self.modes, null.found[0]))
            where = f" (shift {self.shift:.10g} is on the eigenvalue {value:.10g})" if self.shift != 0 else ""
            raise ValueError(
                f"the problem is singular{where} and the right-hand side, boundary data counted, is not compatible: "
                f"{what} is {largest:.6g}, {self.removed:.2g} of its norm, against a tolerance of {tolerance:.2g}"
            )

    def _route(self, start: Pencil, end: Pencil, dtype: np.dtype) -> Route:
        """Forward along all axes but the last, divide there, and back."""
        route = Route(start, dtype, self.space.backend)
        if self._complex:
            route.cast(np.result_type(dtype, np.complex64))
        values = [(own.a, own.b) for own in self.modes]
        back = []
        *first, last = self._order
        for number, axis in enumerate(first):
            route.move(aligned(route.pencil, axis, first[:number]))
            lines = AxisTransform(self.modes[axis], route.dtype, self.space.backend)
            before = route.dtype
            lines.forward(route, axis)
            back.append((axis, lines, route.pencil, before))
            values[axis] = lines.values
        route.move(aligned(route.pencil, last, first))
        self._divide(route, last, values)
        for axis, lines, pencil, before in reversed(back):
            route.move(pencil)
            lines.backward(route, axis, before)
        route.move(end)
        return route

    def _divide(self, route: Route, axis: int, values: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """The last axis: forward, 1 / eigenvalue, back, in one pass where it can be."""
        if self._banded is not None:
            with agree(self.space.comm, "factoring the banded axis"):
                check_growth(self._banded.add_to(route, axis, values, self._round_off))
            return
        lines = AxisTransform(self.modes[axis], route.dtype, self.space.backend)
        values[axis] = lines.values
        here = [
            tuple(part[block] for part in pair) if k != axis else pair
            for k, (pair, block) in enumerate(zip(values, route.pencil.slices))
        ]
        if self._function is None:
            lines.solve(route, axis, self.space.backend.transforms.separable(here, axis, self.shift, self._round_off))
            return
        divide = Reciprocal(self._function, [own for own, _ in here], axis, self.shift, self._round_off)
        with agree(self.space.comm, "evaluating the function of L"):
            divide.check()
        lines.between(route, axis, partial(divide, asarray=self.space.backend.asarray))
