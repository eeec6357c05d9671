"""A module that stands in for CuPy where there is no card: NumPy in hiding, as strict as CuPy, and no richer.

It has the functions of NumPy that CuPy 13 and 14 have too (`cupy_names.txt`, written by `freeze_cupy.py`), with
the arguments that they take there; anything else is an AttributeError or TypeError. Arrays never turn into NumPy's
by themselves (`array.py`), the device counts what makes the host wait (`device.py`), and `RawModule` runs CUDA C
through the emulation in `tests/cuda`, so that all code for the GPU runs over it, down to the `.cu` files.
"""

import contextlib
import sys
import types
from pathlib import Path

import numpy as np

from nnscratch import kernels
from tests.cuda import emulation
from tests.strict import device
from tests.strict.array import do, ndarray, of_host, to_host
from tests.strict.device import DEVICE
from tests.strict.freeze_cupy import from_lines

NAMES = from_lines(Path(__file__).with_name("cupy_names.txt").read_text())
UFUNC_OPTIONS = {"out", "dtype", "casting"}
WAITS = {"nonzero", "flatnonzero", "argwhere", "unique", "extract"}  # the length of the result is on the device
CREATORS = {"zeros", "ones", "full", "arange", "linspace", "eye", "identity", "tri"}
FROM_HOST = {"array", "asarray", "ascontiguousarray", "asanyarray", "asfortranarray"}
# What differs from NumPy in another way, or is a door to the host: not to be used in nnscratch.
REFUSED = {"random", "fft", "fuse", "ElementwiseKernel", "ReductionKernel", "RawKernel", "vectorize", "testing"}


class Ufunc:
    """A function number by number, with those options and methods that CuPy gives it."""

    def __init__(self, name):
        self.__name__, self._function = name, getattr(np, name)

    def __call__(self, *args, **options):
        if unknown := options.keys() - UFUNC_OPTIONS:
            raise TypeError(f"cupy.{self.__name__}: wrong arguments {sorted(unknown)}")
        if not any(isinstance(arg, ndarray) for arg in args):
            raise TypeError(f"cupy.{self.__name__}: none of the arguments is an array on the device")
        return with_out(self._function, args, options)

    def at(self, array, indices, values=None):
        if self.__name__ not in ("add", "subtract", "maximum", "minimum"):
            raise NotImplementedError(f"cupy.{self.__name__}.at")
        if array.dtype.name not in ("float16", "float32", "float64", "int32", "uint32", "uint64"):
            raise TypeError(f"cupy.add.at: {array.dtype} is not supported")
        do(self._function.at, array, indices, values, writes=True)

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        return do(self._function.reduce, array, axis, dtype, None, keepdims)


def with_out(function, args, options):
    """Call a function; `out` is written into and handed back."""
    out = options.get("out")
    if out is None:
        return do(function, *args, **{name: value for name, value in options.items() if name != "out"})
    do(function, *args, **options, writes=True)
    return out


def plain_function(name):
    """A function of NumPy that refuses arguments which CuPy does not know."""
    function, known = getattr(np, name), NAMES[name]

    def call(*args, **options):
        if known is not None and (unknown := options.keys() - set(known)):
            raise TypeError(f"cupy.{name}() got an unexpected keyword argument {sorted(unknown)[0]!r}")
        if known is not None and len(args) > len(known):
            raise TypeError(f"cupy.{name}() takes {len(known)} arguments")
        if name in WAITS or (name == "where" and len(args) == 1):
            DEVICE.wait(f"cupy.{name}")
        if name not in CREATORS | {"concatenate", "stack", "einsum", "isscalar", "result_type", "ndim", "shape"}:
            first = args[0] if args else next(iter(options.values()))
            if isinstance(first, (list, tuple, float)) and not any(isinstance(a, ndarray) for a in args):
                raise TypeError(f"cupy.{name} takes arrays, got {type(first)}")
        return with_out(function, args, options)

    call.__name__ = name
    return call


def from_host(name):
    """`cupy.asarray` and its kin: the doors through which NumPy's arrays come in."""
    function = getattr(np, name)

    def call(a, *args, **options):
        if isinstance(a, ndarray):
            if name.startswith("as") and not args and not options:
                made = function(a._host)
                return a if made is a._host else do(function, a)
            return do(function, a, *args, **options)
        if isinstance(a, (list, tuple)) and any(isinstance(part, ndarray) for part in a):
            return do(np.array, a, *args, **options)
        DEVICE.copy("upload")
        return of_host(np.array(a, *args, **options))

    call.__name__ = name
    return call


def empty(shape, dtype=float, order="C"):
    """Memory as it is found: garbage, so that nobody relies on zeros."""
    made = np.empty(shape, dtype, order)
    device.fill_with_garbage(made)
    return of_host(made)


def empty_like(prototype, dtype=None, order="K", subok=None, shape=None):
    like = np.empty_like(prototype._host, dtype=dtype, order=order, shape=shape)
    device.fill_with_garbage(like)
    return of_host(like)


def asnumpy(a, stream=None, order="C", out=None, blocking=True):
    return a.get() if isinstance(a, ndarray) else np.asarray(a)


