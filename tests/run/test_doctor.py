"""The report of tensorpde doctor: on this machine, and on one where things are wrong."""

import pytest

from tensorpde.run import doctor


def _found(parts, name):
    (part,) = [part for part in parts if part.part == name]
    return part


def test_this_machine_has_what_is_needed(capfd):
    assert doctor.main() == 0
    out = capfd.readouterr().out
    assert "everything that is needed works" in out
    for name in ("mpirun", "h5py", "petsc4py", "Slurm"):
        assert f"\n{name} " in out


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libfoo.so: not there')", "ImportError: libfoo.so: not there"),
        ("import os; os.abort()", "exit code -6"),
        ("import time; time.sleep(60)", "no answer within 1 s"),
    ],
)
def test_a_part_that_fails_crashes_or_hangs_is_broken(monkeypatch, code, words):
    monkeypatch.setattr(doctor, "LIMIT", 1)
    part = doctor._package("numpy", code)
    assert part.status == "broken"
    assert words in part.found


def test_two_worlds_of_one_rank_are_noticed(monkeypatch, tmp_path):
    for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK"):
        monkeypatch.delenv(name, raising=False)
    separate = tmp_path / "mpirun"
    separate.write_text('#!/bin/sh\nshift 2\n"$@"; "$@"\n')
    separate.chmod(0o755)
    answer = doctor._ask(doctor._RANKS, (str(separate), "-n", "2"))
    assert answer == (1, "")
    monkeypatch.setattr(doctor, "_ask", lambda code, launcher=(): answer)
    part = doctor._mpirun()
    assert part.status == "broken"
    assert "two worlds of one" in part.found


def test_a_missing_required_part_is_an_error(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "report", lambda: [doctor.Part("mpi4py", "missing", "pip install mpi4py")])
    assert doctor.main() == 1
    assert "does not work: mpi4py" in capsys.readouterr().out


def test_a_missing_optional_part_is_not(monkeypatch):
    monkeypatch.setattr(doctor, "report", lambda: [doctor._package("no-such-package", extra="post")])
    assert doctor.main() == 0
    assert "tensorpde[post]" in _found(doctor.report(), "no-such-package").found
