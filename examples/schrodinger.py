"""A coherent state in a harmonic trap: a wave packet that swings without changing its shape, norm and energy.

mpirun -n 4 python examples/schrodinger.py --n 96 --out out/schrodinger
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class Trap(Parameters):
    """i ψ_t = −½∇²ψ + ½|x|² ψ + g |ψ|² ψ on a box that is wide enough to be periodic."""

    n: int = parameter(96, "points per axis", ge=8)
    ndim: int = parameter(2, "dimensions", ge=1, le=3)
    swing: float = parameter(2.0, "amplitude of the swing along x")
    interaction: float = parameter(0.0, "g")
    t_end: float = parameter(2 * np.pi, "end of the run: 2π is one swing", gt=0)
    dt: float = parameter(0.01, "time step", gt=0)
    fields_every: float = parameter(np.pi / 2, "model time between snapshots", gt=0)


run = begin(Trap)
p = run.parameters
axis = tp.Axis(p.n, -8.0, 8.0, bc=tp.Periodic())
space = tp.Space(tp.Grid(*[axis] * p.ndim), run.comm, p.backend, "complex128")
streams = [tp.io.Stream("fields", tp.io.Every(time=p.fields_every), dtype="float32")]
run.plan(space, 5, state={"psi": 1}, streams=streams, t_end=p.t_end)
atom = tp.pde.Schrodinger(space, p.dt, lambda *x: 0.5 * sum(c**2 for c in x), p.interaction)


def packet(x, *others):
    """The ground state, moved along x; of norm 1."""
    return np.pi ** (-p.ndim / 4) * np.exp(-0.5 * ((x - p.swing) ** 2 + sum(c**2 for c in others)))


state = run.restore({"psi": space.field(packet)})
out = run.output(space)
place = atom.potential.space.field(lambda x, *others: x)


def record(step: int, time: float) -> dict[str, float]:
    """Output and diagnostics of one step."""
    psi = state["psi"]
    found = atom.diagnostics(psi)
    found["place"] = (place * tp.Field(place.space, np.abs(psi.local) ** 2, psi.pencil)).integral() / found["norm"]
    out.write(step, time, psi=psi)
    out.diagnostics(step, time, **found)
    return found


for clock in run.loop(state, p.t_end, p.dt, record):
    state["psi"] = atom.step(state["psi"], clock.time, clock.dt)


def report(done):
    """The swing beside the exact one; what should stay."""
    time, place, norm, energy = done.series("place", "norm", "energy")
    exact = ("x₀ cos t", time, p.swing * np.cos(time))
    plot.compare({"⟨x⟩": (time, place)}, exact, done.out / "swing.png", "⟨x⟩")
    done.draw("psi.png")
    for name, values in (("norm", norm), ("energy", energy)):
        print(f"{name} {values[0]:.12f}, changed by {np.abs(values / values[0] - 1).max():.1e} at most")
    print(f"⟨x⟩ off by {np.abs(place - exact[2]).max():.3e} at most")


run.finish(report)
