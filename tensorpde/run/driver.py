"""What the loop of every driver needs around its physics: parameters, restart, checkpoints, stop, progress.

A driver stays a visible loop::

    run = begin(TaylorGreen)                                   # flags and TOML
    p = run.parameters
    space = tp.Space(grid, run.comm, p.backend)
    run.plan(space, arrays=20, state={"u": 3})                 # ends here under --dry-run
    state = run.restore({"u": taylor_green(space)})
    out = run.output(space)                                    # the streams that were planned
    for clock in run.loop(state, p.t_end, dt=lambda: ns.dt(state["u"]), record=record):
        state["u"] = ns.step(state["u"], clock.dt)
    run.finish(report)                                         # report(done) on rank 0: tables, pictures

Exit codes: :mod:`tensorpde.run.exit_codes`.
"""

from __future__ import annotations

import math
import shutil
import sys
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from tensorpde import backend as backends
from tensorpde.io import Output, Stream, load_checkpoint, save_checkpoint
from tensorpde.parallel.comm import world
from tensorpde.parallel.devices import prepared
from tensorpde.parallel.errors import agree
from tensorpde.run import exit_codes, report
from tensorpde.run.parameters import Parameters, parameter, read_parameters
from tensorpde.run.progress import Progress, duration
from tensorpde.run.results import Results
from tensorpde.run.signals import Verdict, Watch

__all__ = ["Clock", "Parameters", "Run", "begin", "parameter"]

P = TypeVar("P", bound=Parameters)
COMPILING = {
    "numpy": "compiling kernels for this machine; this happens once and takes a minute or two",
    "cupy": "compiling kernels for the GPU, each when it is first needed; every run does this anew",
}
CHECK_EVERY = 100  # steps between two looks for values that are not finite, besides those before checkpoints


@dataclass(frozen=True)
class Clock:
    """The step that is about to be taken: number ``step`` (from 1), from ``time`` to ``time + dt``."""

    step: int
    time: float
    dt: float


