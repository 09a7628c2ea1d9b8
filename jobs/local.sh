#!/usr/bin/env bash
# Run a driver on this machine, setting up everything it needs first (a private .venv; nothing outside this folder):
#
#     bash jobs/local.sh [-n RANKS] SCRIPT [ARGUMENTS…]
#     bash jobs/local.sh --setup                              # only set up, as on a login node before sbatch
#
# RANKS defaults to 2. All ARGUMENTS go to SCRIPT; the exit code is the script's. See jobs/setup.sh for settings.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
tensorpde_name_failures

usage() {
    echo "usage: bash jobs/local.sh [-n RANKS] SCRIPT [ARGUMENTS…]   or   bash jobs/local.sh --setup" >&2
    exit 2
}

if [[ ${1:-} == --setup && $# == 1 ]]; then
    tensorpde_setup post
    exit
fi
ranks=2
if [[ ${1:-} == -n ]]; then
    [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
    ranks=$2
    shift 2
fi
[[ $# -gt 0 && $1 != -* ]] || usage
script=$1
shift
if [[ ! -f $script && -f $TENSORPDE_ROOT/$script ]]; then script=$TENSORPDE_ROOT/$script; fi
[[ -f $script ]] || tensorpde_fail "no file '$script' here ($PWD) or in $TENSORPDE_ROOT"

tensorpde_setup post
tensorpde_run_environment "$ranks"
# What a killed mpirun of Open MPI 5 leaves behind stops any later one that gets its process number. exec keeps our
# number: what bears it already is such a leftover.
leftover=${TMPDIR:-/tmp}/ompi.$$
if [[ -d $leftover && -O $leftover ]]; then rm -rf -- "$leftover"; fi
exec mpirun -n "$ranks" python "$script" "$@"
