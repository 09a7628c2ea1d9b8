"""The sweep up one tile and the sweep down the one before it, row by row abreast.

Memory is read by the one and written by the other all the time: either of them alone waits for memory while nothing is
computed, and computes while memory rests.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import BLEND, ROW_BYTES, STORE, STREAM, prefetch_at, vector_fma
from .unrolled import ABOVE, GROUP, PARTS, Goal, Rows, dispatch, integer


class _Up(NamedTuple):
    """Sweep up `tile` from its row `row`: row i of `factors`, columns of `origin` `stride` apart, `width` of them."""

    tile: Rows
    row: Any
    origin: Rows
    stride: Any
    factors: Rows
    i: Any
    width: Any

    def emit(self, builder: Any, bands: int, number: Any, start: Any, skip: Any) -> None:
        """Row `number`, its columns from `start` on, of the lanes from `skip` on."""
        tile, origin, factors = self.tile, self.origin, self.factors
        here = builder.gep(tile.row(builder.add(self.row, number)), [skip])
        first = builder.mul(builder.add(self.i, number), builder.add(integer(bands), self.width))
        sums = [cgutils.alloca_once(builder, tile.vector) for _ in range(GROUP)]
        for total in sums:
            builder.store(ir.Constant(tile.vector, [-0.0] * tile.vector.count), total)  # a sum of nothing
        with cgutils.for_range(builder, self.width) as term:
            scale = factors.scale(builder.add(first, builder.add(integer(bands), term.index)))
            column = origin.place(builder.add(builder.add(start, skip), builder.mul(term.index, self.stride)))
            for part, total in enumerate(sums):
                value = vector_fma(builder, scale, origin.load(column, part), builder.load(total))
                builder.store(value, total)
        values = [builder.load(total) for total in sums]
        for k in range(bands):
            scale = factors.scale(builder.add(first, integer(k)))
            for part in range(GROUP):
                values[part] = vector_fma(builder, scale, tile.load(here, part, k - bands), values[part])
        for part, value in enumerate(values):
            tile.store(value, here, part)


class _Down(NamedTuple):
    """Sweep down `tile` from its row `row`: row j of `factors`; results go to out[place], `stride` before it, …"""

    tile: Rows
    row: Any
    factors: Rows
    j: Any
    out: Rows
    place: Any
    stride: Any
    beta: Any
    how: Any

    def emit(self, builder: Any, bands: int, number: Any, skip: Any) -> None:
        """Row `number` of the lanes from `skip` on."""
        tile = self.tile
        here = builder.gep(tile.row(builder.sub(self.row, number)), [skip])
        first = builder.mul(builder.sub(self.j, number), integer(bands))
        scales = [self.factors.scale(builder.add(first, integer(k))) for k in range(bands)]
        values = []
        for part in range(GROUP):
            value = tile.load(here, part)
            for k, scale in enumerate(scales):
                value = vector_fma(builder, scale, tile.load(here, part, 1 + k), value)
            if bands:
                tile.store(value, here, part)
            values.append(value)
        goal = Goal(tile, self.row, self.out, builder.add(self.place, skip), self.stride, self.beta)
        for case in (STREAM, STORE, BLEND):
            with builder.if_then(builder.icmp_signed("==", self.how, integer(case))):
                for part, value in enumerate(values):
                    goal.take(builder, number, part, value, case)


@intrinsic
def rows_abreast(
    typingctx, tile, row, count, u, source, stride, ask, coef, i, width,
    before, down, upper, j, bands, out, place, beta, how,
):  # fmt: skip
    """Sweep up `count` rows of `tile`, from row `row`, and down as many of `before`, from row `down`.

    Up, as `forward_rows`, from the array itself: columns begin at u[source], `stride` apart; row i of the factors. With
    every row goes a request for what lies `ask` after its first column.
    Down, as `backward_rows`: row j of the factors; results go to out[place], then `stride` before it, as `how` says
    (not KEEP). The operator has `bands` bands of L and of U.
    """
    size = types.intp
    signature = types.boolean(
        tile, size, size, u, size, size, size, coef, size, size,
        before, size, upper, size, size, out, size, out.dtype, size,
    )  # fmt: skip

    def codegen(context, builder, signature, args):
        if not isinstance(signature.args[0].dtype, types.Float):
            return cgutils.false_bit
        _, row, count, _, source, stride, ask, _, i, width, _, down, _, j, bands, _, place, beta, how = args
        target, origin, factors, earlier, uppers, outs = (
            Rows(context, builder, signature.args[k], args[k]) for k in (0, 3, 7, 10, 12, 15)
        )
        up = _Up(target, row, origin, stride, factors, i, width)
        fall = _Down(earlier, down, uppers, j, outs, place, stride, beta, how)

        def emit(bands: int) -> None:
            with cgutils.for_range(builder, count) as loop:
                start = builder.add(source, builder.mul(loop.index, stride))
                far = origin.place(builder.add(start, ask))
                for line in range(0, ROW_BYTES, 64):
                    prefetch_at(builder, builder.gep(far, [integer(line // origin.align)]))
                with cgutils.for_range(builder, integer(PARTS // GROUP)) as group:
                    skip = builder.mul(group.index, integer(GROUP * target.vector.count))
                    up.emit(builder, bands, loop.index, start, skip)
                    fall.emit(builder, bands, loop.index, skip)

        return dispatch(builder, ((bands, ABOVE),), emit)

    return signature, codegen