def begin(cls: type[P], argv: Sequence[str] | None = None, comm: Any = None) -> Run[P]:
    """Read the parameters and make ready to run. Collective; ends all ranks after ``--help`` or an error.

    An error is also a backend that this machine lacks something for.

    Parameters
    ----------
    cls
        The driver's parameter class.
    argv
        Default: the command line.
    comm
        Default: all ranks of the job.
    """
    comm = world(comm)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a log in an old encoding must not end a run over a "×"
    run = Run(read_parameters(cls, comm, argv), comm)
    try:
        prepared(run.parameters.backend, comm)
    except backends.Unavailable as error:
        run.say(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        comm.Barrier()  # mpirun ends all ranks when the first exits with a code: let all get here
        raise SystemExit(exit_codes.ERROR) from None
    if comm.rank == 0:
        for name in {"numpy", run.parameters.backend}:
            backends.get(name).before_compiling(lambda text=COMPILING[name]: run.say(text))
    return run


class Run(Generic[P]):
    """One run of a driver. All methods are collective.

    Attributes
    ----------
    parameters, comm
        As given.
    out, checkpoints
        The directory of the run and that of its checkpoints.
    step, time
        Where the run is: steps taken, model time.
    resumed
        Whether it started from a checkpoint.
    attributes
        Small further state that checkpoints keep, such as tuned choices: what JSON can hold.
    """

    def __init__(self, parameters: P, comm: Any):
        self.parameters = parameters
        self.comm = comm
        self.out = Path(parameters.out)
        self.checkpoints = self.out / "checkpoints"
        self.step, self.time, self.resumed = 0, 0.0, False
        self.attributes: dict[str, Any] = {}
        self._watch = Watch(comm, parameters.wall_limit, parameters.checkpoint_every)
        self._progress = Progress(0.0, 0.0, active=False)
        self._outputs: list[Output] = []
        self._streams: Sequence[Stream] = ()

    def say(self, *words: Any, file: typing.TextIO | None = None) -> None:
        """Print on rank 0."""
        if self.comm.rank == 0:
            print(*words, file=file, flush=True)

    def plan(
        self,
        space: Any,
        arrays: float,
        state: Mapping[str, int],
        streams: Sequence[Stream] = (),
        derived: Mapping[str, int] = MappingProxyType({}),
        t_end: float | None = None,
        steps: float | None = None,
    ) -> None:
        """Say how the run is laid out; under ``--dry-run`` say what it will write too, and end here with code 0.

        Parameters
        ----------
        space
            The largest Space of the run.
        arrays
            The memory of the run, in arrays of one value per grid point.
        state, derived
            Number of components by name, of the fields that checkpoints keep and of others that streams may keep.
        streams
            The streams of the run's output, which `output` takes unless it is given others.
        t_end, steps
            The end of the run, for the number of files; what is not known is left out.
        """
        self._streams = streams
        self.say(report.layout(space, self.comm.size))
        if not self.parameters.dry_run:
            return
        blocks = self.comm.gather(space.pencil.local_shape, root=0)
        if self.comm.rank == 0:
            self.say(report.memory(space, max(blocks, key=math.prod), arrays))
            self.say(f"files in {self.out}\n{report.files(space, state, streams, derived, t_end, steps)}")
        self.say(f"parameters\n{self.parameters.to_toml()}dry run: nothing was computed or written")
        raise SystemExit(exit_codes.FINISHED)

    def restore(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The fields to start from: those of the last checkpoint under ``--resume``, else the given ones.

        A fresh start moves the checkpoints of an earlier run in the same directory to ``checkpoints.old``,
        so that a forgotten ``--resume`` loses nothing and the two never mix.

        Parameters
        ----------
        state
            The initial fields by name; their Spaces are those to which the checkpoint is read.

        Raises
        ------
        SystemExit
            1 after one line that says why, if the directory cannot be made or a checkpoint not be read.
        """
        spaces = {name: field.space for name, field in state.items()}
        try:
            with agree(self.comm, f"preparing the directory {self.out}"):
                found = self.comm.rank == 0 and self._prepare()
            self.resumed = self.comm.bcast(found, root=0)
            if self.resumed:
                fields, self.step, self.time = load_checkpoint(self.checkpoints, spaces, self.attributes)
        except (OSError, ValueError) as error:  # the same on all ranks
            self._stop(exit_codes.ERROR, f"the run cannot start: {error}")
        if not self.resumed:
            if self.parameters.resume:
                self.say(f"no checkpoint in {self.checkpoints} yet: starting from the beginning")
            return dict(state)
        self.say(f"resumed from {self.checkpoints} at step {self.step}, t = {self.time:g}")
        return fields

    def _prepare(self) -> bool:
        """On rank 0: whether there is a checkpoint to go on from."""
        self.out.mkdir(parents=True, exist_ok=True)
        found = any(self.checkpoints.glob("checkpoint_*.h5"))
        if found and not self.parameters.resume:
            old = self.checkpoints.with_suffix(".old")
            shutil.rmtree(old, ignore_errors=True)
            self.checkpoints.rename(old)
            self.say(f"without --resume this is a fresh start: earlier checkpoints are now in {old}")
        return found and self.parameters.resume

    def output(self, space: Any, *streams: Stream, **keywords: Any) -> Output:
        """The Output of this run in its directory: with its parameters, going on where it was resumed.

        Call it after :meth:`restore`. The loop flushes it before every checkpoint.

        Parameters
        ----------
        space, *streams, **keywords
            As of :class:`tensorpde.io.Output`; streams: default those of the plan.
        """
        made = Output(
            self.out, space, *(streams or self._streams), parameters=self.parameters.to_toml(),
            resume=self.step if self.resumed else None, **keywords,
        )  # fmt: skip
        self._outputs.append(made)
        return made

    def loop(
        self,
        state: Mapping[str, Any],
        t_end: float,
        dt: float | Callable[[], float],
        record: Callable[[int, float], Mapping[str, float] | None] | None = None,
        until: Callable[[], bool] = bool,
    ) -> Iterator[Clock]:
        """The steps to ``t_end``; the body of the for loop takes each of them and puts the result in ``state``.

        After each step: record, agree on what signals and clocks ask for, look for values that are not finite,
        write a checkpoint when due. The last step is shortened to end at ``t_end``, where a checkpoint is
        written too.

        Parameters
        ----------
        state
            The fields by name, as in a checkpoint.
        t_end
            The model time to reach.
        dt
            The time step, or a (collective) function that returns it.
        record
            Called with step and time at the start and after every step, for outputs and diagnostics; may
            return numbers by name, to be shown with the progress.
        until
            Asked after every step: whether the run ends here, before ``t_end``. The same answer on all ranks.

        Raises
        ------
        SystemExit
            75 after a stop on request, 70 when a field is not finite.
        """
        self._progress = Progress(self.time, t_end, active=self.comm.rank == 0)
        try:
            if record and not self.resumed:
                record(self.step, self.time)
            while self.time < t_end and not until():
                size = self._step_size(dt() if callable(dt) else dt, t_end, state)
                yield Clock(self.step + 1, self.time, size)
                for output in self._outputs:
                    output.complete()  # a device works on the new step meanwhile
                self.step += 1
                self.time = t_end if size == t_end - self.time else self.time + size
                shown = record(self.step, self.time) if record else None
                self._progress.update(self.step, self.time, dt=size, **(shown or {}))
                self._after(state, last=self.time >= t_end or until())
        finally:
            self._progress.close()
            self._watch.close()
            for output in self._outputs:
                output.rescue()

    def show(self, step: int, time: float, end: float, **shown: float) -> None:
        """Progress of a loop of the driver's own: where it is on the way to `end`, and numbers by name."""
        if self._progress.end != end:
            self._progress = Progress(self.time, end, active=self.comm.rank == 0)
        self.step, self.time = step, float(time)
        self._progress.update(step, self.time, **shown)
        if time >= end:
            self._progress.close()

    def poll(self) -> Verdict:
        """What signals and clocks ask for, the same on all ranks: in a loop of the driver's own, once per step."""
        return self._watch.poll()

    def save(self, state: Mapping[str, Any]) -> None:
        """Write a checkpoint of these fields where the run is, if they are finite.

        Raises
        ------
        SystemExit
            70 if they are not; 1 if the file system takes no checkpoint, after one line that says why.
        """
        self._check(state)
        for output in self._outputs:
            output.flush()  # or a restart would miss the records between its last flush and the checkpoint
        further = self.attributes | {"parameters": self.parameters.to_toml()}
        try:
            save_checkpoint(self.checkpoints, state, self.step, self.time, further)
        except OSError as error:  # the same on all ranks
            self._stop(exit_codes.ERROR, f"no checkpoint at step {self.step}, earlier ones are whole: {error}")

    def stopped(self) -> typing.NoReturn:
        """End here with code 75, after a checkpoint."""
        self._stop(
            exit_codes.STOPPED,
            f"stopped by {self._watch.reason} at step {self.step}, t = {self.time:g}: "
            f"checkpoint written to {self.checkpoints}, --resume goes on",
        )

    def not_finite(self, what: str) -> typing.NoReturn:
        """End here with code 70, saying what is not finite."""
        self._stop(exit_codes.NOT_FINITE, f"{what}; the checkpoints in {self.checkpoints} are older and whole")

    def pause(self, done: int, total: int) -> None:
        """Between independent pieces of work: show progress, and end here with code 75 if a stop is asked for.

        Collective. What is done must be on disk already; the work goes on when the driver is started again.
        """
        self.show(done, done, total)
        if done < total and self.poll() is Verdict.STOP:
            self._stop(
                exit_codes.STOPPED, f"stopped by {self._watch.reason} at {done} of {total}: start again to go on"
            )

    def _step_size(self, dt: float, t_end: float, state: Mapping[str, Any]) -> float:
        if not (math.isfinite(dt) and dt > 0.0):
            self._check(state)
            self._stop(exit_codes.NOT_FINITE, f"step {self.step}, t = {self.time:g}: the time step is {dt}")
        rest = t_end - self.time
        return rest if dt >= rest * (1.0 - 1e-6) else dt  # round-off in t must not cost a tiny step more

    def _after(self, state: Mapping[str, Any], last: bool) -> None:
        verdict = self.poll()
        if last or verdict is not Verdict.GO_ON:
            self.save(state)
        elif self.step % CHECK_EVERY == 0:
            self._check(state)
        if verdict is Verdict.STOP and not last:
            self.stopped()

    def _check(self, state: Mapping[str, Any]) -> None:
        bad = [name for name, field in state.items() if not math.isfinite(abs(field.norm()))]
        if bad:
            self.not_finite(f"step {self.step}, t = {self.time:g}: {', '.join(bad)} is not finite")

    def _stop(self, code: int, message: str) -> typing.NoReturn:
        self._progress.close()
        self.say(message, file=sys.stderr)
        self.comm.Barrier()  # mpirun ends all ranks when the first exits with a code: let all get here
        raise SystemExit(code)

    def finish(self, show: Callable[[Results], object] | None = None) -> None:
        """Write what is left, let rank 0 `show` what the run has found, and say how far it got and where its files are.

        Raises
        ------
        Exception
            What `show` raises, on every rank.
        """
        wall, steps = self._progress.wall, max(self._progress.steps, 1)
        for output in self._outputs:
            output.flush()
        with agree(self.comm, "showing the results"):
            if show is not None and self.comm.rank == 0:
                show(Results(self.out))
        self.say(f"finished: step {self.step}, t = {self.time:g}, wall {duration(wall)}, {wall / steps:.3g} s per step")
        if self.comm.rank == 0:
            self.say(report.listing(self.out))
