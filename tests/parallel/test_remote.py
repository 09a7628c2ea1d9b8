"""Reading blocks of another process; here it is this one, by its number."""

from __future__ import annotations

import os

import numpy as np
import pytest

from tensorpde.parallel import remote
from tensorpde.parallel.remote import RemoteBlock, longest_run

BOXES = [
    ((6, 5, 4), (slice(2, 6), slice(0, 5), slice(0, 4)), (9, 5, 4), (slice(5, 9), slice(0, 5), slice(0, 4))),
    ((6, 5, 4), (slice(0, 6), slice(1, 3), slice(0, 4)), (6, 2, 4), (slice(0, 6), slice(0, 2), slice(0, 4))),
    ((6, 5, 4), (slice(0, 6), slice(0, 5), slice(1, 3)), (6, 5, 9), (slice(0, 6), slice(0, 5), slice(7, 9))),
    ((3, 6, 2), (slice(0, 3), slice(3, 4), slice(0, 2)), (3, 1, 2), (slice(0, 3), slice(0, 1), slice(0, 2))),
    ((7,), (slice(2, 5),), (4,), (slice(1, 4),)),
]


@pytest.mark.parametrize(("shape", "box", "target_shape", "target"), BOXES, ids=str)
@pytest.mark.parametrize("dtype", "fD")
@pytest.mark.parametrize("most_bytes", [1 << 30, 64])
def test_block(
    shape: tuple, box: tuple, target_shape: tuple, target: tuple, dtype: str, most_bytes: int, monkeypatch: object
) -> None:
    monkeypatch.setattr(remote, "_MOST_BYTES", most_bytes)
    source = np.random.default_rng(0).random(shape).astype(dtype)
    out, wanted = np.zeros((2, *target_shape), dtype)
    wanted[target] = source[box]
    block = RemoteBlock(os.getpid(), (shape, box), (target_shape, target), source.itemsize)
    for _ in range(2):
        block.read(source.ctypes.data, out.ctypes.data)
        assert np.array_equal(out, wanted)


def test_runs() -> None:
    whole = (slice(0, 6), slice(0, 5), slice(0, 4))
    assert longest_run((6, 5, 4), whole, 8) == 960
    assert longest_run((6, 5, 4), (slice(0, 6), slice(1, 5), slice(0, 4)), 8) == 128
    assert longest_run((6, 5, 4), (slice(0, 6), slice(0, 5), slice(0, 3)), 8) == 24


def test_a_process_that_cannot_be_read() -> None:
    values = np.zeros(4)
    block = RemoteBlock(2**22 + 5, ((4,), (slice(0, 4),)), ((4,), (slice(0, 4),)), 8)
    with pytest.raises(OSError, match=r"read 0 of 32 bytes of process 4194309"):
        block.read(values.ctypes.data, values.ctypes.data)
    block = RemoteBlock(os.getpid(), ((4,), (slice(0, 4),)), ((4,), (slice(0, 4),)), 8)
    with pytest.raises(OSError, match="of 32 bytes"):
        block.read(8, values.ctypes.data)
