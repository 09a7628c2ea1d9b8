"""Copies of strided blocks, past the cache or into it."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic

from .compiled import kernel
from .intrinsics import ROW_BYTES, move_row

_LINE = 64
_LEAST_BYTES = 1 << 16  # smaller blocks may still be in cache when they are read


def copy_block(source: np.ndarray, out: np.ndarray, past_cache: bool = True) -> None:
    """out = source for two blocks of one shape and type.

    Large blocks whose rows fill whole aligned lines of the cache are stored past it: a plain store first reads the line
    that it is about to overwrite, a third of the traffic. Without `past_cache` they stay in it, to be read soon.
    """
    if out.ndim > 3 and out.nbytes >= _LEAST_BYTES:
        for part, target in zip(source, out, strict=True):
            copy_block(part, target, past_cache)
    elif out.nbytes < _LEAST_BYTES or not _copied(source, out, past_cache):
        np.copyto(out, source)


def pinned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """A host array to copy through."""
    return np.empty(shape, dtype)


def download(source: np.ndarray, out: np.ndarray) -> None:
    """out = source."""
    np.copyto(out, source)


def upload(source: np.ndarray, out: np.ndarray) -> None:
    """out = source."""
    np.copyto(out, source)


def wait() -> None:
    """Nothing: work on the host is done when a call returns."""


def _copied(source: np.ndarray, out: np.ndarray, past_cache: bool) -> bool:
    """Copy rows of whole units of ROW_BYTES that begin on a line of the cache; False if they are not such."""
    *shape, n = out.shape
    place = out.__array_interface__["data"][0]
    if (
        not source.strides[-1] == out.strides[-1] == out.itemsize
        or n * out.itemsize % ROW_BYTES
        or any(end % _LINE for end in (place, *out.strides[:-1]))
    ):
        return False
    planes, rows = (1, 1, *shape)[-2:]
    steps = ((0, 0, *block.strides[:-1])[-2:] for block in (source, out))
    (apart, beside), (apart_out, beside_out) = steps
    _copy_rows(
        source.__array_interface__["data"][0], apart, beside, place, apart_out, beside_out,
        planes, rows, n * out.itemsize // 8, past_cache,
    )  # fmt: skip
    return True


@intrinsic
def _doubles(typingctx, address):
    """The pointer to what lies at an address: any values, moved as doubles."""

    def codegen(context, builder, signature, args):
        return builder.inttoptr(args[0], ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(types.intp), codegen


@kernel
def _copy_rows(source, apart, beside, out, apart_out, beside_out, planes, rows, n, past_cache):
    step = ROW_BYTES // 8
    for i in range(planes):
        for j in range(rows):
            row = carray(_doubles(source + i * apart + j * beside), n)
            target = carray(_doubles(out + i * apart_out + j * beside_out), n)
            if past_cache:
                for k in range(0, n, step):
                    move_row(target, k, row, k, True)
            else:
                for k in range(0, n, step):
                    move_row(target, k, row, k, False)
