"""Convection in a square cavity between a hot and a cold side wall, floor and ceiling insulated: the heat that passes.

python examples/heated_cavity.py --rayleigh 1e6 --out out/heated_cavity
"""

import numpy as np

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.run.driver import Parameters, begin, parameter


class HeatedCavity(Parameters):
    """Units: side L, temperature difference ΔT, speed √(g β ΔT L) of free fall."""

    n: int = parameter(48, "points along a side, without those on the walls", ge=8)
    rayleigh: float = parameter(1e6, "Rayleigh number g β ΔT L³ / (ν κ)", gt=0)
    prandtl: float = parameter(0.71, "Prandtl number ν / κ", gt=0)
    stretching: float = parameter(1.2, "β of Tanh(β), by which points gather at the walls", gt=0)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    steady: float = parameter(1e-5, "end where no |∂/∂t| of velocity and temperature is larger", gt=0)
    t_end: float = parameter(300.0, "end of the run at the latest", "L/speed", gt=0)


run = begin(HeatedCavity)
p = run.parameters
x = tp.Axis(p.n, 0.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(p.stretching))
space = tp.Space(tp.Grid(x, x), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end))]
run.plan(space, 20, state={"state": 3}, streams=streams, t_end=p.t_end)
kappa = 1 / np.sqrt(p.rayleigh * p.prandtl)
sides = (tp.Dirichlet(0.5), tp.Dirichlet(-0.5))
heat = tp.pde.Scalar(kappa, walls={0: sides}, buoyancy=(0.0, 1.0))
flow = tp.pde.NavierStokes(space, nu=p.prandtl * kappa, scalars=[heat], cfl=p.cfl)
state = run.restore({"state": space.field(lambda x, y: [0.0, 0.0, 0.5 - x + 0 * y], lead=(3,))})
out = run.output(space)
near = np.concatenate([[0.0], x.x[:6]])
settled = tp.pde.Steady(p.steady)


def nusselt(v: tp.Field) -> dict[str, float]:
    """The heat that passes, in units of conduction: mean over the box, and through the hot wall."""
    profile = x.weights @ v[2].gather().T  # mean temperature of each upright line
    slope = np.polyfit(near / near[-1], np.concatenate([[0.5], profile[:6]]), 6)[-2] / near[-1]
    return {"nusselt": 1 + (v[0] * v[2]).mean() / kappa, "nusselt_hot_wall": -slope}


def record(step: int, time: float) -> dict[str, float] | None:
    """Diagnostics of every hundredth step."""
    if step % 100:
        return None
    found = flow.diagnostics(state["state"]) | nusselt(state["state"]) | {"change": settled.change}
    out.diagnostics(step, time, **found)
    return {"Nu": found["nusselt"], "change": settled.change, "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["state"]), record, until=settled):
    with settled.watch(state["state"], clock.step, clock.dt):
        flow.step(state["state"], clock.dt, clock.time)
v = state["state"]
out.write(run.step, run.time, force=True, u=v[:2], temperature=v[2])
found = flow.diagnostics(v) | nusselt(v)


def report(done):
    """The heat that passes beside the benchmark; temperature and rise."""
    done.draw("cavity.png", "temperature", "u_y")
    benchmark = (p.rayleigh, p.prandtl) == (1e6, 0.71)
    for name in ("nusselt", "nusselt_hot_wall"):
        reference = known.HEATED_CAVITY_NUSSELT
        deviation = f"Le Quéré {reference}, {100 * (found[name] / reference - 1):+.3f} %" if benchmark else ""
        print(f"{name:>16} {found[name]:.5f} {deviation}")
    print(f"max |∂/∂t| {settled.change:.1e}, max |div u| {found['divergence']:.1e}")


run.finish(report)
