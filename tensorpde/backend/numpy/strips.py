"""Register blocks of products with rows of an array where they lie, without tiles: sums in registers, columns as lanes.

Every column of a product gets the same operations in the same order wherever it lies, so that blocks at an edge may
overlap those before them and write the same bits again.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import vector_fma
from .panels import Memory

SUMS = 12  # vectors of a block: as many as keep both multiply-add units busy, and their factors
ROWS, VECTORS = 4, 3


def _swapped(builder, value):
    """A vector with the two parts of every complex number exchanged."""
    places = ir.Constant(ir.VectorType(ir.IntType(32), value.type.count), [k ^ 1 for k in range(value.type.count)])
    return builder.shuffle_vector(value, value, places)


def _alternating(vector):
    return ir.Constant(vector, [-1.0, 1.0] * (vector.count // 2))


@intrinsic
def multiply_block(
    typingctx, w, w0, row_step, step, inner, x, x0, pitch, kept, y, y0, out_pitch, rows, vectors, paired
):
    """y[y0 + r·out_pitch + c] = Σ_k w[w0 + r·row_step + k·step] · x[x0 + k·pitch + c], added to y if `kept`.

    A block of `rows` rows times `vectors` vectors, literals; with the literal `paired` rows 2r and 2r + 1 of w are real
    and imaginary parts, x and y pairs of such, and y has half the rows.
    """
    if not isinstance(rows, types.IntegerLiteral) or not isinstance(paired, types.BooleanLiteral):
        return None
    index = types.intp
    signature = types.void(
        w, index, index, index, index, x, index, index, types.boolean, y, index, index, rows, vectors, paired
    )

    def codegen(context, builder, signature, args):
        _, w0, row_step, step, inner, _, x0, pitch, kept, _, y0, out_pitch, *_ = args
        rows, vectors, paired = (signature.args[k].literal_value for k in (12, 13, 14))
        w, x, y = (Memory(context, builder, signature.args[k], args[k]) for k in (0, 5, 9))
        lanes, integer = y.vector.count, y0.type
        shifts = [builder.mul(row_step, ir.Constant(integer, r)) for r in range(rows)]
        places = [builder.add(y0, builder.mul(out_pitch, ir.Constant(integer, r))) for r in range(rows)]
        sums = [[cgutils.alloca_once(builder, y.vector) for _ in range(vectors)] for _ in range(rows)]
        with builder.if_else(kept) as (old, new):
            for case, loaded in ((old, not paired), (new, False)):
                with case:
                    for row, place in zip(sums, places, strict=True):
                        for v, total in enumerate(row):
                            builder.store(y.load(place, v * lanes) if loaded else ir.Constant(y.vector, None), total)
        with cgutils.for_range(builder, inner) as loop:
            start = builder.add(x0, builder.mul(loop.index, pitch))
            columns = [x.load(start, v * lanes) for v in range(vectors)]
            first = builder.add(w0, builder.mul(loop.index, step))
            for shift, row in zip(shifts, sums, strict=True):
                scale = w.spread(builder.add(first, shift))
                for column, total in zip(columns, row, strict=True):
                    builder.store(vector_fma(builder, scale, column, builder.load(total)), total)
        found = [[builder.load(total) for total in row] for row in sums]
        if paired:
            sign = _alternating(y.vector)
            found = [
                [vector_fma(builder, sign, _swapped(builder, b), a) for a, b in zip(*pair, strict=True)]
                for pair in zip(found[::2], found[1::2], strict=True)
            ]
        for row, place in zip(found, places, strict=False):
            for v, value in enumerate(row):
                y.store(value, place, v * lanes)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def gather_block(typingctx, d, d0, x, x0, pitch, count, sums, s0, paired):
    """Add Σ_c d[d0 + r·pitch + c] · x[x0 + k·pitch + c] over `count` columns to `sums`, lane by lane.

    A block of ROWS rows of d times VECTORS of x; with the literal `paired` of ROWS / 2 times VECTORS, the products with
    x and then those with its real and imaginary parts exchanged. Memory before d0 and x0 may be read where `count` does
    not fill vectors.
    """
    if not isinstance(paired, types.BooleanLiteral):
        return None
    index = types.intp
    signature = types.void(d, index, x, index, index, index, sums, index, paired)

    def codegen(context, builder, signature, args):
        _, d0, _, x0, pitch, count, _, s0, _ = args
        d, x, sums = (Memory(context, builder, signature.args[k], args[k]) for k in (0, 2, 6))
        lanes, integer, paired = d.vector.count, d0.type, signature.args[8].literal_value
        totals = [cgutils.alloca_once(builder, d.vector) for _ in range(SUMS)]
        for k, total in enumerate(totals):
            builder.store(sums.load(s0, k * lanes), total)

        def rows(start, number):
            return [builder.add(start, builder.mul(pitch, ir.Constant(integer, r))) for r in range(number)]

        left, right = rows(d0, ROWS // 2 if paired else ROWS), rows(x0, VECTORS)

        def add(along, keep=lambda value: value):
            changes, wide = [keep(d.load(builder.add(row, along))) for row in left], len(totals) // len(left)
            for v, row in enumerate(right):  # one factor after the other: there are no registers for all
                factor = x.load(builder.add(row, along))
                factors = [factor, _swapped(builder, factor)] if paired else [factor]
                for place, value in zip((v, VECTORS + v), factors, strict=False):
                    for r, change in enumerate(changes):
                        total = totals[r * wide + place]
                        builder.store(vector_fma(builder, change, value, builder.load(total)), total)

        width = ir.Constant(integer, lanes)
        whole = builder.sdiv(count, width)
        with cgutils.for_range(builder, whole) as loop:
            add(builder.mul(loop.index, width))
        rest = builder.sub(count, builder.mul(whole, width))
        with builder.if_then(builder.icmp_signed("!=", rest, ir.Constant(integer, 0))):
            old = builder.sub(width, rest)  # lanes that have been added before

            def keep(value):
                parts = [builder.icmp_signed(">=", ir.Constant(integer, lane), old) for lane in range(lanes)]
                for lane, fresh in enumerate(parts):
                    place = ir.Constant(ir.IntType(32), lane)
                    kept = builder.select(
                        fresh, builder.extract_element(value, place), ir.Constant(value.type.element, 0.0)
                    )
                    value = builder.insert_element(value, kept, place)
                return value

            add(builder.sub(count, width), keep)
        for k, total in enumerate(totals):
            sums.store(builder.load(total), s0, k * lanes)
        return context.get_dummy_value()

    return signature, codegen
