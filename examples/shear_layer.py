"""The double shear layer: two thin layers roll up, beside a spectral method in vorticity form on the same points.

mpirun -n 4 python examples/shear_layer.py --n 256 --out out/shear_layer
"""

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class ShearLayer(Parameters):
    """u = tanh(ρ(¼ − |y − ½|)), v = δ sin 2πx on the periodic unit square (Brown and Minion 1995)."""

    n: int = parameter(256, "points per axis", ge=16)
    rho: float = parameter(30.0, "ρ: one over the width of the layers", gt=0)
    delta: float = parameter(0.05, "δ: the perturbation", gt=0)
    nu: float = parameter(1e-4, "viscosity", gt=0)
    t_end: float = parameter(1.0, "end of the run", gt=0)
    cfl: float = parameter(0.5, "time step as a fraction of the stability limit", gt=0, le=1)
    fields_every: float = parameter(0.2, "model time between snapshots", gt=0)


run = begin(ShearLayer)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 1.0)
space = tp.Space(tp.Grid(axis, axis), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 30, state={"u": 2, "modes": 2}, streams=streams, derived={"vorticity": 1}, t_end=p.t_end)
flow, spectral = tp.pde.NavierStokes(space, p.nu, cfl=p.cfl), tp.pde.Vorticity(space, p.nu)
velocity = [
    lambda x, y: np.tanh(p.rho * (0.25 - np.abs(y - 0.5))) + 0 * x,
    lambda x, y: p.delta * np.sin(2 * np.pi * x) + 0 * y,
]
start = flow.project(space.field(lambda x, y: [f(x, y) for f in velocity], lead=(2,)))
state = run.restore({"u": start, "modes": spectral.start(flow.vorticity(start))})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step, with the distance of the two methods."""
    u, other = state["u"], spectral.velocity(state["modes"])
    out.write(step, time, vorticity=lambda: flow.vorticity(u), u=u)
    found = flow.diagnostics(u)
    found |= {f"spectral_{name}": value for name, value in spectral.diagnostics(state["modes"]).items()}
    found["difference"] = (u - other).norm() / u.norm()
    out.diagnostics(step, time, **found)
    return {"E": found["energy"], "div": found["divergence"], "difference": found["difference"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record):
    state["u"] = flow.step(state["u"], clock.dt, clock.time)
    state["modes"] = spectral.step(state["modes"], clock.dt, clock.time)


def report(done):
    """Both methods beside each other, and the vorticity."""
    names = ("energy", "spectral_energy", "enstrophy", "spectral_enstrophy", "difference")
    done.at_times(np.linspace(0, p.t_end, 6), *names, formats=".8g")
    print(f"max |div u| {done.series('divergence')[1].max():.1e}")
    done.draw("vorticity.png", "vorticity")


run.finish(report)