def as_strided(x, shape=None, strides=None):
    return do(_as_strided, x, shape, strides)


def _as_strided(x, shape, strides):
    return np.lib.stride_tricks.as_strided(x, shape, strides)


def get_array_module(*args):
    return sys.modules["cupy"] if any(isinstance(a, ndarray) for a in args) else np


class RawModule:
    """CUDA C, compiled and run by the emulation."""

    def __init__(self, code=None, *, path=None, options=(), backend="nvrtc", name_expressions=None, **other):
        if path is not None or other.keys() - {"translate_cucomplex", "enable_cooperative_groups", "jitify"}:
            raise TypeError(f"the double knows no path and no {sorted(other)}")
        self._module = emulation.RawModule(code, options=options, name_expressions=name_expressions)

    def get_function(self, name):
        kernel = self._module.get_function(name)

        def launch(grid, block, args, *, shared_mem=0):
            if bad := [type(arg) for arg in args if isinstance(arg, np.ndarray) and arg.dtype.kind != "V"]:
                raise TypeError(f"Unsupported type {bad[0]}: {name} takes CuPy arrays")
            if any(arg is None for arg in args):
                raise TypeError(f"{name} was given None, of which CuPy 13 makes a pointer that is not null")
            memory = [arg if isinstance(arg, np.ndarray) else to_host(arg) for arg in args]
            DEVICE.counts["launch"] += 1
            DEVICE.run(lambda *args: kernel(grid, block, args, shared_mem=shared_mem), memory, {}, writes=True)

        return launch

    def compile(self, log_stream=None):
        pass


def cuda_module():
    """`cupy.cuda`, as far as it is used; every name in it must be CuPy's too."""
    cuda = types.ModuleType("cupy.cuda")
    memory, runtime = types.ModuleType("cupy.cuda.memory"), types.ModuleType("cupy.cuda.runtime")
    memory.OutOfMemoryError = device.OutOfMemoryError
    runtime.CUDARuntimeError = device.CUDARuntimeError
    runtime.getDeviceCount = lambda: 1
    card = {"name": b"a double of a card", "major": 9, "minor": 0, "multiProcessorCount": 1}
    runtime.getDeviceProperties = lambda number: {**card, "totalGlobalMem": DEVICE.limit}
    runtime.driverGetVersion = runtime.runtimeGetVersion = lambda: 12090
    runtime.memGetInfo = lambda: (DEVICE.limit, DEVICE.limit)
    runtime.deviceSynchronize = lambda: DEVICE.wait("deviceSynchronize")

    class Device:
        def __init__(self, number=None):
            self.id = number or 0
            self.compute_capability = "90"
            self.mem_info = (DEVICE.limit, DEVICE.limit)

        def synchronize(self):
            DEVICE.wait("Device.synchronize")

        def use(self):
            pass

    cuda.Device, cuda.Stream, cuda.Graph = Device, device.Stream, device.Graph
    cuda.MemoryPool, cuda.using_allocator = device.MemoryPool, device.using_allocator
    cuda.memory, cuda.runtime = memory, runtime
    cuda.get_current_stream = lambda: device.Stream.current
    cuda.is_available = lambda: True
    return cuda


def attribute(name):
    """A name of CuPy's, made from NumPy's."""
    if name not in NAMES or name in REFUSED:
        raise AttributeError(f"module 'cupy' has no attribute {name!r} that the double would know")
    value = getattr(np, name)
    if isinstance(value, np.ufunc):
        return Ufunc(name)
    if callable(value) and not isinstance(value, type):
        return plain_function(name)
    return value


def make():
    """Build the module."""
    cupy = types.ModuleType("cupy", __doc__)
    own = {
        "ndarray": ndarray,
        "empty": empty,
        "empty_like": empty_like,
        "asnumpy": asnumpy,
        "RawModule": RawModule,
        "get_array_module": get_array_module,
        "cuda": cuda_module(),
        "get_default_memory_pool": device.MemoryPool,
        "__version__": "14.2.0",
        "__getattr__": attribute,
    }
    own |= {name: from_host(name) for name in FROM_HOST}
    vars(cupy).update(own)
    cupy.lib = types.ModuleType("cupy.lib")
    cupy.lib.stride_tricks = types.ModuleType("cupy.lib.stride_tricks")
    cupy.lib.stride_tricks.as_strided = as_strided
    return cupy


@contextlib.contextmanager
def installed():
    """Let `import cupy` find the double inside this block."""
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "cupy"}
    for name in before:
        del sys.modules[name]
    DEVICE.reset()
    double = make()
    sys.modules |= {"cupy": double, "cupy.cuda": double.cuda, "cupy.cuda.runtime": double.cuda.runtime}
    kernels._twins.cache_clear()
    sys.modules.pop(kernels.TWINS["cupy"], None)
    try:
        yield double
    finally:
        for name in ("cupy", "cupy.cuda", "cupy.cuda.runtime", kernels.TWINS["cupy"]):
            sys.modules.pop(name, None)
        sys.modules |= before
        kernels._twins.cache_clear()
