"""Molecules as point charges with radii: PQR files, and charges for the atoms of PDB and mmCIF files."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tensorpde.parallel import agree, world
from tensorpde.parallel.errors import broadcast_text

RECORDS = ("ATOM", "HETATM")
COULOMB = 332.0637  # kcal Å / (mol e²): energies of charges in e at distances in Å
ELEMENTS = [
    "H",
    "He",
    "Li",
    "Be",
    "B",
    "C",
    "N",
    "O",
    "F",
    "Ne",
    "Na",
    "Mg",
    "Al",
    "Si",
    "P",
    "S",
    "Cl",
    "Ar",
    "K",
    "Ca",
]


@dataclass(frozen=True)
class Molecule:
    """Atoms: positions (N, 3) in Å, charges (N,) in e, radii (N,) in Å, names and residues (name and number)."""

    positions: np.ndarray
    charges: np.ndarray
    radii: np.ndarray
    names: tuple[str, ...] = field(repr=False)
    residues: tuple[str, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.charges)

    @property
    def numbers(self) -> np.ndarray:
        """Atomic numbers guessed from the names, 0 where there is no guess."""
        found = []
        for name in self.names:
            letters = name.lstrip("0123456789").capitalize()
            known = [symbol for symbol in (letters[:2], letters[:1]) if symbol in ELEMENTS]
            organic = [symbol for symbol in known if symbol in ("H", "C", "N", "O", "P", "S")]
            found.append(ELEMENTS.index((organic or known or [""])[0]) + 1 if known else 0)
        return np.array(found, int)


def read_pqr(path: str | os.PathLike[str], comm: Any = None) -> Molecule:
    """The atoms of a PQR file, the same on all ranks. Collective: rank 0 reads, the text is broadcast.

    Parameters
    ----------
    path
        ATOM and HETATM lines, as words (… name residue [chain] number x y z charge radius) or with coordinates in the
        columns of a PDB file, whose numbers may touch; other lines are skipped, and what follows the first ENDMDL.
    comm
        The ranks; None for all of the job.

    Raises
    ------
    ValueError
        With the number of the line, if one is malformed, or if there is no atom.
    OSError
        If the file cannot be read.
    """
    comm = world(comm)
    text = ""
    with agree(comm, f"reading {path}"):
        if comm.rank == 0:
            text = Path(path).read_text(encoding="utf-8-sig", errors="replace")  # some begin with a BOM
    text = broadcast_text(comm, 0, text)
    with agree(comm, f"reading {path}"):
        return parse_pqr(text, str(path))


def parse_pqr(text: str, name: str = "text") -> Molecule:
    """The same from the text of a file."""
    rows, names, residues = [], [], []
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.lstrip()
        if line.startswith("ENDMDL"):
            break
        if not line.startswith(RECORDS):
            continue
        try:
            values, words = _atom(line)
        except ValueError as error:
            raise ValueError(f"{name}, line {number}: {error}: {line.strip()!r}") from None
        rows.append(values)
        names.append(words[0])
        residues.append(words[1])
    if not rows:
        raise ValueError(f"{name} has no ATOM or HETATM line")
    table = np.array(rows)
    return Molecule(
        np.ascontiguousarray(table[:, :3]), table[:, 3].copy(), table[:, 4].copy(), tuple(names), tuple(residues)
    )


def _atom(line: str) -> tuple[list[float], tuple[str, str]]:
    """(x, y, z, charge, radius), (name, residue and number) of a line."""
    words = line.split()
    joined = words[0] not in RECORDS  # HETATM10000
    if not joined and len(words) in (10, 11):
        numbers, labels = words[-5:], words[2:-5]
        what = labels[0], labels[1] + labels[-1]
    else:
        numbers = [line[30:38], line[38:46], line[46:54], *line[54:].split()[:2]]
        what = line[12:16].strip(), line[17:20].strip() + line[22:26].strip()
    if len(numbers) != 5:
        raise ValueError(f"{len(numbers)} numbers found, x, y, z, charge and radius needed")
    try:
        values = [float(number) for number in numbers]
    except ValueError:
        raise ValueError(f"{numbers} are not five numbers") from None
    if not np.isfinite(values).all():
        raise ValueError(f"{numbers} are not all finite")
    if values[4] < 0:
        raise ValueError(f"the radius {values[4]} is negative")
    return values, what


def read_structure(path: str | os.PathLike[str], charges: Molecule, comm: Any = None) -> Molecule:
    """The atoms of the first model of a PDB or mmCIF file, with charges and radii of a PQR's. Collective.

    Atoms are matched by residue name, residue number and atom name. Needs gemmi.

    Raises
    ------
    ValueError
        If an atom has no charge in the PQR.
    """
    comm = world(comm)
    text = ""
    with agree(comm, f"reading {path}"):
        if comm.rank == 0:
            import gemmi  # only where such files are read

            structure = gemmi.read_structure(str(path))
            rows = []
            for chain in structure[0]:
                for residue in chain:
                    rows += [
                        f"{atom.name} {residue.name}{residue.seqid.num} {atom.pos.x} {atom.pos.y} {atom.pos.z}"
                        for atom in residue
                    ]
            text = "\n".join(rows)
    atoms = [line.split() for line in broadcast_text(comm, 0, text).splitlines()]
    known = {key: i for i, key in enumerate(zip(charges.names, charges.residues, strict=True))}
    with agree(comm, f"matching the atoms of {path}"):
        missing = [" ".join(atom[:2]) for atom in atoms if (atom[0], atom[1]) not in known]
        if missing or not atoms:
            raise ValueError(f"{len(missing)} of the {len(atoms)} atoms of {path} have no charge: {missing[:3]}")
    chosen = [known[atom[0], atom[1]] for atom in atoms]
    names, residues = tuple(atom[0] for atom in atoms), tuple(atom[1] for atom in atoms)
    positions = np.array([atom[2:] for atom in atoms], float)
    return Molecule(positions, charges.charges[chosen], charges.radii[chosen], names, residues)
