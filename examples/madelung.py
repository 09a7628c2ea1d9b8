"""Madelung constants of infinite lattices, and how finite pieces of rock salt come near to theirs.

python examples/madelung.py --out out/madelung
"""

import numpy as np

import tensorpde as tp
from tensorpde.run import plot
from tensorpde.run.driver import Parameters, begin, parameter


class MadelungConstants(Parameters):
    """Ions of unit charge, nearest neighbours at distance 1."""

    cells: int = parameter(32, "cells along an edge of the largest piece", ge=4)
    tol: float = parameter(1e-12, "accuracy of the Gaussian sums", gt=0, lt=1)

    def host_only(self) -> str:
        return "lattice sums work"


run = begin(MadelungConstants)
p = run.parameters
for name in ("NACL", "CSCL", "ZNS"):
    run.say(f"{name} {tp.electro.madelung(getattr(tp.electro, name)):.12f}")
sizes = [n for n in (2, 4, 8, 16, 32, 64, 128) if n <= p.cells]
errors = []
for n in sizes:
    lattice = tp.electro.Lattice(tp.electro.NACL, (n, n, n), tol=p.tol)
    middle = [(n // 2, n // 2, n // 2, ion) for ion in range(8)]
    constant = float(-np.mean(lattice.potential(middle) * tp.electro.NACL.charges))
    errors.append(abs(constant - tp.electro.madelung(tp.electro.NACL)))
    run.say(f"{n:4d}³ cells: {constant:.12f}, energy per pair {lattice.energy() / (4 * n**3):.9f}")
hole = tp.electro.Lattice(tp.electro.NACL, (n, n, n), {(n // 2, n // 2, n // 2, 0): 0.0}, p.tol)
run.say(f"taking one ion out of the middle costs {hole.energy() - lattice.energy():.9f}")
run.out.mkdir(parents=True, exist_ok=True)
if run.comm.rank == 0:
    plot.lines({"NaCl": (np.array(sizes), np.array(errors))}, "cells along an edge", run.out / "madelung.png", "error")
run.finish()
