"""What a run writes while it runs: streams of snapshots and probes, and the diagnostics."""

from __future__ import annotations

import atexit
import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

import numpy as np

from tensorpde.field import Field, Space
from tensorpde.given import number, whole
from tensorpde.io import hdf5, layout, probes, publish, snapshot, view, xdmf
from tensorpde.io.cadence import Every, Stream
from tensorpde.io.series import Series
from tensorpde.parallel.errors import agree
from tensorpde.parallel.meeting import all_here

FLUSH = 5.0  # seconds between two writes of a time series
GRACE = 5.0  # seconds that a rank with an error waits for the others to write together what is left
Given = Field | Sequence[Field] | Callable[[], Field | Sequence[Field]]


class Output:
    """The files of a run in one directory. Collective, as are all methods.

    Parameters
    ----------
    directory
        Made if it does not exist.
    space
        Its axes are the scales x, y, z, x3… of all files; fields on other points get scales such as x_face.
    *streams
        What to keep and when. None: one Stream named "fields" made from the next six parameters.
    every, dtype, slices, box, stride, probes
        Of that one Stream. With `probes` there is a second one, "probes", at the same cadence.
    parameters
        The run's parameters as TOML text, stored in every file.
    attributes
        Field name → attributes of its datasets, such as ``units`` and ``long_name``.
    resume
        The step that the run goes on from: later records of earlier runs are dropped, cadences go on. None for a new
        run. Either way, a record at step k replaces what was written at step k and after.

    Raises
    ------
    ValueError
        For two streams of one name, or stream parameters beside `streams`.
    OSError, Unreadable
        If the directory cannot be written, or an old time series in it is damaged.

    Notes
    -----
    Of fields on the host `write` writes the files. Of those on a device it only begins to copy them to pinned memory:
    the files are written by `complete` while the device works on the next step, and are the same. So does every later
    `write`, `flush` and `close`, and the loop of a driver (`run.loop`) as soon as it has begun the next step.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        space: Space,
        *streams: Stream,
        every: Every | None = None,
        dtype: str | None = None,
        slices: Mapping[int | str, float] | None = None,
        box: Mapping[int | str, tuple[float, float]] | None = None,
        stride: int | Mapping[int | str, int] = 1,
        probes: Any = None,
        parameters: str = "",
        attributes: Mapping[str, Mapping[str, Any]] | None = None,
        resume: int | None = None,
    ) -> None:
        given = any(value is not None for value in (every, dtype, slices, box, probes)) or stride != 1
        if streams and given:
            raise ValueError("give either streams or the parameters of one stream, not both")
        if not streams:
            streams = (Stream("fields", every, None, dtype, slices or {}, box or {}, stride),)
            streams += (Stream("probes", every, probes=probes),) if probes is not None else ()
        if len({stream.name for stream in streams}) < len(streams):
            raise ValueError(f"two streams of one name among {', '.join(stream.name for stream in streams)}")
        self.directory, self.space = Path(directory), space
        self._root = {"parameters": parameters}
        self._attributes = dict(attributes or {})
        self._copies = None if space.backend.on_host else space.backend.departures.HostCopies()
        self._begun: list[Callable[[], None]] = []
        with agree(space.comm, f"preparing {directory}"):
            if space.comm.rank == 0:
                self.directory.mkdir(parents=True, exist_ok=True)
                for name in (*(stream.name for stream in streams), "diagnostics"):
                    publish.sweep(self.directory, rf"{name}(_\d+)?\.(h5|xdmf)")
            self._diagnostics = self._series("diagnostics", resume)
            kinds = [_Snapshots if stream.probes is None else _Probes for stream in streams]
            self._streams: list[_Snapshots | _Probes] = [
                kind(self, stream, resume) for kind, stream in zip(kinds, streams, strict=True)
            ]
        for running in self._streams:
            running.last = space.comm.bcast(running.last) if resume is not None else None

    def _series(
        self, name: str, resume: int | None, constants: Mapping[str, np.ndarray] | None = None
    ) -> Series | None:
        if self.space.comm.rank > 0:
            return None
        series = Series(self.directory / f"{name}.h5", constants, attributes=self._root)
        if resume is not None:
            series.truncate(resume)
        return series

    def write(self, step: int, time: float, *, force: bool = False, **fields: Given) -> list[Path]:
        """Write the streams that are due.

        Parameters
        ----------
        step, time
            Where the run stands.
        force
            Write all streams, whatever their cadence: the end of a run.
        **fields
            Each a Field, a sequence of Fields (the components of a vector in Spaces of their own), or a function
            without arguments that gives one: called on all ranks, once, and only if a stream that keeps it is due.

        Returns
        -------
        list of Path
            The snapshots written, the same on all ranks; those of a device are there after `complete`.

        Raises
        ------
        KeyError
            If a stream keeps a field that is not given.
        ValueError, OSError
            As :class:`tensorpde.io.snapshot.Snapshot`; what was begun before is completed first, and may raise too.
        """
        self.complete()
        step, time = whole(step, "step"), float(number(time, "time"))
        if step < 0:
            raise ValueError(f"a step must be 0 or more, not {step}")
        made: dict[str, Field | Sequence[Field]] = {}
        written = []
        for running in self._streams:
            if not (force or self._due(running, step, time)):
                continue
            names = running.stream.fields or tuple(fields)
            for name in names:
                if name not in fields:
                    raise KeyError(f"stream {running.stream.name!r} keeps {name!r}; given are {', '.join(fields)}")
                if name not in made:
                    made[name] = _made(name, fields[name])
            path = self._write(running, step, time, {name: made[name] for name in names})
            running.last, running.written = time, monotonic()
            written += [path] if path else []
        return written

    def _write(self, running: _Snapshots | _Probes, step: int, time: float, fields: snapshot.Fields) -> Path | None:
        """Write one stream, or begin to."""
        path, parts, finish = running.laid_out(step, time, fields)
        if self._copies is None:
            finish()
            return path
        with agree(self.space.comm, f"copying the fields of {running.stream.name} to the host"):
            for part in parts:
                part.keep(self._copies.take)
        self._begun.append(finish)
        _UNFINISHED[id(self)] = self
        return path

    def complete(self) -> None:
        """Write the files that `write` has begun, from copies on the host: while the device does something else.

        Raises
        ------
        OSError
            If one cannot be written; those after it are not written either.
        """
        begun, self._begun = self._begun, []
        _UNFINISHED.pop(id(self), None)
        if self._copies is not None and begun:
            with self._copies.finished():
                for finish in begun:
                    finish()

    def rescue(self) -> None:
        """`complete` if all ranks come here, as they do after an error of all; else say what is lost.

        For the end of a run: after it is known that something is lost no rank may meet others again.
        """
        if not self._begun:
            return
        if all_here(self.space.comm, GRACE):
            self.complete()
            return
        self._begun = []
        _UNFINISHED.pop(id(self), None)
        warnings.warn(f"the last output to {self.directory} is lost: not all ranks are there to write it", stacklevel=2)

    def _due(self, running: _Running, step: int, time: float) -> bool:
        every = running.stream.every
        if every is None:
            return True
        waited = monotonic() - running.written
        if every.wall is not None:
            clock = np.array([waited])
            self.space.comm.Bcast(clock, root=0)
            waited = float(clock[0])
        return every.due(step, time, waited, running.last)

    def diagnostics(self, step: int, time: float, **scalars: float) -> None:
        """Add a record to ``diagnostics.h5``, written every few seconds and by :meth:`flush` and :meth:`close`."""
        with agree(self.space.comm, "writing diagnostics"):
            values = {layout.check_name(name, "diagnostic"): float(value) for name, value in scalars.items()}
            if self._diagnostics is not None:
                self._diagnostics.append(step, time, values)
                self._diagnostics.flush(FLUSH)

    def flush(self) -> None:
        """Complete all files now: before a checkpoint, so that a restart finds every record up to it."""
        self.complete()
        with agree(self.space.comm, f"writing time series to {self.directory}"):
            self._flush()

    def _flush(self) -> None:
        for series in [self._diagnostics, *(getattr(running, "series", None) for running in self._streams)]:
            if series is not None:
                series.flush()

    def close(self) -> None:
        """As :meth:`flush`: nothing else is kept open."""
        self.flush()

    def __enter__(self) -> Output:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
            return
        try:
            self.rescue()
            self._flush()  # by itself: the other ranks may not come here
        except OSError as second:
            warnings.warn(f"the last records are lost: {second}", stacklevel=2)


_UNFINISHED: dict[int, Output] = {}
"""Outputs with files that are begun and not written, so that they outlive the names that a program had for them."""


@atexit.register
def _at_exit() -> None:
    for out in list(_UNFINISHED.values()):
        out.rescue()


class _Running:
    """A stream at work: `laid_out` gives the path of a snapshot, what holds values of fields, and what writes them."""

    def __init__(self, out: Output, stream: Stream) -> None:
        self.out, self.stream = out, stream
        self.last: float | None = None
        self.written = monotonic()


class _Snapshots(_Running):
    """Files ``<name>_<step>.h5`` and their XDMF collection, whose list is kept on rank 0."""

    def __init__(self, out: Output, stream: Stream, resume: int | None) -> None:
        super().__init__(out, stream)
        stream.region.on(out.space.axes)
        self._known = self._find(resume) if out.space.comm.rank == 0 else {}
        self.last = self._known[max(self._known)][1]["time"] if self._known else None

    def _find(self, resume: int | None) -> dict[int, tuple[str, dict[str, Any]]]:
        """Step → (file name, description) of the snapshots that are there, in order."""
        known = {}
        for path in self.out.directory.iterdir():
            match = re.fullmatch(rf"{self.stream.name}_(\d+)\.h5", path.name)
            if match and (resume is None or int(match[1]) <= resume):
                try:
                    known[int(match[1])] = path.name, view.describe(path)
                except hdf5.Unreadable as error:
                    warnings.warn(f"snapshot left out of {self.stream.name}.xdmf: {error}", stacklevel=2)
        return dict(sorted(known.items()))

    def laid_out(self, step: int, time: float, fields: snapshot.Fields) -> tuple[Path, list, Callable[[], None]]:
        out, path = self.out, self.out.directory / f"{self.stream.name}_{step:08d}.h5"
        made = snapshot.Snapshot(
            path,
            out.space,
            fields,
            step,
            time,
            region=self.stream.region,
            dtype=self.stream.dtype,
            root=out._root,
            attributes=out._attributes,
        )
        return path, [made], lambda: self._write(made)

    def _write(self, made: snapshot.Snapshot) -> None:
        """Write one snapshot and the collection of all up to it. Collective."""
        made.write()
        path, step = made.path, made.step
        with agree(self.out.space.comm, f"writing {self.stream.name}.xdmf"):
            if self.out.space.comm.rank == 0:
                self._known = {k: entry for k, entry in self._known.items() if k < step}
                self._known[step] = path.name, view.describe(path)
                text = xdmf.collection(self.stream.name, self._known.values())
                publish.publish_text(path.with_name(f"{self.stream.name}.xdmf"), text)


class _Probes(_Running):
    """One file ``<name>.h5`` with the values at points over time, kept on rank 0."""

    def __init__(self, out: Output, stream: Stream, resume: int | None) -> None:
        super().__init__(out, stream)
        self.points = np.atleast_2d(np.asarray(stream.probes, dtype=float))
        places = {layout.axis_name(i): x for i, x in enumerate(self.points.T)}
        self.series = out._series(stream.name, resume, places)
        self.last = self.series.last[1] if self.series and self.series.last else None

    def laid_out(self, step: int, time: float, fields: snapshot.Fields) -> tuple[None, list, Callable[[], None]]:
        samples = {
            suffix: probes.Sample(component, self.points)
            for name, field in fields.items()
            for suffix, component in _components(layout.check_name(name), field)
        }
        return None, list(samples.values()), lambda: self._write(step, time, samples)

    def _write(self, step: int, time: float, samples: Mapping[str, probes.Sample]) -> None:
        """Add the values of all fields to the series. Collective."""
        values: dict[str, np.ndarray] = {}
        for name, sample in samples.items():
            sampled = sample.collect()
            for end, part in layout.parts(sample.dtype):
                if sampled is not None:
                    values[f"{name}{end}"] = getattr(sampled, part)
        with agree(self.out.space.comm, f"writing {self.stream.name}.h5"):
            if self.series is not None:
                self.series.append(step, time, values)
                self.series.flush(FLUSH)


def _made(name: str, given: Given) -> Field | Sequence[Field]:
    """What a function without arguments makes, or what is given itself, if it is a Field or a sequence of them."""
    made = given() if callable(given) and not isinstance(given, Field) else given
    parts = made if isinstance(made, Sequence) else [made]
    if not parts or not all(isinstance(part, Field) for part in parts):
        raise TypeError(f"{name} must be a Field, a sequence of Fields or a function that gives one, not {given!r:.60}")
    return made


def _components(name: str, field: Field | Sequence[Field]) -> list[tuple[str, Field]]:
    """(dataset name, scalar Field) of each component."""
    if isinstance(field, Field):
        suffixes = layout.component_suffixes(field.lead, field.space.ndim)
        return [
            (name + suffix, field[index] if index else field)
            for suffix, index in zip(suffixes, np.ndindex(*field.lead), strict=True)
        ]
    suffixes = layout.component_suffixes((len(field),), field[0].space.ndim)
    return [(name + suffix, component) for suffix, component in zip(suffixes, field, strict=True)]
