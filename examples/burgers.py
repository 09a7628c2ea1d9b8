"""Burgers' equation in one to three dimensions beside the exact solution of Cole and Hopf.

mpirun -n 4 python examples/burgers.py --ndim 2 --n 128 --out out/burgers
"""

import numpy as np

import tensorpde as tp
from tensorpde.pde.burgers import cole_hopf
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Burgers(Parameters):
    """∂u/∂t + u·∇u = ν ∇²u on (0, 2π)^d from u = −2ν ∇φ/φ, φ = offset + Π cos x_i."""

    n: int = parameter(128, "points per axis", ge=8)
    ndim: int = parameter(2, "dimensions", ge=1, le=3)
    nu: float = parameter(0.05, "viscosity ν", gt=0)
    offset: float = parameter(1.1, "the nearer to 1, the steeper", gt=1)
    t_end: float = parameter(2.0, "end of the run", gt=0)
    cfl: float = parameter(0.5, "time step as a fraction of the stability limit", gt=0, le=1)
    fields_every: float = parameter(1.0, "model time between snapshots", gt=0)


run = begin(Burgers)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 2 * np.pi)
space = tp.Space(tp.Grid(*[axis] * p.ndim), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 6 * p.ndim + 3, state={"u": p.ndim}, streams=streams, t_end=p.t_end)
burgers = tp.pde.Burgers(space, p.nu, cfl=p.cfl)
state = run.restore({"u": cole_hopf(space, p.nu, 0.0, p.offset)})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step; the error is relative, in the norm of squares."""
    exact = cole_hopf(space, p.nu, time, p.offset)
    found = burgers.diagnostics(state["u"]) | {"error": (state["u"] - exact).norm() / exact.norm()}
    out.write(step, time, u=state["u"])
    out.diagnostics(step, time, **found)
    return {name: found[name] for name in ("energy", "error")}


for clock in run.loop(state, p.t_end, lambda: burgers.dt(state["u"]), record):
    state["u"] = burgers.step(state["u"], clock.dt, clock.time)
ends = [cole_hopf(space, p.nu, t, p.offset).gather() for t in (0.0, p.t_end)]
found = state["u"].gather()


def report(done):
    """The line through the middle beside the exact one, and the errors."""
    middle = (0, slice(None), *[0] * (p.ndim - 1))
    first, last = ((axis.x, values[middle]) for values in ends)
    plot.compare({f"{p.n} points": (axis.x, found[middle])}, ("exact", *last), done.out / "burgers.png",
                 "u along the first axis", "x", f"t = {p.t_end:g}")  # fmt: skip
    plot.lines({"exact, t = 0": first, f"exact, t = {p.t_end:g}": last}, "x", done.out / "exact.png")
    done.at_times(np.linspace(0, p.t_end, 5), "energy", "error", formats=[".6e", ".2e"])


run.finish(report)
