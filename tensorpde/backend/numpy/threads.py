"""Rows of an array shared among the threads of this process: TENSORPDE_THREADS of them, one without it."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

COUNT = int(os.environ.get("TENSORPDE_THREADS", "1"))
_LEAST = 1 << 17  # values that are worth waking a thread for


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(COUNT - 1)


def share(work: Callable[[slice], object], rows: int, values: int) -> None:
    """Call work(part) for parts that make up range(rows), on all threads if there are `values` enough to gain by it.

    `work` lets go of the interpreter's lock, and no row depends on another, so that the bits do not depend on threads.
    """
    count = min(COUNT, rows)
    if count < 2 or values < _LEAST:
        work(slice(0, rows))
        return
    ends = [rows * k // count for k in range(count + 1)]
    waiting = [_pool().submit(work, slice(*ends[k : k + 2])) for k in range(1, count)]
    work(slice(*ends[:2]))
    for other in waiting:
        other.result()
