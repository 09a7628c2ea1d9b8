"""Sweeps over many rows of a tile as straight vector code: the inner loops of all banded line kernels.

For the usual widths of band the loops over terms are unrolled and the rows that a sweep has just made stay in
registers; other widths answer False, and the caller goes row by row. Every lane sees the same operations in the
same order, whichever form and however many rows at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import BLEND, KEEP, ROW_BYTES, STREAM, broadcast, element_size, prefetch_at, store_vector, vector_fma
from .pointers import base_pointer

BEFORE = (0, 1, 2)  # bands of L that are unrolled
AFTER = (1, 2, 3, 4, 5, 6, 7)  # widths of B
ABOVE = (0, 1, 2)  # bands of U
PARTS = ROW_BYTES // 32
GROUP = 8  # vectors summed together: as many as keep both multiply-add units busy
CARRIED = 4  # vectors of a row that are carried through a sweep down, when several are swept together
KEYS = 1 << 20  # more than any number of bands
INDEX = ir.IntType(64)


def integer(value: int) -> ir.Constant:
    """A constant index."""
    return ir.Constant(INDEX, value)


class Rows:
    """The memory of an array, in vectors."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self.builder = builder
        element = context.get_value_type(kind.dtype)
        self.align = element_size(element)
        self.lanes = ROW_BYTES // self.align
        self.vector = ir.VectorType(element, 32 // self.align)
        self.base = base_pointer(context, builder, kind, array)

    def row(self, index: Any) -> Any:
        """Pointer to a row of a tile."""
        return self.place(self.builder.mul(index, integer(self.lanes)))

    def place(self, index: Any) -> Any:
        """Pointer to an element of an array."""
        return self.builder.gep(self.base, [index])

    def scale(self, index: Any) -> Any:
        """An element, in all lanes of a vector."""
        return broadcast(self.builder, self.vector, self.builder.load(self.place(index)))

    def _at(self, pointer: Any, part: int, rows: int) -> Any:
        shifted = self.builder.gep(pointer, [integer(rows * self.lanes + part * self.vector.count)])
        return self.builder.bitcast(shifted, self.vector.as_pointer())

    def load(self, pointer: Any, part: int, rows: int = 0) -> Any:
        """Vector `part` of the row that lies `rows` after a pointer."""
        return self.builder.load(self._at(pointer, part, rows), align=self.align)

    def store(self, value: Any, pointer: Any, part: int, rows: int = 0, stream: bool = False) -> None:
        """The inverse of `load`."""
        store_vector(self.builder, value, self._at(pointer, part, rows), self.align, stream)


def dispatch(builder: Any, choices: Sequence[tuple[Any, Sequence[int]]], emit: Callable[..., None]) -> Any:
    """Code that runs emit(values) for the values that some integers have; False for values that are no choice."""
    known = cgutils.alloca_once_value(builder, cgutils.false_bit)
    builder.store(cgutils.false_bit, known)
    key = integer(0)
    for value, _ in choices:
        key = builder.add(builder.mul(key, integer(KEYS)), value)
    end = builder.append_basic_block("end")
    switch = builder.switch(key, end)
    for values in product(*(allowed for _, allowed in choices)):
        block = builder.append_basic_block("case")
        number = 0
        for value in values:
            number = number * KEYS + value
        switch.add_case(integer(number), block)
        with builder.goto_block(block):
            emit(*values)
            builder.store(cgutils.true_bit, known)
            builder.branch(end)
    builder.position_at_end(end)
    return builder.load(known)


@intrinsic
def forward_rows(typingctx, tile, row, count, taken, source, coef, i, before, after):
    """Rows row… of `tile` from rows source… of `taken`, `count` of them; False if the widths are not unrolled.

    tile[row] = Σ_k coef[i, before + k]·taken[source + k] + Σ_k coef[i, k]·tile[row − before + k], and so for the
    rows after it. The rows before come last, because the sweep has just made them.
    """
    signature = types.boolean(tile, types.intp, types.intp, taken, types.intp, coef, types.intp, types.intp, types.intp)

    def codegen(context, builder, signature, args):
        if not isinstance(signature.args[0].dtype, types.Float):
            return cgutils.false_bit
        tile, row, count, taken, source, coef, i, before, after = args
        target, origin, factors = (
            Rows(context, builder, signature.args[k], array) for k, array in ((0, tile), (3, taken), (5, coef))
        )

        def emit(before, after):
            with cgutils.for_range(builder, count) as loop:
                here = target.row(builder.add(row, loop.index))
                there = origin.row(builder.add(source, loop.index))
                first = builder.mul(builder.add(i, loop.index), integer(before + after))
                terms = [(there, k, before + k) for k in range(after)]
                terms += [(here, k - before, k) for k in range(before)]
                for group in range(0, PARTS, GROUP):
                    sums: dict[int, Any] = {}
                    for pointer, shift, k in terms:
                        scale = factors.scale(builder.add(first, integer(k)))
                        for part in range(group, min(group + GROUP, PARTS)):
                            value = target.load(pointer, part, shift)
                            fresh = part not in sums
                            sums[part] = (
                                builder.fmul(scale, value) if fresh else vector_fma(builder, scale, value, sums[part])
                            )
                    for part, total in sums.items():
                        target.store(total, here, part)

        return dispatch(builder, ((before, BEFORE), (after, AFTER)), emit)

    return signature, codegen


@intrinsic
def close_rows(typingctx, tile, row, count, head, tail, ends, after, kl, ku):
    """Rows row… += Σ_k head[i, k]·(row ends + k), then (row after + k) = Σ_i tail[i, k]·(row i) for all k.

    `count` rows. False if kl or ku is not unrolled.
    """
    signature = types.boolean(tile, types.intp, types.intp, head, tail, types.intp, types.intp, types.intp, types.intp)

    def codegen(context, builder, signature, args):
        if not isinstance(signature.args[0].dtype, types.Float):
            return cgutils.false_bit
        tile, row, count, head, tail, ends, after, kl, ku = args
        rows, heads, tails = (
            Rows(context, builder, signature.args[k], array) for k, array in ((0, tile), (3, head), (4, tail))
        )

        def emit(kl, ku):
            for start in range(0, PARTS, CARRIED):
                parts = range(start, min(start + CARRIED, PARTS))
                last = {(part, k): rows.load(rows.row(ends), part, k) for part in parts for k in range(kl)}
                sums = {(part, k): cgutils.alloca_once(builder, rows.vector) for part in parts for k in range(ku)}
                for place in sums.values():
                    builder.store(ir.Constant(rows.vector, None), place)
                with cgutils.for_range(builder, count) as loop:
                    here = rows.row(builder.add(row, loop.index))
                    for part in parts:
                        value = rows.load(here, part)
                        for k in range(kl):
                            scale = heads.scale(builder.add(builder.mul(loop.index, integer(kl)), integer(k)))
                            value = vector_fma(builder, scale, last[part, k], value)
                        rows.store(value, here, part)
                        for k in range(ku):
                            scale = tails.scale(builder.add(builder.mul(loop.index, integer(ku)), integer(k)))
                            place = sums[part, k]
                            builder.store(vector_fma(builder, scale, value, builder.load(place)), place)
                for (part, k), place in sums.items():
                    rows.store(builder.load(place), rows.row(after), part, k)

        return dispatch(builder, ((kl, BEFORE), (ku, ABOVE)), emit)

    return signature, codegen


class Down(NamedTuple):
    """A sweep down a tile: from row `row`, which takes row i of the factors `upper`, to rows of smaller number."""

    tile: Rows
    row: Any
    upper: Rows
    i: Any


def _sweep_down(builder: Any, sweeps: Sequence[Down], count: Any, above: int, group: int, finish: Callable) -> None:
    """tile[row] += Σ_k upper[i, k]·tile[row + 1 + k] for `count` rows, of several tiles side by side.

    finish(number of the row, part, values) takes the results; the tiles keep those that the rows below need.
    """
    vector = sweeps[0].tile.vector
    one = integer(1)
    for start in range(0, PARTS, group):
        parts = range(start, min(start + group, PARTS))
        made = {
            (s, part, k): cgutils.alloca_once(builder, vector)
            for s in range(len(sweeps))
            for part in parts
            for k in range(above)
        }
        for (s, part, k), kept in made.items():
            builder.store(sweeps[s].tile.load(sweeps[s].tile.row(sweeps[s].row), part, 1 + k), kept)
        with cgutils.for_range(builder, count) as loop:
            here = [down.tile.row(builder.sub(down.row, loop.index)) for down in sweeps]
            first = [builder.mul(builder.sub(down.i, loop.index), integer(above)) for down in sweeps]
            scales = [
                [down.upper.scale(builder.add(first[s], integer(k))) for k in range(above)]
                for s, down in enumerate(sweeps)
            ]
            for part in parts:
                values = []
                for s, down in enumerate(sweeps):
                    value = down.tile.load(here[s], part)
                    for k in range(above):
                        value = vector_fma(builder, scales[s][k], builder.load(made[s, part, k]), value)
                    for k in range(above - 1, 0, -1):
                        builder.store(builder.load(made[s, part, k - 1]), made[s, part, k])
                    if above:
                        builder.store(value, made[s, part, 0])
                    values.append(value)
                finish(loop.index, part, values)
        for (s, part, k), kept in made.items():
            last = builder.sub(sweeps[s].row, builder.sub(count, one))
            sweeps[s].tile.store(builder.load(kept), sweeps[s].tile.row(last), part, k)


class Goal(NamedTuple):
    """Where results go: with KEEP to the tile, from row `row`; else to the array `out`, from element `place`.

    Both go down: a row, or `stride` elements, each time.
    """

    tile: Rows
    row: Any
    out: Rows
    place: Any
    stride: Any
    beta: Any

    def take(self, builder: Any, number: Any, part: int, value: Any, how: int, ahead: int = 8) -> None:
        """Store vector `part` of result `number`."""
        if how == KEEP:
            self.tile.store(value, self.tile.row(builder.sub(self.row, number)), part)
            return
        index = builder.sub(self.place, builder.mul(number, self.stride))
        pointer = self.out.place(index)
        if how == BLEND:
            if part % 2 == 0:
                far = self.out.place(builder.sub(index, builder.mul(integer(ahead), self.stride)))
                prefetch_at(builder, builder.gep(far, [integer(part * self.out.vector.count)]))
            beta = broadcast(builder, self.out.vector, self.beta)
            value = vector_fma(builder, beta, self.out.load(pointer, part), value)
        self.out.store(value, pointer, part, stream=how == STREAM)


@intrinsic
def backward_rows(typingctx, tile, row, count, upper, i, above, out, place, stride, beta, how):
    """Backward sweep of rows row, row − 1, …, `count` of them; False if the width is not unrolled.

    The results go where `how` says: see `Goal`. Those that rows further down need are in the tile in any case.
    """
    signature = types.boolean(
        tile, types.intp, types.intp, upper, types.intp, types.intp,
        out, types.intp, types.intp, out.dtype, types.intp,
    )  # fmt: skip

    def codegen(context, builder, signature, args):
        if not isinstance(signature.args[0].dtype, types.Float):
            return cgutils.false_bit
        tile, row, count, upper, i, above, out, place, stride, beta, how = args
        rows, factors, outs = (
            Rows(context, builder, signature.args[k], array) for k, array in ((0, tile), (3, upper), (6, out))
        )
        goal = Goal(rows, row, outs, place, stride, beta)

        def emit(above, how):
            if above or how != KEEP:
                down = [Down(rows, row, factors, i)]
                _sweep_down(
                    builder, down, count, above, GROUP, lambda n, part, v: goal.take(builder, n, part, v[0], how)
                )

        return dispatch(builder, ((above, ABOVE), (how, range(4))), emit)

    return signature, codegen


@intrinsic
def backward_transport(typingctx, tiles, rows, count, uppers, i, above, speed, row, out, place, stride, beta, how):
    """Backward sweeps of three tiles d, e, v side by side; results v − ½ (speed · d + e) go where `how` says.

    tiles, rows, uppers : of d, e and v; with KEEP the results take the place of speed, from row `row` down.
    """
    signature = types.boolean(
        tiles, rows, types.intp, uppers, types.intp, types.intp, speed, types.intp,
        out, types.intp, types.intp, out.dtype, types.intp,
    )  # fmt: skip

    def codegen(context, builder, signature, args):
        tiles, rows, count, uppers, i, above, speed, row, out, place, stride, beta, how = args
        kinds = signature.args
        down = [
            Down(
                Rows(context, builder, kinds[0].dtype, builder.extract_value(tiles, s)),
                builder.extract_value(rows, s),
                Rows(context, builder, kinds[3].dtype, builder.extract_value(uppers, s)),
                i,
            )
            for s in range(3)
        ]
        speeds, outs = Rows(context, builder, kinds[6], speed), Rows(context, builder, kinds[8], out)
        goal = Goal(speeds, row, outs, place, stride, beta)
        half = ir.Constant(speeds.vector, [-0.5] * speeds.vector.count)

        def emit(above, how):
            def finish(number, part, values):
                d, e, v = values
                a = speeds.load(speeds.row(builder.sub(row, number)), part)
                goal.take(builder, number, part, vector_fma(builder, half, vector_fma(builder, a, d, e), v), how)

            _sweep_down(builder, down, count, above, CARRIED if above < 2 else CARRIED // 2, finish)

        return dispatch(builder, ((above, ABOVE), (how, range(4))), emit)

    return signature, codegen
