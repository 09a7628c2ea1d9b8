"""A driver as small as they get, du/dt = −u by Euler, with ways to go wrong on purpose."""

import hashlib
import os
import signal
import time

import numpy as np

import tensorpde as tp
from tensorpde.run.driver import Parameters, begin, parameter


class Decay(Parameters):
    """Exponential decay."""

    n: int = parameter(12, "points per axis", ge=2)
    t_end: float = parameter(1.0, "end of the run", gt=0)
    dt: float = parameter(0.1, "time step", gt=0)
    signal_at: int = parameter(0, "send USR1 to this process at this step; 0 for never")
    nan_at: int = parameter(0, "spoil the field at this step; 0 for never")
    sleep: float = parameter(0.0, "wall-clock time of a step", unit="s")


run = begin(Decay)
p = run.parameters
axis = tp.Axis(p.n, 0.0, 2 * np.pi, bc=tp.Periodic())
space = tp.Space(tp.Grid(axis, axis, axis), run.comm)
streams = [
    tp.io.Stream(every=tp.io.Every(time=0.5), dtype="float32", stride=2),
    tp.io.Stream("plane", every=tp.io.Every(steps=4), slices={"z": 1.0}),
    tp.io.Stream("probes", probes=[(1.0, 2.0, 3.0)]),
]
run.plan(space, arrays=2, state={"u": 1}, streams=streams, t_end=p.t_end, steps=p.t_end / p.dt)
state = run.restore({"u": space.field(lambda x, y, z: 2 + np.sin(x) * np.cos(y) + z)})
out = run.output(space, *streams)
seen = []


def record(step, time):
    seen.append(step)
    out.write(step, time, u=state["u"])
    mean = state["u"].mean()
    out.diagnostics(step, time, mean=mean)
    return {"mean": mean}


for clock in run.loop(state, p.t_end, dt=lambda: p.dt, record=record):
    time.sleep(p.sleep)
    state["u"] = state["u"] - clock.dt * state["u"]
    if clock.step == p.nan_at and run.comm.rank == run.comm.size - 1:
        state["u"].local[..., 0] = np.nan
    if clock.step == p.signal_at:
        os.kill(os.getpid(), signal.SIGUSR1)
run.finish()
digest = hashlib.sha256(state["u"].gather().tobytes()).hexdigest()
run.say(f"recorded {seen} digest {digest}")
