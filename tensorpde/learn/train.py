"""Training as a visible loop: copy it and change it.

What a run does besides, progress, stop and checkpoint, comes in as callables, so that this file needs nothing but the
model, the data, a loss and an optimizer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field
from tensorpde.learn import optim
from tensorpde.learn.data import Normaliser, Numbers, Pairs
from tensorpde.learn.losses import Loss, Undefined
from tensorpde.parallel import PATIENCE, agree
from tensorpde.parallel.buckets import Buckets
from tensorpde.parallel.rank_grid import RankGrid
from tensorpde.parallel.reduce import total

GO_ON, SAVE, STOP = range(3)  # what `stop` answers


@dataclass
class State:
    """All that a training run needs to go on where it is.

    Parameters
    ----------
    params, optimizer
        Weights and the optimizer's state.
    epoch, batch, update
        Whole epochs done, batches done in the present one, updates made in all.
    losses
        Losses of the present epoch so far, each times the samples of its batch.
    active_modes
        How many modes per axis are in use, where training takes them in by and by; None: those of the model.
    """

    params: dict[str, Any]
    optimizer: dict[str, Any]
    epoch: int = 0
    batch: int = 0
    update: int = 0
    losses: list[float] = field(default_factory=list)
    active_modes: tuple[int, ...] | None = None


def start(model: Any, optimizer: Any, seed: int = 0, backend: str = "numpy") -> State:
    """Fresh weights, the same on all ranks, for they depend on the seed alone."""
    params = {name: backends.get(backend).asarray(values) for name, values in model.init(seed=seed).items()}
    return State(params, optimizer.init(params))


def train(
    model: Any,
    state: State,
    pairs: Pairs,
    loss: Loss,
    optimizer: Any,
    schedule: optim.Schedule,
    epochs: int,
    batch_size: int,
    normalisers: tuple[Normaliser, Normaliser],
    seed: int = 0,
    clip: float | None = None,
    pieces: int = 1,
    grow: Callable[[Any, State], Any] | None = None,
    progress: Callable[[State, float, float], object] | None = None,
    stop: Callable[[], int] | None = None,
    checkpoint: Callable[[State], object] | None = None,
    after_epoch: Callable[[State, float], object] | None = None,
) -> State:
    """Train up to `epochs` epochs from where `state` is, in place, and return it. Collective on `pairs.ranks`.

    Parameters
    ----------
    model
        ``forward(params, x) → y, saved`` and ``backward(params, saved, dy, ready) → dx, grads``, which calls
        ``ready(name, grad)`` with this rank's part of each gradient as soon as that is final.
    pairs
        The data, and the ranks; all of these call this function.
    loss
        Of outputs in their own units.
    schedule
        Step size of each update.
    batch_size
        Samples per update, over all ranks.
    normalisers
        Of inputs and targets.
    seed
        Of the order of the samples; the same order on any number of ranks.
    clip
        Largest norm of the gradient.
    pieces
        Compute each batch in so many parts one after the other, whose gradients add up: for large batches.
    grow
        ``grow(model, state)`` before each epoch, and where a run goes on: the model to train, see `learn.Growth`.
    progress
        ``progress(state, loss, norm of the gradient)`` after each update.
    stop
        After each update: GO_ON, SAVE (checkpoint), STOP (checkpoint, and return). The same on all ranks.
    checkpoint
        ``checkpoint(state)``, also at the end.
    after_epoch
        ``after_epoch(state, mean loss of the epoch)``.

    Raises
    ------
    FloatingPointError
        If loss or gradient is not finite, on every rank, before the weights have been changed by it.
    Undefined
        If the loss of a sample is relative to zero, naming both, on every rank.
    """
    ranks = pairs.ranks
    sums = Buckets(ranks.comm, {**state.params, "loss": np.empty(())}, rounds=pieces)
    for epoch in range(state.epoch, epochs):
        model = model if grow is None else grow(model, state)
        for numbers in pairs.batches(batch_size, pairs.order(seed, epoch), state.batch):
            for piece in np.array_split(numbers, pieces):
                add_gradients(model, state.params, pairs, piece, len(numbers), loss, normalisers, sums)
            grads = sums.finish()
            value, size = float(grads["loss"]), optim.clip(grads, math.inf if clip is None else clip)
            if not math.isfinite(value + size):
                raise FloatingPointError(f"update {state.update}, epoch {epoch}: loss {value}, gradient {size}")
            lr = schedule(state.update)
            state.params, state.optimizer = optimizer.update(grads, state.optimizer, state.params, lr)
            state.batch, state.update = state.batch + 1, state.update + 1
            state.losses.append(value * len(numbers))
            if state.batch * batch_size >= pairs.count:
                mean, state.losses = math.fsum(state.losses) / pairs.count, []
                state.epoch, state.batch = epoch + 1, 0
                if after_epoch is not None:
                    after_epoch(state, mean)
            if progress is not None:
                progress(state, value, size)
            verdict = GO_ON if stop is None else stop()
            if checkpoint is not None and (verdict != GO_ON or state.epoch == epochs):
                checkpoint(state)
            if verdict == STOP:
                return state
    return state


def add_gradients(
    model: Any, params: dict[str, Any], pairs: Pairs, numbers: Any, of: int, loss: Loss, normalisers: Any, sums: Buckets
) -> None:
    """Add the loss of these samples and its gradients, of a mean over `of` samples, to sums over ranks.

    Collective on the ranks that share a sample, whose parts of the gradients add up. The sums leave while the backward
    pass goes on.
    """
    x, target = pairs.batch(numbers)
    inputs, outputs = normalisers
    y, saved = model.forward(params, inputs.encode(x)) if len(x) else (None, None)
    with agreeing(pairs, numbers):
        found: tuple[float, Any] = loss(outputs.decode(y), target) if len(x) else (0.0, None)
    if len(x) == 0:  # fewer samples than ranks for them
        for name in [*params, "loss"]:
            sums.add(name, 0.0)
        return
    value, dy = found
    dy *= len(x) / of
    model.backward(params, saved, outputs.decode_adjoint(dy), ready=sums.add)
    sharing = pairs.ranks.patches.size * pairs.ranks.pencils.size  # all of these have the value of the same samples
    sums.add("loss", value * len(x) / of / sharing)


@contextmanager
def agreeing(pairs: Pairs, numbers: Numbers) -> Iterator[None]:
    """What goes wrong in the loss of some samples is the same error on all ranks; a sample without one is named by its
    number in the file. Collective.
    """
    with agree(pairs.ranks.comm, "finding the loss", PATIENCE):
        try:
            yield
        except Undefined as error:
            sample = pairs.mine(numbers)[error.sample]
            raise Undefined(f"sample {sample} of {pairs.file.path} {error.reason}") from error


def evaluate(
    model: Any,
    params: dict[str, Any],
    pairs: Pairs,
    losses: Mapping[str, Loss],
    normalisers: tuple[Normaliser, Normaliser],
    batch_size: int = 32,
) -> dict[str, float]:
    """Mean losses over all samples of a file, by name. Collective on `pairs.ranks`.

    Raises
    ------
    Undefined
        If the loss of a sample is relative to zero, naming both, on every rank.
    """
    inputs, outputs = normalisers
    found = np.zeros(len(losses))
    for numbers in pairs.batches(batch_size):
        x, target = pairs.batch(numbers)
        y = outputs.decode(model(params, inputs.encode(x))) if len(x) else None
        with agreeing(pairs, numbers):
            found += [loss(y, target)[0] * len(x) if len(x) else 0.0 for loss in losses.values()]
    ranks: RankGrid = pairs.ranks
    found = total(ranks.samples, found) / pairs.count
    return dict(zip(losses, found.tolist(), strict=True))


def predict(
    model: Any, params: dict[str, Any], pairs: Pairs, number: int, normalisers: tuple[Normaliser, Normaliser]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Input, target and output (channels, *grid) of one sample, in their own units, on the host of every rank.

    Collective on `pairs.ranks`.
    """
    inputs, outputs = normalisers
    x, target = pairs.batch([number] * pairs.ranks.samples.size)
    y = outputs.decode(model(params, inputs.encode(x)))
    found = [f.gather() if isinstance(f, Field) else backends.of(f).to_host(f) for f in (x, target, y)]
    return found[0][0], found[1][0], found[2][0]


def check(model: Any, params: dict[str, Any], pairs: Pairs) -> None:
    """Find out before training whether the model can learn from these data: one sample forward. Collective.

    Raises
    ------
    ValueError
        For channels that differ, more modes than points, patches that do not divide the grid: naming both values.
    """
    with agree(pairs.ranks.comm, f"trying the model on a sample of {pairs.file.path}"):
        x, target = pairs.batch([0] * pairs.ranks.samples.size)
        given, wanted = _channels(model.forward(params, x)[0]), _channels(target)
        if given != wanted:
            raise ValueError(f"the model gives {given} channels, {pairs.file.path} has {wanted} to learn")


def _channels(y: Any) -> int:
    return (y.local if isinstance(y, Field) else y).shape[1]
