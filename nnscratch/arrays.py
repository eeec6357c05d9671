"""Which library holds an array, how to move it between devices, and where random numbers come from."""

import os
import sys

import numpy as np


class DeviceError(ValueError):
    """An array lies on another device than the operation needs."""


def array_module(*arrays):
    """Return the library (numpy or cupy) that holds the arrays.

    Raises DeviceError when some lie on the CPU and some on the GPU.

    >>> array_module(np.zeros(3)).__name__
    'numpy'
    """
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return np
    on_gpu = [isinstance(a, cupy.ndarray) for a in arrays if hasattr(a, "shape")]
    if any(on_gpu) and not all(on_gpu):
        raise DeviceError(
            "some arrays are NumPy (CPU) and some CuPy (GPU): move them to one device with "
            'to_device(array, "gpu") or to_device(array, "cpu")'
        )
    return cupy if any(on_gpu) else np


def to_device(array, device):
    """Return the array on the device, `"cpu"` or `"gpu"`; it is copied only when it lies elsewhere.

    Raises DeviceError when the device is unknown, or is `"gpu"` and CuPy is not installed.

    >>> to_device(np.ones(2), "cpu")
    array([1., 1.])
    """
    if device == "cpu":
        return array.get() if array_module(array) is not np else np.asarray(array)
    if device != "gpu":
        raise DeviceError(f'unknown device {device!r}: choose "cpu" or "gpu"')
    try:
        import cupy
    except ImportError:
        raise DeviceError('the GPU needs CuPy: pip install "nnscratch[gpu]"') from None
    return cupy.asarray(array)


def default_seed():
    """Return the seed from the environment variable NNSCRATCH_SEED, or 0.

    >>> isinstance(default_seed(), int)
    True
    """
    text = os.environ.get("NNSCRATCH_SEED", "0")
    if not text.isdigit():
        raise ValueError(f"NNSCRATCH_SEED is {text!r}: set it to a whole number, 0 or more")
    return int(text)


def rng(*key):
    """Return a NumPy Generator that depends on the key alone: the same whole numbers, the same draws.

    A key such as (seed, epoch, batch) makes randomness a function of where training stands. Nothing has to be
    saved to resume it, and the order in which threads ask does not matter. A Generator is handed through.

    >>> rng(0, 3).random() == rng(0, 3).random()
    True
    >>> rng(0, 3).random() == rng(0, 4).random(), rng(0, 3).random() == rng(0, 3, 0).random()
    (False, False)
    """
    if len(key) == 1 and isinstance(key[0], np.random.Generator):
        return key[0]
    key = key or (default_seed(),)
    return np.random.default_rng([len(key), *(int(part) for part in key)])  # the length tells (3,) from (3, 0)
