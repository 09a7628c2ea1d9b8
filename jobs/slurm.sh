# shellcheck shell=bash
# Sourced by the .slurm scripts after they found the project's folder: one function does a job's whole life.
#
#     tensorpde_job python DRIVER … --resume
#
# It finds the launcher that gives one world of all tasks, passes Slurm's early USR1 on to the ranks, and hands a run that
# stopped with a checkpoint (exit code 75) back to the queue. Any other exit code of the driver is the job's.
#
# Settings (all optional): TENSORPDE_LAUNCHER       how to start ranks, such as "srun --mpi=pmix"; otherwise tried out
#                          TENSORPDE_MAX_RESTARTS   give up after so many (default 100)

# shellcheck source-path=SCRIPTDIR
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# Use the .venv as it is: compute nodes often have no network, and other jobs may be using it.
tensorpde_job_environment() {
    [[ -x $TENSORPDE_VENV/bin/python && ! -f $TENSORPDE_VENV/tensorpde-started ]] ||
        tensorpde_fail "no complete .venv in $TENSORPDE_ROOT: on the login node, first run  bash jobs/local.sh --setup"
    local per_node=${SLURM_TASKS_PER_NODE:-1} # such as 4(x2),3
    export SLURM_EXPORT_ENV=ALL # or srun would drop these variables in a job submitted with --export=NONE
    tensorpde_run_environment "${per_node%%[^0-9]*}"
}

# The first launcher with which all tasks see each other. The wrong pairing of launcher and MPI runs N separate worlds of
# one rank, which all succeed.
tensorpde_find_launcher() {
    local launcher seen probe='from mpi4py import MPI; MPI.COMM_WORLD.rank or print(MPI.COMM_WORLD.size)'
    for launcher in ${TENSORPDE_LAUNCHER:+"$TENSORPDE_LAUNCHER"} "srun --mpi=pmix" "mpirun -n $SLURM_NTASKS" "srun --mpi=pmi2"; do
        # shellcheck disable=SC2086 # a launcher is a command with its options
        seen=$(timeout 60 $launcher python -c "$probe" 2>&1 </dev/null) || true
        if [[ $seen == "$SLURM_NTASKS" ]]; then
            printf '%s\n' "$launcher"
            return 0
        fi
        tensorpde_say "$launcher does not give one world of $SLURM_NTASKS ranks: ${seen:0:300}"
    done
    tensorpde_fail "no launcher starts $SLURM_NTASKS ranks of this MPI; name one: TENSORPDE_LAUNCHER='srun --mpi=…'"
}

# tensorpde_run COMMAND…: run it, passing USR1 on; its exit code.
tensorpde_run() {
    local process code=0 again signalled=
    "$@" </dev/null &
    process=$!
    trap 'signalled=yes; kill -USR1 "$process" 2>/dev/null || true' USR1
    wait "$process" || code=$?
    while [[ -n $signalled ]]; do # a trapped signal interrupts wait
        signalled='' again=0
        wait "$process" || again=$?
        ((again == 127)) || code=$again # 127: it had ended, and code is its own
    done
    trap '' USR1
    return "$code"
}

tensorpde_job() {
    local launcher code=0 restarts=${SLURM_RESTART_COUNT:-0}
    trap 'tensorpde_requeue' USR1 # before there are ranks: nothing to save
    tensorpde_job_environment
    launcher=$(tensorpde_find_launcher)
    tensorpde_say "job $SLURM_JOB_ID, restart $restarts, on $SLURM_JOB_NODELIST: $SLURM_NTASKS ranks by $launcher"
    # shellcheck disable=SC2086
    tensorpde_run $launcher "$@" || code=$?
    tensorpde_say "job $SLURM_JOB_ID: exit code $code"
    ((code != 75)) || tensorpde_requeue
    exit "$code"
}

# Back to the queue; the checkpoint is there. Slurm ends this script while it waits.
tensorpde_requeue() {
    local limit=${TENSORPDE_MAX_RESTARTS:-100}
    ((${SLURM_RESTART_COUNT:-0} < limit)) || tensorpde_fail "stopped after $limit restarts; sbatch again goes on from the checkpoint"
    if scontrol requeue "$SLURM_JOB_ID"; then
        tensorpde_say "job $SLURM_JOB_ID: back in the queue"
        sleep 60
    else
        tensorpde_say "job $SLURM_JOB_ID could not go back to the queue; sbatch again goes on from the checkpoint"
    fi
    exit 75
}
