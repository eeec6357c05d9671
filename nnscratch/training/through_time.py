"""How far back a recurrent layer learns: the size of the gradient at every earlier step of a sequence."""

from typing import Any

import numpy as np

from nnscratch.arrays import array_module, rng, to_device
from nnscratch.layers.recurrent import state_gradients


def gradient_norms(layer: Any, x: Any, seed: Any = 0) -> np.ndarray:
    """Return how strongly the last output of a recurrent layer feels its state at each step, from the start on.

    x: (N, T, D). The last hidden states get a random dout of length 1; entry t of the norms (T + 1,) belongs to
    the state after t steps, entry 0 to the start, and all are divided by the last one. They vanish or explode
    towards the start: Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", sec. 2.

    >>> from nnscratch.layers import RNN
    >>> layer = RNN(1, 4, rng=0)
    >>> layer.params["wh"] *= 0.5  # an orthogonal matrix, so every step back halves the gradient
    >>> gradient_norms(layer, np.zeros((2, 3, 1), np.float32)).round(3)
    array([0.125, 0.25 , 0.5  , 1.   ])
    """
    out, cache = layer.forward(x)
    N, _, H = out.shape
    last = rng(seed).normal(size=(N, H))
    dout = np.zeros(out.shape, out.dtype.name)
    dout[:, -1] = last / np.linalg.norm(last)
    grads = to_device(state_gradients(array_module(out).asarray(dout), cache), "cpu").astype(np.float64)
    norms = np.sqrt((grads**2).sum(axis=(1, 2)))
    return norms / norms[-1]
