"""Two-dimensional turbulence on a torus, stirred at random at one scale, damped by viscosity and drag.

mpirun -n 4 python examples/forced_turbulence.py --n 256 --out out/forced_turbulence
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import pictures, plot
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


run = begin(Turbulence)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 2 * np.pi)
space = tp.Space(tp.Grid(axis, axis), run.comm)
stream = tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")
run.plan(space, 24, state={"modes": 2}, streams=[stream], derived={"vorticity": 1, "u": 2}, t_end=p.t_end)
flow = tp.pde.Vorticity(space, p.nu, p.drag)
whole = np.hypot(*np.meshgrid(*[np.arange(-p.n // 2, p.n // 2)] * 2))
ring = np.abs(whole - p.k_force) < 1  # so many modes share the power: dE/dt = Σ ½ E|f̂|²/k²
force = tp.pde.RandomField(space, lambda k: 2 * p.power * k**2 * (np.abs(k - p.k_force) < 1) / ring.sum())
state = run.restore({"modes": flow.start(space.zeros())})
run.attributes.setdefault("injected", 0.0)
out = run.output(space, stream)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step."""
    modes = state["modes"]
    out.write(step, time, vorticity=lambda: flow.vorticity(modes), u=lambda: flow.velocity(modes))
    found = flow.diagnostics(modes) | {"injected": run.attributes["injected"]}
    out.diagnostics(step, time, **found)
    return {"E": found["energy"], "Z": found["enstrophy"]}


for clock in run.loop(state, p.t_end, dt=p.dt, record=record):
    modes = flow.step(state["modes"], clock.dt, clock.time)
    before = flow.diagnostics(modes)["energy"]
    modes += force.modes(p.seed, clock.step) * np.sqrt(clock.dt)  # the same kick in a resumed run, on any ranks
    run.attributes["injected"] += flow.diagnostics(modes)["energy"] - before
out.close()
if run.comm.rank == 0:
    series = {name: tp.io.load(run.out / "diagnostics.h5", name) for name in ("energy", "dissipation", "friction")}
    time = series["energy"].coordinates["time"]
    put_in = tp.io.load(run.out / "diagnostics.h5", "injected").values
    energy, viscous, friction = (series[name].values for name in series)
    half = len(time) // 2
    span = time[-1] - time[half]
    rates = {"viscosity": viscous, "drag": friction}
    lost = {name: np.trapezoid(y[half:], time[half:]) / span for name, y in rates.items()}
    rate, change = (put_in[-1] - put_in[half]) / span, (energy[-1] - energy[half]) / span
    print(f"power per area from t = {time[half]:g} on: force {rate:.6f} (asked for {p.power:g}), "
          + ", ".join(f"{name} {-y:.6f}" for name, y in lost.items()) + f", dE/dt {change:.6f}")  # fmt: skip
    print(f"what does not balance: {abs(1 - (change + sum(lost.values())) / rate):.1e} of the force's power")
    last = sorted(run.out.glob("fields_*.h5"))[-1]
    print(pictures.draw(last, run.out / "vorticity.png", ["vorticity"]))
    print(pictures.draw(last, run.out / "spectrum.png", ["u_x", "u_y"], spectrum=True))
    plot.lines({"energy": (time, energy)}, "t", run.out / "energy.png")
run.finish()
