"""Copies of strided blocks past the cache."""

from __future__ import annotations

import numpy as np

from .compiled import kernel
from .intrinsics import ROW_BYTES, move_row

_LINE = 64
_LEAST_BYTES = 1 << 16  # smaller blocks may still be in cache when they are read


def copy_block(source: np.ndarray, out: np.ndarray) -> None:
    """out = source for two blocks of one shape and type.

    Large blocks whose rows fill whole aligned lines of the cache are stored past it: a plain store first reads the line
    that it is about to overwrite, a third of the traffic.
    """
    if out.nbytes < _LEAST_BYTES or not _streams(source, out):
        np.copyto(out, source)
        return
    real = np.dtype("f4" if out.itemsize % 8 else "f8")
    source, out = (block[(None,) * (3 - block.ndim)].view(real) for block in (source, out))
    for index in np.ndindex(out.shape[:-3]):
        _copy_rows(source[index], out[index])


def _streams(source: np.ndarray, out: np.ndarray) -> bool:
    """Whether rows are contiguous, and those of `out` begin and end with a unit of streaming."""
    ends = (out.__array_interface__["data"][0], *out.strides[:-1])
    return (
        source.strides[-1] == out.strides[-1] == out.itemsize
        and out.shape[-1] * out.itemsize % ROW_BYTES == 0
        and all(end % _LINE == 0 for end in ends)
    )


@kernel
def _copy_rows(source, out):
    step = ROW_BYTES // out.itemsize
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            row, target = source[i, j], out[i, j]
            for k in range(0, out.shape[2], step):
                move_row(target, k, row, k, True)
