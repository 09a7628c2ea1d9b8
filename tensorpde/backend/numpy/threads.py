"""Rows of an array shared among the threads of this process: TENSORPDE_THREADS of them, one without it.

A training step shares its work a hundred times, a few tenths of a millisecond each, and a thread that sleeps takes as
long to wake. So a thread that has finished looks for more in compiled code, without the interpreter's lock, before it
goes to sleep; and work is given out and waited for in such code too, so that no thread waits for that lock asleep.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import cache, partial

import numpy as np
from llvmlite import binding, ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiled import kernel
from .pointers import data, element_at

COUNT = int(os.environ.get("TENSORPDE_THREADS", "1"))
_LEAST = 1 << 17  # values that are worth telling a thread
_POSTED, _BEGUN, _FINISHED, _PITCH = range(0, 32, 8)  # places of tickets, on cache lines of their own
_IDLE, _LONG, _BRIEF = 20_000, 2_500, 500  # looks, of 20 to 40 ns, for work; for an end; for a beginning
_X86 = binding.get_process_triple().startswith(("x86", "i686"))


@intrinsic
def _look(typingctx, pointer, index):
    """The value that another thread may be about to change, after a short rest."""

    def codegen(context, builder, signature, args):
        if _X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse2.pause"), [])
        return builder.load_atomic(element_at(builder, *args), "acquire", 8)

    return types.int64(pointer, types.intp), codegen


@intrinsic
def _tell(typingctx, pointer, index, value):
    """Store a value for other threads to see after all that was stored before."""

    def codegen(context, builder, signature, args):
        pointer, index, value = args
        builder.store_atomic(value, element_at(builder, pointer, index), "release", 8)
        return context.get_dummy_value()

    return types.void(pointer, types.intp, types.int64), codegen


@kernel
def _all_have(tickets, place, ticket, most):
    """Look until this ticket is at the place of all rows, so many times at most; whether it is."""
    seen, looks = data(tickets), 0
    for row in range(len(tickets)):
        while _look(seen, row * _PITCH + place) < ticket:
            looks += 1
            if looks >= most:
                return False
    return True


@kernel
def _post(tickets, ticket):
    """Tell of work, and leave the interpreter's lock for a moment to those who take it."""
    seen = data(tickets)
    for row in range(len(tickets)):
        _tell(seen, row * _PITCH + _POSTED, ticket)
    for row in range(len(tickets)):
        looks = 0
        while looks < _BRIEF and _look(seen, row * _PITCH + _BEGUN) < ticket:
            looks += 1
    for _ in range(_BRIEF):
        _look(seen, _BEGUN)


@kernel
def _next(tickets, ticket, most):
    """Tell that work is done, then look for the next, so many times at most; whether it is there."""
    seen = data(tickets)
    _tell(seen, _FINISHED, ticket)
    looks = 0
    while looks < most and _look(seen, _POSTED) == ticket:
        looks += 1
    return looks < most


class _Helper(threading.Thread):
    """A thread that does what it is told; `tickets` says how many times it was told, has begun and has finished."""

    def __init__(self, tickets: np.ndarray) -> None:
        super().__init__(daemon=True)
        self.tickets, self.bell, self.asleep = tickets, threading.Semaphore(0), False
        self.work: Callable[[], object] | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        ticket = 0
        while True:
            if not _next(self.tickets, ticket, _IDLE):
                self.asleep = True
                while self.tickets[_POSTED] == ticket:  # a bell may be left from work that was seen without it
                    self.bell.acquire()
                self.asleep = False
            ticket += 1
            self.tickets[_BEGUN] = ticket
            try:
                if self.work is not None:
                    self.work()
            except BaseException as error:
                self.error = error
            self.work = None


class _Team:
    """The threads beside the one that calls."""

    def __init__(self, size: int) -> None:
        self.tickets, self.ticket = np.zeros((size, _PITCH), np.int64), 0
        self.helpers = [_Helper(row) for row in self.tickets]
        _all_have(self.tickets, _FINISHED, 0, 1)  # compiled or loaded now, by one thread
        _next(self.tickets[0], 0, 0)
        for helper in self.helpers:
            helper.start()

    def call(self, works: list[Callable[[], object]]) -> None:
        """Call all of them, the first in this thread; the first error of any."""
        for helper, work in zip(self.helpers, works[1:], strict=False):
            helper.work, helper.error = work, None
        self.ticket += 1
        _post(self.tickets, self.ticket)
        for helper in self.helpers:
            if helper.asleep:
                helper.bell.release()
        try:
            works[0]()
        finally:
            while not _all_have(self.tickets, _FINISHED, self.ticket, _LONG):
                time.sleep(1e-5)  # the other may be waiting for this very processor
        for helper in self.helpers:
            if helper.error is not None:
                raise helper.error


@cache
def _team() -> _Team:
    return _Team(COUNT - 1)


_free = threading.Lock()


def share(work: Callable[[slice], object], rows: int, values: int) -> None:
    """Call work(part) for parts that make up range(rows), on all threads if there are `values` enough to gain by it.

    `work` lets go of the interpreter's lock, and no row depends on another, so that the bits do not depend on threads.
    Where the other threads are busy already, this one does all.
    """
    count = min(COUNT, rows)
    if count < 2 or values < _LEAST or not _free.acquire(blocking=False):
        work(slice(0, rows))
        return
    try:
        ends = [rows * k // count for k in range(count + 1)]
        _team().call([partial(work, slice(*ends[k : k + 2])) for k in range(count)])
    finally:
        _free.release()
