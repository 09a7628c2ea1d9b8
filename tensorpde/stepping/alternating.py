"""What all alternating-direction steps share: the operator and its factors, work arrays, sources, checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np

from tensorpde.field import Field
from tensorpde.filling import numbers, on_wall
from tensorpde.given import number
from tensorpde.kron import TensorOperator, same_points
from tensorpde.parallel import agree

Operator = TensorOperator | Callable[[float], TensorOperator]
SourceTerm = Callable[..., Any] | Field | float


class AlternatingDirections(ABC):
    """A step t → t + dt whose implicit part is one banded solve per axis.

    Parameters
    ----------
    L
        The operator of u' = L(u, t) + source, a KronSum whose boundary data may depend on time. Or a function of t that
        returns it, for coefficients that change: it is called once a step, in the middle, and only one-dimensional
        factors are made anew.
    dt
        The time step, > 0.

    Attributes
    ----------
    dt : the time step, of the last step that was taken.
    """

    def __init__(self, L: Operator, dt: float) -> None:
        if not (isinstance(L, TensorOperator) or callable(L)):
            raise ValueError(f"a step needs an operator, or a function of t that makes one, not {L}")
        self.dt = dt
        self._of_time = None if isinstance(L, TensorOperator) else L
        self._operator: TensorOperator | None = None
        self.update(L if isinstance(L, TensorOperator) else None, dt)

    def update(self, L: TensorOperator | None = None, dt: float | None = None) -> None:
        """Take another operator or time step from now on: O(n) work per axis, nothing on the grid is touched.

        Raises
        ------
        ValueError
            If dt is not positive, or the operator does not split.
        """
        if dt is not None:
            if not number(dt, "a time step") > 0:
                raise ValueError(f"a time step must be a positive number, got dt={dt}")
            self.dt = dt
        self._operator = self._operator if L is None else L
        if self._operator is not None:
            self._prepare(self._operator)

    def __call__(self, u: Field, t: float = 0.0, source: SourceTerm | None = None, dt: float | None = None) -> Field:
        """Advance u in place from t by dt and return it. Collective; allocates nothing but what functions return.

        Parameters
        ----------
        u
            Values at t; any pencil and leading dimensions.
        t
            The time.
        source
            What is added to the right-hand side: a function of (coordinates…, t), arrays that broadcast together, or
            of the coordinates alone; or a number or Field.
        dt
            Another step than the last one: the factors are made anew.

        Raises
        ------
        ValueError
            If u does not fit the operator, naming both.
        """
        dt = self.dt if dt is None else dt
        if self._of_time is not None:
            self.update(self._of_time(t + 0.5 * dt), dt)
        elif dt != self.dt:
            self.update(dt=dt)
        assert self._operator is not None
        check_fits(u, self._operator)
        self._step(u, t, source)
        return u

    @abstractmethod
    def _prepare(self, L: TensorOperator) -> None:
        """Split L and make what a step of self.dt needs."""

    @abstractmethod
    def _step(self, u: Field, t: float, source: SourceTerm | None) -> None:
        """Advance u, which fits."""


def check_fits(u: Field, L: TensorOperator) -> None:
    """Raise ValueError if L is not an operator on fields like u."""
    if not same_points(u.space, L.domain):
        raise ValueError(f"{u} of {u.space} does not fit the operator of the step, which has {L.domain}")
    if L.result_type(u.dtype) != u.dtype:
        raise ValueError(f"the step makes {L.result_type(u.dtype)} values, but the field has {u.dtype}")


def add_source(out: Field, source: SourceTerm | None, t: float, factor: float) -> None:
    """Out += factor · source at time t. Collective if there is a source."""
    if source is None:
        return
    if isinstance(source, Field):
        fits = same_points(source.space, out.space) and source.lead == out.lead
        if not fits or np.result_type(source.dtype, out.dtype) != out.dtype:
            raise ValueError(f"the source {source} of {source.space} cannot be added to {out} of {out.space}")
        add(out, source, factor)
        return
    with agree(out.space.comm, "evaluating the source"):
        if callable(source):
            values = on_wall(source, out.space.ndim, t)(*out.space.coordinates(out.pencil))
        else:
            values = number(source, "a source, if neither a function nor a Field,")
        values = factor * numbers(values, out.dtype)
        out.local[...] += out.space.backend.asarray(values, out.dtype)


def add(out: Field, f: Field, factor: float) -> None:
    """Out += factor · f in one pass. Collective if f lies in another pencil."""
    out.space.backend.pointwise.axpby(factor, f.to(out.pencil).local, 1.0, out.local)
