"""A protein in salt water: the Poisson–Boltzmann equation, linear and nonlinear, on two grids.

mpirun -n 4 python examples/solvation.py --pqr protein.pqr --spacing 0.5 --out out/solvation

The default molecule is the villin headpiece of examples/data/villin.pqr.
"""

from pathlib import Path

import numpy as np

import tensorpde as tp
from tensorpde.run import pictures
from tensorpde.run.driver import Parameters, begin, parameter

GAS = 0.0019872043  # kcal/(mol K)
LIMIT = 5.0  # of the colours of the picture, kT/e
PER_LITRE = 6.02214076e-4  # particles per Å³ of 1 mol/L


class Solvation(Parameters):
    """Point charges in balls of low permittivity in a salt solution; lengths in Å, energies in kcal/mol."""

    pqr: str = parameter("", "PQR file; empty for the villin headpiece")
    spacing: float = parameter(0.5, "largest spacing of the finer grid; the other one has twice of it", "Å", gt=0)
    margin: float = parameter(10.0, "from the outermost atom to the walls of the box", "Å", gt=0)
    solute: float = parameter(2.0, "permittivity of the molecule", gt=0)
    solvent: float = parameter(78.5, "permittivity of the solvent", gt=0)
    salt: float = parameter(0.15, "ionic strength", "mol/L", ge=0)
    temperature: float = parameter(298.15, "temperature", "K", gt=0)


run = begin(Solvation)
p = run.parameters
molecule = tp.electro.read_pqr(p.pqr or Path(__file__).parent / "data" / "villin.pqr", run.comm)
beta = tp.electro.COULOMB / (GAS * p.temperature)  # of potentials in e/Å: times the charge number, in kT
kappa = float(np.sqrt(8 * np.pi * beta / p.solvent * PER_LITRE * p.salt))
edges = molecule.positions.max(axis=0) - molecule.positions.min(axis=0) + 2 * p.margin
cells = 2 * np.ceil(0.5 * edges / p.spacing).astype(int)  # even, so that the grids are nested
lo = 0.5 * (molecule.positions.max(axis=0) + molecule.positions.min(axis=0) - edges)
box = list(zip(lo, lo + edges))
axes = [tp.Axis(n - 1, *ends, bc=tp.Dirichlet()) for n, ends in zip(cells, box)]
space = tp.Space(tp.Grid(*axes), run.comm, p.backend)
stream = tp.io.Stream("fields", tp.io.Every(steps=1), dtype="float32")
run.plan(space, 25, state={"potential": 1}, streams=[stream])
run.say(
    f"{len(molecule)} atoms, total charge {molecule.charges.sum():.4f} e, Debye length {1 / max(kappa, 1e-99):.3g} Å"
)
run.say(f"{'grid':>15} {'spacing':>8} {'linear':>12} {'nonlinear':>12}  iterations")
energies = []
for counts in (cells // 2 + 1, cells + 1):
    pb = tp.electro.PoissonBoltzmann(
        molecule.positions, molecule.charges, molecule.radii, counts, box, p.solute, p.solvent, kappa, beta,
        comm=run.comm, backend=p.backend,
    )  # fmt: skip
    solutions = [pb.solve(nonlinear) for nonlinear in ((False, True) if p.salt else (False,))]
    energies.append([tp.electro.COULOMB * solution.energy for solution in solutions])
    numbers = " ".join(f"{energy:12.4f}" for energy in energies[-1])
    grid = " × ".join(map(str, counts))
    run.say(f"{grid:>15} {edges[0] / (counts[0] - 1):8.3f} {numbers}  {solutions[-1].iterations}")
change = np.array(energies[1]) - energies[0]
run.say(f"solvation energy {energies[1][-1]:.3f} kcal/mol, {change[-1]:+.3f} from the coarser grid")
if p.salt:
    run.say(f"what the nonlinear ions change: {energies[1][-1] - energies[1][0]:+.5f} kcal/mol")
potential = solutions[-1].smooth * beta
with run.output(pb.space, stream) as out:
    out.write(0, 0.0, potential=potential)
tp.io.write_dx(run.out / "potential.dx", potential, "potential in kT/e, Coulomb peaks in the molecule taken off")
if run.comm.rank == 0:
    pictures.draw(sorted(run.out.glob("fields_*.h5"))[-1], run.out / "potential.png", limit=LIMIT)
run.finish()
