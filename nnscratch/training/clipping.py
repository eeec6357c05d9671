"""Keep gradients from growing too large: by their common norm, or value by value."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnscratch.arrays import array_module, number


def global_norm(arrays: Mapping[str, Any]) -> float:
    """Return the length of all arrays taken together as one vector, summed in float64.

    >>> global_norm({"w": np.array([3.0]), "b": np.array([4.0])})
    5.0
    """
    return sum(number(array_module(a).square(a, dtype=np.float64).sum()) for a in arrays.values()) ** 0.5


def clip_by_norm(grads: Mapping[str, Any], limit: float) -> tuple[dict[str, Any], float]:
    """Scale all gradients by one factor so that their common norm is at most `limit`.

    Returns (gradients, the norm they had before). The direction stays, and so do the arrays given.
    Source: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", sec. 3.2.

    >>> clip_by_norm({"w": np.array([3.0]), "b": np.array([4.0])}, limit=1.0)
    ({'w': array([0.6]), 'b': array([0.8])}, 5.0)
    """
    _check_limit("clip_by_norm", limit)
    norm = global_norm(grads)
    if not isinstance(norm, float):  # it lies on the GPU, and nobody waits for it
        factor = array_module(norm).minimum(limit / norm, 1.0)
        return {name: g * factor.astype(g.dtype) for name, g in grads.items()}, norm
    factor = limit / norm if norm > limit else 1.0
    return {name: factor * g for name, g in grads.items()} if factor < 1 else dict(grads), norm


def clip_by_value(grads: Mapping[str, Any], limit: float) -> dict[str, Any]:
    """Cut every entry of every gradient off at -limit and +limit; the arrays given stay as they are.

    Source: Mikolov 2012, "Statistical language models based on neural networks", sec. 3.2.2.

    >>> clip_by_value({"w": np.array([-3.0, 0.5])}, limit=1.0)
    {'w': array([-1. ,  0.5])}
    """
    _check_limit("clip_by_value", limit)
    return {name: array_module(g).clip(g, -limit, limit) for name, g in grads.items()}


def _check_limit(operation, limit):
    if not limit > 0:
        raise ValueError(f"{operation}: limit is {limit!r}: give a number above 0, such as 1.0")
