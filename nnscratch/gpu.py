"""The graphics card: whether one can be used and why not, what it is, and what to do when its memory is full."""

import contextlib
import importlib.util
import re
import sys
from collections.abc import Iterator
from typing import Any

from nnscratch.arrays import DeviceError

INSTALL = 'pip install "cupy-cuda12x[ctk]" (CUDA 12) or pip install "cupy-cuda13x[ctk]" (CUDA 13)'
OR_STAY = 'or stay on the CPU (--device cpu, model.to("cpu"))'


class DeviceMemoryError(DeviceError, MemoryError):
    """The GPU's memory is full; the message says how much was asked for, how much is free, and what to lower."""


def gpu_problem() -> str | None:
    """Return why no GPU can be used, in one line with its remedy; None where one can.

    >>> problem = gpu_problem()
    >>> problem is None or ":" in problem
    True
    """
    if "cupy" not in sys.modules and importlib.util.find_spec("cupy") is None:
        return f"the GPU needs CuPy, which is not installed: {INSTALL}"
    try:
        import cupy
    except Exception as error:
        return f"CuPy is installed but cannot be imported ({_first_line(error)}): install it anew, {INSTALL}"
    runtime = cupy.cuda.runtime
    try:
        count = runtime.getDeviceCount()
    except Exception as error:
        return _without_card(runtime, error)
    if count == 0:
        return _without_card(runtime, "cudaErrorNoDevice")
    try:
        cupy.cuda.Device().use()
        float(cupy.arange(3).sum())  # needs a compiler and a card that works
    except Exception as error:
        return (
            f"the card cannot be used ({_first_line(error)}): if a library of CUDA is missing, this brings it: "
            f"{INSTALL}"
        )
    return None


def _without_card(runtime, error):
    try:
        driver = runtime.driverGetVersion()
    except Exception:  # without its library there is no driver to ask, which is what 0 stands for
        driver = 0
    if driver == 0:
        return f"no NVIDIA driver was found: install one (nvidia-smi then lists the card), {OR_STAY}"
    if "InsufficientDriver" in str(error):
        return (
            f"the NVIDIA driver serves CUDA {version_of(driver)}, but this CuPy is for "
            f"{version_of(runtime.runtimeGetVersion())}: update the driver, or install CuPy for an older CUDA"
        )
    if "NoDevice" in str(error):
        return f"there is a driver but no NVIDIA card (is CUDA_VISIBLE_DEVICES empty?): unset it, {OR_STAY}"
    return f"CUDA does not start ({_first_line(error)}): see whether nvidia-smi works, {OR_STAY}"


def version_of(number: int) -> str:
    """Return a version of CUDA as it is written.

    >>> version_of(12090)
    '12.9'
    """
    return f"{number // 1000}.{number % 1000 // 10}"


def cards() -> list[str]:
    """Return one line for each card: name, memory, compute capability, versions of CuPy, CUDA and the driver.

    >>> isinstance(cards(), list)
    True
    """
    if gpu_problem():
        return []
    import cupy

    runtime, lines = cupy.cuda.runtime, []
    versions = (
        f"CUDA {version_of(runtime.runtimeGetVersion())}, driver for {version_of(runtime.driverGetVersion())}"
    )
    for number in range(runtime.getDeviceCount()):
        about = runtime.getDeviceProperties(number)
        lines.append(
            f"{about['name'].decode()}, {about['totalGlobalMem'] / 2**30:.0f} GiB, compute capability "
            f"{about['major']}.{about['minor']}, CuPy {cupy.__version__}, {versions}"
        )
    return lines


def on_gpu(array: Any) -> Any:
    """Return the array on the GPU; raises DeviceError, which says why there is none, or DeviceMemoryError.

    >>> on_gpu([1.0]) if gpu_problem() is None else "no GPU"
    'no GPU'
    """
    try:
        import cupy

        with memory_explained():
            return cupy.asarray(array)
    except DeviceError:
        raise
    except Exception as error:
        if problem := gpu_problem():
            raise DeviceError(problem) from None
        raise error


def free_memory() -> int:
    """Return how many bytes of the GPU's memory are free, those that CuPy keeps for later included.

    >>> free_memory() if gpu_problem() is None else 0
    0
    """
    import cupy

    free, _ = cupy.cuda.Device().mem_info
    return free + cupy.get_default_memory_pool().free_bytes()


@contextlib.contextmanager
def memory_explained() -> Iterator[None]:
    """Inside this block, CuPy's error for a full memory becomes a DeviceMemoryError that says what to lower.

    >>> with memory_explained():
    ...     "all is well"
    'all is well'
    """
    try:
        yield
    except MemoryError as error:
        if not type(error).__module__.startswith("cupy"):
            raise
        asked = re.search(r"([\d,]+) bytes", str(error))
        size = in_words(int(asked[1].replace(",", ""))) if asked else "more"
        raise DeviceMemoryError(
            f"the GPU's memory is full: {size} were asked for, {in_words(free_memory())} are free. Lower the "
            "batch size (--batch-size), the --width or the --image-size, or end other programs on the card"
        ) from error


def in_words(size: float) -> str:
    """Return a number of bytes as it is said.

    >>> in_words(1_500_000), in_words(12)
    ('1.5 MB', '12 bytes')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if size >= unit:
            return f"{size / unit:.1f} {name}"
    return f"{size:.0f} bytes"


def _first_line(error):
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
