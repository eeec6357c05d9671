"""Random numbers for images on the GPU, drawn there, with the face of NumPy's Generator."""

import math
from typing import Any

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module, rng


class Draws:
    """Draws random numbers in the library of `like`, each call as a function of the key and of its count alone.

    It has those methods of NumPy's Generator that augmentation calls. Its numbers are others than the
    Generator's, equal on every device, and float32.

    >>> Draws(np.zeros(0), (0, 5)).random(2).round(3), Draws(np.zeros(0), (0, 5)).random(2).round(3)
    (array([0.608, 0.372], dtype=float32), array([0.608, 0.372], dtype=float32))
    """

    def __init__(self, like: Any, key: tuple[int, ...]) -> None:
        self.like = like
        self._keys = rng(*key)

    def random(self, size: Any) -> Any:
        """Return numbers from 0 to below 1."""
        shape = (size,) if isinstance(size, int) else tuple(size)
        return kernels.random_uniform(self.like, shape, self._keys.integers(1 << 32, size=2).tolist())

    def uniform(self, low: float, high: float, size: Any) -> Any:
        """Return numbers from `low` to below `high`."""
        return low + (high - low) * self.random(size)

    def integers(self, high: int, size: Any) -> Any:
        """Return whole numbers from 0 to `high` - 1 (below 2**24)."""
        return (self.random(size) * np.float32(high)).astype(np.int64)

    def normal(self, mean: float, std: float, size: Any) -> Any:
        """Return normal numbers. Source: Box & Muller 1958."""
        xp = array_module(self.like)
        radius = xp.sqrt(-2 * xp.log(1 - self.random(size)))
        return mean + std * radius * xp.cos(2 * math.pi * self.random(size))
