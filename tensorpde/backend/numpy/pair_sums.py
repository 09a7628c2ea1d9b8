"""The inner loops over near pairs: one target and a run of sources, or one source and a row of a grid."""

from __future__ import annotations

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .intrinsics import broadcast, vector_fma
from .pointers import base_pointer, element_at

LANES = 8  # sources at a time, two vectors
CLOSEST = 1e-36  # of the squared radius: at less than 1e-18 of the radius two points are one
HAS_ESTIMATE = llvmlite.binding.get_process_triple().startswith("x86_64")
REFINEMENT = (35 / 128, 5 / 16, 3 / 8, 1 / 2)  # of (1 − e)^(−1/2): from the estimate's 11 bits to all of them
SUMS = 4  # potential and field
_HALVES = LANES // 4
VECTOR = ir.VectorType(ir.DoubleType(), 4)
INDEX = ir.IntType(64)


def constant(value):
    """A vector of one number."""
    return ir.Constant(VECTOR, [value] * 4)


def inverse_root(builder, s):
    """1/√s to round-off for s from CLOSEST on: square root and division take four times as long where there is an
    estimate to begin with."""
    if not HAS_ESTIMATE:
        root = cgutils.get_or_insert_function(builder.module, ir.FunctionType(VECTOR, [VECTOR]), "llvm.sqrt.v4f64")
        return builder.fdiv(constant(1.0), builder.call(root, [s]))
    singles = ir.VectorType(ir.FloatType(), 4)
    kind = ir.FunctionType(singles, [singles])
    estimate = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.sse.rsqrt.ps")
    y = builder.fpext(builder.call(estimate, [builder.fptrunc(s, singles)]), VECTOR)
    e = vector_fma(builder, builder.fneg(builder.fmul(s, y)), y, constant(1.0))
    total = constant(REFINEMENT[0])
    for coefficient in REFINEMENT[1:]:
        total = vector_fma(builder, total, e, constant(coefficient))
    return vector_fma(builder, builder.fmul(total, e), y, y)


def polynomials(builder, u, coefficient, terms, count):
    """`count` polynomials at vectors u, by Horner's rule for even and odd powers apart: so many more chains abreast.

    coefficient(2 count c + k) makes that of u²ᶜ in the k-th, and with count + k that of u²ᶜ⁺¹, for c < terms.
    """
    squares = [builder.fmul(value, value) for value in u]
    totals = [[cgutils.alloca_once(builder, VECTOR) for _ in u] for _ in range(2 * count)]
    for total in (t for row in totals for t in row):
        builder.store(ir.Constant(VECTOR, None), total)
    with cgutils.for_range(builder, terms) as loop:
        back = builder.sub(builder.sub(terms, loop.index), ir.Constant(INDEX, 1))
        for which, row in enumerate(totals):
            at = builder.add(builder.mul(back, ir.Constant(INDEX, 2 * count)), ir.Constant(INDEX, which))
            factor = broadcast(builder, VECTOR, coefficient(at))
            for square, total in zip(squares, row, strict=True):
                builder.store(vector_fma(builder, builder.load(total), square, factor), total)
    found = [[builder.load(total) for total in row] for row in totals]
    return [
        [vector_fma(builder, x, b, a) for x, a, b in zip(u, found[k], found[count + k], strict=True)]
        for k in range(count)
    ]


class _Run:
    """What is emitted for one step of eight sources."""

    def __init__(self, context, builder, signature, args) -> None:
        self.context, self.builder, self.kinds = context, builder, signature.args
        self.sources, self.charges, self.first, self.stop, self.pitch, *place = args[:8]
        self.place = [broadcast(builder, VECTOR, value) for value in place]
        self.coefficients, self.terms, self.sums = args[8:]

    def pointer(self, number, array, index, vector=True):
        pointer = element_at(self.builder, base_pointer(self.context, self.builder, self.kinds[number], array), index)
        return self.builder.bitcast(pointer, VECTOR.as_pointer()) if vector else pointer

    def load(self, number, array, index):
        return self.builder.load(self.pointer(number, array, index), align=8)

    def coefficient(self, index):
        return self.builder.load(self.pointer(8, self.coefficients, index, vector=False))

    def step(self, start):
        """Add what eight sources from `start` on do, of which those past the end or out of reach count 0."""
        builder = self.builder
        zero = ir.Constant(VECTOR, None)
        least = constant(CLOSEST)
        numbers = ir.VectorType(INDEX, 4)
        apart, weights, inverses, u = [], [], [], []
        for half in range(_HALVES):
            index = builder.add(start, ir.Constant(INDEX, 4 * half))
            delta = []
            for k in range(3):
                source = self.load(0, self.sources, builder.add(index, builder.mul(self.pitch, ir.Constant(INDEX, k))))
                delta.append(builder.fsub(self.place[k], source))
            s = builder.fmul(delta[0], delta[0])
            for d in delta[1:]:
                s = vector_fma(builder, d, d, s)
            lane = builder.add(broadcast(builder, numbers, index), ir.Constant(numbers, [0, 1, 2, 3]))
            counted = builder.icmp_signed("<", lane, broadcast(builder, numbers, self.stop))
            counted = builder.and_(counted, builder.fcmp_ordered("<=", s, constant(1.0)))
            weights.append(builder.select(counted, self.load(1, self.charges, index), zero))
            near = builder.fcmp_ordered(">", s, least)
            inverses.append(builder.select(near, inverse_root(builder, s), zero))
            u.append(vector_fma(builder, s, constant(2.0), constant(-1.0)))
            apart.append(delta)
        values, slopes = polynomials(builder, u, self.coefficient, self.terms, 2)
        for half in range(_HALVES):
            inverse, weight = inverses[half], weights[half]
            cube = builder.fmul(inverse, builder.fmul(inverse, inverse))
            pull = builder.fmul(weight, builder.fadd(cube, slopes[half]))
            terms = [(weight, builder.fsub(inverse, values[half])), *((pull, d) for d in apart[half])]
            for k, (a, b) in enumerate(terms):
                total = self.pointer(10, self.sums, ir.Constant(INDEX, LANES * k + 4 * half))
                builder.store(vector_fma(builder, a, b, builder.load(total, align=8)), total, align=8)


