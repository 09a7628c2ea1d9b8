"""Training that begins with few modes and takes in more as the weights of those in use fill up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.given import real, whole
from tensorpde.learn import network
from tensorpde.learn.model import TFNO
from tensorpde.learn.multigrid import MultiGrid
from tensorpde.learn.train import State
from tensorpde.learn.weights import Weights
from tensorpde.parallel.blocks import same


def strengths(model: TFNO, params: Mapping[str, Any]) -> list[np.ndarray]:
    """For each axis, Σ |W|² over all else, by the modulus 0, 1, … of the frequency, summed over the layers.

    Cost: the dense tensor of one layer at a time, on the host.
    """
    w = model.weights
    # The product with a unit matrix of channels, rebuilt, is the dense tensor itself.
    dense = Weights(w.modes, w.channels, w.factorization, w.rank, w.layers, rebuilt=True)
    active, found = model.active_modes or model.n_modes, []
    squares = np.zeros(w.modes)
    unit = np.ones((1, w.channels[0])) if len(w.channels) == 1 else np.eye(w.channels[0])
    x = np.broadcast_to(unit, (*w.modes, *unit.shape)).astype(np.complex128)
    for block in model.blocks:
        stored = block.stored(params)
        whole = [slice(None)] * len(w.modes)
        taken = {n: backends.of(a).to_host(a)[dense.taken(n, block.number, whole)] for n, a in stored.items()}
        squares += (abs(network.run(dense.steps, taken | {"x": x})["y"]) ** 2).sum(axis=(-2, -1))
    for axis, (used, stored_modes) in enumerate(zip(active, w.modes, strict=True)):
        line = squares.sum(axis=tuple(k for k in range(len(w.modes)) if k != axis))
        frequency = abs(np.arange(stored_modes) - (0 if axis == len(active) - 1 else stored_modes // 2))
        found.append(np.bincount(frequency, line)[: used // 2 + 1])
    return found


def grown_modes(model: TFNO, params: Mapping[str, Any], explained: float = 0.99, buffer: int = 2) -> TFNO:
    """The model with more active modes where those in use explain too little by themselves.

    On each axis the strengths of frequencies |k| ≤ K are summed; if all but the last `buffer` of the active ones hold
    less than the part `explained` of the strength of all active ones, one more pair of modes becomes active. The mean
    alone never explains enough.

    Parameters
    ----------
    explained
        Part of the squared weights; closer to 1 grows sooner.
    buffer
        How many of the highest active frequencies should carry next to nothing.

    References
    ----------
    George, Zhao, Kossaifi, Li, Anandkumar, Incremental Spatial and Spectral Learning of Neural Operators for Solving
    Large-Scale PDEs, arXiv 2211.15188.
    """
    real(explained, "explained", above=0, below=1)
    whole(buffer, "buffer", least=1)
    active = list(model.active_modes or model.n_modes)
    for axis, line in enumerate(strengths(model, params)):
        if line[: max(len(line) - buffer, min(len(line) - 1, 1))].sum() < explained * line.sum():
            active[axis] = min(active[axis] + 2, model.n_modes[axis])
    return model.like(active_modes=tuple(active))


@dataclass(frozen=True)
class Growth:
    """``growth(model, state)`` for `learn.train`: few active modes at first; `grown_modes` is asked before each epoch.

    The modes in use are part of the state, so that a run that was stopped goes on with them.

    Parameters
    ----------
    start
        Active modes per axis of the first epoch.
    comm
        The ranks that train: all of them use what rank 0 finds.
    explained, buffer
        As of `grown_modes`.
    """

    start: tuple[int, ...]
    comm: Any
    explained: float = 0.99
    buffer: int = 2

    def __call__(self, model: Any, state: State) -> Any:
        """The model (a TFNO, or a MultiGrid of one) for what comes next; notes its active modes. Collective."""
        model = model.like(active_modes=state.active_modes or self.start)
        if state.epoch > 0 and state.batch == 0:
            net = model.model if isinstance(model, MultiGrid) else model
            found = grown_modes(net, state.params, self.explained, self.buffer).active_modes
            model = model.like(active_modes=tuple(map(int, same(self.comm, np.array(found)))))
        state.active_modes = (model.model if isinstance(model, MultiGrid) else model).active_modes
        return model
