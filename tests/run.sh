#!/usr/bin/env bash
# Set up with the test extras and run the whole suite, MPI and (where it can be installed) Slurm included:
#
#     bash tests/run.sh [PYTEST ARGUMENTS…]
#
# The full set-up adds petsc4py and a parallel h5py, built once against this machine's MPI (about nine minutes) and kept
# as wheels in ${XDG_CACHE_HOME:-~/.cache}/tensorpde. As root it installs the distribution packages which that needs.
# What cannot be had is skipped, and the last line says so. TENSORPDE_FULL=0 skips all of it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/../jobs/setup.sh"

skipped=()

# packages NAME…: install distribution packages if they are missing and we may; the caller looks what is there.
packages() {
    command -v dpkg-query >/dev/null || return 0
    if dpkg-query -W -f '${Status}\n' "$@" 2>/dev/null | grep -c '^install ok installed' | grep -qx $#; then return 0; fi
    [[ $(id -u) == 0 ]] || return 0
    tensorpde_say "installing packages: $*"
    local before
    before=$(tensorpde_outside command -v mpirun || true)
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"; } \
        >"$TENSORPDE_VENV/packages.log" 2>&1 </dev/null || tensorpde_say "could not; see $TENSORPDE_VENV/packages.log"
    if [[ -z $before ]] && before=$(tensorpde_outside command -v mpirun) && mkdir -p "${TENSORPDE_MPI_CAME_ALONG%/*}"; then
        printf '%s\n' "$before" >"$TENSORPDE_MPI_CAME_ALONG" # HDF5's development files bring an MPI with them
    fi
}

# links FLAGS…: a C program links with these.
links() { echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null "$@" 2>/dev/null; }

# The folder of wheels for this MPI, Python and distribution (their versions are in the file names).
wheel_folder() {
    local mpi system cache=${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}
    mpi=$(mpirun --version 2>&1 </dev/null | grep -m 1 . | tr -cs '[:alnum:].\n' - | tr '[:upper:]' '[:lower:]')
    [[ $(command -v mpirun) != "$TENSORPDE_VENV"/* ]] || mpi+=-wheel
    system=$(. /etc/os-release 2>/dev/null && echo "${ID:-linux}${VERSION_ID:-}")
    mkdir -p "$cache/tensorpde/wheels" 2>/dev/null && [[ -w $cache/tensorpde/wheels ]] || cache=$TENSORPDE_VENV
    printf '%s\n' "$cache/tensorpde/wheels/$mpi-$(python -c 'import sys; print(sys.implementation.cache_tag)')-${system:-$(uname -s)}-$(uname -m)"
}

# mpi_flavour: openmpi or mpich, as Debian's HDF5 packages are called.
mpi_flavour() { if mpirun --version 2>&1 </dev/null | grep -qi 'open'; then echo openmpi; else echo mpich; fi; }

# works PART: the installed part does its work on two ranks.
works() {
    local check
    case $1 in
    petsc) check='from mpi4py import MPI; from petsc4py import PETSc
v = PETSc.Vec().createMPI(4, comm=MPI.COMM_WORLD); v.set(1.0); assert v.sum() == 4.0 and PETSc.COMM_WORLD.size == 2' ;;
    h5py) check='from mpi4py import MPI; import h5py, os, sys
c = MPI.COMM_WORLD; assert c.size == 2
with h5py.File(sys.argv[1], "w", driver="mpio", comm=c) as f: f.create_dataset("a", (2,), "i4")[c.rank] = c.rank + 1
c.barrier()
with h5py.File(sys.argv[1]) as f: assert f["a"][:].tolist() == [1, 2]' ;;
    esac
    timeout 120 mpirun -n 2 python -c "$check" "$TENSORPDE_VENV/works-$1.h5" </dev/null >"$TENSORPDE_VENV/works-$1.log" 2>&1
}

# full PART VERSION: install a part from its kept wheels, building these first if they are missing.
full() {
    local part=$1 version=$2 folder wheels=() record=$TENSORPDE_VENV/tensorpde-$1
    folder=$(wheel_folder)
    if [[ -f $record && $(<"$record") == "$folder $version" ]] && works "$part"; then return 0; fi
    bash "$TENSORPDE_ROOT/jobs/wheels.sh" "$TENSORPDE_VENV/bin/python" "$folder" "$part" "$version" ||
        { skipped+=("$part (its build failed: $folder/$part.log)"); return 0; }
    mapfile -t wheels < <(compgen -G "$folder/$part*-$version-*.whl")
    tensorpde_pip install --no-deps --force-reinstall "${wheels[@]}"
    if works "$part"; then
        printf '%s\n' "$folder $version" >"$record"
        return 0
    fi
    skipped+=("$part (fails on two ranks: $TENSORPDE_VENV/works-$part.log; to build it again, remove $folder)")
    rm -f "$record"
    case $part in
    h5py) tensorpde_pip install --no-deps --force-reinstall --no-cache-dir --only-binary h5py 'h5py>=3.12,<4' ;;
    petsc) tensorpde_pip uninstall -y petsc petsc4py ;;
    esac
}

# lacking: what is missing for building against MPI, if anything.
lacking() {
    command -v cc >/dev/null || echo "no C compiler"
    command -v mpicc >/dev/null || echo "no mpicc"
    python -c 'import os, sysconfig; assert os.path.exists(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null || echo "no Python.h"
}

full_setup() {
    local flavour petsc h5py
    flavour=$(mpi_flavour)
    petsc=$(sed -n 's/^ *petsc *== *//p' "$TENSORPDE_ROOT/setup.cfg")
    h5py=$(python -c 'import importlib.metadata as m; print(m.version("h5py"))')
    packages gcc libc6-dev make pkg-config libopenblas-serial-dev "libhdf5-$flavour-dev"
    packages slurm-wlm munge
    [[ $(lacking) != *Python.h* ]] || packages python3-dev
    if [[ -n $(lacking) ]]; then
        skipped+=("petsc and parallel h5py ($(lacking | paste -sd,))")
        return 0
    fi
    if links -lopenblas || links -llapack -lblas; then
        full petsc "$petsc"
    else
        skipped+=("petsc (no BLAS: libopenblas-serial-dev)")
    fi
    if [[ -n ${HDF5_DIR:-} ]] || pkg-config --exists "hdf5-$flavour" 2>/dev/null; then
        HDF5_PKGCONFIG_NAME=hdf5-$flavour full h5py "$h5py"
    else
        skipped+=("parallel h5py (no libhdf5-$flavour-dev)")
    fi
}

tensorpde_setup post,test
tensorpde_run_environment 0
if [[ ${TENSORPDE_FULL:-1} == 0 ]]; then
    skipped+=("petsc and parallel h5py (TENSORPDE_FULL=0)")
else
    full_setup
fi
for tool in sbatch slurmctld munged; do
    command -v "$tool" >/dev/null || { skipped+=("Slurm tests (no $tool)"); break; }
done
[[ $(id -u) == 0 ]] || skipped+=("Slurm tests (they need root)")

cd "$TENSORPDE_ROOT"
status=0
python -m pytest "$@" || status=$?
if ((${#skipped[@]})); then
    (IFS=';' && echo "tests/run.sh: skipped: ${skipped[*]}" | sed 's/;/; /g')
else
    echo "tests/run.sh: nothing was left out of the set-up"
fi
exit "$status"
