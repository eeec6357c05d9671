"""Take a split out of a Dataset or a dict, and examples that are spread over it."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nnscratch.arrays import device_of, to_device


def split_of(data: Any, split: str) -> tuple[Any, Any]:
    """Return (x, y) of a split, from the attributes or entries `x_SPLIT` and `y_SPLIT`; None for what is missing.

    >>> split_of({"x_train": [1], "y_train": [0]}, "train"), split_of({}, "val")
    (([1], [0]), (None, None))
    """
    if isinstance(data, Mapping):
        return data.get(f"x_{split}"), data.get(f"y_{split}")
    return getattr(data, f"x_{split}", None), getattr(data, f"y_{split}", None)


def spread(x: Any, y: Any, count: int) -> tuple[Any, Any]:
    """Return `count` examples at equal distances (or all, if there are fewer): a sorted set gives every class.

    >>> spread(np.arange(7), np.arange(7), 3)
    (array([0, 3, 6]), array([0, 3, 6]))
    """
    chosen = np.linspace(0, len(x) - 1, min(count, len(x))).astype(int)
    return x[to_device(chosen, device_of(x))], y[to_device(chosen, device_of(y))]
