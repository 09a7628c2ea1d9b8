"""Optimizers, step sizes over time, clipping: pure functions of flat named trees of arrays.

A state is a dictionary too: ``step``, and a tree of the shape of the parameters for each moment. Updates are made in
place, the results being the arguments, so that a step allocates nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tensorpde import backend as backends
from tensorpde.given import real, whole

Tree = dict[str, Any]
Schedule = Callable[[int], float]
"""Number of updates made → step size of the next one."""


@dataclass(frozen=True)
class Adam:
    """m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², w ← w − lr · m̂ / (√v̂ + ε), m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).

    Complex weights are pairs of reals: each part has its own v.

    Parameters
    ----------
    beta1, beta2, eps
        As above.
    weight_decay
        λ: adds λw to the gradient, or with `decoupled` takes lr·λ·w from the weight.
    decoupled
        The second of these: AdamW.

    Raises
    ------
    TypeError, ValueError
        For β outside [0, 1), negative ε or λ, and what is no number, naming it.

    References
    ----------
    D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, arXiv:1412.6980 (2014); I. Loshchilov, F. Hutter,
    Decoupled weight decay regularization, arXiv:1711.05101 (2017).
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        for name in ("beta1", "beta2"):
            real(getattr(self, name), name, least=0, below=1)
        for name in ("eps", "weight_decay"):
            real(getattr(self, name), name, least=0)

    def init(self, params: Tree) -> Tree:
        """The state before the first update."""
        return {"step": 0, "first": zeros_like(params), "second": zeros_like(params)}

    def update(self, grads: Mapping[str, Any], state: Tree, params: Tree, lr: float) -> tuple[Tree, Tree]:
        """Parameters and state after one update of step size lr, in the memory of the given ones."""
        state["step"] += 1
        t, decay = state["step"], self.weight_decay
        keep, coupled = (1.0 - lr * decay, 0.0) if self.decoupled else (1.0, decay)
        size, root = lr / (1.0 - self.beta1**t), 1.0 / math.sqrt(1.0 - self.beta2**t)
        numbers = (size, keep, coupled, self.beta1, self.beta2, root, self.eps)
        for name, w, g in _pairs(params, grads):
            backends.of(w).updates.adam(w, g, state["first"][name], state["second"][name], numbers)
        return params, state


def AdamW(weight_decay: float = 0.01, **options: float) -> Adam:
    """Adam with decoupled weight decay."""
    return Adam(weight_decay=weight_decay, decoupled=True, **options)


@dataclass(frozen=True)
class SGD:
    """m ← μm + g + λw, w ← w − lr·m; with `nesterov` w ← w − lr·(g + λw + μm).

    Parameters
    ----------
    momentum, weight_decay
        μ and λ.
    nesterov
        As above.

    Raises
    ------
    TypeError, ValueError
        For μ outside [0, 1), negative λ, and what is no number, naming it.
    """

    momentum: float = 0.0
    weight_decay: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        real(self.momentum, "momentum", least=0, below=1)
        real(self.weight_decay, "weight_decay", least=0)

    def init(self, params: Tree) -> Tree:
        """The state before the first update."""
        return {"step": 0, "first": zeros_like(params)}

    def update(self, grads: Mapping[str, Any], state: Tree, params: Tree, lr: float) -> tuple[Tree, Tree]:
        """Parameters and state after one update of step size lr, in the memory of the given ones."""
        state["step"] += 1
        numbers = (lr, 1.0, self.weight_decay, self.momentum)
        for name, w, g in _pairs(params, grads):
            backends.of(w).updates.momentum(w, g, state["first"][name], numbers, self.nesterov)
        return params, state


def _pairs(params: Mapping[str, Any], grads: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """(name, weight, gradient) of all weights, before any is changed."""
    if missing := sorted(params.keys() - grads.keys()):
        raise ValueError(f"parameters without gradients: {', '.join(missing)}")
    for name, w in params.items():
        if grads[name].shape != w.shape:
            raise ValueError(f"the gradient of {name} has shape {grads[name].shape}, the parameter {w.shape}")
    return [(name, w, backends.of(w).asarray(grads[name])) for name, w in params.items()]


def zeros_like(params: Mapping[str, Any]) -> Tree:
    """A tree of zeros of the same shapes and types."""
    return {name: backends.of(w).zeros(w.shape, w.dtype) for name, w in params.items()}


def count(params: Mapping[str, Any]) -> int:
    """Number of real parameters; a complex one counts as two."""
    return sum(w.size * (2 if w.dtype.kind == "c" else 1) for w in params.values())


def norm(tree: Mapping[str, Any]) -> float:
    """√Σ|x|² over all arrays; NaN or infinite if any value is."""
    return math.sqrt(sum(backends.of(x).updates.sum_of_squares(x) for x in tree.values()))


def clip(grads: Mapping[str, Any], largest: float) -> float:
    """Shorten gradients in place to a norm of at most `largest`; their norm before."""
    size = norm(grads)
    if size > largest:
        for g in grads.values():
            g *= g.real.dtype.type(largest / size)
    return size


@dataclass(frozen=True)
class Constant:
    """Always the same step size."""

    lr: float

    def __post_init__(self) -> None:
        real(self.lr, "lr", least=0)

    def __call__(self, step: int) -> float:
        """The step size of update number `step`, from 0."""
        return self.lr


@dataclass(frozen=True)
class Cosine:
    """lr_end + (lr − lr_end)·(1 + cos(π step/total))/2, and lr_end afterwards."""

    lr: float
    total: int
    lr_end: float = 0.0

    def __post_init__(self) -> None:
        for name in ("lr", "lr_end"):
            real(getattr(self, name), name, least=0)
        whole(self.total, "total", least=1)

    def __call__(self, step: int) -> float:
        """The step size of update number `step`, from 0."""
        part = min(step / self.total, 1.0)
        return self.lr_end + 0.5 * (self.lr - self.lr_end) * (1.0 + math.cos(math.pi * part))


@dataclass(frozen=True)
class Steps:
    """lr · factor^⌊step/every⌋."""

    lr: float
    every: int
    factor: float = 0.5

    def __post_init__(self) -> None:
        for name in ("lr", "factor"):
            real(getattr(self, name), name, least=0)
        whole(self.every, "every", least=1)

    def __call__(self, step: int) -> float:
        """The step size of update number `step`, from 0."""
        return self.lr * self.factor ** (step // self.every)


@dataclass(frozen=True)
class WarmUp:
    """(step + 1)/updates of another schedule's step size for the first `updates`, then all of it."""

    schedule: Schedule
    updates: int

    def __post_init__(self) -> None:
        whole(self.updates, "updates", least=0)

    def __call__(self, step: int) -> float:
        """The step size of update number `step`, from 0."""
        return self.schedule(step) * min((step + 1) / max(self.updates, 1), 1.0)
