"""Rows of a mesh under the window of one particle, in vector registers: a window is 1 to MOST_VECTORS vectors wide."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import broadcast, vector_fma
from .pointers import base_pointer, element_at

LANES = 4
MOST_VECTORS = 6
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)
_INDEX = ir.IntType(64)


class _Arrays:
    """The arguments of an intrinsic as places of numbers and vectors."""

    def __init__(self, context, builder, kinds, args) -> None:
        self.context, self.builder, self.kinds, self.args = context, builder, kinds, args

    def _place(self, number, index):
        base = base_pointer(self.context, self.builder, self.kinds[number], self.args[number])
        return element_at(self.builder, base, index)

    def scale(self, number, index):
        """The number at an index of argument `number`, in all lanes."""
        return broadcast(self.builder, _VECTOR, self.builder.load(self._place(number, index)))

    def vector(self, number, index, part):
        """Pointer to vector `part` from an index on."""
        index = self.builder.add(index, ir.Constant(_INDEX, LANES * part))
        return self.builder.bitcast(self._place(number, index), _VECTOR.as_pointer())

    def load(self, number, index, part):
        return self.builder.load(self.vector(number, index, part), align=8)

    def store(self, value, number, index, part):
        self.builder.store(value, self.vector(number, index, part), align=8)


def _for_each_size(builder, vectors, emit):
    """Code for every possible number of vectors, of which one is run."""
    for count in range(1, MOST_VECTORS + 1):
        with builder.if_then(builder.icmp_signed("==", vectors, ir.Constant(_INDEX, count))):
            emit(count)


def _registers(builder, count):
    made = [cgutils.alloca_once(builder, _VECTOR) for _ in range(count)]
    for register in made:
        builder.store(ir.Constant(_VECTOR, None), register)
    return made


@intrinsic
def weights(typingctx, window, terms, v, vectors, values, first):
    """values[first + i] = Σ_c window[c · width + i] v^c, i < width = 4 · vectors; flat float64 arrays."""
    index = types.intp
    signature = types.void(window, index, types.float64, index, values, index)

    def codegen(context, builder, signature, args):
        arrays = _Arrays(context, builder, signature.args, args)
        _, terms, v, vectors, _, first = args
        v = broadcast(builder, _VECTOR, v)
        width = builder.mul(vectors, ir.Constant(_INDEX, LANES))

        def emit(count):
            sums = _registers(builder, count)
            with cgutils.for_range(builder, terms) as loop:
                back = builder.sub(builder.sub(terms, loop.index), ir.Constant(_INDEX, 1))
                row = builder.mul(back, width)
                for part, total in enumerate(sums):
                    value = vector_fma(builder, builder.load(total), v, arrays.load(0, row, part))
                    builder.store(value, total)
            for part, total in enumerate(sums):
                arrays.store(builder.load(total), 4, first, part)

        _for_each_size(builder, vectors, emit)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_rows(typingctx, mesh, start, stride, count, factor, along, low, across, vectors):
    """mesh[start + j · stride + k] += factor · along[low + j] · across[k], j < count, k < 4 · vectors."""
    index = types.intp
    signature = types.void(mesh, index, index, index, types.float64, along, index, across, index)

    def codegen(context, builder, signature, args):
        arrays = _Arrays(context, builder, signature.args, args)
        _, start, stride, count, factor, _, low, _, vectors = args
        factor = broadcast(builder, _VECTOR, factor)
        zero = ir.Constant(_INDEX, 0)

        def emit(size):
            weight = [arrays.load(7, zero, part) for part in range(size)]
            with cgutils.for_range(builder, count) as loop:
                row = builder.add(start, builder.mul(loop.index, stride))
                own = builder.fmul(factor, arrays.scale(5, builder.add(low, loop.index)))
                for part in range(size):
                    arrays.store(vector_fma(builder, own, weight[part], arrays.load(0, row, part)), 0, row, part)

        _for_each_size(builder, vectors, emit)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def sum_rows(typingctx, mesh, start, stride, count, along, slopes, factor, slope, vectors, sums):
    """With A[k] = Σ_j along[j] · mesh[start + j · stride + k] and B the same of `slopes`, for k < n = 4 · vectors:
    sums[k] += factor · A[k], sums[n + k] += slope · A[k], sums[2 n + k] += factor · B[k].
    """
    index, real = types.intp, types.float64
    signature = types.void(mesh, index, index, index, along, slopes, real, real, index, sums)

    def codegen(context, builder, signature, args):
        arrays = _Arrays(context, builder, signature.args, args)
        _, start, stride, count, _, _, factor, slope, vectors, _ = args
        factor, slope = (broadcast(builder, _VECTOR, value) for value in (factor, slope))

        def emit(size):
            whole, steep = _registers(builder, size), _registers(builder, size)
            with cgutils.for_range(builder, count) as loop:
                row = builder.add(start, builder.mul(loop.index, stride))
                scales = [arrays.scale(number, loop.index) for number in (4, 5)]
                for part in range(size):
                    value = arrays.load(0, row, part)
                    for total, scale in zip((whole[part], steep[part]), scales, strict=True):
                        builder.store(vector_fma(builder, scale, value, builder.load(total)), total)
            for group, (scale, totals) in enumerate(((factor, whole), (slope, whole), (factor, steep))):
                at = ir.Constant(_INDEX, group * LANES * size)
                for part, total in enumerate(totals):
                    arrays.store(vector_fma(builder, scale, builder.load(total), arrays.load(9, at, part)), 9, at, part)

        _for_each_size(builder, vectors, emit)
        return context.get_dummy_value()

    return signature, codegen
