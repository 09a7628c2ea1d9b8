"""Memory, streams and graphs of the stand-in for CuPy (`standin`).

What is asked of another stream than the default one is done as late as it may be, and a stream that is captured refuses
what CUDA and CuPy refuse.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import wraps

import numpy as np


class CUDARuntimeError(RuntimeError):
    pass


class OutOfMemoryError(MemoryError):
    pass


class Pool:
    """CuPy's pool of memory: what is given back is kept, by sizes in whole UNITs, for what is taken next.

    Attributes
    ----------
    taken : times that memory was taken; bytes in use and in all as the methods say.
    """

    UNIT = 512
    current = None

    def __init__(self):
        self.taken, self._used, self._free = 0, 0, {}

    def malloc(self, size):
        raise NotImplementedError("it is a name for this pool, for `using_allocator`")

    def take(self, values):
        """Count an array on the memory behind values, and that memory where it is new; what to give back."""
        while isinstance(values.base, np.ndarray):
            values = values.base
        number = id(values)
        if number in OWNERS:
            OWNERS[number][2] += 1
            return number
        size = -(-values.nbytes // self.UNIT) * self.UNIT
        if capture and not self._free.get(size):
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: memory from the driver")
        self.taken, self._used = self.taken + 1, self._used + size
        self._free[size] = max(self._free.get(size, 0) - 1, 0)
        OWNERS[number] = [self, values, 1]
        return number

    @staticmethod
    def give(number):
        """An array on this memory is gone; where it was the last, others may have the memory."""
        pool, values, count = OWNERS[number]
        OWNERS[number][2] -= 1
        if count == 1:
            size = -(-values.nbytes // pool.UNIT) * pool.UNIT
            del OWNERS[number]
            pool._used -= size
            pool._free[size] = pool._free.get(size, 0) + 1

    def used_bytes(self):
        return self._used

    def free_bytes(self):
        return sum(size * count for size, count in self._free.items())

    def total_bytes(self):
        return self._used + self.free_bytes()


POOL = Pool.current = Pool()
OWNERS = {}
"""The memory behind all device arrays, by its number: its pool, itself, and how many arrays lie on it."""


@contextmanager
def using_allocator(allocator):
    before, Pool.current = Pool.current, allocator.__self__
    try:
        yield
    finally:
        Pool.current = before


class Graph:
    """What was asked of the device while a stream was captured: calls, and what they gave, to be given again."""

    def __init__(self):
        self.before = [(values, values.copy()) for _, values, _ in OWNERS.values()]
        self.calls = []

    def end(self):
        """Nothing has been done yet: the memory is as it was before."""
        for values, copy in self.before:
            np.copyto(values, copy)
        del self.before

    def launch(self, stream=None):
        for call, args, options, result in self.calls:
            again = call(*args(), **options())
            if result is not None and hasattr(again, "_values"):
                result[...] = again._values


capture, inside = None, False
"""The Graph that is being captured, and whether a call that it has is being made."""


def recorded(call):
    """What a device does in the order of a stream: done now, and again when a Graph is launched."""

    @wraps(call)
    def one(*args, **options):
        global inside
        if capture is None or inside:
            return call(*args, **options)
        inside = True
        try:
            result = call(*args, **options)
        finally:
            inside = False
        if isinstance(result, (bool, int, float, complex, np.generic)):
            raise CUDARuntimeError("cudaErrorStreamCaptureImplicit: the host waits for a value")
        kept = getattr(result, "_values", None)
        capture.calls.append((call, _held(args), _held(options), kept))
        return result

    return one


def _held(value):
    """A function that gives the value again, without arrays that would keep their memory from others."""
    if hasattr(value, "_values"):
        kind, values = type(value), value._values
        return lambda: kind(values, counted=False)
    if isinstance(value, (tuple, list)):
        kind, parts = getattr(type(value), "_make", type(value)), [_held(part) for part in value]
        return lambda: kind(part() for part in parts)
    if isinstance(value, dict):
        parts = {key: _held(part) for key, part in value.items()}
        return lambda: {key: part() for key, part in parts.items()}
    return lambda: value


def not_captured(what, error=None):
    if capture is not None:
        raise error or CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what}")


class Stream:
    """Work in order. That of the default stream is done when a call returns, that of others as late as it may be."""

    def __init__(self, null=False, non_blocking=False):
        assert null or non_blocking, "the default stream waits for one that is not non_blocking"
        self.ptr, self._waiting, self._done = (0 if null else id(self)), [], 0

    def add(self, work):
        self._waiting.append(work)

    def wait_event(self, event):
        if self.ptr:
            self.add(event.synchronize)
        else:
            event.synchronize()

    def record(self, event):
        event.record(self)

    def synchronize(self):
        not_captured("the host waits")
        self.reach(self.place)

    def __enter__(self):
        STREAMS.append(self)

    def __exit__(self, *error):
        assert STREAMS.pop() is self

    def is_capturing(self):
        return capture is not None

    def begin_capture(self, mode):
        global capture
        assert mode == 1 and capture is None
        if not self.ptr:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        capture = Graph()

    def end_capture(self):
        global capture
        graph, capture = capture, None
        graph.end()
        return graph

    def reach(self, place):
        """Do the work up to a place, counted from the first that there ever was."""
        while self._done < place:
            self._done += 1
            self._waiting.pop(0)()

    @property
    def place(self):
        return self._done + len(self._waiting)


Stream.null = Stream(null=True)
STREAMS = [Stream.null]


class Event:
    """A place in a stream, and the moment at which the host asked for it."""

    def __init__(self, disable_timing=False):
        self.time = None

    def record(self, stream=None):
        self.stream = stream or STREAMS[-1]
        self.place, self.time = self.stream.place, time.perf_counter()

    def synchronize(self):
        not_captured("the host waits")
        self.stream.reach(self.place)
