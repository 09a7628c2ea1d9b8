"""A cloud that is carried along, spreads more in one direction than in the other, and decays; the solution is known.

mpirun -n 4 python examples/advection_diffusion_reaction.py --n 128 --out out/cloud
"""

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class Cloud(Parameters):
    """u_t = −c·∇u + ∇·(D∇u) − r u on a periodic square of side 1, D with its long axis turned by 30°."""

    n: int = parameter(128, "points per axis", ge=8)
    velocity: tuple[float, float] = parameter((1.0, 0.5), "c", "L/T")
    along: float = parameter(4e-3, "diffusivity along the long axis", "L²/T", gt=0)
    across: float = parameter(1e-3, "diffusivity across it", "L²/T", gt=0)
    rate: float = parameter(0.5, "rate of decay r", "1/T", ge=0)
    t_end: float = parameter(0.5, "end of the run", "T", gt=0)
    dt: float = parameter(0.005, "time step", "T", gt=0)
    fields_every: float = parameter(0.25, "model time between snapshots", "T", gt=0)


run = begin(Cloud)
p = run.parameters
space = tp.Space(tp.Grid(*[tp.Axis(p.n, 0.0, 1.0, bc=tp.Periodic())] * 2), run.comm, p.backend)
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 9, state={"u": 1}, streams=streams, t_end=p.t_end)
turn = np.array([[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]])
D = turn @ np.diag([p.along, p.across]) @ turn.T
D = 0.5 * (D + D.T)
cloud = tp.pde.AdvectionDiffusionReaction(space, p.velocity, D, p.dt, reaction=lambda u, t: -p.rate * u)


def exact(x, y, t):
    """A Gaussian of covariance 2D(t + 1), carried along and decayed."""
    spread = 2 * D * (t + 1.0)
    inverse = np.linalg.inv(spread)
    a, b = ((c - 0.5 - v * t + 0.5) % 1.0 - 0.5 for c, v in zip((x, y), p.velocity, strict=True))
    form = inverse[0, 0] * a**2 + 2 * inverse[0, 1] * a * b + inverse[1, 1] * b**2
    return np.exp(-p.rate * t - 0.5 * form) / (2 * np.pi * np.sqrt(np.linalg.det(spread)))


state = run.restore({"u": space.field(lambda x, y: exact(x, y, 0.0))})
out = run.output(space)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step."""
    u = state["u"]
    known = space.field(lambda x, y: exact(x, y, time))
    found = cloud.diagnostics(u) | {"error": (u - known).norm() / known.norm()}
    out.write(step, time, u=u)
    out.diagnostics(step, time, **found)
    return found


for clock in run.loop(state, p.t_end, p.dt, record):
    state["u"] = cloud.step(state["u"], clock.time, clock.dt)


def report(done):
    """Mass and error over time, and the cloud."""
    done.curves("series.png", "mass", "error", title="Cloud")
    done.draw("cloud.png")
    _, mass, error = done.series("mass", "error")
    print(f"mass {mass[-1]:.9f}, relative error {error[-1]:.3e}")


run.finish(report)
