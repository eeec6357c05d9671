"""cs231n.classifiers.softmax: the cross-entropy of a linear classifier, as loops and without."""

import numpy as np

from nnscratch.classic.linear import linear_loss, softmax_naive
from nnscratch.interop.cs231n.dialects import dialect
from nnscratch.layers import softmax_loss

__all__ = ["softmax_loss_naive", "softmax_loss_vectorized"]


def softmax_loss_naive(W, X, y, reg):
    """Return (loss, dW) for W (D, C), X (N, D), y (N,); the penalty is reg * sum(W * W), half of it in 2016.

    >>> round(softmax_loss_naive(np.zeros((3, 2)), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.5)[0], 4)
    0.6931
    """
    return softmax_naive(W, np.zeros(W.shape[1]), X, y, 2 * dialect().penalty * reg)[:2]


def softmax_loss_vectorized(W, X, y, reg):
    """What softmax_loss_naive gives, without loops.

    >>> round(softmax_loss_vectorized(np.zeros((3, 2)), np.ones((4, 3)), np.array([0, 1, 1, 1]), 0.5)[0], 4)
    0.6931
    """
    strength = 2 * dialect().penalty * reg
    return linear_loss(W, np.zeros(W.shape[1], W.dtype), X, y, strength, softmax_loss)[:2]
