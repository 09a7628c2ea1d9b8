"""The electrostatics of a protein in vacuum: energy, forces and a map of the potential from a PQR file.

mpirun -n 4 python examples/protein_electrostatics.py --pqr protein.pqr --spacing 0.5 --out out/protein

The default molecule is the villin headpiece of examples/data/villin.pqr.
"""

from pathlib import Path

import numpy as np

import tensorpde as tp
from tensorpde.run import pictures
from tensorpde.run.driver import Parameters, begin, parameter

UNIT = "kcal/mol/e"


class Protein(Parameters):
    """Point charges in vacuum, lengths in Å, energies in kcal/mol."""

    pqr: str = parameter("", "PQR file; empty for the villin headpiece")
    tol: float = parameter(1e-6, "error of the potential, relative to its largest value at atoms", gt=0, le=0.1)
    spacing: float = parameter(1.0, "largest spacing of the map", "Å", gt=0)
    samples: int = parameter(200, "where errors are measured", ge=1)
    box: float = parameter(0.0, "edge of the map around the middle of the molecule; 0: its box and 10 %", "Å", ge=0)


run = begin(Protein)
p = run.parameters
molecule = tp.electro.read_pqr(p.pqr or Path(__file__).parent / "data" / "villin.pqr", run.comm)
middle = 0.5 * (molecule.positions.min(axis=0) + molecule.positions.max(axis=0))
box = None if p.box == 0 else [(c - p.box / 2, c + p.box / 2) for c in middle]
rs = tp.electro.RangeSeparated(molecule.positions, molecule.charges, p.tol, run.comm, box=box, backend=p.backend)
counts = [max(2, int(np.ceil((hi - lo) / p.spacing)) + 1) for lo, hi in rs.box]
axes = [tp.Axis(n, *ends, bc=tp.Neumann()) for n, ends in zip(counts, rs.box)]
space = tp.Space(tp.Grid(*axes), run.comm, p.backend)
stream = tp.io.Stream("fields", tp.io.Every(steps=1), dtype="float32")
run.plan(space, 4, state={"potential": 1}, streams=[stream])
run.say(f"{len(molecule)} atoms, total charge {molecule.charges.sum():.4f} e")
energy, forces = tp.electro.COULOMB * rs.energy(), tp.electro.COULOMB * rs.forces()
run.say(f"energy {energy:.6f} kcal/mol, largest force {np.linalg.norm(forces, axis=1).max():.4f} kcal/mol/Å")
run.say(rs.check(p.samples))
potential = rs.grid(space.shape) * tp.electro.COULOMB
with run.output(space, stream) as out:
    out.write(0, 0.0, potential=potential)
tp.io.write_dx(run.out / "potential.dx", potential, f"potential in {UNIT}")
atoms = molecule.numbers, molecule.charges, molecule.positions
tp.io.write_cube(run.out / "potential.cube", potential, *atoms, comment=f"potential in {UNIT}")
if run.comm.rank == 0:
    pictures.draw(sorted(run.out.glob("fields_*.h5"))[-1], run.out / "potential.png", share=0.98)
run.finish()
