"""The vortex street behind a cylinder at Re = 100, a penalized body in a periodic box with a fringe: its frequency.

python examples/cylinder_wake.py --out out/cylinder_wake
"""

import numpy as np

import tensorpde as tp
from tensorpde.pde import Penalization, smooth_mask
from tensorpde.pde import references as known
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class CylinderWake(Parameters):
    """Units: diameter D, speed U of the stream."""

    nx: int = parameter(192, "points along the stream", ge=16)
    ny: int = parameter(145, "points across it", ge=16)
    reynolds: float = parameter(100.0, "Reynolds number U D / ν", gt=0)
    length: float = parameter(24.0, "length of the box; about a third of it lies upstream", "D", gt=0)
    height: float = parameter(16.0, "height of the box, between planes of symmetry", "D", gt=0)
    gather: float = parameter(0.65, "spacings are 1 − gather at the cylinder … 1 + gather times the mean", ge=0, lt=1)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    settled: float = parameter(80.0, "model time from which the frequency and means are taken", "D/U", ge=0)
    t_end: float = parameter(130.0, "end of the run", "D/U", gt=0)


run = begin(CylinderWake)
p = run.parameters


stretch = tp.Gathered(p.gather, 0.4)
upstream = p.length * float(stretch(np.array(0.4)))
x = tp.Axis(p.nx, -upstream, p.length - upstream, mapping=stretch)
y = tp.Axis(p.ny, -p.height / 2, p.height / 2, bc=tp.FreeSlip(), mapping=tp.Gathered(p.gather))
space = tp.Space(tp.Grid(x, y), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end), ("u", "vorticity", "mean", "rms"))]
run.plan(
    space, 22, state={"u": 2, "sums": 5}, streams=streams, derived={"vorticity": 1, "mean": 2, "rms": 2}, t_end=p.t_end
)
step, nu = max(x.dx.min(), y.dx.min()), 1 / p.reynolds
cylinder = Penalization(lambda x, y: smooth_mask(np.hypot(x, y) - 0.5, 2 * step), time=(0.2 * step) ** 2 / nu)
width = p.length / 8  # of the fringe, where the stream leaves and enters
middle = x.hi - width
fringe = Penalization(lambda x, y: np.maximum(1 - ((x - middle) / width) ** 2, 0) + 0 * y, (1.0, 0.0), time=0.3)
flow = tp.pde.NavierStokes(space, nu, cfl=p.cfl, penalizations=[cylinder, fringe])
kick = space.field(lambda x, y: [1.0, 0.3 * np.exp(-((x - 2) ** 2) - y**2)], lead=(2,))
state = run.restore({"u": flow.project(kick), "sums": tp.pde.PointStatistics.empty(space)})
statistics = tp.pde.PointStatistics(state["sums"], run.attributes.setdefault("statistics", {}))
out = run.output(space)
wake = space.field(lambda x, y: np.exp(-4 * (x - 2.5) ** 2 - 4 * y**2))


def record(step: int, time: float) -> dict[str, float] | None:
    """The cross-flow behind the cylinder every fifth step, diagnostics every hundredth."""
    if step % 5:
        return None
    signal = (wake * state["u"][1]).integral()
    found = flow.diagnostics(state["u"]) if step % 100 == 0 else {"divergence": np.nan}
    out.diagnostics(step, time, signal=signal, divergence=found["divergence"])
    return {"signal": signal}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record):
    flow.step(state["u"], clock.dt, clock.time)
    if clock.time >= p.settled:
        statistics.add(state["u"], clock.dt)
shown = {"vorticity": flow.vorticity(state["u"])}
mean, rms = ([of(i) for i in range(2)] for of in (statistics.mean, statistics.rms))
out.write(run.step, run.time, force=True, u=state["u"], mean=mean, rms=rms, **shown)
shown |= {"mean u": mean[0], "rms v": rms[1]} if statistics.weight else {}
whole = {name: field.gather() for name, field in shown.items()}
divergence = flow.diagnostics(state["u"])["divergence"]


def report(done):
    """The frequency of the wake, its vorticity and its means."""
    time, signal = done.series("signal")
    t, s = time[time >= p.settled], signal[time >= p.settled]
    up = np.flatnonzero((s[:-1] < 0) & (s[1:] >= 0))
    periods = np.diff(t[up] - s[up] * (t[up + 1] - t[up]) / (s[up + 1] - s[up]))
    panel = plot.Panel({"behind the cylinder": (time, signal)}, {}, "t [D/U]", "cross-flow")
    plot.panels([panel], done.out / "signal.png", f"Cylinder, Re = {p.reynolds:g}")
    rows = [[plot.Plane(x.x, y.x, np.clip(values, -3, 3), "x", "y", name)] for name, values in whole.items()]
    plot.planes(rows, done.out / "wake.png")
    if len(periods):
        strouhal, others = 1 / periods.mean(), known.CYLINDER_STROUHAL
        deviation = f"measured by others {others}, {100 * (strouhal / others - 1):+.2f} %"
        print(f"{len(periods)} periods from {periods.min():.4f} to {periods.max():.4f}")
        print(f"Strouhal number {strouhal:.5f}", deviation if p.reynolds == 100 else "")
    if statistics.weight:
        along = np.array([np.interp(0.0, y.x, line) for line in whole["mean u"]])
        k = np.flatnonzero((x.x[1:] > 0.5) & (along[:-1] < 0) & (along[1:] >= 0))[:1]
        length = (x.x[k] - along[k] * (x.x[k + 1] - x.x[k]) / (along[k + 1] - along[k]) - 0.5).sum()  # 0 without any
        print(f"means over {statistics.weight:.1f} D/U: backflow on the axis up to {length:.3f} D behind the body")
    print(f"max |div u| {divergence:.1e}")


run.finish(report)
