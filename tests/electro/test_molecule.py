"""PQR files, good and bad, on one rank and on several; structures with charges; maps for viewers."""

from pathlib import Path

import numpy as np
import pytest
from mpi import run_ranks

import tensorpde as tp
from tensorpde.electro.molecule import parse_pqr

VILLIN = Path(__file__).parents[2] / "examples" / "data" / "villin.pqr"
WORDS = "ATOM 1 N ALA A 7 1.5 -2.25 3.0 -0.3 1.55\nHETATM 2 CL CL 8 0 0 1e1 -1.0 1.8\nTER\n"
COLUMNS = (
    "ATOM      1  CA  GLY A   1    -100.123-200.456-300.789  0.5973 1.9080\n"
    "HETATM10000  O   HOH B 999       1.000   2.000   3.000 -0.8340 1.6612      WAT\n"
)


def test_words_and_columns():
    m = parse_pqr(WORDS)
    np.testing.assert_allclose(m.positions, [[1.5, -2.25, 3.0], [0, 0, 10]])
    np.testing.assert_allclose(m.charges, [-0.3, -1.0])
    np.testing.assert_allclose(m.radii, [1.55, 1.8])
    assert m.names == ("N", "CL")
    assert m.residues == ("ALA7", "CL8")
    assert m.numbers.tolist() == [7, 17] or m.numbers.tolist() == [7, 6]
    m = parse_pqr(COLUMNS)
    np.testing.assert_allclose(m.positions, [[-100.123, -200.456, -300.789], [1, 2, 3]])
    np.testing.assert_allclose(m.charges, [0.5973, -0.834])
    assert m.names == ("CA", "O")
    assert m.residues == ("GLY1", "HOH999")
    assert m.numbers.tolist() == [6, 8]
    assert len(parse_pqr(WORDS + "ENDMDL\n" + WORDS)) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("REMARK\n", "has no ATOM"),
        ("REMARK\nATOM 1 N ALA A 7 1.5 x 3.0 -0.3 1.5\n", r"line 2: .*'x'|line 2: .*not five numbers"),
        ("ATOM 1 N ALA A 7 1.5 nan 3.0 -0.3 1.5\n", "line 1: .*finite"),
        ("ATOM 1 N ALA A 7 1.5 2 3.0 -0.3 -1.5\n", "line 1: .*-1.5 is negative"),
        ("ATOM\n", "line 1"),
        (COLUMNS + "ATOM      3  O   HOH B 999       1.000   2.000\n", "line 3"),
        ("ATOM \x00\xff" + "9" * 500 + "\n", "line 1"),
    ],
)
def test_malformed_files(text, words, tmp_path):
    (tmp_path / "bad.pqr").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        tp.electro.read_pqr(tmp_path / "bad.pqr")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        tp.electro.read_pqr(tmp_path / "none.pqr")


def test_energy_of_villin():
    """−10006.156 kcal/mol from unrounded data (ff14SB); coordinates of three decimals and charges of four here."""
    m = tp.electro.read_pqr(VILLIN)
    assert len(m) == 582
    assert m.charges.sum() == pytest.approx(2.0, abs=0.01)
    rs = tp.electro.RangeSeparated(m.positions, m.charges, 1e-7)
    assert tp.electro.COULOMB * rs.energy() == pytest.approx(-10006.156, abs=0.5)
    split = tp.electro.RangeSeparated(m.positions, m.charges, 1e-5, direct=False)
    assert split.energy() == pytest.approx(rs.energy(), rel=1e-5)
    forces = rs.forces()
    assert np.linalg.norm(split.forces() - forces) < 1e-4 * np.linalg.norm(forces)
    assert set(m.numbers.tolist()) == {1, 6, 7, 8, 16}


