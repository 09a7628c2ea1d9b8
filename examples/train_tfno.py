"""Train a tensorized Fourier neural operator on samples of input and output in an HDF5 file, anybody's.

mpirun -n 4 python examples/train_tfno.py --data FILE.h5 --input x --output y --epochs 50 --out out/tfno
"""

from collections.abc import Sequence
from typing import Literal

import tensorpde as tp
from tensorpde import learn
from tensorpde.parallel.rank_grid import RankGrid
from tensorpde.run import exit_codes, plot
from tensorpde.run.driver import Parameters, begin, parameter
from tensorpde.run.predictions import file_and_datasets, predictions


class Train(Parameters):
    """A TFNO from input to output, by AdamW with a cosine schedule, on samples × patches × pencils of ranks."""

    data: str = parameter("data.h5", "HDF5 file of (samples, [channels,] points…)")
    input: tuple[str, ...] = parameter(("x",), "datasets in it, by path, such as train_16/x")
    output: tuple[str, ...] = parameter(("y",), "datasets in it")
    test: tuple[str, ...] = parameter((), "FILE:INPUT:OUTPUT to test on, of any resolution")
    ndim: int | None = parameter(None, "dimensions of the grid; none: no dataset has channels", ge=1)
    walls: bool = parameter(False, "fields are not periodic: one-sided slopes, reflections")
    symmetric: bool = parameter(
        False, "flips and exchanges of axes change nothing: train in all positions, test averaged"
    )
    n_modes: tuple[int, ...] = parameter((16,), "modes per axis, one number for all axes")
    start_modes: tuple[int, ...] = parameter((), "begin with so few, and take in more as the weights of those fill up")
    explained: float = parameter(0.99, "part of the squared weights: closer to 1 takes in more sooner", gt=0, lt=1)
    hidden: int = parameter(32, "hidden channels", ge=1)
    layers: int = parameter(4, "Fourier layers", ge=1)
    factorization: Literal["tucker", "cp", "tt", "dense"] = parameter("tucker", "of the spectral weights")
    rank: float = parameter(0.1, "part of the dense entries that factors have", gt=0)
    joint: bool = parameter(False, "one tensor for all layers")
    padding: float = parameter(0.0, "domain padding, part of an axis at each end", ge=0)
    levels: int = parameter(0, "multi-grid decomposition into 2^levels patches per axis", ge=0)
    patch_padding: int = parameter(0, "points around a patch", ge=0)
    epochs: int = parameter(50, "passes over the data", ge=1)
    batch: int = parameter(32, "samples per update, over all ranks", ge=1)
    pieces: int = parameter(1, "parts of a batch one after the other, for less memory", ge=1)
    loss: Literal["l2", "h1", "differences"] = parameter("h1", "relative L², H¹ by modes or by differences")
    lr: float = parameter(5e-3, "largest step size", gt=0)
    warm_up: int = parameter(0, "updates until it is reached", ge=0)
    weight_decay: float = parameter(1e-4, "of AdamW", ge=0)
    clip: float | None = parameter(None, "largest norm of a gradient", gt=0)
    seed: int = parameter(0, "of the weights and the order of the samples", ge=0)
    patch_ranks: int = parameter(1, "ranks that share the patches of a sample", ge=1)
    pencil_ranks: int = parameter(1, "ranks that share one field", ge=1)


run = begin(Train)
p = run.parameters
ranks = RankGrid(run.comm, None, p.patch_ranks, p.pencil_ranks)


def opened(file: str, inputs: Sequence[str], outputs: Sequence[str]) -> learn.Pairs:
    """Samples of a file on these ranks."""
    bc = tp.Neumann() if p.walls else tp.Periodic()
    return learn.Pairs(file, inputs, outputs, ranks, p.ndim, bc, p.backend, whole=p.levels > 0)


def losses(pairs: learn.Pairs) -> dict[str, learn.losses.Relative]:
    """Relative L² and H¹ of whole outputs."""
    kind = "difference" if p.loss == "differences" else "spectral"
    return {"l2": learn.losses.relative_l2(), "h1": learn.losses.relative_h1(pairs.space, kind)}


