"""Check code that runs on the GPU: its arrays are kept on the CPU and moved over for every call."""

from collections.abc import Callable

import numpy as np

from nnscratch.arrays import array_module, to_device


def at_home(given: dict, forward: Callable, backward: Callable) -> tuple[dict, Callable, Callable]:
    """Return inputs on the CPU, and forward and backward that see on the GPU those inputs that lay there.

    Where nothing lies on the GPU, all three come back as they are. What the code writes into an input or into dout
    on the GPU is written into the array on the CPU too, so that it is noticed.

    >>> given = {"x": np.ones(2)}
    >>> at_home(given, len, max) == (given, len, max)
    True
    """
    away = [name for name, value in given.items() if array_module(value) is not np]
    if not away:
        return given, forward, backward

    def forward_there(given):
        moved = {name: to_device(value, "gpu") if name in away else value for name, value in given.items()}
        out, cache = forward(moved)
        for name in away:
            given[name][...] = to_device(moved[name], "cpu")
        return _home(out), cache

    def backward_there(dout, cache):
        moved = to_device(dout, "gpu")
        gradients = backward(moved, cache)
        dout[...] = to_device(moved, "cpu")
        return {name: _home(gradient) for name, gradient in gradients.items()}

    return {name: _home(value) for name, value in given.items()}, forward_there, backward_there


def _home(value):
    return to_device(value, "cpu") if array_module(value) is not np else value
