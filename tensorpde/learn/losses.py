"""Losses: a number and its gradient by the output. On arrays (batch, channels, *grid), and on Fields with that lead.

``value, dy = loss(y, target)``: the mean over the samples of the batch, and its gradient. Both belong on outputs in
their own units, normalisation undone. On Fields the sums run over the ranks of the Space: value and gradient are those
of one rank, to round-off.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field, Space
from tensorpde.kron import Kron, KronSum, TensorOperator
from tensorpde.line.banded import Banded
from tensorpde.line.modal import Modal
from tensorpde.line.operator import LineOperator
from tensorpde.operators import derivative
from tensorpde.parallel.reduce import total
from tensorpde.schemes import Scheme, central

Loss = Callable[[Any, Any], tuple[float, Any]]


class Undefined(ValueError):
    """A sample has no loss: it is measured by something that is zero.

    Attributes
    ----------
    sample : its number in the batch.
    reason : what is zero.
    """

    sample, reason = 0, ""


class Relative:
    """Mean over samples of ‖y − t‖_W / ‖t‖_W, ‖e‖²_W = Σ e·W e over channels and points.

    Parameters
    ----------
    weight
        W, symmetric and positive definite on the Space of the fields; None for the identity: relative L².
    name
        What errors call it.
    """

    def __init__(self, weight: TensorOperator | None = None, name: str = "relative L2") -> None:
        self.weight, self.name = weight, name

    def __call__(self, y: Any, target: Any) -> tuple[float, Any]:
        """Value and gradient. Collective on the ranks of a Field.

        Raises
        ------
        ValueError
            If the shapes differ, naming both.
        Undefined
            If the target of a sample is zero, naming sample and loss.
        """
        error = _wrapped(_difference(y, target), y, self.weight)
        target = _wrapped(_local(target), y, self.weight)
        weighted = error if self.weight is None else self.weight @ error
        scale = target if self.weight is None else self.weight @ target
        squares = _sums([_products(error, weighted), _products(target, scale)], y)
        _refuse_zeros(squares[1], f"the {self.name} loss", "target")
        return _finished(weighted, squares, y)


class Residual:
    """Mean over samples of ‖A y − f‖ / ‖f‖: how far outputs are from solving an equation, without any target.

    Parameters
    ----------
    operator
        A, boundary data included (`A(y, t)`); or a list with one operator per sample of the batch, for equations with
        coefficients that differ.
    rhs
        f, a Field without lead; None: the loss is given f in place of the target.
    t
        Time of the boundary data.
    """

    def __init__(
        self, operator: TensorOperator | Sequence[TensorOperator], rhs: Field | None = None, t: float = 0.0
    ) -> None:
        self.operator, self.rhs, self.t = operator, rhs, t

    def __call__(self, y: Any, target: Any) -> tuple[float, Any]:
        """Value and gradient. Collective on the ranks of a Field.

        Raises
        ------
        ValueError
            If there are neither one operator nor as many as samples.
        Undefined
            If the right-hand side of a sample is zero, naming the sample.
        """
        operators = self.operator if isinstance(self.operator, Sequence) else [self.operator] * len(_local(y))
        if len(operators) != len(_local(y)):
            raise ValueError(f"{len(operators)} operators for a batch of {len(_local(y))} samples")
        u = _wrapped(_local(y), y, operators[0])
        rhs = _local(target) if self.rhs is None else np.broadcast_to(self.rhs.local, u.local.shape)
        residual, gradient = operators[0].range.empty(u.lead), u.space.empty(u.lead)
        for sample, operator in enumerate(operators):
            residual[sample] = operator(u[sample], self.t)
            residual.local[sample] -= rhs[sample]
            gradient[sample] = operator.T @ residual[sample]
        squares = _sums([_products(residual, residual), _products(rhs, rhs)], y)
        _refuse_zeros(squares[1], "the relative residual", "right-hand side")
        return _finished(gradient, squares, y)


class Sum:
    """Σ weight · loss.

    Parameters
    ----------
    terms
        Pairs (weight, loss).
    """

    def __init__(self, terms: Sequence[tuple[float, Loss]]) -> None:
        self.terms = list(terms)

    def __call__(self, y: Any, target: Any) -> tuple[float, Any]:
        """Value and gradient. Collective on the ranks of a Field."""
        value, gradient = 0.0, None
        for weight, loss in self.terms:
            part, dy = loss(y, target)
            value += weight * part
            dy *= weight
            gradient = dy if gradient is None else gradient + dy
        return value, gradient


def relative_l2() -> Relative:
    """Mean over samples of ‖y − t‖ / ‖t‖."""
    return Relative()


def relative_h1(space: Space, kind: str = "spectral", scheme: Scheme = central.first_derivative) -> Relative:
    """Mean over samples of ‖y − t‖_H¹ / ‖t‖_H¹ with ‖e‖² = Σ e² + Σ_k |∂e/∂x_k|².

    Parameters
    ----------
    space
        Of the outputs, on the ranks that share one.
    kind
        "spectral": by the modes of each axis, Fourier's where it is periodic, else cosines or sines. "difference":
        by `scheme`, one-sided beside walls, whose data it does not use.

    Raises
    ------
    ValueError
        For another kind, or an axis that has no orthogonal modes.
    """
    if kind not in ("spectral", "difference"):
        raise ValueError(f"an H1 norm is 'spectral' or of 'difference's, not {kind!r}")
    parts: list[TensorOperator] = [Kron(space, {})]
    for number, axis in enumerate(space.axes):
        if kind == "spectral":
            parts.append(Kron(space, {number: squared_wavenumbers(axis)}))
        else:
            slope = derivative(space, number, scheme, bc=None if axis.periodic else (None, None))
            parts.append(slope.T @ slope)
    return Relative(KronSum(parts), f"relative H1 ({kind})")


def squared_wavenumbers(axis: Any) -> LineOperator:
    """−d²/dx² by the modes of an axis: transform, k², back.

    Raises
    ------
    ValueError
        For an axis without them.
    """
    place = "nodes" if axis.location == "nodes" else "cells"
    kinds = {"periodic": "rfft", "Dirichlet nodes": "dst1", "Dirichlet cells": "dst2", "Neumann cells": "dct2"}
    sides = {type(bc) for bc in axis.sides}
    word = "periodic" if axis.periodic else f"{sides.pop().__name__} {place}" if len(sides) == 1 else "mixed"
    if word not in kinds or not np.allclose(np.diff(axis.x), axis.x[1] - axis.x[0]):
        raise ValueError(f"a spectral norm needs equal spacing and one kind of condition on both sides, not {axis}")
    modal = Modal(kinds[word], axis.n)
    k = modal.angles / (axis.x[1] - axis.x[0])
    return modal.inverse() @ Banded.diagonal(k**2) @ modal


def _local(x: Any) -> Any:
    return x.local if isinstance(x, Field) else x


def _difference(y: Any, target: Any) -> Any:
    ours, theirs = _local(y), _local(target)
    if ours.shape != theirs.shape:
        raise ValueError(f"an output of shape {ours.shape} for a target of shape {theirs.shape}")
    return ours - theirs


def _wrapped(values: Any, y: Any, operator: TensorOperator | None) -> Any:
    """Values as a Field where an operator is to act on them."""
    if isinstance(y, Field):
        return Field(y.space if operator is None else operator.domain, values, y.pencil)
    return values if operator is None else Field(operator.domain, backends.of(values).asarray(values))


def _products(a: Any, b: Any) -> np.ndarray:
    """Σ a b per sample over this rank's block, in double precision."""
    a, b = _local(a), _local(b)
    return backends.of(a).to_host((a * b).reshape(len(a), -1).sum(axis=1, dtype="float64"))


