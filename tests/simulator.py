"""Kernels in numba's CUDA simulator: stricter than a device, and faster than the simulator by itself.

They get arrays that refuse indices out of range and negative ones, which a device would not notice. The simulator
starts a thread of the host for each of the device; here those of a kernel without a barrier run one after the other in
the thread that starts it, and those of a block with barriers take turns.
"""

from __future__ import annotations

import json
import threading
import types
from functools import cache, partial

import numpy as np


def prepare(stream, recorded, path=None):
    """Make the simulator ready.

    Parameters
    ----------
    stream
        Gives the pointer of the stream on which kernels must be started.
    recorded
        Decorator of what is done in the order of that stream.
    path
        A file for every kernel and the types of its arguments.
    """
    from numba import cuda
    from numba.cuda.simulator import kernel, kernelapi

    cuda.as_cuda_array = lambda array, sync=True: KernelArray(array._values)
    cuda.external_stream = int
    start_on(stream, recorded, kernel.FakeCUDAKernel, _Context(kernel), cuda)
    run_in_one_thread(kernel, kernelapi)
    if path:
        write_types(kernel.FakeCUDAKernel, path)


class KernelArray:
    """What a kernel gets: indices must be in range, and none counts from the end."""

    __slots__ = ("dtype", "shape", "size", "values")

    def __init__(self, values):
        assert values.ndim == 1 and values.flags.c_contiguous, "kernels take flat arrays"
        self.values, self.size, self.shape, self.dtype = values, values.size, values.shape, values.dtype

    def __getitem__(self, i):
        if not 0 <= i < self.size:
            raise IndexError(f"a kernel reads place {i} of {self.size}")
        return self.values[i]

    def __setitem__(self, i, value):
        if not 0 <= i < self.size:
            raise IndexError(f"a kernel writes place {i} of {self.size}")
        self.values[i] = value

    def __len__(self):
        return self.size


class Lane:
    """One thread of a block in the simulator, which asks the current one who and where it is."""

    def __init__(self, block, point, shape, three):
        self.blockIdx, self.threadIdx = three(*block), three(*point)
        self.thread_id = point[0] + shape[0] * (point[1] + shape[1] * point[2])

    def syncthreads(self):
        raise AssertionError("a kernel was thought to have no barrier")


IDLE = []
"""Workers for the next block."""


class Worker:
    """A thread of the host that does what it is given whenever `go` is released."""

    def __init__(self):
        self.go = threading.Lock()
        self.go.acquire()
        threading.Thread(target=self._loop, daemon=True).start()

    def _loop(self):
        while True:
            self.go.acquire()
            self.work()


class Block:
    """The threads of a block, one running at a time, each from barrier to barrier: fast, and always in one order."""

    def __init__(self, function, args, lanes):
        self.function, self.args, self.lanes, self.errors = function, args, lanes, []
        self.workers = [IDLE.pop() if IDLE else Worker() for _ in lanes]
        self.left, self.done = list(range(len(lanes))), threading.Lock()
        for number, (worker, lane) in enumerate(zip(self.workers, lanes)):
            worker.work, lane.syncthreads = partial(self._run, number), partial(self._wait, number)

    def run(self):
        self.done.acquire()
        self.workers[0].go.release()
        self.done.acquire()
        IDLE.extend(self.workers)
        if self.errors:
            raise self.errors[0]

    def _run(self, number):
        Simulated.now = self.lanes[number]
        try:
            self.function(*self.args)
        except BaseException as error:
            self.errors.append(error)
        following = self._after(number)
        self.left.remove(number)
        (self.workers[following].go if self.left else self.done).release()

    def _wait(self, number):
        following = self._after(number)
        if following != number:
            self.workers[following].go.release()
            self.workers[number].go.acquire()
            Simulated.now = self.lanes[number]
        if self.errors:
            raise threading.BrokenBarrierError

    def _after(self, number):
        place = self.left.index(number) + 1
        return self.left[place % len(self.left)]


class Simulated:
    """What numba's simulator takes for the threads of the host, of which it would start one for each of the device."""

    now = None

    @classmethod
    def current_thread(cls):
        return cls.now


def run_in_one_thread(kernel, kernelapi):
    """Run kernels without a barrier in the thread that starts them, others in threads that take turns."""
    three, kernelapi.threading = kernelapi.Dim3, Simulated

    def run(self, grid_point, *args):
        shape = self._block_dim
        lanes = [Lane(grid_point, point, shape, three) for point in np.ndindex(*shape)]
        if len(lanes) > 1 and has_barrier(self._f):
            Block(self._f, args, lanes).run()
            return
        for lane in lanes:
            lane.syncthreads = lane.syncthreads if len(lanes) > 1 else int
            Simulated.now = lane
            self._f(*args)

    kernel.BlockManager.run = run


@cache
def has_barrier(function):
    """Whether a function or one that it calls has a barrier."""
    names = function.__code__.co_names
    called = (function.__globals__.get(name) for name in names)
    parts = [getattr(value, "fn", value) for value in called]
    return "syncthreads" in names or any(isinstance(f, types.FunctionType) and has_barrier(f) for f in parts)


class _Context:
    """`cuda` for functions that kernels call: that of the kernel that runs. The simulator looks for it each time."""

    def __init__(self, kernel):
        self._kernel = kernel

    def __getattr__(self, name):
        return getattr(self._kernel._kernel_context, name)


def start_on(stream, recorded, kernels, context, cuda):
    """Let kernels be started on the stream whose pointer stream() gives alone, and be captured with it."""
    configure, call = kernels.__getitem__, kernels.__call__

    def configured(self, configuration):
        assert configuration[2] == stream(), "a kernel on another stream than CuPy's"
        return configure(self, configuration)

    def called(self, *args):
        if self._device:
            known = self.fn.__globals__
            if known.get("cuda") is cuda:
                known["cuda"] = context
            return self.fn(*args)
        form = self.grid_dim, self.block_dim, self.dynshared_size

        def start(*args):
            self.grid_dim, self.block_dim, self.dynshared_size = form
            return call(self, *args)

        return recorded(start)(*args)

    kernels.__getitem__, kernels.__call__ = configured, called


def write_types(kernels, path):
    call, seen = kernels.__call__, set()

    def recorded(self, *args):
        if not self._device:
            line = json.dumps([f"{self.fn.__module__}:{self.fn.__name__}", [kind_of(arg) for arg in args]])
            if line not in seen:
                seen.add(line)
                with open(path, "a") as file:
                    file.write(line + "\n")
        return call(self, *args)

    kernels.__call__ = recorded


def kind_of(arg):
    """The type of a kernel's argument, in words that JSON can hold."""
    if isinstance(arg, KernelArray):
        return ["array", str(arg.dtype)]
    if isinstance(arg, tuple):
        name = f"{type(arg).__module__}:{type(arg).__name__}" if hasattr(arg, "_make") else ""
        return ["tuple", name, [kind_of(value) for value in arg]]
    return ["number", str(np.asarray(arg).dtype)]
