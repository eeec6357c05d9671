"""What nnscratch runs on: the processor, its threads, the versions of libraries and the kernels in use."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = ("numpy", "numba", "safetensors", "matplotlib", "pillow", "pooch", "rich", "tqdm")
CUPY = ("cupy-cuda12x", "cupy-cuda13x", "cupy")  # CuPy goes by several names


def processor() -> str:
    """Return the name of the processor.

    >>> processor() != ""
    True
    """
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine() or "unknown processor"


def kernels_in_use(library: str = "numpy") -> dict[str, str]:
    """Return, for every kernel, the module whose function serves arrays of a library.

    >>> sorted(kernels_in_use())[:2]
    ['average_pool', 'average_pool_backward']
    """
    from nnscratch.kernels import KERNELS, reference, twin_of

    twins = {name: twin_of(name, library) for name in sorted(KERNELS)}
    return {
        name: "reference" if twin is getattr(reference, name) else twin.__module__.rpartition(".")[2]
        for name, twin in twins.items()
    }


def kernels_in_words() -> str:
    """Return in a few words which kernels serve NumPy arrays.

    >>> kernels_in_words().endswith("kernels")
    True
    """
    compiled = any(place != "reference" for place in kernels_in_use().values())
    return "compiled (numba) kernels" if compiled else "plain NumPy kernels"


def compiled_kernels() -> dict[str, Any]:
    """Return the folder of the compiled kernels, how many lie there, and why they cannot be kept where that is so.

    >>> sorted(compiled_kernels())
    ['folder', 'kernels', 'problem']
    """
    try:
        from nnscratch.kernels.compiling import kernel_folder

        folder = kernel_folder()
    except ImportError:
        return {"folder": None, "kernels": 0, "problem": "nothing compiles them without numba: pip install numba"}
    except OSError as error:
        return {"folder": None, "kernels": 0, "problem": f"{error}; NNSCRATCH_CACHE may name another folder"}
    return {"folder": str(folder), "kernels": len(list(folder.glob("*.kernel"))), "problem": None}


def threads_in_use() -> int:
    """Return how many threads the kernels use.

    >>> threads_in_use() >= 1
    True
    """
    try:
        from nnscratch.kernels.pool import threads
    except ImportError:
        return 1
    return threads()


def machine_line() -> str:
    """Return processor, threads and kernels in one line.

    >>> "kernels" in machine_line()
    True
    """
    count = threads_in_use()
    return f"{processor()}, {count} thread{'s' if count != 1 else ''}, {kernels_in_words()}"


def library_versions() -> dict[str, str | None]:
    """Return the version of every library that nnscratch can use; None for one that is not installed.

    >>> library_versions()["numpy"] is not None
    True
    """
    found = {name: _version(name) for name in LIBRARIES}
    return {**found, "cupy": next(filter(None, map(_version, CUPY)), None)}


def _version(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return getattr(sys.modules.get(name), "__version__", None)


def blas() -> str:
    """Return the name and version of the library that multiplies NumPy's matrices.

    >>> blas() != ""
    True
    """
    import numpy as np

    about: Any = np.show_config(mode="dicts")
    used = about.get("Build Dependencies", {}).get("blas", {})
    return f"{used.get('name', 'unknown')} {used.get('version', '')}".strip()


def devices() -> list[str]:
    """Return the devices that arrays can lie on: the CPU, and every GPU that CuPy sees, or why there is none.

    >>> devices()[0].startswith("cpu"), devices()[1].startswith("gpu")
    (True, True)
    """
    from nnscratch.gpu import cards, gpu_problem

    found = cards() or [f"none is used, as {gpu_problem()}"]
    return [f"cpu: {processor()}, {os.cpu_count()} cores", *(f"gpu: {card}" for card in found)]
