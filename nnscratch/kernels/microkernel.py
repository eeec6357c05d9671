"""The innermost loop of every convolution: a tile of vector registers that multiplies and adds, written as LLVM.

A CPU core multiplies and adds whole vectors of numbers at once, several times per clock tick, but it can fetch
only about two vectors from memory in that time. So every number that is fetched has to be used several times
while it is in a register. A tile does that. It keeps ROWS x COLUMNS vectors of sums in registers; in each turn
it fetches ROWS single numbers a and COLUMNS vectors b and adds all their products:

    sums[r, c, :] += a[r] * b[c, :]                                          for t = 0, 1, 2, ...

With 8 x 2, a turn makes 10 loads for 16 multiply-adds, so the arithmetic is what takes the time.

That is a matrix product, A times B. What makes it a convolution is where the numbers of A come from: a[r] of
turn t is x[rows[r] + steps[t]]. For the forward pass, rows are places in the image and steps are the taps of
a filter (a channel and a pixel within the window); for the gradient of the weights it is the other way round.
So the matrix of all windows (im2col) is multiplied without ever being stored.

Compilers do not find this by themselves (they do not keep an array of sums in registers), so the loop is
emitted as LLVM instructions; LLVM turns them into the vector instructions of the machine at hand.
docs/how-fast-can-a-convolution-be.md climbs up to this loop in five steps, each measured.
"""

import re

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from nnscratch.kernels.compiling import target

INDEX = ir.IntType(64)
LANE = ir.IntType(32)


def machine():
    """Return (bytes in a vector register, how many registers) of the CPU that numba compiles for.

    LLVM itself is asked: the widest vector counts whose multiply-add becomes one instruction. (0, 0) means that
    there is none, and so no tile.

    >>> vector, registers = machine()
    >>> vector in (0, 16, 32, 64), registers in (0, 16, 32)
    (True, True)
    """
    name, features = target()
    cpu = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features)
    for size, registers, instruction in (64, 32, r"vfmadd.*zmm"), (32, 16, r"vfmadd.*ymm"), (16, 32, r"fmla.*4s"):
        vector = f"<{size // 4} x float>"
        fma = f"{vector} @llvm.fma.v{size // 4}f32({vector} %a, {vector} %a, {vector} %a)"
        code = f"define {vector} @f({vector} %a) {{ %b = call {fma}\n ret {vector} %b }}"
        declaration = f"declare {fma.replace(' %a', '')}\n"
        if re.search(instruction, cpu.emit_assembly(llvm.parse_assembly(declaration + code))):
            return size, registers
    return 0, 0


VECTOR_BYTES, REGISTERS = machine()
# A tile of 8 x 2 sums, 2 vectors b and an a take 19 of 32 registers; 6 x 2, 2 and 1 take 15 of 16. More rows do
# not pay: each needs the address of its a, and there are 16 registers for addresses.
ROWS = 8 if REGISTERS == 32 else 6
COLUMNS = 2
LANES = {np.dtype(np.float32): VECTOR_BYTES // 4, np.dtype(np.float64): VECTOR_BYTES // 8}


class _Emitter:
    """Writes the instructions of one tile; its methods return names of values that exist when it runs."""

    def __init__(self, builder, element):
        self.builder = builder
        self.size = element.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.size
        self.real = ir.FloatType() if self.size == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.real, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.suffix = f"v{self.lanes}f{element.bitwidth}"

    def call(self, name, result, *args):
        """Call one of LLVM's built-in functions."""
        kind = ir.FunctionType(result, [value.type for value in args])
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), args)

    def at(self, pointer, offset):
        """Return the address `offset` elements behind a pointer; offset is a number or a value."""
        return self.builder.gep(pointer, [INDEX(offset) if isinstance(offset, int) else offset])

    def vector_at(self, pointer, offset):
        """Return the same as the address of a vector."""
        return self.builder.bitcast(self.at(pointer, offset), self.vector.as_pointer())

    def load(self, pointer, offset):
        """Load one number."""
        return self.builder.load(self.at(pointer, offset))

    def load_vector(self, pointer, offset):
        """Load a vector, which may lie at any address."""
        loaded = self.builder.load(self.vector_at(pointer, offset))
        loaded.align = self.size
        return loaded

    def everywhere(self, value):
        """Put one number into every lane of a vector."""
        nothing = ir.Constant(ir.VectorType(value.type, self.lanes), ir.Undefined)
        first = self.builder.insert_element(nothing, value, LANE(0))
        return self.builder.shuffle_vector(first, nothing, ir.Constant(ir.VectorType(LANE, self.lanes), None))

    def first_lanes(self, count):
        """Return a mask that is on for the first `count` lanes."""
        lanes = ir.Constant(ir.VectorType(INDEX, self.lanes), list(range(self.lanes)))
        return self.builder.icmp_signed("<", lanes, self.everywhere(count))

    def load_masked(self, pointer, offset, mask):
        """Load a vector; lanes that are off are 0 and not touched in memory."""
        place = self.vector_at(pointer, offset)
        nought = ir.Constant(self.vector, None)
        return self.call(f"llvm.masked.load.{self.suffix}.p0", self.vector, place, LANE(self.size), mask, nought)

    def store_masked(self, value, pointer, offset, mask):
        """Store the lanes of a vector that are on."""
        place = self.vector_at(pointer, offset)
        self.call(f"llvm.masked.store.{self.suffix}.p0", ir.VoidType(), value, place, LANE(self.size), mask)

    def as_it_is(self):
        """Return the mark that keeps LLVM from unrolling a loop: two turns at once need too many registers."""
        module = self.builder.module
        mark = ir.MDValue(module, [], name=str(len(module.metadata)))
        mark.operands = (mark, module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")]))
        return mark

    def multiply_and_add(self, start, turns, fetch):
        """Emit the loop from sums `start` on and return sums[row][column]; `fetch(t)` emits turn t's loads.

        An LLVM value never changes, so what changes from turn to turn is a phi: a value that says what it is by
        where the program came from, from before the loop (`start`) or from the turn before (`added`).
        """
        builder, before = self.builder, self.builder.block
        loop, after = builder.append_basic_block("turn"), builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed("<", INDEX(0), turns), loop, after)
        builder.position_at_end(loop)
        t = builder.phi(INDEX)
        sums = [[builder.phi(self.vector) for _ in row] for row in start]
        numbers, vectors = fetch(t)
        added = []
        for a, row in zip(map(self.everywhere, numbers), sums):
            added.append(
                [self.call(f"llvm.fma.{self.suffix}", self.vector, a, *pair) for pair in zip(vectors, row)]
            )
        next_t = builder.add(t, INDEX(1))
        again = builder.cbranch(builder.icmp_signed("<", next_t, turns), loop, after)
        again.set_metadata("llvm.loop", self.as_it_is())
        builder.position_at_end(after)

        def joined(phi, first, later):
            phi.add_incoming(first, before)
            phi.add_incoming(later, loop)
            return phi

        joined(t, INDEX(0), next_t)
        totals = []
        for phis, firsts, laters in zip(sums, start, added):
            for phi, first, later in zip(phis, firsts, laters):
                joined(phi, first, later)
            totals.append([joined(builder.phi(self.vector), *pair) for pair in zip(firsts, laters)])
        return totals


