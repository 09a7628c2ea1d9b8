"""Products of small matrices with tiles of columns that lie in cache: sums in registers, columns as lanes.

A tile has rows of PITCH values, of which all columns are worked on. Every column gets the same operations in the same
order wherever it lies, and columns past the end of the data are zeros. Rows are filled up with zeros to whole panels.
The scheme of register blocks is that of K. Goto, R. A. van de Geijn, Anatomy of high-performance matrix multiplication,
ACM Trans. Math. Software 34 (2008), without its packing of columns: tiles are that.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .compiled import part
from .intrinsics import broadcast, element_size, vector_fma
from .pointers import base_pointer, element_at

PITCH = 288
ROWS = 4  # of a panel of weights
VECTORS = 3  # of columns: 12 sums in registers, as many as keep both multiply-add units busy, and their factors
FULL = 12  # rows of a tile are multiples of this: of both ROWS and VECTORS
LANES = 32  # bytes of a vector


def filled(rows: int, whole: int = FULL) -> int:
    """The number of rows with those that fill up the last panel."""
    return -(-rows // whole) * whole


def packed(matrix: np.ndarray) -> np.ndarray:
    """A matrix (m, n) as panels (⌈m/ROWS⌉, n, ROWS), flat."""
    m, n = matrix.shape
    full = np.zeros((filled(m, ROWS), n), matrix.dtype)
    full[:m] = matrix
    return np.ascontiguousarray(full.reshape(-1, ROWS, n).transpose(0, 2, 1)).reshape(-1)


class Memory:
    """Vectors and numbers of an array, by index."""

    def __init__(self, context, builder, kind, array) -> None:
        self.builder, self.base = builder, base_pointer(context, builder, kind, array)
        element = context.get_value_type(kind.dtype)
        self.align = element_size(element)
        self.vector = ir.VectorType(element, LANES // self.align)

    def at(self, index, offset: int = 0):
        index = self.builder.add(index, ir.Constant(index.type, offset))
        return self.builder.bitcast(element_at(self.builder, self.base, index), self.vector.as_pointer())

    def load(self, index, offset: int = 0):
        return self.builder.load(self.at(index, offset), align=self.align)

    def store(self, value, index, offset: int = 0) -> None:
        self.builder.store(value, self.at(index, offset), align=self.align)

    def spread(self, index, offset: int = 0):
        index = self.builder.add(index, ir.Constant(index.type, offset))
        return broadcast(self.builder, self.vector, self.builder.load(element_at(self.builder, self.base, index)))


@intrinsic
def _multiply(typingctx, weights, w0, inner, x, x0, pitch, y, y0, out_pitch, keep):
    """y[y0 + r·out_pitch + c] = keep·y + Σ_k weights[w0 + k·ROWS + r] · x[x0 + k·pitch + c] for one block of y.

    `keep` is the literal True or False.
    """
    if not isinstance(keep, types.BooleanLiteral):
        return None
    index = types.intp
    signature = types.void(weights, index, index, x, index, index, y, index, index, keep)

    def codegen(context, builder, signature, args):
        _, w0, inner, _, x0, pitch, _, y0, out_pitch, _ = args
        w, x, y = (Memory(context, builder, signature.args[k], args[k]) for k in (0, 3, 6))
        lanes, integer = y.vector.count, y0.type
        sums = [[cgutils.alloca_once(builder, y.vector) for _ in range(VECTORS)] for _ in range(ROWS)]
        places = [builder.add(y0, builder.mul(out_pitch, ir.Constant(integer, r))) for r in range(ROWS)]
        for row, place in zip(sums, places, strict=True):
            for v, total in enumerate(row):
                kept = y.load(place, v * lanes) if signature.args[-1].literal_value else ir.Constant(y.vector, None)
                builder.store(kept, total)
        with cgutils.for_range(builder, inner) as loop:
            start = builder.add(x0, builder.mul(loop.index, pitch))
            columns = [x.load(start, v * lanes) for v in range(VECTORS)]
            first = builder.add(w0, builder.mul(loop.index, ir.Constant(integer, ROWS)))
            for r, row in enumerate(sums):
                scale = w.spread(first, r)
                for column, total in zip(columns, row, strict=True):
                    builder.store(vector_fma(builder, scale, column, builder.load(total)), total)
        for row, place in zip(sums, places, strict=True):
            for v, total in enumerate(row):
                y.store(builder.load(total), place, v * lanes)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _gather(typingctx, d, d0, x, x0, pitch, count, sums, s0):
    """sums[s0 + (r·VECTORS + v)·lanes + l] += Σ_j d[d0 + r·pitch + j·lanes + l] · x[x0 + v·pitch + j·lanes + l].

    A block of ROWS rows of d times VECTORS rows of x, over `count` vectors.
    """
    index = types.intp
    signature = types.void(d, index, x, index, index, index, sums, index)

    def codegen(context, builder, signature, args):
        _, d0, _, x0, pitch, count, _, s0 = args
        d, x, sums = (Memory(context, builder, signature.args[k], args[k]) for k in (0, 2, 6))
        lanes, integer = d.vector.count, d0.type
        totals = [cgutils.alloca_once(builder, d.vector) for _ in range(ROWS * VECTORS)]
        for k, total in enumerate(totals):
            builder.store(sums.load(s0, k * lanes), total)

        def rows(start, number):
            return [builder.add(start, builder.mul(pitch, ir.Constant(integer, r))) for r in range(number)]

        left, right = rows(d0, ROWS), rows(x0, VECTORS)
        with cgutils.for_range(builder, count) as loop:
            along = builder.mul(loop.index, ir.Constant(integer, lanes))
            factors = [x.load(builder.add(row, along)) for row in right]
            for r, row in enumerate(left):
                scale = d.load(builder.add(row, along))
                for v, factor in enumerate(factors):
                    total = totals[r * VECTORS + v]
                    builder.store(vector_fma(builder, scale, factor, builder.load(total)), total)
        for k, total in enumerate(totals):
            sums.store(builder.load(total), s0, k * lanes)
        return context.get_dummy_value()

    return signature, codegen


@part
def product(weights, m, n, x, y):
    """The tile y of m rows = weights (packed, m×n) times the tile x of n rows."""
    columns = VECTORS * (LANES // y.itemsize)
    for c in range(0, PITCH, columns):
        for r in range(0, m, ROWS):
            _multiply(weights, r * n, n, x, c, PITCH, y, r * PITCH + c, PITCH, False)


@part
def add_products(d, m, x, n, sums):
    """Add to `sums` the products of m rows of the tile d with n rows of x, lane by lane; see `added_up`."""
    lanes = LANES // d.itemsize
    for r in range(0, m, ROWS):
        for k in range(0, n, VECTORS):
            block = (r // ROWS * (-(-n // VECTORS)) + k // VECTORS) * ROWS * VECTORS * lanes
            _gather(d, r * PITCH, x, k * PITCH, PITCH, PITCH // lanes, sums, block)


@part
def added_up(sums, m, n, result):
    """result[r, k] = the sum over lanes of what `add_products` has added."""
    lanes = LANES // sums.itemsize
    wide = -(-n // VECTORS)
    for r in range(m):
        for k in range(n):
            block = (r // ROWS * wide + k // VECTORS) * ROWS * VECTORS
            first = (block + r % ROWS * VECTORS + k % VECTORS) * lanes
            total = sums[first]
            for lane in range(1, lanes):
                total += sums[first + lane]
            result[r, k] = total


def room(m: int, n: int, dtype: np.dtype) -> int:
    """Numbers that `add_products` adds to."""
    return filled(m, ROWS) * filled(n, VECTORS) * (LANES // dtype.itemsize)


@part
def take(source, first, pitch, rows, count, tile):
    """`count` columns of rows that begin at `first` and lie `pitch` apart, into a tile, with zeros behind them."""
    for r in range(rows):
        row, target = source[first + r * pitch :], tile[r * PITCH :]
        for p in range(count):
            target[p] = row[p]
        for p in range(count, PITCH):
            target[p] = 0


@part
def give(tile, first, pitch, rows, count, target):
    """The columns of a tile to where `take` had them from."""
    for r in range(rows):
        row, source = target[first + r * pitch :], tile[r * PITCH :]
        for p in range(count):
            row[p] = source[p]
