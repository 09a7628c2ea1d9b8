"""Arrays as bare pointers in compiled code.

Whenever numba hands an array on it counts a reference, an atomic operation; a line kernel does so several times per
few rows. Its parts take pointers instead, made by `data` from arrays that the caller holds. A pointer is indexed like
a flat array, without a check of bounds; a slice of it is the pointer to its first element.
"""

from __future__ import annotations

import operator

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload, overload_attribute


@intrinsic
def data(typingctx, array):
    """Pointer to the first element of a C-contiguous array."""
    if not isinstance(array, types.Array):
        return None

    def codegen(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return types.CPointer(array.dtype)(array), codegen


def base_pointer(context, builder, kind, value):
    """LLVM pointer to the first element of an array or of what a pointer points to."""
    return value if isinstance(kind, types.CPointer) else context.make_array(kind)(context, builder, value).data


def element_at(builder, pointer, index):
    """LLVM pointer to an element."""
    return builder.gep(pointer, [builder.sext(index, ir.IntType(64)) if index.type.width < 64 else index])


@intrinsic
def _load(typingctx, pointer, index):
    def codegen(context, builder, signature, args):
        return builder.load(element_at(builder, *args))

    return pointer.dtype(pointer, types.intp), codegen


@intrinsic
def _store(typingctx, pointer, index, value):
    def codegen(context, builder, signature, args):
        builder.store(args[2], element_at(builder, args[0], args[1]))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, pointer.dtype), codegen


@intrinsic
def shifted(typingctx, pointer, index):
    """The pointer to element `index`."""

    def codegen(context, builder, signature, args):
        return element_at(builder, *args)

    return pointer(pointer, types.intp), codegen


@overload(operator.getitem)
def _get(pointer, index):
    if isinstance(pointer, types.CPointer) and isinstance(index, types.Integer):
        return lambda pointer, index: _load(pointer, index)
    if isinstance(pointer, types.CPointer) and isinstance(index, types.SliceType):
        return lambda pointer, index: shifted(pointer, index.start)
    return None


@overload(operator.setitem)
def _set(pointer, index, value):
    if isinstance(pointer, types.CPointer) and isinstance(index, types.Integer):
        return lambda pointer, index, value: _store(pointer, index, value)
    return None


@overload_attribute(types.CPointer, "itemsize")
def _itemsize(pointer):
    size = pointer.dtype.bitwidth // 8
    return lambda pointer: size
