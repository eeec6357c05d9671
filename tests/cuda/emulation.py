"""Run CUDA C without a card: a stand-in for `cupy.RawModule` that compiles the source as C++ for the CPU.

`emulation.h` gives CUDA's words. A block's threads are coroutines, so a barrier that some threads never reach is
found (as an error, where a card would hang), shared memory starts as garbage, and `with from_the_end():` runs
threads and blocks from last to first, which shows most races. Arguments are NumPy arrays (their memory is the
device's memory), scalars, structures of one element (passed by value) and np.uint64(0) (a null pointer); they are
checked against the kernel's signature, which a card would not do.
"""

import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

HEADER = Path(__file__).with_name("emulation.h")
KERNEL = re.compile(r"\b__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(")


class EmulationError(Exception):
    """A kernel or its call is wrong in a way that a card might not have told."""


@functools.cache
def compiler():
    """The path of a C++ compiler, or None."""
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    return next((found for name in names if name and (found := shutil.which(name))), None)


@functools.cache
def compiled(code, definitions):
    """A loaded library of a source's kernels; libraries are kept in a folder of temporary files."""
    names = "\n".join(f"EMULATE({name})" for name in dict.fromkeys(KERNEL.findall(code)))
    text = f'#include "{HEADER}"\n#line 1 "kernels.cu"\n{code}\n{names}\n'
    command = [compiler(), "-std=c++17", "-O1", "-w", "-fno-strict-aliasing", "-fPIC", "-shared", *definitions]
    key = hashlib.sha256(repr((text, HEADER.read_text(), command)).encode()).hexdigest()[:24]
    folder = Path(tempfile.gettempdir()) / f"nnscratch-emulation-{os.getuid()}"
    library = folder / f"{key}.so"
    if not library.exists():
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            source, built = Path(scratch) / "kernels.cpp", Path(scratch) / "kernels.so"
            source.write_text(text)
            done = subprocess.run([*command, "-o", built, source], capture_output=True, text=True)
            if done.returncode:
                raise EmulationError(f"the source does not compile:\n{done.stderr[-4000:]}")
            built.replace(library)
    return ctypes.CDLL(str(library))


class RawModule:
    """`cupy.RawModule(code, options)` as far as this project uses it."""

    backwards = False

    def __init__(self, code, *, options=(), name_expressions=None):
        if name_expressions is not None:
            raise EmulationError("templates are not emulated; use -D options")
        known = ("-D", "--std=", "-std=", "--use_fast_math", "--fmad=")
        if unknown := [option for option in options if not option.startswith(known)]:
            raise EmulationError(f"options {unknown} are not emulated")
        self.code, self.options = code, tuple(options)

    def get_function(self, name):
        """The kernel `name`, called with `(grid, block, args, shared_mem=0)`."""
        if name not in KERNEL.findall(self.code):
            raise EmulationError(f"no kernel {name} in this source")
        return RawKernel(name, compiled(self.code, tuple(o for o in self.options if o.startswith("-D"))))


class RawKernel:
    """One kernel; `signature` says what it takes: `*f4` a pointer to float, `i4` an int."""

    def __init__(self, name, library):
        self.name = name
        self._launch, describe = library[f"launch_{name}"], library[f"signature_{name}"]
        self._launch.restype = describe.restype = ctypes.c_char_p
        self.signature = describe().decode().split()

    def __call__(self, grid, block, args, *, shared_mem=0):
        """Run it over all blocks and threads; what it writes lands in the given arrays."""
        shape = [*grid, *(1,) * (3 - len(grid)), *block, *(1,) * (3 - len(block))]
        if shared_mem:
            raise EmulationError(f"{self.name}: shared memory of a size given at the launch is not emulated")
        if min(shape) < 1 or np.prod(shape[3:]) > 1024 or shape[0] >= 2**31 or max(shape[1:3]) > 65535:
            raise EmulationError(f"{self.name}: a card refuses grid {grid} with block {block}")
        if len(args) != len(self.signature):
            raise EmulationError(f"{self.name}: takes {len(self.signature)} arguments, got {len(args)}")
        packed = [self._packed(place, arg, kind) for place, (arg, kind) in enumerate(zip(args, self.signature))]
        addresses = (ctypes.c_void_p * len(packed))(*(item.ctypes.data for item in packed))
        complaint = self._launch(
            (ctypes.c_uint * 6)(*map(int, shape)), addresses, ctypes.c_bool(RawModule.backwards)
        )
        if complaint:
            raise EmulationError(f"{self.name}: {complaint.decode()}")

    def _packed(self, place, arg, kind):
        """The bytes of one argument, after a check of its type."""
        if isinstance(arg, np.uint64) and arg == 0 and kind.startswith("*"):
            fits, given, value = True, "a null pointer", np.array(arg)
        elif isinstance(arg, np.ndarray) and arg.dtype.kind == "V":
            given, value = described(arg.dtype), arg
            fits = kind == given and arg.size == 1
        elif isinstance(arg, np.ndarray):
            given = f"*{described(arg.dtype)}"
            if not arg.flags.c_contiguous:
                raise EmulationError(f"{self.name}: argument {place} has gaps between its numbers")
            fits, value = kind in (given, "*v"), np.array(arg.ctypes.data, np.uint64)
        else:
            value = np.asarray(arg)
            given = described(value.dtype)
            fits = kind == given
        if not fits:
            raise EmulationError(f"{self.name}: argument {place} is {kind} in the kernel, got {given}")
        return value


def described(dtype):
    """A type in the words of a signature: f4, i8, u4, b1, V80 for a structure of 80 bytes."""
    return f"{dtype.kind}{dtype.itemsize}"


@contextlib.contextmanager
def from_the_end():
    """Run threads and blocks from last to first."""
    RawModule.backwards = True
    try:
        yield
    finally:
        RawModule.backwards = False
