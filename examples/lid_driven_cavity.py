"""The steady flow in a square cavity whose lid moves along itself, beside the tables of Ghia and others (1982).

python examples/lid_driven_cavity.py --reynolds 1000 --out out/cavity1000
"""

import numpy as np
from scipy.interpolate import CubicSpline

import tensorpde as tp
from tensorpde.pde import references as known
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Cavity(Parameters):
    """A square cavity, its lid at the speed 1; times in units of side over speed of the lid."""

    n: int = parameter(129, "points along a side, those on the walls included", ge=8)
    reynolds: float = parameter(100.0, "Reynolds number: speed of the lid × side / ν", gt=0)
    stretching: float = parameter(0.0, "β of Tanh(β), by which points gather at the walls; 0 for equal spacing", ge=0)
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    steady: float = parameter(1e-5, "end where no |∂u/∂t| is larger", "U²/L", gt=0)
    t_end: float = parameter(200.0, "end of the run at the latest", "L/U", gt=0)


run = begin(Cavity)
p = run.parameters
mapping = tp.Tanh(p.stretching) if p.stretching else tp.Uniform()
x = tp.Axis(p.n - 2, 0.0, 1.0, bc=tp.NoSlip(), mapping=mapping)
y = x.like(bc=(tp.NoSlip(), tp.NoSlip((1.0, 0.0))))
space = tp.Space(tp.Grid(x, y), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end), ("u", "vorticity"))]
run.plan(space, 15, state={"u": 2}, streams=streams, derived={"vorticity": 1}, t_end=p.t_end)
flow = tp.pde.NavierStokes(space, nu=1 / p.reynolds, cfl=p.cfl)
state = run.restore({"u": flow.project(space.zeros((2,)))})
out = run.output(space)
settled = tp.pde.Steady(p.steady)


def record(step: int, time: float) -> dict[str, float] | None:
    """Diagnostics of every hundredth step."""
    if step % 100:
        return None
    found = flow.diagnostics(state["u"]) | {"change": settled.change}
    out.diagnostics(step, time, **found)
    return {"change": settled.change, "div": found["divergence"]}


for clock in run.loop(state, p.t_end, lambda: flow.dt(state["u"]), record, until=settled):
    with settled.watch(state["u"], clock.step, clock.dt):
        flow.step(state["u"], clock.dt, clock.time)
u = state["u"]
out.write(run.step, run.time, force=True, u=u, vorticity=lambda: flow.vorticity(u))
divergence, whole = flow.diagnostics(u)["divergence"], u.gather()


def report(done):
    """Profiles on the centre lines beside the tables."""
    c, fine = np.concatenate([[0.0], x.x, [1.0]]), np.linspace(0.0, 1.0, 4001)
    u_line = CubicSpline(c, [0.0, *CubicSpline(x.x, whole[0], axis=0)(0.5), 1.0])
    v_line = CubicSpline(c, [0.0, *CubicSpline(y.x, whole[1], axis=1)(0.5), 0.0])
    table = int(p.reynolds) if p.reynolds in known.GHIA_U else None
    panels = []
    for name, along, line, places, values in (
        ("u", "y", u_line, known.GHIA_Y, known.GHIA_U), ("v", "x", v_line, known.GHIA_X, known.GHIA_V),
    ):  # fmt: skip
        points = {"Ghia and others": (places, values[table])} if table else {}
        panels.append(plot.Panel({f"{p.n}²": (fine, line(fine))}, points, along, f"{name} on the centre line"))
        if table:
            sound = np.array([(table, place) != known.GHIA_MISPRINT or name == "u" for place in places])
            difference = line(places) - values[table]
            done.table({along: places, name: line(places), "Ghia": values[table], "difference": difference,
                        "": np.where(sound, "", "(misprint)").tolist()}, [".4f", *[".5f"] * 4])  # fmt: skip
            print(f"largest difference of {name}: {100 * np.abs(difference[sound]).max():.3f} % of the lid")
    for name, value in zip(known.BOTELLA_PEYRET, (u_line(fine).min(), v_line(fine).max(), v_line(fine).min())):
        reference = known.BOTELLA_PEYRET[name]
        deviation = f"Botella and Peyret {reference:.7f}, {100 * (value / reference - 1):+.3f} %"
        print(f"{name} {value:.7f}", deviation if table == 1000 else "")
    plot.panels(panels, done.out / "profiles.png", f"Lid-driven cavity, Re = {p.reynolds:g}")
    print(f"max |∂u/∂t| {settled.change:.1e}, max |div u| {divergence:.1e}")


run.finish(report)