pairs = opened(p.data, p.input, p.output)
symmetries = learn.Symmetries(len(pairs.shape), cells=p.walls)
pairs = learn.Turned(pairs, symmetries) if p.symmetric else pairs
tests = {name: opened(file, [x], [y]) for name in p.test for file, x, y in [file_and_datasets(name)]}
ndim, beyond = len(pairs.shape), "reflect" if p.walls else "periodic"
patches = learn.Patches(p.levels, p.patch_padding, beyond)


def each(numbers: tuple[int, ...]) -> tuple[int, ...]:
    """One number for all axes, or as many as axes."""
    return numbers * ndim if len(numbers) == 1 else numbers


model = net = learn.TFNO(
    n_modes=each(p.n_modes), active_modes=each(p.start_modes) or None, in_channels=pairs.channels[0] * patches.channels,
    out_channels=pairs.channels[1], hidden_channels=p.hidden, n_layers=p.layers, rank=p.rank, joint=p.joint,
    factorization=None if p.factorization == "dense" else p.factorization,
    domain_padding=p.padding, padding="reflect" if p.walls else "zero",
)  # fmt: skip
if p.levels:
    model = learn.MultiGrid(net, patches, ranks)
updates = p.epochs * -(-pairs.count // p.batch)
run.say(
    f"{pairs.count} samples of {pairs.shape} points on {ranks}, {net.parameter_count()} parameters, {updates} updates"
)
grow = learn.Growth(each(p.start_modes), run.comm, p.explained) if p.start_modes else None
optimizer = learn.optim.AdamW(p.weight_decay)
state = learn.start(model, optimizer, p.seed, p.backend)
learn.check(model, state.params, pairs)
if p.dry_run:
    run.say(f"parameters\n{p.to_toml()}dry run: nothing was computed or written")
    raise SystemExit(exit_codes.FINISHED)
normal = pairs.normalisers()
schedule = learn.optim.WarmUp(learn.optim.Cosine(p.lr, updates), p.warm_up)
fields = run.restore(learn.checkpoint.pack(state, run.comm)[0])
if run.resumed:
    state = learn.checkpoint.unpack(fields, run.attributes, state)
out = run.output(next(iter(fields.values())).space)


def progress(state: learn.State, loss: float, slope: float) -> None:
    """After each update."""
    epoch = state.epoch + state.batch * p.batch / pairs.count
    out.diagnostics(state.update, epoch, loss=loss, slope=slope, lr=schedule(state.update - 1))
    run.show(state.update, epoch, p.epochs, loss=loss)


def checkpoint(state: learn.State) -> None:
    """Weights, optimizer and place."""
    fields, attributes = learn.checkpoint.pack(state, run.comm)
    run.attributes.update(attributes)
    run.save(fields)


try:
    learn.train(
        model, state, pairs, losses(pairs)["l2" if p.loss == "l2" else "h1"], optimizer, schedule, p.epochs, p.batch,
        normal, p.seed, p.clip, p.pieces, grow, progress=progress, stop=run.poll, checkpoint=checkpoint,
    )  # fmt: skip
except FloatingPointError as error:
    run.not_finite(str(error))
if state.epoch < p.epochs:
    run.stopped()
out.close()
if grow is not None:
    net, model = (one.like(active_modes=state.active_modes) for one in (net, model))
trained = learn.Trained(net, state.params, normal, patches, ndim, p.walls, p.symmetric, p.to_toml())
trained.save(run.out / "model.h5", run.comm)
model = learn.Averaged(model, symmetries) if p.symmetric else model
found = {name: learn.evaluate(model, state.params, test, losses(test), normal) for name, test in tests.items()}
for name, test in tests.items():
    shown = [learn.predict(model, state.params, test, k, normal) for k in range(min(3, test.count))]
    if run.comm.rank == 0:
        predictions(shown, run.out / f"{'_'.join(name.rpartition('/')[2].split(':'))}_{test.shape[0]}.png", name)
if run.comm.rank == 0:
    loss = tp.io.load(run.out / "diagnostics.h5", "loss")
    plot.lines({"loss": (loss.coordinates["time"], loss.values)}, "epoch", run.out / "loss.png", p.data)
run.finish()
for name, errors in found.items():
    run.say(f"test {name}: " + ", ".join(f"relative {kind.upper()} {value:.4f}" for kind, value in errors.items()))
