"""Flow between plates at constant mass flux: turbulent at Re_τ = 180; its laminar and its linear limit beside theory.

mpirun -n 4 python examples/channel.py --out out/channel
python examples/channel.py --case linear --nx 16 --length 6.283185 --reynolds 7500 --cfl 0.3 --t-end 25 --out out/wave
"""

import math
from typing import Literal

import numpy as np

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Channel(Parameters):
    """Units: half the height h, and 3/2 of the mean velocity, which is the speed in the middle of the laminar flow."""

    case: Literal["turbulent", "laminar", "linear"] = parameter(
        "turbulent",
        "laminar: a plug becomes the parabola; linear: the wave of Orr and Sommerfeld on it; both in a plane",
    )
    nx: int = parameter(32, "points along the stream", ge=6)
    ny: int = parameter(65, "points across it, without those on the walls", ge=9)
    nz: int = parameter(32, "points along the span", ge=6)
    length: float = parameter(math.pi, "of the box along the stream", "h", gt=0)
    width: float = parameter(0.34 * math.pi, "of the box along the span", "h", gt=0)
    stretching: float = parameter(1.8, "β of Tanh(β), by which points gather at the walls", gt=0)
    reynolds: float = parameter(4200.0, "speed × h / ν; 4200 gives Re_τ = 180 where the flow is turbulent", gt=0)
    amplitude: float = parameter(0.2, "of the first disturbance; of the wave a thousandth of it", gt=0)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    settled: float = parameter(60.0, "model time from which statistics are taken", ge=0)
    every: int = parameter(10, "steps between two samples, and between diagnostics", ge=1)
    t_end: float = parameter(150.0, "end of the run", gt=0)


run = begin(Channel)
p = run.parameters
x = tp.Axis(p.nx, 0.0, p.length)
y = tp.Axis(p.ny, -1.0, 1.0, bc=tp.NoSlip(), mapping=tp.Tanh(p.stretching))
z = tp.Axis(p.nz, 0.0, p.width)
space = tp.Space(tp.Grid(x, y, z) if p.case == "turbulent" else tp.Grid(x, y), run.comm)
d = space.ndim
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end))]
run.plan(space, 8 * d, state={"u": d}, streams=streams, t_end=p.t_end)
parabola = space.field(lambda *at: [1 - at[1] ** 2 + 0 * sum(at), *[0.0] * (d - 1)], lead=(d,))
flux = tp.pde.ConstantFlux(parabola[0].mean())
flow = tp.pde.NavierStokes(space, 1 / p.reynolds, force=flux, cfl=p.cfl, implicit=(1,))
if p.case == "turbulent":
    start = tp.pde.cases.disturbed_channel(space, p.amplitude)
elif p.case == "laminar":
    start = space.field(lambda x, y: [flux.mean, 0.0], lead=(2,))
else:
    alpha = 2 * np.pi / p.length
    c, u_hat, v_hat = tp.pde.cases.orr_sommerfeld(p.reynolds, alpha)
    wave = space.field(lambda x, y: [(f(y) * np.exp(1j * alpha * x)).real for f in (u_hat, v_hat)], lead=(2,))
    quarter = space.field(lambda x, y: (v_hat(y) * np.exp(1j * alpha * x)).imag)  # a quarter of a wave behind
    start = parabola + 1e-3 * p.amplitude * wave
state = run.restore({"u": flow.project(start)})
statistics = tp.pde.FlowStatistics(flow, [a for a in range(d) if a != 1], run.attributes.setdefault("statistics", {}))
out = run.output(space)


