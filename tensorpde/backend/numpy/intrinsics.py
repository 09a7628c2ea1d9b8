"""Machine operations that numba does not spell: fused multiply-add, register transposes, streaming stores."""

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .pointers import base_pointer, element_at

_FEATURES = llvmlite.binding.get_host_cpu_features()
ROW_BYTES = 512  # of a tile row: long enough stretches of memory, short enough tiles
KEEP, STREAM, STORE, BLEND = range(4)  # result to the tile; to the array past the cache; to it; added to β times it
HAS_FMA = bool(_FEATURES.get("fma") or llvmlite.binding.get_process_triple().startswith(("aarch64", "arm64")))


@intrinsic
def fma(typingctx, a, b, c):
    """a·b + c, rounded once where the processor can and the type is real.

    Spelled out, because contraction left to the optimiser may differ between vector and remainder
    code, and results must not depend on how many lines a rank holds.
    """
    real = isinstance(a, types.Float) and a == b == c
    result = a if real else typingctx.unify_types(a, b, c)

    def codegen(context, builder, signature, args):
        if real and HAS_FMA:
            return builder.fma(*args)
        import operator  # resolved once per compilation

        a, b, c = (context.cast(builder, value, kind, result) for value, kind in zip(args, signature.args, strict=True))
        binary = result(result, result)
        multiply = context.get_function(operator.mul, binary)
        add = context.get_function(operator.add, binary)
        return add(builder, (multiply(builder, (a, b)), c))

    return result(a, b, c), codegen


def _pointer(context, builder, array_type, array, index):
    return element_at(builder, base_pointer(context, builder, array_type, array), index)


