"""Onset of convection between plates heated from below: the Rayleigh number at which disturbances begin to grow.

python examples/rayleigh_benard.py --out out/rayleigh_benard
"""

import numpy as np

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class RayleighBenard(Parameters):
    """Two layers of height 1, one below and one above onset; times in units of height² over diffusivity of heat."""

    nx: int = parameter(16, "points along one wavelength", ge=4)
    ny: int = parameter(32, "points across the layer, without those on the plates", ge=8)
    below: float = parameter(1650.0, "Rayleigh number of the first layer", gt=0)
    above: float = parameter(1770.0, "Rayleigh number of the second layer", gt=0)
    prandtl: float = parameter(1.0, "Prandtl number", gt=0)
    amplitude: float = parameter(1e-4, "temperature of the first disturbance", gt=0)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    t_end: float = parameter(1.0, "end of the run; rates are those of its second half", gt=0)


run = begin(RayleighBenard)
p = run.parameters
x = tp.Axis(p.nx, 0.0, 2 * np.pi / known.CRITICAL_WAVENUMBER)
y = tp.Axis(p.ny, 0.0, 1.0, bc=tp.NoSlip())
space = tp.Space(tp.Grid(x, y), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end), ("u", "disturbance"))]
run.plan(space, 40, state={"below": 3, "above": 3}, streams=streams, derived={"u": 2, "disturbance": 1}, t_end=p.t_end)
plates = {1: (tp.Dirichlet(1.0), tp.Dirichlet(0.0))}
flows = {
    name: tp.pde.NavierStokes(
        space, nu=p.prandtl, cfl=p.cfl, scalars=[tp.pde.Scalar(1.0, plates, buoyancy=(0.0, rayleigh * p.prandtl))]
    )
    for name, rayleigh in (("below", p.below), ("above", p.above))
}


def disturbed(x: np.ndarray, y: np.ndarray) -> list:
    """Conduction, and a little of the first mode on it."""
    mode = np.cos(known.CRITICAL_WAVENUMBER * x) * np.sin(np.pi * y)
    return [0.0, 0.0, 1 - y + p.amplitude * mode]


state = run.restore({name: space.field(disturbed, lead=(3,)) for name in flows})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float] | None:
    """Energies and divergence of both layers, every tenth step."""
    if step % 10 and time < p.t_end:
        return None
    found = {name: flow.diagnostics(state[name]) for name, flow in flows.items()}
    energies = {f"energy_{name}": values["energy"] for name, values in found.items()}
    divergence = max(values["divergence"] for values in found.values())
    out.diagnostics(step, time, **energies, divergence=divergence)
    return energies | {"div": divergence}


def dt() -> float:
    """One step for both; friction limits it, the disturbance is weak."""
    return min(flow.dt(state[name]) for name, flow in flows.items())


for clock in run.loop(state, p.t_end, dt, record):
    for name, flow in flows.items():
        flow.step(state[name], clock.dt, clock.time)
layer = state["above"]
conduction = space.field(lambda x, y: 1 - y + 0 * x)
out.write(run.step, run.time, force=True, u=layer[:2], disturbance=layer[2] - conduction)


def report(done):
    """Growth rates and the Rayleigh number where they change sign."""
    time, *energies, divergence = done.series(*(f"energy_{name}" for name in flows), "divergence")
    late = time > p.t_end / 2
    numbers = [p.below, p.above]
    rates = [0.5 * np.polyfit(time[late], np.log(energy[late]), 1)[0] for energy in energies]
    done.table({"Ra": numbers, "growth rate": rates}, [".2f", "+.6f"])
    critical = p.below - rates[0] * (p.above - p.below) / (rates[1] - rates[0])
    deviation = 100 * (critical / known.CRITICAL_RAYLEIGH - 1)
    print(f"onset at Ra = {critical:.3f}; linear theory {known.CRITICAL_RAYLEIGH}, {deviation:+.4f} %")
    curves = {f"Ra = {r:g}": (time[1:], energy[1:]) for r, energy in zip(numbers, energies, strict=True)}
    onset = {"theory": (np.array([known.CRITICAL_RAYLEIGH]), np.zeros(1))}
    panels = [
        plot.Panel(curves, {}, "t", "kinetic energy", "log y"),
        plot.Panel({"measured": (numbers, rates)}, onset, "Ra", "growth rate"),
    ]
    plot.panels(panels, done.out / "onset.png", "Onset of convection")
    done.draw("cells.png", "u_y", "disturbance")
    print(f"max |div u| {divergence.max():.1e}")


run.finish(report)
