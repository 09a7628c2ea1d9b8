#!/usr/bin/env bash
# A throw-away Slurm on this machine, for tests: one slurmctld, four slurmd (nodes n1…n4), munge; loopback only, no systemd.
#
#     eval "$(bash jobs/local_slurm.sh up)"      # starts it, or finds it running; prints the SLURM_CONF to use
#     sbatch jobs/taylor_green.slurm
#     bash jobs/local_slurm.sh down              # ends its jobs and daemons, removes its folder
#
# Needs root and the packages slurm-wlm and munge. Everything lies in one private folder, nothing in /etc or /run:
#     TENSORPDE_SLURM_DIR   the folder (default /tmp/tensorpde-slurm)        TENSORPDE_SLURM_CPUS  per node (default 4)
#     TENSORPDE_SLURM_PORT  the first of five ports (default 17000)
set -euo pipefail

folder=${TENSORPDE_SLURM_DIR:-/tmp/tensorpde-slurm}
port=${TENSORPDE_SLURM_PORT:-17000}
cpus=${TENSORPDE_SLURM_CPUS:-4}
nodes=(n1 n2 n3 n4)
export SLURM_CONF=$folder/slurm.conf
export PATH=$PATH:/usr/sbin:/sbin

fail() {
    echo "local_slurm.sh: $*" >&2
    exit 1
}

check() {
    local tool
    [[ $(id -u) == 0 ]] || fail "needs root: each slurmd gets a host name and a /dev/shm of its own"
    for tool in slurmctld slurmd munged mungekey sbatch unshare; do
        command -v "$tool" >/dev/null || fail "no $tool here; on Debian and Ubuntu: apt-get install slurm-wlm munge"
    done
    unshare --uts --mount true 2>/dev/null || fail "this machine does not let root make namespaces (unshare --uts --mount)"
    [[ $folder == /* && $folder != *[[:space:]]* ]] || fail "TENSORPDE_SLURM_DIR is '$folder', but must be absolute, without spaces"
}

configure() {
    local node
    install -d -m 755 "$folder" && : >"$SLURM_CONF"
    install -d -m 755 "$folder/state" "$folder/munge"
    for node in "${nodes[@]}"; do
        install -d -m 755 "$folder/$node/spool" "$folder/$node/tmp"
        echo "127.0.0.1 $node"
    done >"$folder/hosts"
    echo "127.0.0.1 localhost" >>"$folder/hosts"
    mungekey --create --keyfile "$folder/munge/key"
    # cred_expire: a requeued job starts again after seconds, not two minutes. NoInAddrAny: listen on loopback only.
    cat >"$SLURM_CONF" <<CONF
ClusterName=throwaway
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
AuthType=auth/munge
CryptoType=crypto/munge
AuthInfo=socket=$folder/munge/socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$folder/state
SlurmctldPidFile=$folder/slurmctld.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdPidFile=$folder/%n/slurmd.pid
SlurmdLogFile=$folder/%n/slurmd.log
SlurmdSpoolDir=$folder/%n/spool
TmpFS=$folder/%n/tmp
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
MpiDefault=pmix
ReturnToService=2
KillWait=5
MinJobAge=3600
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/jobs.log
NodeName=n[1-4] NodeHostname=localhost NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 4))] CPUs=$cpus RealMemory=4000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE OverSubscribe=YES:4
CONF
}

start() {
    local node
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/munged.pid" \
        --log-file="$folder/munge/log" --seed-file="$folder/munge/seed"
    slurmctld -c
    for node in "${nodes[@]}"; do
        # Own host names and shared memory, or Open MPI takes the four nodes for one.
        # shellcheck disable=SC2016 # the inner shell expands
        unshare --uts --mount sh -c 'hostname "$1" && mount --bind "$2/hosts" /etc/hosts && mount -t tmpfs tmpfs /dev/shm &&
            exec slurmd -N "$1"' sh "$node" "$folder"
    done
}

idle() { (($(sinfo -h -t idle,mixed,allocated -o %D 2>/dev/null | awk '{ n += $1 } END { print n + 0 }') == ${#nodes[@]})); }

# wait_for SECONDS COMMAND…
wait_for() {
    local end=$((SECONDS + $1))
    until "${@:2}"; do
        ((SECONDS < end)) || return 1
        sleep 0.2
    done
}

up() {
    check
    if [[ ! -f $SLURM_CONF ]] || ! idle; then
        down
        configure
        start >&2
        wait_for 30 idle || fail "the nodes did not come up: $(tail -n 3 "$folder"/slurmctld.log "$folder"/n?/slurmd.log 2>&1)"
    fi
    echo "export SLURM_CONF=$SLURM_CONF"
}

# The living processes of this Slurm: daemons by their pid files, steps by the folder that they were started with.
ours() {
    local pid file
    for file in "$folder"/slurmctld.pid "$folder"/n?/slurmd.pid "$folder"/munge/munged.pid; do
        if [[ -s $file && $(ps -o comm= -p "$(<"$file")" 2>/dev/null) =~ ^(slurm|munge) ]]; then cat "$file"; fi
    done
    for pid in $(ps -eo pid=,comm= | awk '$2 ~ /^slurmstepd/ { print $1 }'); do
        if tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qx "SLURM_CONF=$SLURM_CONF"; then echo "$pid"; fi
    done
}

alive() {
    local pid
    for pid in $(ours); do
        [[ $(ps -o stat= -p "$pid" 2>/dev/null) == [!Z]* ]] && echo "$pid" # a zombie is only unburied
    done
}

gone() { [[ -z $(alive) ]]; }
jobless() { [[ -z $(squeue -h -o %i 2>/dev/null) ]]; }

down() {
    local pids
    [[ -d $folder ]] || return 0
    [[ -f $SLURM_CONF ]] || fail "$folder is not a folder of this script: no slurm.conf in it"
    if scontrol ping 2>/dev/null | grep -q UP; then
        squeue -h -o %i 2>/dev/null | xargs -r scancel 2>/dev/null || true
        wait_for 10 jobless || true
    fi
    mapfile -t pids < <(alive)
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null || true
    if ! wait_for 10 gone; then
        mapfile -t pids < <(alive)
        ((${#pids[@]} == 0)) || kill -9 "${pids[@]}" 2>/dev/null || true
        wait_for 5 gone || fail "some processes do not end: $(alive | paste -sd' ')"
    fi
    rm -rf "$folder"
}

case ${1:-} in
up) up ;;
down) down ;;
*)
    echo "usage: bash jobs/local_slurm.sh up|down" >&2
    exit 2
    ;;
esac