@intrinsic
def add_run(typingctx, sources, charges, first, stop, pitch, x, y, z, coefficients, terms, sums):
    """sums[8 k + l] += what the sources first + l, first + l + 8, … < stop do at (x, y, z); all float64, 1-D.

    Sources lie at sources[j], sources[pitch + j], sources[2 pitch + j], with eight more values readable after the last.
    With u = 2 r² − 1 a charge q with r ≤ 1 adds q (1/r − P(u)) to the potential, k = 0, and q (1/r³ + Q(u)) times the
    vector from it to the field, k = 1, 2, 3; 1/r counts as 0 at r = 0. For c < terms the coefficients 4 c, 4 c + 1,
    4 c + 2, 4 c + 3 are that of u²ᶜ in P and in Q, and that of u²ᶜ⁺¹ in P and in Q. The same operations in the same
    order for every lane, each rounded once.
    """
    index, real = types.intp, types.float64
    signature = types.void(sources, charges, index, index, index, real, real, real, coefficients, index, sums)

    def codegen(context, builder, signature, args):
        run = _Run(context, builder, signature, args)
        with cgutils.for_range_slice(builder, run.first, run.stop, ir.Constant(INDEX, LANES), INDEX) as (start, _):
            run.step(start)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def near_values(typingctx, row, first, count, place, rest, coefficients, terms, values):
    """values[k] = 1/r − P(u), u = 2 r² − 1, with r² = rest + (row[first + k] − place)², for k < count.

    1/r counts as 0 at r = 0; coefficients 2 c and 2 c + 1 of P are those of u²ᶜ and u²ᶜ⁺¹, c < terms. Seven values past
    the last are read and written.
    """
    index, real = types.intp, types.float64
    signature = types.void(row, index, index, real, real, coefficients, index, values)

    def codegen(context, builder, signature, args):
        row, first, count, place, rest, coefficients, terms, values = args
        kinds = signature.args
        place, rest = (broadcast(builder, VECTOR, value) for value in (place, rest))

        def vector(number, array, index, half):
            pointer = base_pointer(context, builder, kinds[number], array)
            pointer = element_at(builder, pointer, builder.add(index, ir.Constant(INDEX, 4 * half)))
            return builder.bitcast(pointer, VECTOR.as_pointer())

        def coefficient(index):
            return builder.load(element_at(builder, base_pointer(context, builder, kinds[5], coefficients), index))

        zero = ir.Constant(INDEX, 0)
        with cgutils.for_range_slice(builder, zero, count, ir.Constant(INDEX, LANES), INDEX) as (k, _):
            squares = []
            for half in range(_HALVES):
                d = builder.load(vector(0, row, builder.add(first, k), half), align=8)
                d = builder.fsub(d, place)
                squares.append(vector_fma(builder, d, d, rest))
            u = [vector_fma(builder, s, constant(2.0), constant(-1.0)) for s in squares]
            smooth = polynomials(builder, u, coefficient, terms, 1)[0]
            for half, s in enumerate(squares):
                near = builder.fcmp_ordered(">", s, constant(CLOSEST))
                inverse = builder.select(near, inverse_root(builder, s), ir.Constant(VECTOR, None))
                builder.store(builder.fsub(inverse, smooth[half]), vector(7, values, k, half), align=8)
        return context.get_dummy_value()

    return signature, codegen
