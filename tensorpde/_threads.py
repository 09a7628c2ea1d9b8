"""What the launcher said, and how many threads each rank may use. Imported before numpy; standard library only."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, MutableMapping

_LIBRARIES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def launched_ranks(environ: Mapping[str, str] = os.environ) -> tuple[int, str] | None:
    """(number of ranks, variable that says so) if an MPI launcher started this process, else None.

    The first one set of OMPI_COMM_WORLD_SIZE, PMI_SIZE and, within a Slurm job step, SLURM_STEP_NUM_TASKS counts.
    A batch script itself has a SLURM_STEP_ID such as "batch", or none: the tools it starts are serial.
    """
    names = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"]
    if environ.get("SLURM_STEP_ID", "").isdigit():
        names.append("SLURM_STEP_NUM_TASKS")
    for name in names:
        if environ.get(name, "").isdigit():
            return int(environ[name]), name
    return None


def start_quickly(environ: MutableMapping[str, str] = os.environ, prefix: str = sys.prefix) -> None:
    """Leave out a part of the Open MPI wheel whose closing takes a second of every start.

    It is for one-sided transfers, which nothing here uses. Other MPIs, and the user's own choice, stay as they are.
    """
    if os.path.exists(os.path.join(prefix, "lib", "libmpi.so.40")):
        environ.setdefault("OMPI_MCA_btl", "^ofi")


def limit_threads(environ: MutableMapping[str, str] = os.environ) -> None:
    """Give BLAS, OpenMP and numba TENSORPDE_THREADS threads; without it one each under a launcher of several ranks.

    Threads of OpenBLAS then sleep as soon as a product is done: by themselves they go on looking for work for a while,
    and take the processors from the threads that everything else is shared among.

    Raises
    ------
    ValueError
        If TENSORPDE_THREADS is not a whole number ≥ 1.
    """
    wanted = environ.get("TENSORPDE_THREADS")
    if wanted is not None and (not wanted.isdigit() or int(wanted) < 1):
        raise ValueError(f"TENSORPDE_THREADS={wanted!r} is not a whole number of at least 1")
    launched = launched_ranks(environ)
    if wanted is not None:
        environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # 2⁴ cycles, the least that it takes
    for name in _LIBRARIES:
        if name.startswith("NUMBA") and "numba" in sys.modules:
            continue  # numba refuses a change once it runs
        if wanted is not None:
            environ[name] = wanted
        elif launched is not None and launched[0] > 1:
            environ.setdefault(name, "1")
