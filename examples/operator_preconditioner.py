"""A trained operator as the first guess of a Krylov solve of the equation it was trained on: iterations side by side.

mpirun -n 4 python examples/make_dataset.py --problem darcy --n 63 --samples 1000 --out out/darcy
mpirun -n 4 python examples/train_tfno.py --data out/darcy/darcy.h5 --input coefficient --output solution --walls \
    --out out/tfno
python examples/operator_preconditioner.py --model out/tfno/model.h5 --n 127 --first 1000 --out out/guess
"""

import numpy as np

import tensorpde as tp
from tensorpde import learn
from tensorpde.pde.samples import DarcySamples
from tensorpde.run import exit_codes, plot
from tensorpde.run.driver import Parameters, begin, parameter


class Guess(Parameters):
    """Darcy flow, −∇·(a ∇u) = 1, of new samples at any resolution: conjugate gradients from 0 and from the operator.

    Each rank solves its own samples.
    """

    model: str = parameter("model.h5", "what train_tfno.py wrote, coefficient to solution")
    n: int = parameter(63, "unknowns per axis, those of training or others", ge=4)
    samples: int = parameter(8, "samples", ge=1)
    first: int = parameter(1000, "number of the first one; training had those before", ge=0)
    seed: int = parameter(0, "that of the training data", ge=0)
    rtol: float = parameter(1e-6, "wanted ‖b − A u‖ / ‖b‖, whatever the guess", gt=0, lt=1)


run = begin(Guess)
p = run.parameters
trained = learn.Trained.load(p.model, run.comm, p.backend)
darcy = DarcySamples(p.n, trained.ndim, p.seed, backend=p.backend)
if p.dry_run:
    run.say(f"{p.samples} samples of {darcy.space}, parameters\n{p.to_toml()}")
    raise SystemExit(exit_codes.FINISHED)
fast = tp.FastDiagonal(-1.0 * tp.laplacian(darcy.space))
b = darcy.space.field(1.0)
PRECONDITIONERS = ("none", "mean coefficient", "symmetric scaling")


def solves(sample: int) -> list[np.ndarray]:
    """Residuals from zero and from the guess, for each preconditioner in turn."""
    kappa = darcy.coefficient(sample)
    A = -1.0 * tp.diffusion(darcy.space, kappa)
    given = kappa(*darcy.space.coordinates()).astype(np.float32)
    guess = tp.Field(darcy.space, trained(darcy.space.backend.asarray(given[None, None]))[0, 0].astype(float))
    found = []
    for P in (None, fast, tp.solve.SymmetricScaling(fast, kappa)):
        for start in (None, guess):
            _, history = tp.solve.krylov(A, b, P, "cg", p.rtol, guess=start, library="tensorpde")
            found.append(history.residuals / b.norm())
    return found


own = range(p.first + run.comm.rank, p.first + p.samples, run.comm.size)
mine = [solves(sample) for sample in own]
counts = np.zeros((p.samples, 2 * len(PRECONDITIONERS)), dtype=int)
for sample, found in zip(own, mine, strict=True):
    counts[sample - p.first] = [len(residuals) - 1 for residuals in found]
run.comm.Allreduce(counts.copy(), counts)


def report(done):
    """Iterations, averaged over the samples, and the residuals of the first one."""
    means = counts.mean(axis=0)
    saved = [f"{100 * (1 - after / before):.0f} %" for before, after in means.reshape(-1, 2)]
    before, after = ([f"{m:.1f}" for m in means[k::2]] for k in range(2))
    done.table({"preconditioner": PRECONDITIONERS, "from 0": before, "from the operator": after, "saved": saved})
    curves = [(np.arange(len(residuals)), residuals) for residuals in mine[0]]
    panels = [
        plot.Panel({"from 0": zero, "from the operator": guess}, {}, f"iteration, {name}", "‖b − A u‖ / ‖b‖", "log y")
        for name, zero, guess in zip(PRECONDITIONERS, curves[::2], curves[1::2], strict=True)
    ]
    plot.panels(panels, done.out / "residuals.png", f"{p.n}² unknowns, sample {p.first}")


run.finish(report)
