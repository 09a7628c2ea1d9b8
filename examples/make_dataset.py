"""Samples for operator learning: a random force → vorticity, coefficient → pressure, start → end, source → temperature.

mpirun -n 4 python examples/make_dataset.py --samples 1000 --out out/dataset
mpirun -n 4 python examples/make_dataset.py --problem darcy --n 63 --ndim 3 --out out/darcy
"""

from itertools import pairwise
from typing import Literal

import numpy as np

import tensorpde as tp
from tensorpde.parallel import alone
from tensorpde.pde.samples import BurgersSamples, DarcySamples, HeatSamples
from tensorpde.run.driver import Parameters, begin, parameter
from tensorpde.run.predictions import rows


class Dataset(Parameters):
    """∂ω/∂t + u·∇ω = ∇²ω/Re + f on the torus (0, 2π)² from rest; f Gaussian, of covariance ∝ (−Δ + τ²)^−power.

    Other problems: Darcy flow, Burgers' equation, heat in a box (see tensorpde.pde.samples). Every sample depends on
    the seed and its number alone. A run that was stopped or killed goes on when it is started again.
    """

    problem: Literal["vorticity", "darcy", "burgers", "heat"] = parameter("vorticity", "what is solved")
    ndim: int = parameter(2, "dimensions, of darcy and heat", ge=1, le=3)

    n: int = parameter(128, "points per axis", ge=8)
    samples: int = parameter(1000, "number of samples", ge=1)
    seed: int = parameter(0, "of the random forces", ge=0)
    reynolds: float = parameter(500.0, "1/ν", gt=0)
    t_end: float = parameter(5.0, "T", gt=0)
    steps: int = parameter(200, "time steps to T, shorter ones towards the end, where the flow is fast", ge=1)
    scale: float = parameter(27.0, "variance of a mode of f: scale (k² + τ²)^−power", gt=0)
    tau: float = parameter(3.0, "τ", ge=0)
    power: float = parameter(4.0, "power", ge=0)
    precision: Literal["float32", "float64"] = parameter("float64", "of the computation; files hold float32")
    batch: int = parameter(8, "samples that are made at a time", ge=1)


run = begin(Dataset)
p = run.parameters
WORK = {"vorticity": 22 * p.batch, "darcy": 12 + 4**p.ndim, "burgers": 10 * p.batch, "heat": 8 + 2**p.ndim}


class VorticitySamples:
    """Random forces, and the vorticities that they drive."""

    names = ("force", "vorticity")

    def __init__(self) -> None:
        axis = tp.Axis(p.n, 0.0, 2 * np.pi)
        self.space = tp.Space(tp.Grid(axis, axis), alone(), p.backend, p.precision)  # one for each rank
        self.forces = tp.pde.RandomField(
            self.space, lambda k: np.where(k > 0, p.scale * (k**2 + p.tau**2 + (k == 0)) ** -p.power, 0.0)
        )
        self.flow = tp.pde.Vorticity(self.space, 1 / p.reynolds)
        # From rest, speeds grow with t: equal Courant numbers.
        self.times = p.t_end * np.sqrt(np.arange(p.steps + 1) / p.steps)

    def __call__(self, samples: range) -> dict[str, np.ndarray]:
        """Forces and vorticities of these samples."""
        force = self.forces(p.seed, samples)
        self.flow.set_force(force)
        state = self.flow.start(self.space.zeros(force.lead))
        for t, later in pairwise(self.times):
            self.flow.step(state, later - t, t)
        return {"force": np.float32(force.gather()), "vorticity": np.float32(self.flow.vorticity(state).gather())}


OF_PROBLEM = {
    "vorticity": ("reynolds", "t_end", "steps", "scale", "tau", "power", "precision"),
    "darcy": ("ndim",), "burgers": ("reynolds", "t_end"), "heat": ("ndim", "t_end", "steps"),
}  # fmt: skip
make = {
    "vorticity": VorticitySamples,
    "darcy": lambda: DarcySamples(p.n, p.ndim, p.seed, backend=p.backend),
    "burgers": lambda: BurgersSamples(p.n, p.seed, 1 / p.reynolds, p.t_end, backend=p.backend),
    "heat": lambda: HeatSamples(p.n, p.ndim, p.seed, p.t_end, p.steps, backend=p.backend),
}[p.problem]()
run.plan(make.space, WORK[p.problem], state=dict.fromkeys(make.names, 1))
recipe = {"problem": p.problem} | p.model_dump(include={"n", "seed", *OF_PROBLEM[p.problem]})
axes = make.space.axes
path = tp.io.make_dataset(
    run.out / ("forced_vorticity.h5" if p.problem == "vorticity" else f"{p.problem}.h5"), make, p.samples, recipe,
    {name: axis.x for name, axis in zip("xyz", axes)}, p.batch, run.comm, p.to_toml(), run.pause,
)  # fmt: skip
if run.comm.rank == 0:
    shown = range(min(3, p.samples))
    loaded = [[tp.io.load(path, name, {"sample": k}) for name in make.names] for k in shown]
    print(rows([[found.values for found in row] for row in loaded], make.names, run.out / "samples.png", p.problem))
run.finish()
