"""A drop that shrinks by its curvature (Allen–Cahn), against the law R² = R₀² − 2(d − 1)ε² t.

mpirun -n 4 python examples/allen_cahn.py --n 128 --out out/allen_cahn
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Drop(Parameters):
    """u_t = ε² ∇²u + u − u³ on a box of side 1 between walls without flux, one phase inside a circle or sphere."""

    n: int = parameter(128, "points per axis", ge=8)
    ndim: int = parameter(2, "dimensions", ge=2, le=3)
    epsilon: float = parameter(0.02, "ε: width of the interface / √8", gt=0)
    radius: float = parameter(0.35, "radius at the start", gt=0, lt=0.5)
    t_end: float = parameter(60.0, "end of the run", gt=0)
    dt: float = parameter(0.2, "time step", gt=0)
    fields_every: float = parameter(20.0, "model time between snapshots", gt=0)


run = begin(Drop)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 1.0, bc=tp.Neumann(), location="cells")
space = tp.Space(tp.Grid(*[axis] * p.ndim), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 8, state={"u": 1}, streams=streams, t_end=p.t_end)
cahn = tp.pde.AllenCahn(space, p.epsilon, p.dt)


def drop(*x):
    """The profile of a flat interface, tanh(s/√2ε), round a circle or sphere."""
    r = np.sqrt(sum((c - 0.5) ** 2 for c in x))
    return np.tanh((p.radius - r) / (np.sqrt(2) * p.epsilon))


state = run.restore({"u": space.field(drop)})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step; the radius is that of a ball with the volume of the phase."""
    found = cahn.diagnostics(state["u"])
    volume = 0.5 * (1.0 + found["mean"])
    found["radius"] = np.sqrt(volume / np.pi) if p.ndim == 2 else np.cbrt(volume * 0.75 / np.pi)
    out.write(step, time, u=state["u"])
    out.diagnostics(step, time, **found)
    return found


for clock in run.loop(state, p.t_end, p.dt, record):
    state["u"] = cahn.step(state["u"], clock.time, clock.dt)


def report(done):
    """The radius beside the law of a thin interface."""
    time, radius = done.series("radius")
    law = np.sqrt(np.maximum(p.radius**2 - 2 * (p.ndim - 1) * p.epsilon**2 * time, 0.0))
    plot.compare({"computed": (time, radius)}, ("thin interface", time, law), done.out / "radius.png", "R")
    done.draw("drop.png")
    print(f"radius at t = {time[-1]:g}: {radius[-1]:.6f}, of a thin interface {law[-1]:.6f}")


run.finish(report)
