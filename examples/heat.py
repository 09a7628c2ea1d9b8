"""Heat in a box whose walls follow a wave that travels and decays, by implicit steps; the solution is known.

mpirun -n 4 python examples/heat.py --n 64 --t-end 1 --out out/heat
mpirun -n 4 python examples/heat.py --steps together --out out/heat -ts_type beuler -ts_monitor
"""

from typing import ClassVar, Literal

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class HeatInABox(Parameters):
    """u_t = κ ∇²u on the unit cube; every wall carries the exact solution."""

    petsc_options: ClassVar[bool] = True
    n: int = parameter(48, "unknowns per axis", ge=4)
    t_end: float = parameter(1.0, "end of the run", "L²/κ", gt=0)
    dt: float = parameter(0.01, "time step; any is stable", "L²/κ", gt=0)
    kappa: float = parameter(0.2, "diffusivity κ", gt=0)
    steps: Literal["split", "together"] = parameter("split", "split: Douglas–Gunn; together: PETSc's Crank–Nicolson")
    fields_every: float = parameter(0.5, "model time between snapshots", "L²/κ", gt=0)

    def host_only(self) -> str:
        return "PETSc's steps work" if self.steps == "together" else ""


run = begin(HeatInABox)
p = run.parameters


def exact(x, y, z, t):
    """A plane wave damped along its way: κ (a + ik)·(a + ik) = −iω."""
    k = np.sqrt(2.0 / p.kappa)  # of a wave with ω = 4 along the diagonal of x and y
    return np.exp(-k * (x + y) / np.sqrt(2)) * np.cos(k * (x + y) / np.sqrt(2) - 4 * t) + z * (1 - t)


walls = [tuple(tp.Dirichlet(tp.on_side(exact, axis, place)) for place in (0.0, 1.0)) for axis in range(3)]
space = tp.Space(tp.Grid(*(tp.Axis(p.n, 0.0, 1.0, bc=sides) for sides in walls)), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 5, state={"u": 1}, streams=streams, t_end=p.t_end)
method = tp.DouglasGunn if p.steps == "split" else tp.solve.petsc.ImplicitSteps
heat = tp.pde.Heat(space, p.kappa, p.dt, source=lambda x, y, z, t: -z, method=method)
state = run.restore({"u": space.field(lambda *x: exact(*x, 0.0))})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step."""
    u = state["u"]
    error = u - space.field(lambda *x: exact(*x, time))
    found = heat.diagnostics(u) | {"error": error.norm("max")}
    out.write(step, time, u=u)
    out.diagnostics(step, time, **found)
    return found


for clock in run.loop(state, p.t_end, p.dt, record):
    state["u"] = heat.step(state["u"], clock.time, clock.dt)


def report(done):
    """The error over time."""
    done.curves("heat.png", "error", title="Heat in a box")
    print(f"largest error at t = {p.t_end:g}: {done.series('error')[1][-1]:.3e}")


run.finish(report)
