"""A drum: a pulse between fixed walls, with steps longer than an explicit method could take; the energy stays.

mpirun -n 4 python examples/wave.py --n 200 --out out/wave
"""

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class Drum(Parameters):
    """u_tt = ∇²u on a box of side 1, u = 0 on its walls."""

    n: int = parameter(200, "unknowns per axis", ge=4)
    ndim: int = parameter(2, "dimensions", ge=1, le=3)
    width: float = parameter(0.1, "width of the pulse; 0 for the lowest mode of the drum", ge=0)
    t_end: float = parameter(2.0, "end of the run", "L/c", gt=0)
    steps: int = parameter(400, "number of time steps, all of one length", ge=1)
    fields_every: float = parameter(0.5, "model time between snapshots", "L/c", gt=0)


run = begin(Drum)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 1.0, bc=tp.Dirichlet())
space = tp.Space(tp.Grid(*[axis] * p.ndim), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 6, state={"u": 2}, streams=streams, t_end=p.t_end, steps=p.steps)
drum = tp.pde.Wave(space, 1.0, p.t_end / p.steps, tp.schemes.central.second(2))


def start(*x):
    """The pulse or the mode."""
    if p.width:
        return np.exp(-sum((c - 0.4) ** 2 for c in x) / p.width**2)
    return np.prod(np.broadcast_arrays(*(np.sin(np.pi * c) for c in x)), axis=0)


state = run.restore({"u": drum.start(start)})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step: the energy, and what is left of the shape at the start."""
    u = state["u"]
    shape = space.field(start)
    found = drum.diagnostics(u) | {"likeness": u[0].dot(shape) / shape.dot(shape)}
    out.write(step, time, u=u[0], velocity=u[1])
    out.diagnostics(step, time, **found)
    return found


for clock in run.loop(state, p.t_end, dt=p.t_end / p.steps, record=record):
    state["u"] = drum.step(state["u"], clock.time, clock.dt)


def report(done):
    """What should stay, and the drum."""
    done.curves("drum_series.png", "energy", "likeness", title="Drum")
    done.draw("drum.png", "u")
    _, energy, likeness = done.series("energy", "likeness")
    print(f"energy {energy[0]:.6f}, changed by {np.abs(energy / energy[0] - 1).max():.1e} at most")
    print(f"likeness at the end {likeness[-1]:.9f}")


run.finish(report)
