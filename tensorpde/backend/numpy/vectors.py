"""Vectors as values in compiled code: one lane for each of several elements, and small matrices times columns of them.

`take` reads a column of vectors from a flat array of lanes, `put` writes one; what is between stays in registers as far
as there are any, because all sizes are known to the compiler: a size is the length of a tuple, its values are not used.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

from .intrinsics import HAS_FMA, element_size


class Lanes(types.Type):
    """Numba's type of one vector."""

    def __init__(self, dtype: types.Float, count: int) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, kind):
        super().__init__(dmm, kind, ir.VectorType(dmm.lookup(kind.dtype).get_value_type(), kind.count))


def _column(kind, count):
    return types.UniTuple(kind, count)


def _pointer(context, builder, kind, array, index, vector=None):
    """Address of a value of a flat array; of a vector there."""
    data = context.make_array(kind)(context, builder, array).data
    pointer = builder.gep(data, [index])
    return pointer if vector is None else builder.bitcast(pointer, vector.as_pointer())


def _fma(builder, a, b, c):
    if not HAS_FMA:
        return builder.fadd(builder.fmul(a, b), c)
    name = f"llvm.fma.v{a.type.count}{'f32' if isinstance(a.type.element, ir.FloatType) else 'f64'}"
    kind = ir.FunctionType(a.type, [a.type] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b, c])


def _broadcast(builder, vector, value):
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), zeros)


def _parts(builder, column, count):
    return [builder.extract_value(column, j) for j in range(count)]


@intrinsic
def take(typingctx, array, start, stride, size, width):
    """Vectors number start, start + stride, … of a flat array of lanes: as many as `size` is long."""
    kind = Lanes(array.dtype, width.count)
    signature = _column(kind, size.count)(array, types.intp, types.intp, size, width)

    def codegen(context, builder, signature, args):
        array, start, stride, _, _ = args
        vector = context.get_value_type(kind)
        values = []
        for j in range(size.count):
            place = builder.add(start, builder.mul(stride, ir.Constant(stride.type, j)))
            place = builder.mul(place, ir.Constant(start.type, kind.count))
            pointer = _pointer(context, builder, signature.args[0], array, place, vector)
            values.append(builder.load(pointer, align=element_size(vector.element)))
        return context.make_tuple(builder, signature.return_type, values)

    return signature, codegen


@intrinsic
def put(typingctx, array, start, stride, column):
    """Write a column to vectors number start, start + stride, …"""
    signature = types.void(array, types.intp, types.intp, column)

    def codegen(context, builder, signature, args):
        array, start, stride, values = args
        vector = context.get_value_type(column.dtype)
        for j, value in enumerate(_parts(builder, values, column.count)):
            place = builder.add(start, builder.mul(stride, ir.Constant(stride.type, j)))
            place = builder.mul(place, ir.Constant(start.type, column.dtype.count))
            pointer = _pointer(context, builder, signature.args[0], array, place, vector)
            builder.store(value, pointer, align=element_size(vector.element))
        return context.get_dummy_value()

    return signature, codegen


def _elementwise(operation):
    """The intrinsic that works on columns vector by vector."""

    @intrinsic
    def work(typingctx, a, b):
        def codegen(context, builder, signature, args):
            pairs = zip(_parts(builder, args[0], a.count), _parts(builder, args[1], a.count), strict=True)
            values = [getattr(builder, operation)(x, y) for x, y in pairs]
            return context.make_tuple(builder, signature.return_type, values)

        return a(a, b), codegen

    return work


plus = _elementwise("fadd")
times = _elementwise("fmul")


@intrinsic
def plus_product(typingctx, c, a, b):
    """c + a·b, vector by vector."""

    def codegen(context, builder, signature, args):
        rows = zip(*(_parts(builder, column, a.count) for column in args), strict=True)
        values = [_fma(builder, x, y, z) for z, x, y in rows]
        return context.make_tuple(builder, signature.return_type, values)

    return a(c, a, b), codegen


@intrinsic
def product(typingctx, table, column, rows, sign):
    """A small matrix times a column: as many rows as `rows` is long.

    table
        None: the column itself. A 1-D array: a matrix M that is the same for all lanes and has
        M[m-1-i, n-1-j] = sign · M[i, j], laid out by `mirrored`. A 2-D array: M[i, j] of each lane in its row i·n + j.
    sign
        A literal.
    """
    return _matrix_intrinsic(table, column, rows, sign, turned=False)


@intrinsic
def adjoint(typingctx, table, column, rows, sign):
    """As `product`, by the transposed matrix: with a 2-D table it reads M[j, i]; a 1-D one holds the transpose."""
    return _matrix_intrinsic(table, column, rows, sign, turned=True)


