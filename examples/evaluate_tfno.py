"""Test a trained operator on samples of any resolution: errors, maps of them, spectra of target and output.

mpirun -n 4 python examples/evaluate_tfno.py --model out/tfno/model.h5 --test FILE.h5:x:y --out out/evaluation
"""

import numpy as np

import tensorpde as tp
from tensorpde import learn
from tensorpde.parallel import alone
from tensorpde.parallel.rank_grid import RankGrid
from tensorpde.run import exit_codes, plot
from tensorpde.run.driver import Parameters, begin, parameter
from tensorpde.run.predictions import file_and_datasets, predictions
from tensorpde.run.spectra import shell_spectrum


class Evaluate(Parameters):
    """Relative L² and H¹ errors of a model file on test files, samples shared by the ranks."""

    model: str = parameter("model.h5", "what train_tfno.py wrote")
    test: tuple[str, ...] = parameter((), "FILE:INPUT:OUTPUT, of any resolution", min_length=1)
    shown: int = parameter(3, "samples in pictures", ge=1)
    batch: int = parameter(32, "samples at a time", ge=1)


run = begin(Evaluate)
p = run.parameters
trained = learn.Trained.load(p.model, run.comm, p.backend)
ranks = RankGrid(run.comm)
tests = {name: file_and_datasets(name) for name in p.test}
opened = {name: learn.Pairs(f, x, y, ranks, trained.ndim, trained.bc, p.backend) for name, (f, x, y) in tests.items()}
run.say(f"{trained.net.parameter_count()} parameters; {trained.parameters}")
if p.dry_run:
    raise SystemExit(exit_codes.FINISHED)
lines = []
for number, (name, pairs) in enumerate(opened.items()):
    space = tp.Space(pairs.space.grid, alone(), p.backend, "float32")
    losses = {"L2": learn.losses.relative_l2(), "H1": learn.losses.relative_h1(space, "difference")}
    errors = learn.evaluate(trained.model, trained.params, pairs, losses, trained.normalisers, p.batch)
    lines.append(f"test {name}: " + ", ".join(f"relative {kind} {value:.4f}" for kind, value in errors.items()))
    count = min(p.shown, pairs.count)
    found = [learn.predict(trained.model, trained.params, pairs, k, trained.normalisers) for k in range(count)]
    if run.comm.rank == 0:
        predictions(found, run.out / f"samples_{number}.png", name)
        box = [1.0] * len(pairs.shape)
        curves = {}
        for kind, place in (("target", 1), ("output", 2)):
            spectra = [shell_spectrum([sample[place][0]], box) for sample in found]
            curves[kind] = spectra[0][0], np.mean([energy for _, energy in spectra], axis=0)
        plot.spectra(curves, run.out / f"spectra_{number}.png", title=name)
run.finish()
for line in lines:
    run.say(line)
