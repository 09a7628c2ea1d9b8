"""Steps that are recorded as a graph of the device and repeated: the host starts one thing instead of many.

A kernel that is started from Python takes the host longer than the device needs for it on a small grid. A recorded step
has no such cost, but nobody has seen it on a device yet: it is done where TENSORPDE_GRAPH=1 asks for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import cupy

BEFORE = 2  # calls before the one that is recorded
ASKED = os.environ.get("TENSORPDE_GRAPH") == "1"


class Recording:
    """A call that is made as it is twice, recorded the third time, and repeated from then on.

    At first kernels are compiled, plans made and memory taken, in the second call where it replaces what others had
    before: what a recording must not do. All this time memory comes from a pool that nobody else takes from, so that it
    stays as the graph knows it. The graph runs on a stream of its own, after what the current one has been asked for
    and before what it is asked for later.
    """

    def __init__(self) -> None:
        self._key: Any = None
        self._calls = 0
        self._graph: Any = None
        self._kept: Any = None
        self._stream: Any = None
        self._pool: Any = None

    def __call__(
        self, call: Callable[[], object], arrays: Sequence[cupy.ndarray], numbers: Any, kept: Callable[[], object]
    ) -> None:
        """Do what call() does.

        Parameters
        ----------
        call
            Must do the same each time, but for these arrays and numbers, and nothing on the host that later steps need.
        arrays, numbers
            What it works with: where one is another, the recording begins anew.
        kept
            Gives what else it works with and others might let go of; asked once it is recorded.

        Raises
        ------
        RuntimeError
            If the call does what cannot be recorded: copies to or from the host, dense products (by CuPy's leave).
        """
        if not ASKED:
            call()
            return
        if self._stream is None:
            self._stream, self._pool = cupy.cuda.Stream(non_blocking=True), cupy.cuda.MemoryPool()
        key = [(array.data.ptr, array.shape, array.dtype) for array in arrays], numbers
        if key != self._key:
            self._key, self._calls, self._graph, self._kept = key, 0, None, None
        self._calls += 1
        if self._calls <= BEFORE:
            with self._between(), cupy.cuda.using_allocator(self._pool.malloc):
                call()
            return
        if self._graph is None:
            self._graph, self._kept = self._recorded(call), kept()
        with self._between():
            self._graph.launch()

    @contextmanager
    def _between(self) -> Iterator[None]:
        """On the stream of the recording, in its place among the work of the current one."""
        current, before, after = cupy.cuda.get_current_stream(), _event(), _event()
        before.record(current)
        self._stream.wait_event(before)
        with self._stream:
            yield
        after.record(self._stream)
        current.wait_event(after)

    def _recorded(self, call: Callable[[], object]) -> Any:
        stream = self._stream
        with stream, cupy.cuda.using_allocator(self._pool.malloc):
            stream.begin_capture(cupy.cuda.runtime.streamCaptureModeThreadLocal)
            try:
                call()
            except Exception as error:
                self._key = None
                with suppress(cupy.cuda.runtime.CUDARuntimeError):  # it says again what is known already
                    stream.end_capture()
                raise RuntimeError(f"TENSORPDE_GRAPH=1, but this step cannot be recorded: {error}") from error
            return stream.end_capture()


def _event() -> Any:
    return cupy.cuda.Event(disable_timing=True)