def _transposed(builder, rows):
    """Transpose N vectors of N elements in log2 N rounds of pairwise interleaving."""
    count = len(rows)
    half = count // 2
    index = ir.VectorType(ir.IntType(32), count)
    while half >= 1:
        low = [j if (j // half) % 2 == 0 else count + j - half for j in range(count)]
        high = [j + half if (j // half) % 2 == 0 else count + j for j in range(count)]
        swapped = list(rows)
        for j in range(count):
            if (j // half) % 2 == 0:
                swapped[j] = builder.shuffle_vector(rows[j], rows[j + half], ir.Constant(index, low))
                swapped[j + half] = builder.shuffle_vector(rows[j], rows[j + half], ir.Constant(index, high))
        rows = swapped
        half //= 2
    return rows


@intrinsic
def transpose_block(typingctx, tile, t0, lanes, source, s0, stride):
    """tile[t0 + c·lanes + r] = source[s0 + r·stride + c] for an N×N block in registers.

    N fills a 32-byte vector: 4 doubles, 8 floats.
    """
    signature = types.void(tile, types.intp, types.intp, source, types.intp, types.intp)

    def codegen(context, builder, signature, args):
        element = context.get_value_type(signature.args[0].dtype)
        width, align = 32 // element_size(element), element_size(element)
        tile, t0, lanes, source, s0, stride = args

        def place(kind, array, start, step, k):
            pointer = _pointer(context, builder, kind, array, _along(builder, start, step, k))
            return builder.bitcast(pointer, ir.VectorType(element, width).as_pointer())

        rows = [builder.load(place(signature.args[3], source, s0, stride, r), align=align) for r in range(width)]
        for c, column in enumerate(_transposed(builder, rows)):
            builder.store(column, place(signature.args[0], tile, t0, lanes, c), align=align)
        return context.get_dummy_value()

    return signature, codegen


def _along(builder, start, step, k):
    return builder.add(start, builder.mul(step, ir.Constant(start.type, k)))


@intrinsic
def store_block(typingctx, out, o0, stride, tile, t0, lanes, beta, how):
    """out[o0 + r·stride + c] = tile[t0 + c·lanes + r] + β·out for an N×2N block in registers.

    Each of the N lines gets 64 bytes at a time, a whole cache line where it is aligned. `how`, a literal, is
    STREAM (past the cache; out aligned to 64 bytes), STORE (β ignored) or BLEND.
    """
    if not isinstance(how, types.IntegerLiteral):
        return None
    signature = types.void(out, types.intp, types.intp, tile, types.intp, types.intp, out.dtype, how)

    def codegen(context, builder, signature, args):
        element = context.get_value_type(signature.args[0].dtype)
        width, align = 32 // element_size(element), element_size(element)
        vector = ir.VectorType(element, width)
        out, o0, stride, tile, t0, lanes, beta, _ = args
        chosen = signature.args[-1].literal_value

        def place(kind, array, index):
            return builder.bitcast(_pointer(context, builder, kind, array, index), vector.as_pointer())

        halves = []
        for half in range(2):
            rows = [_along(builder, t0, lanes, half * width + c) for c in range(width)]
            loaded = [builder.load(place(signature.args[3], tile, row), align=align) for row in rows]
            halves.append(_transposed(builder, loaded))
        for r in range(width):
            for half in range(2):
                index = builder.add(_along(builder, o0, stride, r), ir.Constant(o0.type, half * width))
                pointer, value = place(signature.args[0], out, index), halves[half][r]
                if chosen == BLEND:
                    kept = builder.load(pointer, align=align)
                    value = vector_fma(builder, broadcast(builder, vector, beta), kept, value)
                store_vector(builder, value, pointer, align, chosen == STREAM)
        return context.get_dummy_value()

    return signature, codegen


def element_size(element) -> int:
    """Bytes of an LLVM float or double."""
    return 4 if isinstance(element, ir.FloatType) else 8


def store_vector(builder, value, pointer, align, stream) -> None:
    """Store, past the cache if `stream`."""
    if stream:
        instruction = builder.store(value, pointer, align=32)
        one = ir.Constant(ir.IntType(32), 1)
        instruction.set_metadata("nontemporal", builder.module.add_metadata([one]))
    else:
        builder.store(value, pointer, align=align)


@intrinsic
def move_row(typingctx, target, t0, source, s0, streaming):
    """target[t0 : …] = source[s0 : …], ROW_BYTES of them.

    `streaming` (the literal True or False) stores past the cache; the target must be aligned to 32 bytes then.
    """
    if not isinstance(streaming, types.BooleanLiteral):
        return None
    signature = types.void(target, types.intp, source, types.intp, streaming)

    def codegen(context, builder, signature, args):
        kind = signature.args[0].dtype
        real = context.get_value_type(kind.underlying_float if isinstance(kind, types.Complex) else kind)
        parts = 2 if isinstance(kind, types.Complex) else 1
        vector = ir.VectorType(real, 32 // element_size(real)).as_pointer()
        target, t0, source, s0, _ = args
        count = 32 // element_size(real) // parts
        for part in range(ROW_BYTES // 32):
            offset = ir.Constant(s0.type, part * count)
            pointer = _pointer(context, builder, signature.args[2], source, builder.add(s0, offset))
            value = builder.load(builder.bitcast(pointer, vector), align=element_size(real))
            pointer = _pointer(context, builder, signature.args[0], target, builder.add(t0, offset))
            pointer = builder.bitcast(pointer, vector)
            store_vector(builder, value, pointer, element_size(real), signature.args[-1].literal_value)
        return context.get_dummy_value()

    return signature, codegen


def prefetch_at(builder, pointer) -> None:
    """Ask for the cache line of a pointer; one past the end is harmless."""
    pointer = builder.bitcast(pointer, ir.IntType(8).as_pointer())
    flag = ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, flag, flag, flag])
    call = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
    builder.call(call, [pointer, ir.Constant(flag, 0), ir.Constant(flag, 3), ir.Constant(flag, 1)])


@intrinsic
def prefetch(typingctx, array, index):
    """Ask for the cache line of array[index]; an address past the end is harmless."""
    signature = types.void(array, types.intp)

    def codegen(context, builder, signature, args):
        prefetch_at(builder, _pointer(context, builder, signature.args[0], *args))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def address(typingctx, array):
    """Address of the first element, to test alignment."""

    def codegen(context, builder, signature, args):
        return builder.ptrtoint(base_pointer(context, builder, signature.args[0], args[0]), ir.IntType(64))

    return types.int64(array), codegen


def vector_fma(builder, a, b, c):
    """a·b + c of vectors, rounded once where the processor can."""
    vector = a.type
    if not HAS_FMA:
        return builder.fadd(builder.fmul(a, b), c)
    name = f"llvm.fma.v{vector.count}{'f32' if isinstance(vector.element, ir.FloatType) else 'f64'}"
    kind = ir.FunctionType(vector, [vector, vector, vector])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b, c])


@intrinsic
def vector_row_sum(typingctx, tile, row, taken, source, coef, i, before, after, keep):
    """tile[row] = keep·tile[row] + Σ_k coef[i, k]·(rows row−before…row−1, then source…source+after−1 of `taken`).

    A row is ROW_BYTES long and is summed in registers: one load and one fused multiply-add per vector and
    term, in the same order for every lane. The rows before come last, because a sweep has just made them.
    `keep` is the literal True or False.
    """
    if not isinstance(keep, types.BooleanLiteral):
        return None
    signature = types.void(tile, types.intp, tile, types.intp, coef, types.intp, types.intp, types.intp, keep)

    def codegen(context, builder, signature, args):
        element = context.get_value_type(signature.args[0].dtype)
        vector = ir.VectorType(element, 32 // element_size(element))
        align = element_size(element)
        tile, row, taken, source, coef, i, before, after, _ = args
        index = ir.IntType(64)
        lanes = ir.Constant(index, ROW_BYTES // element_size(element))
        sums = [cgutils.alloca_once(builder, vector) for _ in range(ROW_BYTES // 32)]

        def place(row, part, array=tile):
            offset = builder.add(builder.mul(row, lanes), ir.Constant(index, part * vector.count))
            pointer = _pointer(context, builder, signature.args[0], array, offset)
            return builder.bitcast(pointer, vector.as_pointer())

        for part, total in enumerate(sums):
            start = builder.load(place(row, part), align=align) if signature.args[-1].literal_value else None
            builder.store(ir.Constant(vector, None) if start is None else start, total)
        first = builder.mul(i, builder.add(before, after))
        for array, count, base, skip in (
            (taken, after, source, before),
            (tile, before, builder.sub(row, before), None),
        ):
            with cgutils.for_range(builder, count) as loop:
                k = builder.add(first, loop.index if skip is None else builder.add(skip, loop.index))
                scale = builder.load(_pointer(context, builder, signature.args[4], coef, k))
                scale = broadcast(builder, vector, scale)
                for part, total in enumerate(sums):
                    value = builder.load(place(builder.add(base, loop.index), part, array), align=align)
                    builder.store(vector_fma(builder, scale, value, builder.load(total)), total)
        for part, total in enumerate(sums):
            builder.store(builder.load(total), place(row, part), align=align)
        return context.get_dummy_value()

    return signature, codegen


def broadcast(builder, vector, value):
    """A vector with `value` in all lanes."""
    undefined = ir.Constant(vector, ir.Undefined)
    single = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(single, undefined, zeros)
