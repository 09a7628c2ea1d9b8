"""What the launcher said, and the threads that follow from it."""

from __future__ import annotations

import pytest

from tensorpde._threads import launched_ranks, limit_threads, start_quickly


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"OMPI_COMM_WORLD_SIZE": "4", "PMI_SIZE": "2"}, (4, "OMPI_COMM_WORLD_SIZE")),
        ({"PMI_SIZE": "2"}, (2, "PMI_SIZE")),
        ({"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "8"}, (8, "SLURM_STEP_NUM_TASKS")),
        ({"SLURM_STEP_ID": "batch", "SLURM_STEP_NUM_TASKS": "8"}, None),
        ({"SLURM_NTASKS": "8", "SLURM_STEP_NUM_TASKS": "8"}, None),
    ],
)
def test_launched_ranks(environ: dict, expected: tuple | None) -> None:
    assert launched_ranks(environ) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"PMI_SIZE": "1"}, None),
        ({"PMI_SIZE": "2"}, "1"),
        ({"PMI_SIZE": "2", "OMP_NUM_THREADS": "3"}, "3"),
        ({"PMI_SIZE": "2", "OMP_NUM_THREADS": "3", "TENSORPDE_THREADS": "2"}, "2"),
        ({"TENSORPDE_THREADS": "5"}, "5"),
    ],
)
def test_threads(environ: dict, expected: str | None) -> None:
    limit_threads(environ)
    assert environ.get("OMP_NUM_THREADS") == expected
    assert ("OPENBLAS_THREAD_TIMEOUT" in environ) == ("TENSORPDE_THREADS" in environ)


@pytest.mark.parametrize("wrong", ["0", "many", ""])
def test_wrong_number_of_threads(wrong: str) -> None:
    with pytest.raises(ValueError, match=f"'{wrong}'"):
        limit_threads({"TENSORPDE_THREADS": wrong})


def test_only_the_wheel_starts_without_one_sided_transfers(tmp_path):
    environ = {}
    start_quickly(environ, str(tmp_path))
    assert environ == {}
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libmpi.so.40").touch()
    start_quickly(environ, str(tmp_path))
    assert environ == {"OMPI_MCA_btl": "^ofi"}
    environ = {"OMPI_MCA_btl": "self,sm"}
    start_quickly(environ, str(tmp_path))
    assert environ == {"OMPI_MCA_btl": "self,sm"}
