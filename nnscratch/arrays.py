"""Which library holds an array, how to move it between devices, and where random numbers come from."""

import contextlib
import os
import sys
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np

_waiting = ContextVar("whether the host may wait for a number from the GPU", default=True)


class DeviceError(ValueError):
    """An array lies on another device than the operation needs, or there is no such device."""


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


def device_of(array):
    """Return `"cpu"` or `"gpu"`, where the array lies.

    >>> device_of(np.zeros(3))
    'cpu'
    """
    return "cpu" if array_module(array) is np else "gpu"


def check_one_device(operation, **arrays):
    """Raise DeviceError unless all arrays lie on one device; the message says which is where, and what to do.

    >>> check_one_device("conv", x=np.ones(2), w=np.ones(2), b=None)
    """
    if "cupy" not in sys.modules:
        return
    places: dict[str, list[str]] = {"cpu": [], "gpu": []}
    for name, array in arrays.items():
        if hasattr(array, "dtype") and getattr(array, "ndim", None) is not None and not np.isscalar(array):
            places[device_of(array)].append(name)
    cpu, gpu = places["cpu"], places["gpu"]
    if cpu and gpu:
        raise DeviceError(
            f"{operation}: {_and(cpu)} lie{'s' * (len(cpu) == 1)} on the CPU (NumPy), but {_and(gpu)} on the GPU "
            f'(CuPy): move {cpu[0]} with nnscratch.to_device({cpu[0]}, "gpu"), or {gpu[0]} with '
            f'nnscratch.to_device({gpu[0]}, "cpu"); model.to(device) moves all parameters'
        )


def _and(names):
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def to_device(array, device):
    """Return the array on the device, `"cpu"` or `"gpu"`; it is copied only when it lies elsewhere.

    Raises DeviceError when the device is unknown, or is `"gpu"` and there is none that can be used.

    >>> to_device(np.ones(2), "cpu")
    array([1., 1.])
    """
    if device == "cpu":
        return array.get() if array_module(array) is not np else np.asarray(array)
    if device != "gpu":
        raise DeviceError(f'unknown device {device!r}: choose "cpu" or "gpu"')
    from nnscratch.gpu import on_gpu

    return on_gpu(array)


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """Inside this block nobody asks the GPU for a number, which would make the host wait for all work before it.

    Losses are then arrays on the GPU, and checks of what arrays there hold (labels out of range) are left out.

    >>> with no_waiting():
    ...     number(np.float32(0.5)), may_look(np.ones(2))
    (0.5, True)
    """
    token = _waiting.set(False)
    try:
        yield
    finally:
        _waiting.reset(token)


def may_look(*arrays: Any) -> bool:
    """Return whether a check may look at what the arrays hold: always on the CPU, on the GPU if it may wait.

    >>> may_look(np.ones(2))
    True
    """
    return _waiting.get() or array_module(*arrays) is np


def number(value: Any) -> Any:
    """Return a number as a float; within `no_waiting`, one on the GPU stays there as an array without axes.

    >>> number(np.float32(0.5))
    0.5
    """
    return float(value) if may_look(value) else value


_moved: dict[int, tuple[Any, Any]] = {}


def beside(array, x):
    """Return `array`, which nobody may write into, on the device of x; it is copied to the GPU only once.

    >>> beside(np.ones(2), np.zeros(3))
    array([1., 1.])
    """
    if array_module(x) is np:
        return array
    key = id(array)
    known, there = _moved.get(key, (lambda: None, None))
    if known() is not array:
        there = to_device(array, "gpu")
        _moved[key] = weakref.ref(array, lambda _: _moved.pop(key, None)), there
    return there


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
