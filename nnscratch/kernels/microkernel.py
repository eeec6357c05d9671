"""The innermost loop of a convolution: a tile of vector registers that multiplies and adds, written as LLVM.

A CPU core multiplies and adds whole vectors of numbers at once, several per clock tick, but it can fetch only
about one vector from memory per multiplication. So every number that is fetched has to be used several times
while it is in a register. A tile does that: it keeps ROWS x COLUMNS sums in registers, and in each turn fetches
ROWS vectors a and COLUMNS vectors b and adds all their products, 24 multiplications for 10 fetches:

    sums[r, c] += a[r] * b[c]                                                for t = 0, 1, 2, ...

Compilers do not find this by themselves (they cannot keep an array of sums in registers), so the loop is
emitted as LLVM instructions; LLVM turns them into the vector instructions of the machine at hand.
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
ROWS = 6
COLUMNS = 4 if REGISTERS == 32 else 2
LANES = {np.dtype(np.float32): VECTOR_BYTES // 4, np.dtype(np.float64): VECTOR_BYTES // 8}


class _Emitter:
    """Writes the instructions of one tile."""

    def __init__(self, context, builder, signature, args):
        self.context, self.builder, self.signature, self.args = context, builder, signature, args
        element = signature.args[0].dtype
        self.size = element.bitwidth // 8
        self.lanes = VECTOR_BYTES // self.size
        self.real = ir.FloatType() if self.size == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.real, self.lanes)
        name = f"llvm.fma.v{self.lanes}f{element.bitwidth}"
        self.fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(self.vector, [self.vector] * 3), name
        )

    def data(self, which):
        """Return the address of an array argument's first element."""
        return self.context.make_array(self.signature.args[which])(
            self.context, self.builder, self.args[which]
        ).data

    def at(self, pointer, offset):
        """Return the address `offset` elements behind a pointer; offset is a number or a value."""
        return self.builder.gep(pointer, [INDEX(offset) if isinstance(offset, int) else offset])

    def load(self, pointer, offset):
        """Load one number."""
        return self.builder.load(self.at(pointer, offset))

    def load_vector(self, pointer, offset):
        """Load a vector that may lie at any address."""
        address = self.builder.bitcast(self.at(pointer, offset), self.vector.as_pointer())
        loaded = self.builder.load(address)
        loaded.align = self.size
        return loaded

    def store_vector(self, value, pointer, offset):
        """Store a vector at any address."""
        address = self.builder.bitcast(self.at(pointer, offset), self.vector.as_pointer())
        self.builder.store(value, address).align = self.size

    def broadcast(self, pointer, offset):
        """Load one number into every lane of a vector."""
        nothing = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(nothing, self.load(pointer, offset), LANE(0))
        lanes = ir.Constant(ir.VectorType(LANE, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, nothing, lanes)

    def multiply_and_add(self, turns, fetch):
        """Emit the loop and return sums[row][column]; `fetch(t)` emits the loads of turn t and returns (a, b)."""
        builder, before = self.builder, self.builder.block
        loop, after = builder.append_basic_block("turn"), builder.append_basic_block("done")
        builder.branch(loop)
        builder.position_at_end(loop)
        t = builder.phi(INDEX)
        t.add_incoming(INDEX(0), before)
        sums = [[builder.phi(self.vector) for _ in range(COLUMNS)] for _ in range(ROWS)]
        a, b = fetch(t)
        added = [[builder.call(self.fma, [a[r], b[c], sums[r][c]]) for c in range(COLUMNS)] for r in range(ROWS)]
        for row, row_added in zip(sums, added):
            for old, new in zip(row, row_added):
                old.add_incoming(ir.Constant(self.vector, [0.0] * self.lanes), before)
                old.add_incoming(new, loop)
        next_t = builder.add(t, INDEX(1))
        t.add_incoming(next_t, loop)
        builder.cbranch(builder.icmp_signed("<", next_t, turns), loop, after)
        builder.position_at_end(after)
        return added

    def total(self, vector):
        """Add up the lanes of a vector, halving it until one is left."""
        lanes = self.lanes
        while lanes > 1:
            lanes //= 2
            halves = [
                self.builder.shuffle_vector(
                    vector, vector, ir.Constant(ir.VectorType(LANE, lanes), list(range(start, start + lanes)))
                )
                for start in (0, lanes)
            ]
            vector = self.builder.fadd(*halves)
        return self.builder.extract_element(vector, LANE(0))


@intrinsic
def filters_by_pixels(typing, x, w, taps, places, turns, out, pitch):
    """out[r, c, :] = the sum over t of w[t, r] * x[places[c] + taps[t] :]: filters r at vectors c of pixels.

    x: flat image, w: (turns, ROWS), taps and places: int64 offsets into x; row r of `out` starts at r * pitch.
    """

    def emit(context, builder, signature, args):
        e = _Emitter(context, builder, signature, args)
        x_at, w_at, taps_at, places_at, out_at = (e.data(i) for i in (0, 1, 2, 3, 5))
        turns, pitch = args[4], args[6]
        pixels = [e.at(x_at, e.load(places_at, c)) for c in range(COLUMNS)]

        def fetch(t):
            tap, first = e.load(taps_at, t), builder.mul(t, INDEX(ROWS))
            b = [e.load_vector(pixel, tap) for pixel in pixels]
            return [e.broadcast(w_at, builder.add(first, INDEX(r))) for r in range(ROWS)], b

        for r, row in enumerate(e.multiply_and_add(turns, fetch)):
            start = e.at(out_at, builder.mul(pitch, INDEX(r)))
            for c, vector in enumerate(row):
                e.store_vector(vector, start, c * e.lanes)
        return context.get_dummy_value()

    return types.void(x, w, taps, places, types.int64, out, types.int64), emit


@intrinsic
def filters_by_taps(typing, x, dout, taps, places, turns, dw, pitch, dw_pitch):
    """dw[r, c] += the sum over t and lanes of dout[r, t, :] * x[places[t] + taps[c] :]: filters r, taps c.

    x: flat image, row r of `dout` starts at r * pitch and holds `turns` vectors, row r of dw at r * dw_pitch.
    """

    def emit(context, builder, signature, args):
        e = _Emitter(context, builder, signature, args)
        x_at, dout_at, taps_at, places_at, dw_at = (e.data(i) for i in (0, 1, 2, 3, 5))
        turns, pitch, dw_pitch = args[4], args[6], args[7]
        seen = [e.at(x_at, e.load(taps_at, c)) for c in range(COLUMNS)]
        rows = [e.at(dout_at, builder.mul(pitch, INDEX(r))) for r in range(ROWS)]

        def fetch(t):
            place, here = e.load(places_at, t), builder.mul(t, INDEX(e.lanes))
            return [e.load_vector(row, here) for row in rows], [e.load_vector(at, place) for at in seen]

        for r, row in enumerate(e.multiply_and_add(turns, fetch)):
            start = e.at(dw_at, builder.mul(dw_pitch, INDEX(r)))
            for c, vector in enumerate(row):
                address = e.at(start, c)
                builder.store(builder.fadd(builder.load(address), e.total(vector)), address)
        return context.get_dummy_value()

    return types.void(x, dout, taps, places, types.int64, dw, types.int64, types.int64), emit
