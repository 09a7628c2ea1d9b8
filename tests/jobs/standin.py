"""A driver for tests of the job scripts: steps, checkpoints, signals and exit codes, no physics."""

import argparse
import signal
import sys
import time
from pathlib import Path

from mpi4py import MPI

parser = argparse.ArgumentParser()
parser.add_argument("--n", type=int)
parser.add_argument("--t-end", type=float)
parser.add_argument("--out", type=Path)
parser.add_argument("--resume", action="store_true")
parser.add_argument("--fail", type=int, default=0)
arguments = parser.parse_args()

comm = MPI.COMM_WORLD
asked = []
signal.signal(signal.SIGUSR1, lambda number, frame: asked.append(number))
checkpoint = arguments.out / "checkpoint"
step = int(checkpoint.read_text()) if arguments.resume and checkpoint.exists() else 0
comm.Barrier()
if comm.rank == 0:
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(f"start: step {step}, {comm.size} ranks", flush=True)
print(f"host {MPI.Get_processor_name()}", flush=True)
if arguments.fail:
    sys.exit(arguments.fail)
while step < arguments.t_end:
    time.sleep(0.1)
    step += 1
    if comm.bcast(bool(asked)):
        if comm.rank == 0:
            checkpoint.write_text(str(step))
            print(f"stopped: step {step}", flush=True)
        comm.Barrier()
        sys.exit(75)
if comm.rank == 0:
    print(f"end: step {step}", flush=True)