def _matrix_intrinsic(table, column, rows, sign, turned):
    if not isinstance(sign, types.IntegerLiteral):
        return None
    if isinstance(table, types.NoneType):
        return column(table, column, rows, sign), lambda context, builder, signature, args: args[1]
    m, n = rows.count, column.count
    signature = _column(column.dtype, m)(table, column, rows, sign)

    def codegen(context, builder, signature, args):
        vector = context.get_value_type(column.dtype)
        values = _parts(builder, args[1], n)

        def entry(k):
            index = ir.Constant(ir.IntType(64), k if table.ndim == 1 else k * column.dtype.count)
            if table.ndim == 1:
                return _broadcast(builder, vector, builder.load(_pointer(context, builder, table, args[0], index)))
            pointer = _pointer(context, builder, table, args[0], index, vector)
            return builder.load(pointer, align=element_size(vector.element))

        if table.ndim == 1:
            results = _mirrored_product(builder, entry, values, m, sign.literal_value)
        else:
            places = [[j * m + i if turned else i * n + j for j in range(n)] for i in range(m)]
            results = [_row(builder, map(entry, row), values) for row in places]
        return context.make_tuple(builder, signature.return_type, results)

    return signature, codegen


def _row(builder, entries, values):
    total = None
    for factor, value in zip(entries, values, strict=True):
        total = builder.fmul(factor, value) if total is None else _fma(builder, factor, value, total)
    return total


def _mirrored_product(builder, entry, values, m, sign):
    """Even and odd parts of the column meet halves of the matrix: half as many products."""
    n = len(values)
    half = n // 2
    even = [builder.fadd(values[j], values[n - 1 - j]) for j in range(half)] + values[half : n - half]
    odd = [builder.fsub(values[j], values[n - 1 - j]) for j in range(half)]
    results, k = [None] * m, 0
    for i in range((m + 1) // 2):
        middle = i == m - 1 - i
        sums = []
        for part, wanted in ((even, not middle or sign > 0), (odd, not middle or sign < 0)):
            count = len(part) if wanted else 0
            sums.append(_row(builder, [entry(k + j) for j in range(count)], part) if count else None)
            k += count
        e, o = sums
        if o is None or e is None:
            only = e if o is None else o
            zero = ir.Constant(values[0].type, None)
            results[i] = zero if only is None else only
            if not middle:
                flipped = sign > 0 if e is None else sign < 0
                results[m - 1 - i] = builder.fsub(zero, results[i]) if flipped else results[i]
        else:
            results[i] = builder.fadd(e, o)
            results[m - 1 - i] = builder.fsub(e, o) if sign > 0 else builder.fsub(o, e)
    return results


@intrinsic
def copy_values(typingctx, target, t, source, s, size):
    """target[t : …] = source[s : …], as many values as `size` is long: all are read before one is written."""
    signature = types.void(target, types.intp, source, types.intp, size)

    def codegen(context, builder, signature, args):
        target_, t, source_, s, _ = args
        element = context.get_value_type(source.dtype)
        vector = ir.VectorType(element, size.count)
        value = builder.load(_pointer(context, builder, source, source_, s, vector), align=element_size(element))
        builder.store(value, _pointer(context, builder, target, target_, t, vector), align=element_size(element))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_values(typingctx, target, t, source, s, size, factor):
    """target[t : …] += factor · source[s : …], as many values as `size` is long."""
    signature = types.void(target, types.intp, source, types.intp, size, target.dtype)

    def codegen(context, builder, signature, args):
        target_, t, source_, s, _, factor = args
        element = context.get_value_type(source.dtype)
        vector = ir.VectorType(element, size.count)
        value = builder.load(_pointer(context, builder, source, source_, s, vector), align=element_size(element))
        place = _pointer(context, builder, target, target_, t, vector)
        old = builder.load(place, align=element_size(element))
        value = _fma(builder, _broadcast(builder, vector, factor), value, old)
        builder.store(value, place, align=element_size(element))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def mixed_flux(typingctx, coef, start, stride, at, step, x, y, column, first):
    """The flux C·(gx, gy, gz) at the points of a line: gz is the column, gx and gy are in x and y.

    Their own fluxes replace gx and gy; that of gz is returned. C is symmetric: its parts xx, xy, xz, yy, yz, zz are
    `stride` vectors apart, from `start` on; in the plane, where `first` has one value, yy, yz, zz only.
    """
    signature = column(coef, types.intp, types.intp, types.intp, types.intp, x, y, column, first)

    def codegen(context, builder, signature, args):
        coef_, start, stride, at, step, x_, y_, values, _ = args
        vector = context.get_value_type(column.dtype)
        align = element_size(vector.element)

        def integer(value):
            return ir.Constant(start.type, value)

        def place(kind, array, index):
            return _pointer(context, builder, kind, array, builder.mul(index, integer(vector.count)), vector)

        results = []
        plane = first.count == 1
        for j, gz in enumerate(_parts(builder, values, column.count)):
            index = builder.add(at, builder.mul(step, integer(j)))
            kept = [place(y, y_, index)] if plane else [place(x, x_, index), place(y, y_, index)]
            gradient = [*(builder.load(pointer, align=align) for pointer in kept), gz]
            size, k, parts = len(gradient), 0, {}
            for a in range(size):
                for b in range(a, size):
                    offset = builder.add(builder.add(start, index), builder.mul(stride, integer(k)))
                    parts[a, b] = parts[b, a] = builder.load(place(coef, coef_, offset), align=align)
                    k += 1
            flux = [_row(builder, [parts[a, b] for b in range(size)], gradient) for a in range(size)]
            for pointer, value in zip(kept, flux[:-1], strict=True):
                builder.store(value, pointer, align=align)
            results.append(flux[-1])
        return context.make_tuple(builder, signature.return_type, results)

    return signature, codegen
