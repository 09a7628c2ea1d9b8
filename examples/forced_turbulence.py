"""Two-dimensional turbulence on a torus, stirred at random at one scale, damped by viscosity and drag.

mpirun -n 4 python examples/forced_turbulence.py --n 256 --out out/forced_turbulence
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Turbulence(Parameters):
    """∂ω/∂t + u·∇ω = ν ∇²ω − α ω + f on (0, 2π)²; f white in time, on a ring of wavenumbers, with a given power."""

    n: int = parameter(256, "points per axis", ge=16)
    t_end: float = parameter(60.0, "end of the run", gt=0)
    dt: float = parameter(0.005, "time step", gt=0)
    nu: float = parameter(1e-3, "viscosity ν", ge=0)
    drag: float = parameter(0.05, "α", ge=0)
    power: float = parameter(0.1, "ε: energy that the force puts in per time and area", ge=0)
    k_force: float = parameter(10.0, "middle of the ring of wavenumbers that are forced", gt=1)
    seed: int = parameter(0, "of the random force", ge=0)
    fields_every: float = parameter(10.0, "model time between snapshots", gt=0)
    statistics_every: int = parameter(20, "steps between the instants that means over time are taken of", ge=1)


run = begin(Turbulence)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 2 * np.pi)
space = tp.Space(tp.Grid(axis, axis), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 24, state={"modes": 2}, streams=streams, derived={"vorticity": 1, "u": 2}, t_end=p.t_end)
flow = tp.pde.Vorticity(space, p.nu, p.drag)
whole = np.hypot(*np.meshgrid(*[np.arange(-p.n // 2, p.n // 2)] * 2))
ring = np.abs(whole - p.k_force) < 1  # so many modes share the power: dE/dt = Σ ½ E|f̂|²/k²
force = tp.pde.RandomField(space, lambda k: 2 * p.power * k**2 * (np.abs(k - p.k_force) < 1) / ring.sum())
state = run.restore({"modes": flow.start(space.zeros())})
run.attributes.setdefault("injected", 0.0)
statistics = tp.pde.Means(run.attributes.setdefault("statistics", {}))
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output, diagnostics and, in the second half of the run, means over time."""
    modes = state["modes"]
    out.write(step, time, vorticity=lambda: flow.vorticity(modes), u=lambda: flow.velocity(modes))
    found = flow.diagnostics(modes) | {"injected": run.attributes["injected"]}
    out.diagnostics(step, time, **found)
    if time >= p.t_end or (time >= p.t_end / 2 and step % p.statistics_every == 0):
        statistics.take(p.dt, found | {"spectrum": flow.spectrum(modes)[1]})
    return {"E": found["energy"], "Z": found["enstrophy"]}


for clock in run.loop(state, p.t_end, p.dt, record):
    modes = flow.step(state["modes"], clock.dt, clock.time)
    before = flow.diagnostics(modes)["energy"]
    modes += force.modes(p.seed, clock.step) * np.sqrt(clock.dt)  # the same kick in a resumed run, on any ranks
    run.attributes["injected"] += flow.diagnostics(modes)["energy"] - before
k = flow.spectrum(state["modes"])[0]


def report(done):
    """The balance of power in the second half, the mean spectrum, and the vorticity."""
    time, energy, viscous, friction, put_in = done.series("energy", "dissipation", "friction", "injected")
    late = time >= p.t_end / 2
    span = np.ptp(time[late])
    rate, change = (np.ptp(y[late][[0, -1]]) * np.sign(y[-1] - y[late][0]) / span for y in (put_in, energy))
    lost = {name: np.trapezoid(y[late], time[late]) / span for name, y in (("viscosity", viscous), ("drag", friction))}
    powers = {"force": rate, "asked for": p.power, "dE/dt": change} | {name: -y for name, y in lost.items()}
    done.table({"power per area": list(powers), f"from t = {time[late][0]:g} on": list(powers.values())}, ".6f")
    print(f"what does not balance: {abs(1 - (change + sum(lost.values())) / rate):.1e} of the force's power")
    means = {name: statistics[name] for name in statistics.names}
    done.keep("statistics", run.step, run.time, ("wavenumber", k), **means)
    print(f"means of {statistics.weight / p.dt:.0f} instants: energy {means['energy']:.6f}, "
          f"in the spectrum {means['spectrum'].sum() * k[0]:.6f}")  # fmt: skip
    plot.spectra({"mean": (k, means["spectrum"])}, done.out / "spectrum.png", title="Energy spectrum")
    plot.lines({"energy": (time, energy)}, "t", done.out / "energy.png")
    done.draw("vorticity.png", "vorticity")


run.finish(report)
