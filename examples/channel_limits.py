"""Flow between plates at constant mass flux in a plane, its laminar and its linear limit beside theory.

python examples/channel_limits.py --out out/laminar
python examples/channel_limits.py --case linear --config examples/channel_limits.toml --out out/wave
"""

import math
from typing import Literal

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class ChannelLimits(Parameters):
    """Units: half the height h, and 3/2 of the mean velocity, which is the speed in the middle of the laminar flow."""

    case: Literal["laminar", "linear"] = parameter(
        "laminar", "laminar: a plug becomes the parabola; linear: the wave of Orr and Sommerfeld on it"
    )
    nx: int = parameter(6, "points along the stream", ge=6)
    ny: int = parameter(21, "points across it, without those on the walls", ge=9)
    length: float = parameter(math.pi, "of the box along the stream", "h", gt=0)
    stretching: float = parameter(1.8, "β of Tanh(β), by which points gather at the walls", gt=0)
    reynolds: float = parameter(10.0, "speed × h / ν", gt=0)
    amplitude: float = parameter(2e-4, "of the wave", gt=0)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    every: int = parameter(10, "steps between diagnostics", ge=1)
    t_end: float = parameter(10.0, "end of the run", gt=0)


run = begin(ChannelLimits)
p = run.parameters
x = tp.Axis(p.nx, 0.0, p.length)
y = tp.Axis(p.ny, -1.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(p.stretching))
space = tp.Space(tp.Grid(x, y), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end))]
run.plan(space, 16, state={"u": 2}, streams=streams, t_end=p.t_end)
parabola = space.field(lambda x, y: [1 - y**2 + 0 * x, 0.0], lead=(2,))
flux = tp.pde.ConstantFlux(parabola[0].mean())
flow = tp.pde.NavierStokes(space, 1 / p.reynolds, force=flux, cfl=p.cfl, implicit=(1,))
alpha = 2 * np.pi / p.length
c, u_hat, v_hat = tp.pde.cases.orr_sommerfeld(p.reynolds, alpha)
wave = space.field(lambda x, y: [(f(y) * np.exp(1j * alpha * x)).real for f in (u_hat, v_hat)], lead=(2,))
quarter = space.field(lambda x, y: (v_hat(y) * np.exp(1j * alpha * x)).imag)  # a quarter of a wave behind
plug = space.field(lambda x, y: [flux.mean, 0.0], lead=(2,))
state = run.restore({"u": flow.project(plug if p.case == "laminar" else parabola + p.amplitude * wave)})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float] | None:
    """Diagnostics, the distance from the parabola, and amplitude and phase of the wave."""
    if step % p.every and time < p.t_end:
        return None
    u = state["u"]
    found = flow.diagnostics(u) | {"force": flux.force, "mean": u[0].mean(), "departure": (u - parabola).norm()}
    if p.case == "linear":
        amplitude = u[1].dot(wave[1]) + 1j * u[1].dot(quarter)
        found |= {"log_amplitude": np.log(np.abs(amplitude)), "phase": np.angle(amplitude)}
    out.diagnostics(step, time, **found)
    return {"departure": found["departure"], "force": flux.force, "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record):
    flow.step(state["u"], clock.dt, clock.time)
out.write(run.step, run.time, force=True, u=state["u"])
whole = state["u"].gather()


def laminar(done):
    """The profile beside the parabola, and the force beside 2ν."""
    u, exact, few = whole[0].mean(axis=0), 1 - y.x**2, slice(None, None, max(p.ny // 10, 1))
    done.table({"y": y.x[few], "u": u[few], "1 - y²": exact[few]}, ".6f")
    print(f"largest difference: {np.abs(u - exact).max():.2e}, force / 2ν: {flux.force * p.reynolds / 2:.8f}")
    plot.panels([plot.Panel({"reached": (u, y.x)}, {"1 − y²": (exact, y.x)}, "u", "y")], done.out / "profile.png")


def linear(done):
    """Growth rate and speed of the wave, from the second half of the run."""
    time, size, phase = done.series("log_amplitude", "phase")
    late = time > p.t_end / 2
    growth, speed = (np.polyfit(time[late], f[late], 1)[0] for f in (size, np.unwrap(phase) / alpha))
    theory = alpha * c.imag
    print(f"growth rate {growth:.8f}, theory {theory:.8f}, {100 * (growth / theory - 1):+.4f} %")
    print(f"speed {speed:.8f}, theory {c.real:.8f}, {100 * (speed / c.real - 1):+.4f} %")
    panel = plot.Panel({"measured": (time, size - size[0])}, {"theory": (time[::5], theory * time[::5])}, "t", "growth")
    plot.panels([panel], done.out / "growth.png", f"Logarithm of the wave's amplitude, Re = {p.reynolds:g}")
    plot.planes([[plot.Plane(x.x, y.x, whole[1], "x", "y", "v")]], done.out / "wave.png")


def report(done):
    """What the case is compared with."""
    {"laminar": laminar, "linear": linear}[p.case](done)
    print(f"max |div u| {done.series('divergence')[1].max():.1e}")


run.finish(report)
