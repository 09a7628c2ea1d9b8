"""Turbulent flow between plates at constant mass flux, Re_τ = 180: profiles and budgets beside a direct simulation.

mpirun -n 4 python examples/channel.py --out out/channel
"""

import math

import numpy as np

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Channel(Parameters):
    """Units: half the height h, and 3/2 of the mean velocity, which is the speed in the middle of the laminar flow."""

    nx: int = parameter(32, "points along the stream", ge=6)
    ny: int = parameter(65, "points across it, without those on the walls", ge=9)
    nz: int = parameter(32, "points along the span", ge=6)
    length: float = parameter(math.pi, "of the box along the stream", "h", gt=0)
    width: float = parameter(0.34 * math.pi, "of the box along the span", "h", gt=0)
    stretching: float = parameter(1.8, "β of Tanh(β), by which points gather at the walls", gt=0)
    reynolds: float = parameter(4200.0, "speed × h / ν; 4200 gives Re_τ = 180 where the flow is turbulent", gt=0)
    amplitude: float = parameter(0.2, "of the first disturbance", gt=0)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    settled: float = parameter(60.0, "model time from which statistics are taken", ge=0)
    every: int = parameter(10, "steps between two samples, and between diagnostics", ge=1)
    t_end: float = parameter(150.0, "end of the run", gt=0)


run = begin(Channel)
p = run.parameters
x, z = tp.Axis(p.nx, 0.0, p.length), tp.Axis(p.nz, 0.0, p.width)
y = tp.Axis(p.ny, -1.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(p.stretching))
space = tp.Space(tp.Grid(x, y, z), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end))]
run.plan(space, 24, state={"u": 3}, streams=streams, t_end=p.t_end)
flux = tp.pde.ConstantFlux(space.field(lambda x, y, z: 1 - y**2 + 0 * x * z).mean())
flow = tp.pde.NavierStokes(space, 1 / p.reynolds, force=flux, cfl=p.cfl, implicit=(1,))
state = run.restore({"u": flow.project(tp.pde.cases.disturbed_channel(space, p.amplitude))})
statistics = tp.pde.FlowStatistics(flow, (0, 2), run.attributes.setdefault("statistics", {}))
out = run.output(space)


def record(step: int, time: float) -> dict[str, float] | None:
    """Diagnostics."""
    if step % p.every and time < p.t_end:
        return None
    found = flow.diagnostics(state["u"]) | {"force": flux.force, "mean": state["u"][0].mean()}
    out.diagnostics(step, time, **found)
    return {"E": found["energy"], "force": flux.force, "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record):
    flow.step(state["u"], clock.dt, clock.time)
    if clock.step % p.every == 0 and clock.time >= p.settled:
        statistics.add(state["u"], clock.dt, clock.time + clock.dt)
out.write(run.step, run.time, force=True, u=state["u"])
whole = state["u"].gather()


def report(done):
    """Profiles in wall units beside those of Moser, Kim and Mansour, the balance of forces, the budget."""
    time, force, divergence = done.series("force", "divergence")
    print(f"max |div u| {divergence.max():.1e}")
    if statistics.statistics.weight == 0:
        print(f"no statistics: the run ended at t = {run.time:g}, they were to begin at --settled {p.settled:g}")
        return
    wall = tp.pde.WallUnits(statistics)
    here = np.interp(known.CHANNEL_Y, [0, *wall.y], [0, *wall.mean])
    done.table({"y+": known.CHANNEL_Y, "U+": here, "Moser": known.CHANNEL_U,
                "%": 100 * (here / known.CHANNEL_U - 1)}, [".2f", ".3f", ".3f", "+.2f"])  # fmt: skip
    done.table({"largest": list(wall.stresses), "": [f.max() for f in wall.stresses.values()],
                "at y+": [wall.y[f.argmax()] for f in wall.stresses.values()],
                "Moser": [known.CHANNEL_PEAKS[name] for name in wall.stresses]}, ".3g")  # fmt: skip
    print(f"Re_tau {wall.re_tau:.2f}, Moser, Kim and Mansour {known.CHANNEL_RE_TAU}")
    print(f"U+ / y+ {wall.mean[0] / wall.y[0]:.4f} at y+ = {wall.y[0]:.2f}")
    print(f"statistics over {statistics.statistics.weight * p.every * wall.u_tau:.1f} h/u_tau: force / wall stress "
          f"{force[time >= p.settled].mean() / wall.u_tau**2:.4f}, sum of the budget / largest production "
          f"{np.abs(sum(wall.budget.values())).max() / wall.budget['production'].max():.3f}")  # fmt: skip
    profiles = {f"{'uvw'[i]}{'uvw'[j]}": statistics.stress(i, j) for i, j in ((0, 0), (1, 1), (2, 2), (0, 1))}
    done.keep("statistics", run.step, run.time, ("y", y.x), u=statistics.mean(0), **profiles, **statistics.budget())
    layer = int(np.abs(wall.y - 15).argmin())
    axes, linear = {"along x": 0, "along z": 2}, np.linspace(1, 12)
    energies = {n: sum(statistics.spectrum(i, axis)[1:, layer] for i in range(3)) for n, axis in axes.items()}
    means = {f"Re_τ = {wall.re_tau:.1f}": (wall.y, wall.mean), "U⁺ = y⁺": (linear, linear)}
    panels = [
        plot.Panel(means, {"Moser, Kim, Mansour": (known.CHANNEL_Y, known.CHANNEL_U)}, "y⁺", "U⁺", "log x"),
        plot.Panel({name: (wall.y, f) for name, f in wall.stresses.items()}, {}, "y⁺", "in wall units"),
        plot.Panel({name: (wall.y, f) for name, f in wall.budget.items()}, {}, "y⁺", "budget of k, in wall units"),
        plot.Panel({n: (np.arange(1, len(e) + 1), e) for n, e in energies.items()}, {}, "mode",
                   f"energy at y⁺ = {wall.y[layer]:.0f}", "log"),
    ]  # fmt: skip
    plot.panels(panels, done.out / "profiles.png", "Turbulent channel")
    near = plot.Plane(x.x, z.x, whole[0, :, layer], "x", "z", f"u at y⁺ = {wall.y[layer]:.0f}")
    upright = plot.Plane(x.x, y.x, whole[0, :, :, 0], "x", "y", "u on an upright plane")
    plot.planes([[near], [upright]], done.out / "flow.png", "Turbulent channel")


run.finish(report)