def _sums(parts: list[np.ndarray], y: Any) -> np.ndarray:
    """The sums over the ranks that share the fields."""
    return total(y.space.comm, np.array(parts)) if isinstance(y, Field) else np.array(parts)


def _refuse_zeros(denominator: np.ndarray, loss: str, what: str) -> None:
    zeros = np.flatnonzero(denominator == 0)
    if zeros.size:
        reason = f"has no value of {loss}: its {what} is zero everywhere"
        error = Undefined(f"sample {zeros[0]} of the batch {reason}")
        error.sample, error.reason = int(zeros[0]), reason
        raise error


def _finished(weighted: Any, squares: np.ndarray, y: Any) -> tuple[float, Any]:
    """Mean of √(numerator/denominator), and its gradient from that of half the numerators."""
    numerator, denominator = squares
    samples = max(len(numerator), 1)
    root = np.sqrt(numerator * denominator) * samples
    factor = np.divide(1.0, root, out=np.zeros_like(root), where=numerator > 0)
    gradient = _local(weighted)
    shape = (-1,) + (1,) * (gradient.ndim - 1)
    gradient = gradient * backends.of(gradient).asarray(factor.reshape(shape), gradient.dtype)
    value = float(np.sqrt(numerator / denominator).sum() / samples)
    return value, Field(y.space, gradient, y.pencil) if isinstance(y, Field) else gradient
