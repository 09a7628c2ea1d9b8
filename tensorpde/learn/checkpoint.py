"""A training run as fields, so that checkpoints of the suite hold it: bit for bit, on any number of ranks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.field import Field, Space
from tensorpde.grid import Axis
from tensorpde.learn.train import State
from tensorpde.parallel.blocks import same

PARTS = ("params", "first", "second")


def pack(state: State, comm: Any) -> tuple[dict[str, Field], dict[str, Any]]:
    """Fields and attributes for :func:`tensorpde.io.save_checkpoint`. Collective.

    All arrays of one type lie one after the other on a line that rank 0 owns; the attributes say which. Every rank has
    the same values, so nothing is sent.
    """
    fields: dict[str, Field] = {}
    layout: dict[str, list] = {}
    for part, tree in _trees(state).items():
        for kind in dict.fromkeys(np.dtype(array.dtype) for array in tree.values()):
            chosen = {name: array for name, array in tree.items() if np.dtype(array.dtype) == kind}
            line = np.concatenate([backends.of(a).to_host(a).reshape(-1) for a in chosen.values()])
            space = Space(Axis(len(line), 0.0, 1.0), comm, dtype=kind)
            fields[f"{part}_{kind.name}"] = Field(space, np.ascontiguousarray(line[space.pencil.slices[0]]))
            layout[f"{part}_{kind.name}"] = [[name, list(array.shape)] for name, array in chosen.items()]
    position = {name: getattr(state, name) for name in ("epoch", "batch", "update", "losses")}
    position["active_modes"] = list(state.active_modes or ())
    return fields, {"training": {**position, "optimizer_step": state.optimizer["step"], "layout": json.dumps(layout)}}


def unpack(fields: Mapping[str, Field], attributes: Mapping[str, Any], state: State) -> State:
    """The run that was packed, in the arrays of `state`, which must be of the same model and optimizer. Collective.

    Raises
    ------
    ValueError
        If names or shapes are others, naming both.
    """
    about = attributes["training"]
    trees = _trees(state)
    for key, entries in json.loads(about["layout"]).items():
        part, _, kind = key.rpartition("_")
        tree = trees.get(part, {})
        ours = [[name, list(a.shape)] for name, a in tree.items() if np.dtype(a.dtype) == np.dtype(kind)]
        if ours != entries:
            raise ValueError(f"the checkpoint holds {key} of {entries}, the model has {ours}")
        line = np.empty(fields[key].space.shape[0], kind)
        block = fields[key].local
        line[fields[key].pencil.slices[0]] = block
        line, first = same(fields[key].space.comm, line), 0
        for name, _ in entries:
            array = tree[name]
            values = line[first : first + array.size].reshape(array.shape)
            array[...] = backends.of(array).asarray(values)
            first += array.size
    state.optimizer["step"] = about["optimizer_step"]
    state.epoch, state.batch, state.update = about["epoch"], about["batch"], about["update"]
    state.losses = list(about["losses"])
    state.active_modes = tuple(map(int, about.get("active_modes", ()))) or None
    return state


def _trees(state: State) -> dict[str, dict[str, Any]]:
    return {"params": state.params} | {part: state.optimizer[part] for part in PARTS[1:] if part in state.optimizer}
