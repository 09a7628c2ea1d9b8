"""The solvated villin headpiece that OpenMM carries, with ff14SB charges: vacuum energies of all pairs."""

from pathlib import Path

import numpy as np
import pytest

from tensorpde.electro import COULOMB, RangeSeparated


def test_energies_and_forces():
    app = pytest.importorskip("openmm.app")
    openmm = pytest.importorskip("openmm")
    pdb = app.PDBFile(str(Path(app.__file__).parent / "data" / "test.pdb"))
    system = app.ForceField("amber14-all.xml", "amber14/tip3p.xml").createSystem(pdb.topology)
    (force,) = (f for f in system.getForces() if isinstance(f, openmm.NonbondedForce))
    q = np.array([force.getParticleParameters(i)[0]._value for i in range(force.getNumParticles())])
    x = np.array(pdb.positions._value) * 10
    protein = slice(582)  # the chain comes first
    assert len(q) == 8867
    rs = RangeSeparated(x[protein], q[protein], 1e-7, direct=False)
    assert COULOMB * rs.energy() == pytest.approx(-10006.15631, rel=1e-7)
    everything = RangeSeparated(x, q, 1e-7)
    assert COULOMB * everything.energy() == pytest.approx(-598552.4795, rel=1e-7)
    split = RangeSeparated(x, q, 1e-7, direct=False)
    assert COULOMB * split.energy() == pytest.approx(-598552.4795, rel=1e-7)
    forces = everything.forces()
    assert np.linalg.norm(split.forces() - forces) < 1e-6 * np.linalg.norm(forces)
