"""One training step of a Tucker TFNO (forward, L², backward, Adam), against neuraloperator on as many threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from tensorpde import backend as backends
from tensorpde.bench import measure
from tensorpde.bench.table import row
from tensorpde.field import Field, Space
from tensorpde.grid import Axis, Grid
from tensorpde.learn import TFNO, losses, optim
from tensorpde.learn.place import Place
from tensorpde.learn.spectral import Transforms
from tensorpde.parallel import world
from tensorpde.parallel.buckets import Buckets
from tensorpde.parallel.devices import prepared

# (axes, points per axis, batch) at which the figures of the documentation are taken.
CASES = ((2, 64, 8), (2, 128, 4), (3, 32, 2))
SETTINGS: dict[str, Any] = {"in_channels": 1, "out_channels": 1, "hidden_channels": 32, "n_layers": 4, "rank": 0.1}


def add_arguments(parser: Any) -> None:
    """The flags of this benchmark."""
    parser.add_argument("--n", type=int, help="points per axis of all cases (default: 64, 128 and 32)")
    parser.add_argument("--repeat", type=int, default=7, help="rounds that are timed (default 7)")
    measure.add_backend(parser)
    parser.add_argument("--scaling", action="store_true", help="as many points per rank on 1, 2, 4 … ranks instead")


def run(args: Any) -> list[dict]:
    """A row per case; the ranks share the samples of a batch. Collective."""
    if args.scaling:
        return list(_scaling(args.n or 32, args.repeat, args.backend))
    cases = CASES if args.n is None else [(2, args.n, 8), (3, args.n, 2)]
    return [_row(ndim, n, batch, args.repeat, args.backend) for ndim, n, batch in cases]


def _row(ndim: int, n: int, batch: int, repeat: int, backend: str) -> dict:
    comm = world()
    kernels = prepared(backend, comm)
    model = TFNO(n_modes=(min(16, n),) * ndim, **SETTINGS)
    own = max(batch // comm.size, 1)
    random = np.random.default_rng(comm.rank)
    x, target = (kernels.asarray(random.standard_normal((own, 1, *(n,) * ndim)), "float32") for _ in range(2))
    kept = _kept(model) * own * n**ndim * 4
    source, copied = (kernels.zeros(kept // 4, "float32") for _ in range(2))
    calls = {"ours": _step(model, x, target, comm), "copy": lambda: kernels.pointwise.copy(source, copied)}
    theirs = by_neuraloperator(model, x, target) if comm.size == 1 and kernels.on_host else None
    times = measure.medians(comm, calls | ({} if theirs is None else {"neuraloperator": theirs}), repeat, backend)
    name = f"{n}{'²' if ndim == 2 else '³'}, batch {own * comm.size}, {comm.size} rank(s)"
    return row(name, times.pop("ours"), 2 * kept, 2 * kept / times.pop("copy"), **times)


def _kept(model: TFNO) -> int:
    """Values per point that a step keeps for its backward pass: each is written once and read once."""
    hidden = model.hidden_channels
    ends = hidden + model.in_channels + model.ndim
    return int(ends + model.n_layers * (3 + model.mlp_ratio) * hidden)


def _scaling(n: int, repeat: int, backend: str) -> Iterator[dict]:
    """Weak scaling: P·n×n×n points on pencils, and P samples of n×n×n, on the first P ranks. Collective."""
    everyone, size = world(), 1
    while size <= everyone.size:
        some = everyone.Split(int(everyone.rank < size), everyone.rank)
        for pencils in (True, False) if size > 1 else (True,):
            shape = ((size if pencils else 1) * n, n, n)
            found = _scaled(some, shape, pencils, repeat, backend) if everyone.rank < size else None
            yield everyone.bcast(found, 0)
        size *= 2


def _scaled(comm: Any, shape: tuple[int, int, int], pencils: bool, repeat: int, backend: str) -> dict:
    model, kernels = TFNO(n_modes=(min(16, shape[2]),) * 3, **SETTINGS), prepared(backend, comm)
    space = Space(Grid(*(Axis(m, 0.0, 1.0) for m in shape)), comm, backend, "float32") if pencils else None
    block, random = shape if space is None else space.pencil.local_shape, np.random.default_rng(comm.rank)
    blocks = [kernels.asarray(random.standard_normal((1, 1, *block)), "float32") for _ in range(2)]
    fields: list[Any] = blocks if space is None else [Field(space, values) for values in blocks]
    seconds = measure.medians(comm, {"ours": _step(model, fields[0], fields[1], comm, pencils)}, repeat, backend)[
        "ours"
    ]
    work, sent = _counts(model, Place(shape, space))
    gradients = 0 if comm.size == 1 else 4 * model.parameter_count()
    counts = np.array([work, sent, gradients], float)
    largest = np.empty((comm.size, 3))
    comm.Allgather(counts, largest)
    work, sent, gradients = largest.max(axis=0)
    name = f"{comm.size} rank(s), {'one field' if pencils else 'a sample each'} of {'×'.join(map(str, shape))}"
    figures = {"GFlop/rank": work / 1e9, "MB modes/rank": sent / 1e6, "MB gradient/rank": gradients / 1e6}
    return row(name, seconds) | {"figures": figures}


def _counts(model: TFNO, place: Place) -> tuple[float, float]:
    """Flops of this rank in a step on one sample, and bytes of modes that it gives to others, from the plans.

    A step makes the products of forward twice more in its adjoint, and those of hidden layers once more.
    """
    hidden, points = model.hidden_channels, prod(place.local_shape)
    wide = round(model.mlp_ratio * hidden)
    ends = [(model.in_channels + model.ndim, round(model.lifting_ratio * hidden), hidden)]
    ends.append((hidden, round(model.projection_ratio * hidden), model.out_channels))
    pointwise = sum(4 * i * h + 3 * h * o for i, h, o in ends)
    pointwise += model.n_layers * (3 * hidden * hidden + 7 * hidden * wide)
    transforms = Transforms(place, model.n_modes, model.n_modes)
    work, sent = transforms.counts((1, hidden))
    own = [part.stop - part.start for part in transforms.slices((1, hidden))]
    sizes = model.weights.sizes | dict(zip("abcdefgh", own, strict=False)) | {"n": 1}
    products = sum(prod(sizes[i] for i in set(step.indices) - set(",->")) for step in model.weights.steps)
    layers = model.n_layers * (4 * 2 * work + 3 * 8 * products)
    return 2 * points * pointwise + layers, model.n_layers * 4 * sent * np.dtype(model.dtype).itemsize


def _step(model: TFNO, x: Any, target: Any, comm: Any, summed: bool = False) -> measure.Call:
    """A step of training; gradients are summed over `comm`, unless `backward` has `summed` them over a Space."""
    backend = backends.of(x.local if isinstance(x, Field) else x).name
    params, loss, adam = model.init(0, backend), losses.relative_l2(), optim.Adam()
    state = adam.init(params)
    buckets = Buckets(comm, params) if comm.size > 1 and not summed else None

    def step() -> float:
        y, saved = model.forward(params, x)
        value, dy = loss(y, target)
        grads = model.backward(params, saved, dy if summed else dy / comm.size)[1]
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
