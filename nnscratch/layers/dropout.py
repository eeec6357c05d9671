"""Dropout: in training, set a random share of the numbers to 0 and scale the others up to make good for it."""

import numpy as np

from nnscratch import kernels
from nnscratch.arrays import array_module
from nnscratch.layers.base import Layer
from nnscratch.shapes import match_axes


def dropout_forward(x, drop=0.5, key=(0,), train=True, channels=False):
    """Set each number to 0 with probability `drop`, and divide the kept ones by 1 - drop (inverted dropout).

    x: (N, ...); with `channels`, x (N, C, ...) loses whole channels. The mask depends on `key` alone: one whole
    number or several, or a Generator, which draws one. When not in training, out is x. Returns out and the cache.
    Raises ValueError for drop outside [0, 1).
    Source: Srivastava et al. 2014, "Dropout", sec. 4 and 10; channels: Tompson et al. 2015, sec. 3.2.

    >>> out, cache = dropout_forward(np.ones(4), drop=0.5, key=(0, 5))
    >>> out, dropout_backward(np.ones(4), cache)
    (array([2., 0., 2., 0.]), array([2., 0., 2., 0.]))
    """
    if not 0 <= drop < 1:
        raise ValueError(f"dropout: drop is {drop}: it is the share that is dropped, at least 0 and below 1")
    if not train or drop == 0:
        return x, None
    match_axes("dropout", x=(x, "N C ..." if channels else "..."))
    key = key if np.iterable(key) else (_seed(key),)
    shape = x.shape[:2] + (1,) * (x.ndim - 2) if channels else x.shape
    mask = kernels.dropout_mask(x, shape, drop, key)
    return x * mask, mask


def dropout_backward(dout, mask):
    """dx = dout * mask: nothing flows back to what was dropped."""
    return dout if mask is None else dout * mask


class Dropout(Layer):
    """Dropout of single numbers or, with `channels`, of whole channels.

    `rng` is the seed of its masks, or a Generator that draws it. `state["draws"]` counts them, so a checkpoint
    resumes with the next mask.

    >>> layer = Dropout(0.5, rng=0)
    >>> out, cache = layer.forward(np.ones((2, 100)), train=True)
    >>> sorted({float(v) for v in out.ravel()}), layer.state["draws"].item()
    ([0.0, 2.0], 1)
    """

    def __init__(self, drop=0.5, channels=False, rng=0):
        super().__init__()
        self.drop, self.channels = drop, channels
        self.state["seed"] = np.array(_seed(rng), np.int64)
        self.state["draws"] = np.array(0, np.int64)

    def forward(self, x, train=False):
        """Return x with a fresh mask in training, x itself in evaluation, and the cache."""
        seed, draws = self.state["seed"], self.state["draws"]
        if array_module(draws) is np:  # what np.random.default_rng takes in a reader's own dropout_forward
            seed, draws = int(seed), int(draws)
        if train:
            self.state["draws"] = self.state["draws"] + array_module(self.state["draws"]).ones_like(
                self.state["draws"]
            )
        return dropout_forward(x, self.drop, (seed, draws), train, self.channels)

    def backward(self, dout, cache):
        """Return dx; there are no parameters."""
        return dropout_backward(dout, cache), {}


def _seed(rng):
    return rng.integers(2**62) if isinstance(rng, np.random.Generator) else rng
