"""Samples for operator learning: a random force f → the vorticity at time T of the flow on a torus that it drives.

mpirun -n 4 python examples/make_dataset.py --samples 1000 --out out/dataset
"""

from itertools import pairwise
from typing import Literal

import numpy as np

import tensorpde as tp
from tensorpde.parallel import alone
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Dataset(Parameters):
    """∂ω/∂t + u·∇ω = ∇²ω/Re + f on the torus (0, 2π)² from rest; f Gaussian, of covariance ∝ (−Δ + τ²)^−power.

    Every sample depends on the seed and its number alone. A run that was stopped or killed goes on when it is started
    again.
    """

    n: int = parameter(128, "points per axis", ge=8)
    samples: int = parameter(1000, "number of samples", ge=1)
    seed: int = parameter(0, "of the random forces", ge=0)
    reynolds: float = parameter(500.0, "1/ν", gt=0)
    t_end: float = parameter(5.0, "T", gt=0)
    steps: int = parameter(600, "time steps to T, shorter ones towards the end, where the flow is fast", ge=1)
    scale: float = parameter(1458.0, "variance of a mode of f: scale (k² + τ²)^−power", gt=0)
    tau: float = parameter(3.0, "τ", ge=0)
    power: float = parameter(4.0, "power", ge=0)
    precision: Literal["float32", "float64"] = parameter("float64", "of the computation; files hold float32")
    batch: int = parameter(8, "samples that are made at a time", ge=1)


run = begin(Dataset)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 2 * np.pi)
space = tp.Space(tp.Grid(axis, axis), alone(), dtype=p.precision)  # every rank has grids of its own
run.plan(space, 22 * p.batch, state={"force": 1, "vorticity": 1})
forces = tp.pde.RandomField(space, lambda k: np.where(k > 0, p.scale * (k**2 + p.tau**2 + (k == 0)) ** -p.power, 0.0))
flow = tp.pde.Vorticity(space, 1 / p.reynolds)
times = p.t_end * np.sqrt(np.arange(p.steps + 1) / p.steps)  # from rest, speeds grow with t: equal Courant numbers


def make(samples: range) -> dict[str, np.ndarray]:
    """Forces and vorticities of these samples."""
    force = forces(p.seed, samples)
    flow.set_force(force)
    state = flow.start(space.zeros(force.lead))
    for t, later in pairwise(times):
        flow.step(state, later - t, t)
    return {"force": np.float32(force.local), "vorticity": np.float32(flow.vorticity(state).local)}


recipe = p.model_dump(include={"n", "seed", "reynolds", "t_end", "steps", "scale", "tau", "power", "precision"})
path = tp.io.make_dataset(
    run.out / "forced_vorticity.h5", make, p.samples, recipe, {"x": axis.x, "y": axis.x}, p.batch, run.comm,
    p.to_toml(), run.pause,
)  # fmt: skip
if run.comm.rank == 0:
    rows = []
    for name in ("force", "vorticity"):
        one = [tp.io.load(path, name, {"sample": k}) for k in range(min(3, p.samples))]
        rows.append([plot.Plane(axis.x, axis.x, f.values, "x", "y", f"{name}, sample {k}") for k, f in enumerate(one)])
    print(plot.planes(rows, run.out / "samples.png", f"Re = {p.reynolds:g}, T = {p.t_end:g}"))
run.finish()
