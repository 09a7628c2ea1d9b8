"""Tensor networks as short programs of pairwise contractions, with their adjoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import prod
from typing import Any, NamedTuple

from tensorpde import backend as backends


class Step(NamedTuple):
    """result = Σ left · right over the indices that the result has not: "ab,bc->ac" is a matrix product."""

    left: str
    right: str
    result: str
    indices: str


def run(steps: Sequence[Step], values: Mapping[str, Any]) -> dict[str, Any]:
    """All values of a program: those given and every step's result, by name."""
    known = dict(values)
    for step in steps:
        known[step.result] = contract(step.indices, known[step.left], known[step.right])
    return known


def without(steps: Sequence[Step], name: str) -> tuple[Step, ...]:
    """The steps that need the value `name` neither themselves nor through others."""
    needing, found = {name}, []
    for step in steps:
        if step.left in needing or step.right in needing:
            needing.add(step.result)
        else:
            found.append(step)
    return tuple(found)


def run_backward(steps: Sequence[Step], known: Mapping[str, Any], change: Any, wanted: Sequence[str]) -> dict[str, Any]:
    """Gradients of the wanted values, for the gradient `change` of the last result.

    The gradient of a complex z is ∂L/∂Re z + i ∂L/∂Im z, so that of a in y = a b is conj(b) times that of y.

    Parameters
    ----------
    steps, known
        The program, and what `run` made of it. Every value is used once, by one step.
    wanted
        Names of given values.
    """
    grads = {steps[-1].result: change}
    needed = set(wanted)
    for step in steps:
        if step.left in needed or step.right in needed:
            needed.add(step.result)
    for step in reversed(steps):
        dy = grads.pop(step.result)
        sources, result = step.indices.split("->")
        a, b = sources.split(",")
        if step.left in needed:
            grads[step.left] = contract(f"{result},{b}->{a}", dy, known[step.right], conjugate=True)
        if step.right in needed:
            grads[step.right] = contract(f"{result},{a}->{b}", dy, known[step.left], conjugate=True)
    return {name: grads[name] for name in wanted}


def contract(indices: str, a: Any, b: Any, conjugate: bool = False) -> Any:
    """einsum(indices, a, b), or of the `conjugate` of b, of two arrays as products of matrices, or elementwise.

    Every index occurs in two of the three of a, b and the result. A matrix times one index of a tensor, and its
    adjoint, read the tensor where it lies; other products may copy it.
    """
    plan, backend = _plan(indices), backends.of(a)
    if plan.place is not None and not plan.matrix:
        return _mode_gradient(a, b, plan.place, conjugate)
    if conjugate and b.size > a.size:  # the smaller one is copied
        return backend.products.conjugate(contract(indices, backend.products.conjugate(a), b))
    b = backend.products.conjugate(b) if conjugate else b
    if plan.place is not None:
        tensor, matrix, own = (b, a, plan.a) if plan.matrix == "a" else (a, b, plan.b)
        return _mode_product(
            tensor, plan.place, matrix if own[1] in (plan.a + plan.b).replace(own, "", 1) else matrix.T
        )
    sizes = dict(zip(plan.a + plan.b, a.shape + b.shape, strict=True))

    def count(names: str) -> int:
        return prod(sizes[name] for name in names)

    if plan.turned:  # the other way round the product has the order of the result, and nobody has to copy it
        a, b = b, a
    left, right = a.transpose(plan.order_left), b.transpose(plan.order_right)
    batch = tuple(sizes[name] for name in plan.batch)
    if not plan.left and not plan.right:
        product = left * right
        return product.sum(axis=tuple(range(len(batch), product.ndim))) if plan.summed else product
    left = left.reshape(*batch, count(plan.left), count(plan.summed))
    right = right.reshape(*batch, count(plan.summed), count(plan.right))
    product = backend.products.matmul(left, right) if plan.summed else left * right
    product = product.reshape(*batch, *(sizes[name] for name in plan.left + plan.right))
    return product.transpose(plan.order)


def _mode_product(tensor: Any, place: int, matrix: Any) -> Any:
    """The matrix times the tensor's index number `place`."""
    before, after = prod(tensor.shape[:place]), prod(tensor.shape[place + 1 :])
    shape = (*tensor.shape[:place], len(matrix), *tensor.shape[place + 1 :])
    backend, n = backends.of(tensor), tensor.shape[place]
    if after == 1:
        return backend.products.matmul(tensor.reshape(before, n), matrix.T).reshape(shape)
    return backend.tensors.multiply(matrix, tensor.reshape(before, n, after)).reshape(shape)


def _mode_gradient(a: Any, b: Any, place: int, conjugate: bool) -> Any:
    """Σ a b, or Σ a conj(b), over all indices but number `place`."""
    before, after = prod(a.shape[:place]), prod(a.shape[place + 1 :])
    backend, (m, n) = backends.of(a), (a.shape[place], b.shape[place])
    if after == 1:
        b = backend.products.conjugate(b) if conjugate else b
        return backend.products.matmul(a.reshape(before, m).T, b.reshape(before, n))
    b = b if conjugate else backend.products.conjugate(b)
    return backend.tensors.gradient(a.reshape(before, m, after), b.reshape(before, n, after))


class _Plan(NamedTuple):
    a: str
    b: str
    batch: str
    left: str
    right: str
    summed: str
    turned: bool  # whether b is the left factor
    order_left: tuple[int, ...]
    order_right: tuple[int, ...]
    order: tuple[int, ...]
    place: int | None  # for a matrix and one index of a tensor: the number of this index
    matrix: str  # which of a and b the matrix is; "" if it is the result


@cache
def _plan(indices: str) -> _Plan:
    sources, result = indices.split("->")
    a, b = sources.split(",")
    batch = "".join(i for i in result if i in a and i in b)
    left = "".join(i for i in result if i in a and i not in b)
    right = "".join(i for i in result if i in b and i not in a)
    summed = "".join(i for i in a if i in b and i not in result)
    if set(a) != set(batch + left + summed) or set(b) != set(batch + right + summed):
        raise ValueError(f"{indices!r} sums over an index of one factor alone")
    turned = result == batch + right + left != batch + left + right
    first, second = (b, a) if turned else (a, b)
    left, right = (right, left) if turned else (left, right)
    return _Plan(
        a, b, batch, left, right, summed, turned,
        tuple(map(first.index, batch + left + summed)),
        tuple(map(second.index, batch + summed + right)),
        tuple(map((batch + left + right).index, result)),
        *_matrix(a, b, result),
    )  # fmt: skip


def _matrix(a: str, b: str, result: str) -> tuple[int | None, str]:
    """(place, which): see `_Plan`; (None, "") for other products."""
    for which, matrix, tensor, other in (("a", a, b, result), ("b", b, a, result), ("", result, a, b)):
        differing = [k for k, (p, q) in enumerate(zip(tensor, other, strict=False)) if p != q]
        if len(matrix) == 2 and len(tensor) == len(other) > 2 and len(differing) == 1:
            k = differing[0]
            if {tensor[k], other[k]} == set(matrix) and (which or matrix == tensor[k] + other[k]):
                return k, which
    return None, ""
