"""Lanes: 32 bytes of equal reals (4 doubles or 8 floats) as one value in numba functions.

A lane is a line of the array, so a transform written with Lanes does the same arithmetic on every
line, wherever it sits: that is what makes results independent of how lines are divided among ranks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from .intrinsics import HAS_FMA, _pointer, _transposed, element_size

BYTES = 32


class Lanes(types.Type):
    """The numba type of 32 bytes of float32 or float64."""

    def __init__(self, element: types.Float) -> None:
        self.element = element
        super().__init__(f"Lanes({element})")


def _vector(element: types.Float) -> ir.VectorType:
    real = ir.FloatType() if element == types.float32 else ir.DoubleType()
    return ir.VectorType(real, BYTES // element_size(real))


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type) -> None:
        super().__init__(dmm, fe_type, _vector(fe_type.element))


def _splat(builder, vector, value):
    single = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), None)
    return builder.shuffle_vector(single, ir.Constant(vector, ir.Undefined), zeros)


class _Binary(AbstractTemplate):
    """Lanes ∘ Lanes and Lanes ∘ real of the same precision."""

    def generic(self, args, kws):
        if len(args) == 2 and isinstance(args[0], Lanes) and args[1] in (args[0], args[0].element):
            return signature(args[0], *args)
        return None


def _lower(function, instruction: str) -> None:
    infer_global(function)(type(f"Lanes_{instruction}", (_Binary,), {}))

    def both(context, builder, sig, args):
        return getattr(builder, instruction)(*args)

    def with_real(context, builder, sig, args):
        return getattr(builder, instruction)(args[0], _splat(builder, _vector(sig.return_type.element), args[1]))

    lower_builtin(function, Lanes, Lanes)(both)
    lower_builtin(function, Lanes, types.Float)(with_real)


for _function, _instruction in (
    (operator.add, "fadd"),
    (operator.sub, "fsub"),
    (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):
    _lower(_function, _instruction)


def _vector_at(context, builder, array_type, array, index):
    """Pointer to the vector that starts at element `index` of a 1-D array, and its alignment."""
    vector = _vector(array_type.dtype)
    where = _pointer(context, builder, array_type, array, index)
    return builder.bitcast(where, vector.as_pointer()), element_size(vector.element)


def _offset(builder, index, amount):
    return builder.add(index, ir.Constant(index.type, amount))


@intrinsic
def lanes_of(typingctx, array):
    """Number of lanes for the precision of an array: a constant, so that loops in steps of it need no division."""

    def codegen(context, builder, sig, args):
        return context.get_constant(types.intp, _vector(sig.args[0].dtype).count)

    return types.intp(array), codegen


@intrinsic
def load(typingctx, array, index):
    """array[index : index + lanes] as Lanes."""

    def codegen(context, builder, sig, args):
        where, align = _vector_at(context, builder, sig.args[0], *args)
        return builder.load(where, align=align)

    return Lanes(array.dtype)(array, types.intp), codegen


@intrinsic
def store(typingctx, array, index, value):
    """array[index : index + lanes] = value."""

    def codegen(context, builder, sig, args):
        where, align = _vector_at(context, builder, sig.args[0], *args[:2])
        builder.store(args[2], where, align=align)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), codegen


def _split(context, builder, array_type, array, index):
    """The even and the odd elements of the two vectors from `index` on."""
    count = _vector(array_type.dtype).count
    first, align = _vector_at(context, builder, array_type, array, index)
    second, _ = _vector_at(context, builder, array_type, array, _offset(builder, index, count))
    first, second = builder.load(first, align=align), builder.load(second, align=align)
    kind = ir.VectorType(ir.IntType(32), count)
    pick = [ir.Constant(kind, [2 * j + part for j in range(count)]) for part in (0, 1)]
    return [builder.shuffle_vector(first, second, mask) for mask in pick]


def _merge(context, builder, array_type, array, index, real, imag):
    """Store real and imag alternating from `index` on."""
    count = _vector(array_type.dtype).count
    kind = ir.VectorType(ir.IntType(32), count)
    for part in (0, 1):
        mask = [j // 2 + part * count // 2 + j % 2 * count for j in range(count)]
        value = builder.shuffle_vector(real, imag, ir.Constant(kind, mask))
        where, align = _vector_at(context, builder, array_type, array, _offset(builder, index, part * count))
        builder.store(value, where, align=align)


@intrinsic
def load_complex(typingctx, array, index):
    """Real and imaginary Lanes of the complex numbers stored from array[index] on."""
    lanes = Lanes(array.dtype)

    def codegen(context, builder, sig, args):
        return context.make_tuple(builder, sig.return_type, _split(context, builder, sig.args[0], *args))

    return types.UniTuple(lanes, 2)(array, types.intp), codegen


@intrinsic
def store_complex(typingctx, array, index, real, imag):
    """Store Lanes of complex numbers from array[index] on."""

    def codegen(context, builder, sig, args):
        _merge(context, builder, sig.args[0], *args)
        return context.get_dummy_value()

    return types.void(array, types.intp, real, imag), codegen


@intrinsic
def reciprocal(typingctx, value, tol):
    """1/value, and 0 in the lanes where |value| ≤ tol."""

    def codegen(context, builder, sig, args):
        vector = _vector(sig.return_type.element)
        value, tol = args[0], _splat(builder, vector, args[1])
        large = builder.or_(builder.fcmp_ordered(">", value, tol), builder.fcmp_ordered("<", value, builder.fneg(tol)))
        one, zero = ir.Constant(vector, [1.0] * vector.count), ir.Constant(vector, [0.0] * vector.count)
        return builder.select(large, builder.fdiv(one, builder.select(large, value, one)), zero)

    return value(value, value.element), codegen


def _fused(negate: bool):
    def typer(typingctx, a, b, c):
        def codegen(context, builder, sig, args):
            vector = _vector(sig.return_type.element)
            a, b, c = (
                value if isinstance(kind, Lanes) else _splat(builder, vector, value)
                for value, kind in zip(args, sig.args, strict=True)
            )
            a = builder.fneg(a) if negate else a
            if not HAS_FMA:
                return builder.fadd(builder.fmul(a, b), c)
            name = f"llvm.fma.v{vector.count}{'f32' if vector.element == ir.FloatType() else 'f64'}"
            kind = ir.FunctionType(vector, [vector] * 3)
            return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b, c])

        return c(a, b, c), codegen

    return typer


fma = intrinsic(_fused(negate=False))
fnma = intrinsic(_fused(negate=True))


def _block(parts: int, gather: bool) -> Callable:
    """The body of a move of one block (lanes × lanes) between lines of an array and rows of a tile.

    block(tile, t0, t1, width, rows, scale, j, array, a0, stride): sample j + c of line r is
    array[a0 + r·stride + parts·c (+1 for its imaginary part)] and tile[t + rows[j+c]·width + r], where t is
    t0 (t1 for the imaginary part), times scale[j+c] on its way.
    """

    def typer(typingctx, tile, t0, t1, width, rows, scale, j, array, a0, stride):
        index = types.intp
        sig = types.void(tile, index, index, index, rows, scale, index, array, index, index)
        return sig, codegen

    def codegen(context, builder, sig, args):
        tile, t0, t1, width, rows, scale, j, array, a0, stride = args
        vector = _vector(sig.args[0].dtype)
        count = vector.count
        line = [builder.add(a0, builder.mul(stride, ir.Constant(a0.type, r))) for r in range(count)]
        place, factor = [], []
        for c in range(count):
            here = _offset(builder, j, c)
            row = builder.load(_pointer(context, builder, sig.args[4], rows, here))
            place.append([builder.add(t, builder.mul(row, width)) for t in (t0, t1)[:parts]])
            value = builder.load(_pointer(context, builder, sig.args[5], scale, here))
            factor.append(_splat(builder, vector, value))
        if gather:
            load_line = _split if parts == 2 else _whole
            values = [load_line(context, builder, sig.args[7], array, at) for at in line]
            for part in range(parts):
                for c, column in enumerate(_transposed(builder, [value[part] for value in values])):
                    where, align = _vector_at(context, builder, sig.args[0], tile, place[c][part])
                    builder.store(builder.fmul(column, factor[c]), where, align=align)
            return context.get_dummy_value()
        columns = []
        for part in range(parts):
            found = [_whole(context, builder, sig.args[0], tile, place[c][part])[0] for c in range(count)]
            columns.append(_transposed(builder, [builder.fmul(v, f) for v, f in zip(found, factor, strict=True)]))
        for r, at in enumerate(line):
            if parts == 2:
                _merge(context, builder, sig.args[7], array, at, columns[0][r], columns[1][r])
            else:
                where, align = _vector_at(context, builder, sig.args[7], array, at)
                builder.store(columns[0][r], where, align=align)
        return context.get_dummy_value()

    return typer


def _whole(context, builder, array_type, array, index):
    where, align = _vector_at(context, builder, array_type, array, index)
    return [builder.load(where, align=align)]


gather_real = intrinsic(_block(parts=1, gather=True))
gather_complex = intrinsic(_block(parts=2, gather=True))
scatter_real = intrinsic(_block(parts=1, gather=False))
scatter_complex = intrinsic(_block(parts=2, gather=False))