def test_charges_for_a_structure(tmp_path):
    pytest.importorskip("gemmi")
    m = parse_pqr(VILLIN.read_text())
    pdb = "".join(
        f"ATOM  {i + 1:5d} {name:<4s} {residue[:3]} A{int(residue[3:]):4d}    "
        f"{x[0]:8.3f}{x[1]:8.3f}{x[2] + 1:8.3f}  1.00  0.00           {name[0]}\n"
        for i, (name, residue, x) in enumerate(zip(m.names[:19], m.residues, m.positions))
    )
    (tmp_path / "a.pdb").write_text(pdb + "END\n")
    found = tp.electro.read_structure(tmp_path / "a.pdb", m)
    np.testing.assert_allclose(found.charges, m.charges[:19])
    np.testing.assert_allclose(found.positions, m.positions[:19] + np.array([0, 0, 1]))
    with pytest.raises(ValueError, match=r"19 of the 19"):
        tp.electro.read_structure(tmp_path / "a.pdb", parse_pqr(WORDS))


def potential():
    axes = [tp.Axis(n, lo, lo + 3.0, bc=tp.Neumann()) for n, lo in ((4, -1.0), (3, 0.0), (5, 2.0))]
    return tp.Space(tp.Grid(*axes)).field(lambda x, y, z: x + 10 * y + 100 * z)


def maps(folder):
    """Both files of a distributed field."""
    f = potential()
    tp.io.write_dx(Path(folder) / "a.dx", f)
    tp.io.write_cube(Path(folder) / "a.cube", f, [8], [-0.8], [[0.0, 1.0, 2.0]])
    m = tp.electro.read_pqr(VILLIN)
    assert len(m) == 582
    try:
        tp.electro.read_pqr(Path(folder) / "bad.pqr")
    except ValueError as error:
        assert "line 2" in str(error)
    else:
        raise AssertionError


def test_maps_from_several_ranks(tmp_path):
    (tmp_path / "bad.pqr").write_text("REMARK\nATOM 1 2 3\n")
    run_ranks(3, "electro/test_molecule.py::maps", str(tmp_path))
    whole = potential().gather()
    dx = (tmp_path / "a.dx").read_text().splitlines()
    start = next(i for i, line in enumerate(dx) if "data follows" in line)
    data = [float(word) for line in dx[start + 1 : start + 21] for word in line.split()]
    np.testing.assert_allclose(np.reshape(data, (4, 3, 5)), whole, rtol=1e-6)
    assert "object 1 class gridpositions counts 4 3 5" in dx
    assert "origin -1.000000e+00 0.000000e+00 2.000000e+00" in dx
    assert "delta 0.000000e+00 1.500000e+00 0.000000e+00" in dx
    assert dx[start].endswith("items 60 data follows")
    cube = (tmp_path / "a.cube").read_text().splitlines()
    assert [int(line.split()[0]) for line in cube[2:7]] == [1, 4, 3, 5, 8]
    assert float(cube[2].split()[1]) == pytest.approx(-1 / 0.529177210903, abs=1e-5)
    np.testing.assert_allclose(np.array(" ".join(cube[7:]).split(), float).reshape(4, 3, 5), whole, rtol=1e-5)
    assert len(cube[7].split()) == 5


def test_a_mark_or_blanks_before_the_first_line_do_not_matter(tmp_path):
    line = "ATOM      1  N   ALA     1      11.104   6.134  -6.504 -0.3000 1.8240\r\n"
    (tmp_path / "a.pqr").write_bytes(b"\xef\xbb\xbf" + line.encode() + b" " + line.encode())
    assert tp.electro.read_pqr(tmp_path / "a.pqr").charges.tolist() == [-0.3, -0.3]


def test_maps_refuse_what_they_cannot_say(tmp_path):
    plane = tp.Space(tp.Grid(tp.Axis(4, 0, 1), tp.Axis(4, 0, 1))).zeros()
    with pytest.raises(ValueError, match="three dimensions"):
        tp.io.write_dx(tmp_path / "a.dx", plane)
    axis = tp.Axis(5, 0, 1, bc=tp.Neumann())
    bent = tp.Space(tp.Grid(axis, axis, axis.like(mapping=tp.Tanh(2.0)))).zeros()
    with pytest.raises(ValueError, match="uniform"):
        tp.io.write_cube(tmp_path / "a.cube", bent)
    with pytest.raises(ValueError, match="1 atomic numbers, 2 charges and 1 positions"):
        tp.io.write_cube(tmp_path / "a.cube", potential(), [1], [1.0, 2.0], np.zeros((1, 3)))
    assert list(tmp_path.iterdir()) == []
