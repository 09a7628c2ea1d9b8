"""Direct numerical simulation of the Taylor–Green vortex at Re = 1600 with sixth-order compact schemes.

mpirun -n 4 python examples/taylor_green.py --n 64 --t-end 20 --out out/taylor_green
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter

# −dE/dt of the 512³ DNS by Dairay, Lamballais, Laizet, Vassilicos, J. Comput. Phys. 337 (2017) 252; peak at 8.98
DNS_TIME = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 8.98, 10.0, 12.0, 15.0, 20.0]
DNS_RATE = [5.188e-4, 7.076e-4, 1.1265e-3, 2.0662e-3, 4.1271e-3, 5.5309e-3, 7.3648e-3,
            1.03730e-2, 1.28565e-2, 1.12727e-2, 8.3628e-3, 4.3384e-3, 1.8695e-3]  # fmt: skip


class TaylorGreen(Parameters):
    """The Taylor–Green vortex on a periodic box of side 2π."""

    n: int = parameter(64, "points per axis", ge=4)
    t_end: float = parameter(20.0, "end of the run", "L/V", gt=0)
    reynolds: float = parameter(1600.0, "Reynolds number V L / ν", gt=0)
    cfl: float = parameter(0.5, "time step as a fraction of the stability limit", gt=0, le=1)
    fields_every: float = parameter(5.0, "model time between snapshots of all fields", "L/V", gt=0)
    reference: str = parameter("", "file with columns t, E, −dE/dt to compare with, instead of a few values of the DNS")
    start_from: str = parameter("", "snapshot fields_….h5 of another run, on any grid, to start from at t = 0")
    slices_every: float = parameter(0.5, "model time between slices at x = 0", "L/V", gt=0)


run = begin(TaylorGreen)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 2 * np.pi, bc=tp.Periodic())
space = tp.Space(tp.Grid(axis, axis, axis), run.comm, p.backend)
streams = [
    tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32"),
    tp.io.Stream("slice", tp.io.Every(time=p.slices_every), ("vorticity",), "float32", slices={"x": 0.0}),
]
run.plan(space, 23, state={"u": 3}, streams=streams, derived={"vorticity": 3, "q": 1}, t_end=p.t_end)
flow = tp.pde.NavierStokes(space, nu=1 / p.reynolds, cfl=p.cfl)
start = tp.io.read(p.start_from, "u", space) if p.start_from else tp.pde.cases.taylor_green(space)
state = run.restore({"u": flow.project(start)})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float] | None:
    """Output and diagnostics of one step."""
    u = state["u"]
    out.write(step, time, u=u, vorticity=lambda: flow.vorticity(u), q=lambda: flow.q_criterion(u))
    if step % 5 and time < p.t_end:
        return None
    found = flow.diagnostics(u)
    out.diagnostics(step, time, **found)
    return {"E": found["energy"], "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record):
    state["u"] = flow.step(state["u"], clock.dt, clock.time)


def report(done):
    """The dissipation beside the direct numerical simulation."""
    time, energy, loss, divergence = done.series("energy", "dissipation", "divergence")
    known = np.loadtxt(p.reference, usecols=(0, 2)).T if p.reference else np.array([DNS_TIME, DNS_RATE])
    plot.compare(
        {f"{p.n}³": (time, loss)}, ("DNS, 512³", *known), done.out / "dissipation.png",
        y_label="−dE/dt [V³/L]", x_label="t [L/V]", title=f"Taylor–Green vortex, Re = {p.reynolds:g}",
    )  # fmt: skip
    shown, dns = np.array([DNS_TIME, DNS_RATE])[:, np.array(DNS_TIME) <= p.t_end]
    e, rate, slope = (np.interp(shown, time, y) for y in (energy, loss, -np.gradient(energy, time)))
    done.table({"t": shown, "E": e, "−dE/dt": rate, "of E(t)": slope, "DNS": dns,
                "deviation [%]": 100 * (rate / dns - 1)}, [".2f", ".6f", ".3e", ".3e", ".3e", ".2f"])  # fmt: skip
    print(f"peak {loss.max():.6f} at t = {time[loss.argmax()]:.2f}; DNS 0.012857 at t = 8.98")
    done.draw("spectrum.png", "u_x", "u_y", "u_z", spectrum=True)
    print(f"max |div u| {divergence.max():.1e}")


run.finish(report)
