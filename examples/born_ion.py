"""A charge in a ball in water: the solvation energy by the Poisson–Boltzmann solver against Born's closed form.

mpirun -n 4 python examples/born_ion.py --n 129 --out out/born_ion
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class BornIon(Parameters):
    """Unit charge, Gaussian-like units; the exact potential on the walls."""

    n: int = parameter(65, "points per axis of the finest grid, walls included; 2^k + 1", ge=9)
    grids: int = parameter(3, "number of grids, each half as fine as the next", ge=1)
    radius: float = parameter(2.0, "radius of the ball", gt=0)
    solute: float = parameter(2.0, "permittivity inside", gt=0)
    solvent: float = parameter(78.5, "permittivity outside", gt=0)
    kappa: float = parameter(0.0, "inverse Debye length", ge=0)
    edge: float = parameter(12.0, "edge of the box", gt=0)


run = begin(BornIon)
p = run.parameters
box = [(-p.edge / 2, p.edge / 2)] * 3
counts = [(p.n - 1 >> k) + 1 for k in reversed(range(p.grids))]
space = tp.Space(tp.Grid(*[tp.Axis(p.n - 2, *box[0], bc=tp.Dirichlet())] * 3), run.comm, p.backend)
run.plan(space, 25, state={"reaction": 1})
exact = (1 / (p.solvent * (1 + p.kappa * p.radius)) - 1 / p.solute) / p.radius


def outside(x):
    """Debye and Hückel's potential of the ball."""
    r = np.linalg.norm(x, axis=1)
    return np.exp(-p.kappa * (r - p.radius)) / (p.solvent * r * (1 + p.kappa * p.radius))


run.say(f"{'grid':>6} {'reaction':>14} {'error':>10} {'order':>6}  iterations (exact {exact:.12f})")
found: list[float] = []
for n in counts:
    pb = tp.electro.PoissonBoltzmann(
        np.zeros((1, 3)), [1.0], [p.radius], n, box, p.solute, p.solvent, p.kappa, boundary=outside, comm=run.comm,
        backend=p.backend,
    )  # fmt: skip
    solution = pb.solve()
    found.append(float(solution.at_charges[0]))
    error = found[-1] / exact - 1
    order = np.log2(abs((found[-2] - exact) / (found[-1] - exact))) if len(found) > 1 else np.nan
    run.say(f"{n:5d}³ {found[-1]:14.10f} {error:10.2e} {order:6.2f}  {solution.iterations[0]}")
if len(found) > 1:
    run.say(f"Richardson, order 1: {2 * found[-1] - found[-2]:.10f}; order 2: {(4 * found[-1] - found[-2]) / 3:.10f}")
run.say(f"solvation energy {solution.energy:.10f}, exact {exact / 2:.10f}")
run.out.mkdir(parents=True, exist_ok=True)
if run.comm.rank == 0:
    errors = np.abs(np.array(found) / exact - 1)
    plot.lines(
        {"Born": (np.array(counts, float), errors)}, "points per axis", run.out / "born_ion.png", "relative error"
    )
run.finish()
