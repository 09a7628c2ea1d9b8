"""One training step of a Tucker TFNO (forward, L², backward, Adam), against neuraloperator on as many threads."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.learn import TFNO, losses, optim
from tensorpde.parallel import world
from tensorpde.parallel.buckets import Buckets

# (axes, points per axis, batch) at which the figures of the documentation are taken.
CASES = ((2, 64, 8), (2, 128, 4), (3, 32, 2))
SETTINGS: dict[str, Any] = {"in_channels": 1, "out_channels": 1, "hidden_channels": 32, "n_layers": 4, "rank": 0.1}


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    parser.add_argument("--n", type=int, help="points per axis of all cases (default: 64, 128 and 32)")
    parser.add_argument("--repeat", type=int, default=7, help="rounds that are timed (default 7)")


def run(args: Any) -> list[dict]:
    """A row per case; the ranks share the samples of a batch. Collective."""
    cases = CASES if args.n is None else [(2, args.n, 8), (3, args.n, 2)]
    return [_row(ndim, n, batch, args.repeat) for ndim, n, batch in cases]


def _row(ndim: int, n: int, batch: int, repeat: int) -> dict:
    comm = world()
    model = TFNO(n_modes=(min(16, n),) * ndim, **SETTINGS)
    own = max(batch // comm.size, 1)
    random = np.random.default_rng(comm.rank)
    x, target = (random.standard_normal((own, 1, *(n,) * ndim)).astype(np.float32) for _ in range(2))
    kept = _kept(model) * own * n**ndim * 4
    source, copied = (np.zeros(kept // 4, np.float32) for _ in range(2))
    calls = {"ours": _step(model, x, target, comm), "copy": lambda: backends.of(source).pointwise.copy(source, copied)}
    theirs = by_neuraloperator(model, x, target) if comm.size == 1 else None
    times = measure.medians(comm, calls | ({} if theirs is None else {"neuraloperator": theirs}), repeat)
    name = f"{n}{'²' if ndim == 2 else '³'}, batch {own * comm.size}, {comm.size} rank(s)"
    return row(name, times.pop("ours"), 2 * kept, 2 * kept / times.pop("copy"), **times)


def _kept(model: TFNO) -> int:
    """Values per point that a step keeps for its backward pass: each is written once and read once."""
    hidden = model.hidden_channels
    ends = hidden + model.in_channels + model.ndim
    return int(ends + model.n_layers * (3 + model.mlp_ratio) * hidden)


def _step(model: TFNO, x: np.ndarray, target: np.ndarray, comm: Any) -> measure.Call:
    params, loss, adam = model.init(seed=0), losses.relative_l2(), optim.Adam()
    state = adam.init(params)
    buckets = Buckets(comm, params) if comm.size > 1 else None

    def step() -> float:
        y, saved = model.forward(params, x)
        value, dy = loss(y, target)
        grads = model.backward(params, saved, dy / comm.size)[1]
        if buckets is not None:
            for name, grad in grads.items():
                buckets.add(name, grad)
            grads = buckets.finish()
        adam.update(grads, state, params, 1e-3)
        return value

    return step


def by_neuraloperator(model: TFNO, x: np.ndarray, target: np.ndarray) -> measure.Call | None:
    """The same step by neuraloperator; None where it is missing. Its threads are those given to us."""
    torch, package = measure.installed("torch"), measure.installed("neuralop")
    if torch is None or package is None:
        return None
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    theirs = package.models.TFNO(
        n_modes=model.n_modes, in_channels=1, out_channels=1, hidden_channels=model.hidden_channels,
        n_layers=model.n_layers, factorization="tucker", implementation="factorized", rank=model.rank,
    )  # fmt: skip
    adam = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    given, wanted = torch.from_numpy(x), torch.from_numpy(target)

    def step() -> float:
        adam.zero_grad(set_to_none=True)
        errors, sizes = ((a.flatten(1).norm(dim=1)) for a in (theirs(given) - wanted, wanted))
        loss = (errors / sizes).mean()
        loss.backward()
        adam.step()
        return loss.item()

    return step
