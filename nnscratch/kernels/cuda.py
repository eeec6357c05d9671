"""Launch the CUDA C sources of this folder: CuPy compiles each on its first use, and keeps it on disk."""

import functools
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).parent
REALS = {np.dtype("float32"): "float", np.dtype("float64"): "double"}
THREADS = 256  # of a block, where a kernel does not ask for another number
MOST_BLOCKS = (
    1 << 14
)  # of a loop over an array: more than any card runs at once, each thread then takes several turns
NULL = np.uint64(0)  # CuPy 13 makes of None a pointer that is not null
WIDE = 1 << 30  # numbers in an array from which on they are counted in 64 bits


@functools.cache
def source(name):
    """Return the text of a source, with what all of them share on top.

    >>> "block_sum" in source("products")
    True
    """
    common = (FOLDER / "common.cu").read_text()
    return f'{common}\n#line 1 "{name}.cu"\n{(FOLDER / f"{name}.cu").read_text()}'


def options(real, wide=False, **definitions):
    """Return the compiler's options: REAL is float or double, INDEX int or long long, and more definitions.

    >>> options("float", TILE=32)
    ('--std=c++17', '-DREAL=float', '-DINDEX=int', '-DTILE=32')
    """
    own = {"REAL": real, "INDEX": "long long" if wide else "int", **definitions}
    return ("--std=c++17", *(f"-D{name}={value}" for name, value in own.items()))


@functools.cache
def _function(cupy, name, kernel, real, wide, definitions):
    """The compiled kernel; `cupy` is part of the key, as a test may stand in for it."""
    module = cupy.RawModule(code=source(name), options=options(real, wide, **dict(definitions)))
    return module.get_function(kernel)


def launch(name, kernel, args, count=None, grid=None, block=THREADS, dtype=None, wide=False, **definitions):
    """Run a kernel of the source `name`.cu on the current stream: over `count` numbers, or with a grid of blocks.

    `dtype` gives the type REAL; without it, the first array of floating-point numbers in `args` does. Python's
    floats are passed as REAL, its whole numbers as INDEX, NumPy's scalars and structures as they are, and None as
    a null pointer. INDEX has 64 bits where an array is huge, or `wide` says so.

    >>> launch("elementwise", "relu_backward", (), count=0)
    """
    if count == 0 or (grid and 0 in grid):
        return
    arrays = [a for a in args if getattr(a, "ndim", 0)]
    dtype = dtype or next((a.dtype for a in arrays if a.dtype in REALS), np.dtype(np.float32))
    wide = wide or any(a.size >= WIDE for a in arrays)
    index = np.int64 if wide else np.int32
    types = {int: index, float: dtype.type, bool: np.bool_, type(None): lambda _: NULL}
    packed = tuple(types[type(a)](a) if type(a) in types else a for a in args)
    if grid is None:
        grid = (min(-(-count // block), MOST_BLOCKS),)
    function = _function(sys.modules["cupy"], name, kernel, REALS[dtype], wide, tuple(definitions.items()))
    function(grid, (block,), packed)


def address(array):
    """Return where an array of the GPU begins in memory.

    >>> class Array:
    ...     class data:
    ...         ptr = 4096
    >>> address(Array)
    4096
    """
    return array.data.ptr


def empty(shape, like):
    """Return an array on the GPU of another's dtype; it is not initialised.

    >>> empty.__module__
    'nnscratch.kernels.cuda'
    """
    return sys.modules["cupy"].empty(shape, like.dtype)


def whole(array, dtype=None):
    """Return an array of the GPU in C order, without gaps, and in a dtype.

    >>> whole.__module__
    'nnscratch.kernels.cuda'
    """
    return sys.modules["cupy"].ascontiguousarray(array, dtype or array.dtype)
