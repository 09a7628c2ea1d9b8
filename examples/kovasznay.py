"""Kovasznay's flow behind a row of obstacles, in a box with the exact velocity on its sides: orders of convergence.

python examples/kovasznay.py --out out/kovasznay
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Kovasznay(Parameters):
    """The steady flow u = 1 − e^{λx} cos 2πy, v = λ/2π e^{λx} sin 2πy on several grids at once, from rest."""

    points: tuple[int, ...] = parameter((16, 24, 32, 48), "points along a side of each grid", min_length=2)
    reynolds: float = parameter(40.0, "Reynolds number: speed × distance of the obstacles / ν", gt=0)
    x: tuple[float, float] = parameter((-0.5, 1.0), "from, to along the stream; inflow and outflow", "L")
    y: tuple[float, float] = parameter((-0.3, 0.6), "from, to across it; fluid passes through these sides too", "L")
    cfl: float = parameter(0.9, "time step as a fraction of the stability limit", gt=0, le=1)
    steady: float = parameter(1e-8, "end where no |∂u/∂t| on the finest grid is larger", "U²/L", gt=0)
    t_end: float = parameter(12.0, "end of the run at the latest", "L/U", gt=0)


run = begin(Kovasznay)
p = run.parameters
velocity = tp.pde.cases.kovasznay(p.reynolds)
names = [f"u{n}" for n in sorted(p.points)]
sides = [
    tuple(tp.NoSlip(tuple(tp.on_side(u, axis, place) for u in velocity)) for place in ends)
    for axis, ends in enumerate((p.x, p.y))
]
grids = [tp.Grid(tp.Axis(n, *p.x, bc=sides[0]), tp.Axis(n, *p.y, bc=sides[1])) for n in sorted(p.points)]
spaces = {name: tp.Space(grid, run.comm, p.backend) for name, grid in zip(names, grids, strict=True)}
finest = names[-1]
streams = [tp.io.Stream("fields", tp.io.Every(time=p.t_end))]
run.plan(spaces[finest], 40, state={"u": 2}, streams=streams, derived={"error": 2}, t_end=p.t_end)
flows = {name: tp.pde.NavierStokes(space, 1 / p.reynolds, cfl=p.cfl) for name, space in spaces.items()}
exact = {name: space.field(lambda x, y: [u(x, y) for u in velocity], lead=(2,)) for name, space in spaces.items()}
state = run.restore({name: flow.project(flow.space.zeros((2,))) for name, flow in flows.items()})
out = run.output(spaces[finest])
settled = tp.pde.Steady(p.steady)


def record(step: int, time: float) -> dict[str, float] | None:
    """The largest error on each grid, and the largest divergence of all, every hundredth step."""
    if step % 100 and time < p.t_end and not settled():
        return None
    errors = {f"error_{name}": (state[name] - exact[name]).norm("max") for name in names}
    divergence = max(flows[name].diagnostics(state[name])["divergence"] for name in names)
    out.diagnostics(step, time, **errors, divergence=divergence, change=settled.change)
    return {"error": errors[f"error_{finest}"], "div": divergence}


def dt() -> float:
    """One step for all."""
    return min(flow.dt(state[name]) for name, flow in flows.items())


for clock in run.loop(state, p.t_end, dt, record, until=settled):
    with settled.watch(state[finest], clock.step, clock.dt):
        for name, flow in flows.items():
            flow.step(state[name], clock.dt, clock.time)
u = state[finest]
out.write(run.step, run.time, force=True, u=u, error=u - exact[finest])


def report(done):
    """Errors and orders, a picture of both and of the flow."""
    points = np.array(sorted(p.points))
    time, divergence, *errors = done.series("divergence", *(f"error_{name}" for name in names))
    last = np.array([error[-1] for error in errors])
    orders = np.log(last[:-1] / last[1:]) / np.log((points[1:] + 1) / (points[:-1] + 1))
    done.table({"n": [f"{n}²" for n in points], "largest error": [f"{e:.3e}" for e in last],
                "order": ["", *(f"{order:.2f}" for order in orders)]})  # fmt: skip
    fifth = last[-1] * ((points[-1] + 1) / (points + 1)) ** 5.0
    panels = [
        plot.Panel(
            {f"{n}²": (time, error) for n, error in zip(points, errors, strict=True)}, {}, "t", "error", "log y"
        ),
        plot.Panel({"fifth order": (points, fifth)}, {"largest error": (points, last)}, "n", "error", "log"),
    ]
    plot.panels(panels, done.out / "orders.png", f"Kovasznay's flow, Re = {p.reynolds:g}")
    done.draw("flow.png", "u_x", "u_y", "error_x")
    print(f"max |∂u/∂t| {settled.change:.1e}, max |div u| {np.nanmax(divergence):.1e}")


run.finish(report)
