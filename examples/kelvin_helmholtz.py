"""Kelvin–Helmholtz: a layer between two streams rolls up and winds dye into it; its first growth beside linear theory.

python examples/kelvin_helmholtz.py --out out/kelvin_helmholtz
"""

import numpy as np

import tensorpde as tp
from tensorpde.pde import stability
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class KelvinHelmholtz(Parameters):
    """U = tanh y on one or more of its fastest waves; units: half the layer's width, half the difference of speeds."""

    nx: int = parameter(96, "points along the streams", ge=8)
    ny: int = parameter(129, "points across them, those on the walls included", ge=16)
    waves: int = parameter(1, "waves in the box", ge=1)
    alpha: float = parameter(stability.MICHALKE[0], "wavenumber; the fastest wave by default", gt=0, lt=1)
    height: float = parameter(10.0, "of the free-slip walls above and below the layer", gt=2)
    gather: float = parameter(0.6, "spacings are 1 − gather in the layer … 1 + gather times the mean", ge=0, lt=1)
    reynolds: float = parameter(400.0, "1/ν", gt=0)
    schmidt: float = parameter(1.0, "ν / κ of the dye", gt=0)
    amplitude: float = parameter(1e-4, "largest v of the wave at the start", gt=0)
    linear: float = parameter(2e-3, "root mean square of v up to which the growth rate is taken", gt=0)
    cfl: float = parameter(0.5, "time step as a fraction of the stability limit", gt=0, le=1)
    t_end: float = parameter(80.0, "end of the run", gt=0)
    fields_every: float = parameter(10.0, "model time between snapshots", gt=0)


run = begin(KelvinHelmholtz)
p = run.parameters
x = tp.Axis(p.nx, 0.0, 2 * np.pi * p.waves / p.alpha)
y = tp.Axis(p.ny, -p.height, p.height, bc=tp.FreeSlip(), mapping=tp.Gathered(p.gather))
space = tp.Space(tp.Grid(x, y), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 20, state={"state": 3}, streams=streams, derived={"vorticity": 1, "dye": 1, "u": 2}, t_end=p.t_end)
nu = 1 / p.reynolds
stream, bend = np.tanh, lambda y: -2 * np.tanh(y) / np.cosh(y) ** 2
mode = tp.pde.LayerMode(stream, bend, p.alpha, nu, p.height)


def hold(factor):
    """What keeps the layer from spreading by itself, as the linear theory takes it."""
    return lambda x, y: -factor * bend(y) + 0 * x


dye = tp.pde.Scalar(nu / p.schmidt, source=hold(nu / p.schmidt), name="dye")
flow = tp.pde.NavierStokes(space, nu, cfl=p.cfl, force=[hold(nu), 0.0], scalars=[dye])


def disturbed(x, y):
    """The layer, with dye of the same profile, and a little of the wave on it."""
    wave = p.amplitude * np.exp(1j * p.alpha * x)
    return [stream(y) + (wave * mode.u(y)).real, (wave * mode.v(y)).real, stream(y) + 0 * x]


state = run.restore({"state": flow.project(space.field(disturbed, lead=(3,)))})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Snapshots and diagnostics, with the root mean square of v."""
    v = state["state"]
    out.write(step, time, vorticity=lambda: flow.vorticity(v), dye=v[2], u=v[:2])
    found = flow.diagnostics(v) | {"wave": np.sqrt((v[1] * v[1]).mean())}
    out.diagnostics(step, time, **found)
    return {"wave": found["wave"], "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["state"]), record):
    flow.step(state["state"], clock.dt, clock.time)


def report(done):
    """The growth rate beside linear theory, and pictures of the layer rolled up."""
    time, wave, variance, divergence = done.series("wave", "dye_variance", "divergence")
    early = np.arange(len(time)) < np.argmax(np.append(wave, np.inf) > p.linear)
    rate = np.polyfit(time[early], np.log(wave[early]), 1)[0]
    theory = {"linear theory with friction": mode.rate.real, "Michalke, without friction": stability.MICHALKE[1]}
    print(f"growth rate {rate:.6f}")
    done.table({"beside": list(theory), "": list(theory.values()),
                "deviation": [f"{100 * (rate / one - 1):+.4f} %" for one in theory.values()]})  # fmt: skip
    print(f"from t = 0 to {time[early][-1]:.3g}; variance of the dye {variance[0]:.6g} → {variance[-1]:.6g}")
    line = wave[0] * np.exp(mode.rate.real * time)
    curves = {"computed": (time, wave), "linear theory": (time[line < 1], line[line < 1])}
    panel = plot.Panel(curves, {}, "t", "root mean square of v", "log y")
    plot.panels([panel], done.out / "growth.png", f"Kelvin–Helmholtz, Re = {p.reynolds:g}")
    done.draw("layer.png", "vorticity", "dye")
    print(f"max |div u| {divergence.max():.1e}")


run.finish(report)
