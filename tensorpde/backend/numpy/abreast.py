"""The sweep up one tile and the sweep down the one before it, row by row abreast.

Memory is read by the one and written by the other all the time: either of them alone waits for memory while nothing is
computed, and computes while memory rests.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import BLEND, ROW_BYTES, STORE, STREAM, prefetch_at, vector_fma
from .unrolled import ABOVE, AFTER, GROUP, PARTS, Goal, Rows, dispatch, integer, row_terms, sum_terms

AHEAD = 6  # rows asked for in advance: few, for a power of two apart they share places in the cache


@intrinsic
def rows_abreast(
    typingctx, tile, row, count, u, source, stride, coef, i, width, before, down, upper, j, bands, out, place, beta, how
):
    """Sweep up `count` rows of `tile`, from row `row`, and down as many of `before`, from row `down`.

    Up, as `forward_rows`, from the array itself: columns begin at u[source], `stride` apart; row i of the factors.
    Down, as `backward_rows`: row j of the factors; results go to out[place], then `stride` before it, as `how` says
    (not KEEP). The operator has `bands` bands of L and of U.
    """
    size = types.intp
    signature = types.boolean(
        tile, size, size, u, size, size, coef, size, size, before, size, upper, size, size, out, size, out.dtype, size
    )

    def codegen(context, builder, signature, args):
        if not isinstance(signature.args[0].dtype, types.Float):
            return cgutils.false_bit
        _, row, count, _, source, stride, _, i, width, _, down, _, j, bands, _, place, beta, how = args
        target, origin, factors, earlier, uppers, outs = (
            Rows(context, builder, signature.args[k], args[k]) for k in (0, 3, 6, 9, 11, 14)
        )
        goal = Goal(earlier, down, outs, place, stride, beta)

        def descend(bands: int, number: Any, group: int) -> None:
            here = earlier.row(builder.sub(down, number))
            first = builder.mul(builder.sub(j, number), integer(bands))
            scales = [uppers.scale(builder.add(first, integer(k))) for k in range(bands)]
            values = {}
            for part in range(group, min(group + GROUP, PARTS)):
                value = earlier.load(here, part)
                for k, scale in enumerate(scales):
                    value = vector_fma(builder, scale, earlier.load(here, part, 1 + k), value)
                if bands:
                    earlier.store(value, here, part)
                values[part] = value
            for case in (STREAM, STORE, BLEND):
                with builder.if_then(builder.icmp_signed("==", how, integer(case))):
                    for part, value in values.items():
                        goal.take(builder, number, part, value, case)

        def emit(bands: int, width: int) -> None:
            with cgutils.for_range(builder, count) as loop:
                here = target.row(builder.add(row, loop.index))
                start = builder.add(source, builder.mul(loop.index, stride))
                columns = [origin.place(builder.add(start, builder.mul(integer(k), stride))) for k in range(width)]
                far = origin.place(builder.add(start, builder.mul(integer(width - 1 + AHEAD), stride)))
                for line in range(0, ROW_BYTES, 64):
                    prefetch_at(builder, builder.gep(far, [integer(line // origin.align)]))
                first = builder.mul(builder.add(i, loop.index), integer(bands + width))
                terms = row_terms(columns, here, bands)
                for group in range(0, PARTS, GROUP):
                    sum_terms(builder, target, factors, first, terms, here, group)
                    descend(bands, loop.index, group)

        return dispatch(builder, ((bands, ABOVE), (width, AFTER)), emit)

    return signature, codegen