def record(step: int, time: float) -> dict[str, float] | None:
    """Diagnostics, and of the wave its amplitude and phase."""
    if step % p.every and time < p.t_end:
        return None
    u = state["u"]
    found = flow.diagnostics(u) | {"force": flux.force, "mean": u[0].mean(), "departure": (u - parabola).norm()}
    if p.case == "linear":
        amplitude = u[1].dot(wave[1]) + 1j * u[1].dot(quarter)
        found |= {"log_amplitude": np.log(np.abs(amplitude)), "phase": np.angle(amplitude)}
    out.diagnostics(step, time, **found)
    return {"E": found["energy"], "force": flux.force, "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record):
    flow.step(state["u"], clock.dt, clock.time)
    if clock.step % p.every == 0 and clock.time >= p.settled:
        statistics.add(state["u"], clock.dt, clock.time + clock.dt)
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


def turbulent(done):
    """Profiles in wall units beside those of Moser, Kim and Mansour, the balance of forces, the budget."""
    if statistics.statistics.weight == 0:
        print(f"no statistics: the run ended at t = {run.time:g}, they were to begin at --settled {p.settled:g}")
        return
    time, force = done.series("force")
    nu, half = flow.nu, (p.ny + 1) // 2
    u_tau = math.sqrt(sum(statistics.wall_stress()) / 2)
    height = (y.x[:half] + 1) * u_tau / nu

    def folded(profile, sign=1):
        """The mean of both halves."""
        return 0.5 * (profile + sign * profile[::-1])[:half]

    mean = folded(statistics.mean(0)) / u_tau
    stresses = {f"{name}_rms": np.sqrt(folded(statistics.stress(i, i))) / u_tau for i, name in enumerate("uvw")}
    stresses["-uv"] = -folded(statistics.stress(0, 1), -1) / u_tau**2
    budget = {name: folded(term) * nu / u_tau**4 for name, term in statistics.budget().items()}
    here = np.interp(known.CHANNEL_Y, [0, *height], [0, *mean])
    done.table({"y+": known.CHANNEL_Y, "U+": here, "Moser": known.CHANNEL_U,
                "%": 100 * (here / known.CHANNEL_U - 1)}, [".2f", ".3f", ".3f", "+.2f"])  # fmt: skip
    done.table({"largest": list(stresses), "": [f.max() for f in stresses.values()],
                "at y+": [height[f.argmax()] for f in stresses.values()],
                "Moser": [known.CHANNEL_PEAKS[name] for name in stresses]}, ".3g")  # fmt: skip
    print(f"Re_tau {u_tau / nu:.2f}, Moser, Kim and Mansour {known.CHANNEL_RE_TAU}")
    print(f"U+ / y+ {mean[0] / height[0]:.4f} at y+ = {height[0]:.2f}")
    print(f"statistics over {statistics.statistics.weight * p.every * u_tau:.1f} h/u_tau: force / wall stress "
          f"{force[time >= p.settled].mean() / u_tau**2:.4f}, sum of the budget / largest production "
          f"{np.abs(sum(budget.values())).max() / budget['production'].max():.3f}")  # fmt: skip
    profiles = {f"{'uvw'[i]}{'uvw'[j]}": statistics.stress(i, j) for i, j in ((0, 0), (1, 1), (2, 2), (0, 1))}
    done.keep("statistics", run.step, run.time, ("y", y.x), u=statistics.mean(0), **profiles, **statistics.budget())
    layer = int(np.abs(height - 15).argmin())
    energies = {
        f"along {n}": sum(statistics.spectrum(i, a)[1:, layer] for i in range(3)) for a, n in ((0, "x"), (2, "z"))
    }
    law = {"U⁺ = y⁺": (np.linspace(1, 12), np.linspace(1, 12))}
    others = {"Moser, Kim, Mansour": (known.CHANNEL_Y, known.CHANNEL_U)}
    panels = [
        plot.Panel({f"Re_τ = {u_tau / nu:.1f}": (height, mean), **law}, others, "y⁺", "U⁺", "log x"),
        plot.Panel({name: (height, f) for name, f in stresses.items()}, {}, "y⁺", "in wall units"),
        plot.Panel({name: (height, f) for name, f in budget.items()}, {}, "y⁺", "budget of k, in wall units"),
        plot.Panel({n: (np.arange(1, len(e) + 1), e) for n, e in energies.items()}, {}, "mode",
                   f"energy at y⁺ = {height[layer]:.0f}", "log"),
    ]  # fmt: skip
    plot.panels(panels, done.out / "profiles.png", "Turbulent channel")
    near = plot.Plane(x.x, z.x, whole[0, :, layer], "x", "z", f"u at y⁺ = {height[layer]:.0f}")
    upright = plot.Plane(x.x, y.x, whole[0, :, :, 0], "x", "y", "u on an upright plane")
    plot.planes([[near], [upright]], done.out / "flow.png", "Turbulent channel")


def report(done):
    """What the case is compared with."""
    {"laminar": laminar, "linear": linear, "turbulent": turbulent}[p.case](done)
    print(f"max |div u| {done.series('divergence')[1].max():.1e}")


run.finish(report)
