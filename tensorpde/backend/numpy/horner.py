"""A polynomial at many points abreast, in vector registers."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import broadcast, vector_fma
from .pointers import base_pointer, element_at

ABREAST = 16  # points: four chains of vectors hide the latency of the multiply-adds


@intrinsic
def horner(typingctx, s, first, scale, series, terms, value):
    """value[first + l] = Σ_c series[c] u^c with u = s[first + l] · scale − 1, for l = 0…15; float64 arrays.

    The same operations in the same order for every lane, each rounded once, so that a value does not depend on its
    place.
    """
    signature = types.void(s, types.intp, types.float64, series, types.intp, value)

    def codegen(context, builder, signature, args):
        s, first, scale, series, terms, value = args
        vector = ir.VectorType(ir.DoubleType(), 4)
        index = ir.IntType(64)

        def place(number, array, part):
            pointer = base_pointer(context, builder, signature.args[number], array)
            offset = builder.add(first, ir.Constant(index, 4 * part))
            return builder.bitcast(element_at(builder, pointer, offset), vector.as_pointer())

        scales = broadcast(builder, vector, scale)
        ones = broadcast(builder, vector, ir.Constant(ir.DoubleType(), -1.0))
        coefficients = base_pointer(context, builder, signature.args[3], series)
        parts = range(ABREAST // 4)
        u = [vector_fma(builder, builder.load(place(0, s, part), align=8), scales, ones) for part in parts]
        sums = [cgutils.alloca_once(builder, vector) for _ in parts]
        for total in sums:
            builder.store(ir.Constant(vector, None), total)
        with cgutils.for_range(builder, terms) as loop:
            place_of = builder.sub(builder.sub(terms, loop.index), ir.Constant(index, 1))
            coefficient = broadcast(builder, vector, builder.load(element_at(builder, coefficients, place_of)))
            for part, total in zip(parts, sums, strict=True):
                builder.store(vector_fma(builder, builder.load(total), u[part], coefficient), total)
        for part, total in zip(parts, sums, strict=True):
            builder.store(builder.load(total), place(5, value, part), align=8)
        return context.get_dummy_value()

    return signature, codegen