def _emit_tile(e, arguments, columns):
    """Emit a tile of so many columns."""
    x, rows, steps, b, lines, turns, start, again, out, outs, width, least = arguments
    builder = e.builder
    # Before the loop: the sums' first values. Lanes that are off stay 0.
    begins = [e.load(outs, r) for r in range(ROWS)]
    masks = [e.first_lanes(builder.sub(width, INDEX(c * e.lanes))) for c in range(columns)]
    sums = []
    for begin in begins:
        here = e.at(start, builder.mul(begin, again))
        sums.append([e.load_masked(here, c * e.lanes, mask) for c, mask in enumerate(masks)])
    firsts = [e.at(x, e.load(rows, r)) for r in range(ROWS)]

    def fetch(t):
        step, line = e.load(steps, t), e.at(b, e.load(lines, t))
        return [e.load(first, step) for first in firsts], [
            e.load_vector(line, c * e.lanes) for c in range(columns)
        ]

    # After it: raise what is below `least`, and store. (Not a number is not below, so it stays.)
    floor = e.everywhere(least)
    for begin, row in zip(begins, e.multiply_and_add(sums, turns, fetch)):
        for c, (total, mask) in enumerate(zip(row, masks)):
            kept = builder.select(builder.fcmp_ordered("<", total, floor), floor, total)
            e.store_masked(kept, e.at(out, begin), c * e.lanes, mask)


@intrinsic
def tile(typing, x, rows, steps, b, lines, turns, start, again, out, outs, width, least):
    """out[outs[r] + l] = max(least, start[l] + the sum over t of x[rows[r] + steps[t]] * b[lines[t] + l]).

    r runs over ROWS, l over the first `width` of COLUMNS vectors, t over `turns` (1 or more). x, b, start and out
    are flat arrays of one float dtype, the tables rows, steps, lines and outs are int64. With again = 1 the sums
    start from start[outs[r] + l] instead: given out itself, a tile adds to what is there. least = -inf keeps all.
    Lanes beyond `width` are neither read from start nor written to out, but b must have whole vectors to read.
    Where one vector holds the width, the tile has one column: half the work, and still eight sums side by side.
    """

    def emit(context, builder, signature, args):
        arrays = [
            context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, args)
        ]
        e = _Emitter(builder, signature.args[0].dtype)
        narrow = builder.icmp_signed("<=", arrays[-2], INDEX(e.lanes))
        with builder.if_else(narrow) as (one_column, all_columns):
            with one_column:
                _emit_tile(e, arrays, 1)
            with all_columns:
                _emit_tile(e, arrays, COLUMNS)
        return context.get_dummy_value()

    index = types.int64
    return types.void(x, rows, steps, b, lines, index, start, index, out, outs, index, x.dtype), emit
